"""A tap on the line: pipecat has no hook for its frames on the wire, so they are read on the way, and passed on as they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from scenarios import URL
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

LARGEST = 1 << 24


class Tap:
    """A relay on the loopback interface.

    Attributes:
        url: where the client shall connect.
        sent: the client's events, in order, audio left out.
        received: the server's events, in order.
        on_event: called after every event.
    """

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self.on_event: Callable[[], None] = lambda: None

    async def relay(self, near: ServerConnection) -> None:
        """Relay one connection, both ways, until either side closes it."""
        request = near.request
        query = request.path.partition("?")[2] if request else ""
        key = request.headers["Authorization"] if request else ""
        there = f"{URL.replace('http', 'ws', 1)}/realtime?{query}"
        async with connect(there, additional_headers={"Authorization": key}, max_size=LARGEST) as far:
            await asyncio.gather(self._pass(near, far, self.sent), self._pass(far, near, self.received))

    async def _pass(
        self, source: ServerConnection | ClientConnection, target: ServerConnection | ClientConnection, seen: list[dict[str, Any]]
    ) -> None:
        try:
            async for text in source:
                event = json.loads(text)
                if event["type"] != "input_audio_buffer.append":
                    seen.append(event)
                    self.on_event()
                await target.send(text)
        except ConnectionClosed:
            pass
        await target.close()


@asynccontextmanager
async def tap() -> AsyncIterator[Tap]:
    """Offer a tapped line to the server."""
    tapped = Tap()
    async with serve(tapped.relay, "127.0.0.1", 0, max_size=LARGEST) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        tapped.url = f"ws://127.0.0.1:{port}/v1/realtime"
        yield tapped

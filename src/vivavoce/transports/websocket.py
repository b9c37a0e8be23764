"""The WebSocket transport: JSON frames both ways, a bounded queue towards the client, backpressure towards everybody.

The client owns the playout clock: what it has heard is estimated from what was sent until it says better.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import structlog
from starlette.websockets import WebSocket

from vivavoce.protocol.client_events import ClientEvent, parse
from vivavoce.sessions.runner import SessionRunner

_log = structlog.get_logger("vivavoce.websocket")

HIGH_WATER_BYTES: Final = 1024 * 1024
"""Queued bytes beyond which engines pause: about sixteen seconds of PCM in base64."""

FLOOD_BYTES: Final = 2 * HIGH_WATER_BYTES
"""Queued bytes beyond which the client is not read from either. Only answers to its own events get there: while an answer that the
engines make is waiting, the client must still be heard, or it could not interrupt."""

STALL_S: Final = 20.0
"""How long a client may leave a frame unread before it is cut off (I10)."""

Parse = Callable[[str | bytes, Callable[[dict[str, Any]], dict[str, Any]] | None], ClientEvent]
"""Makes an event of a frame, and of a decoded frame translated by a dialect before it is looked at."""

_encode: Final = msgspec.json.Encoder().encode


class Dialect(Protocol):
    """How a client spells the events, where it does so differently."""

    def take(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Return a client's frame in today's names.

        Raises:
            ClientFault: it cannot be said in them.
        """
        ...

    def give(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what the client is told instead of a server event: any number of events. The event must not be changed."""
        ...


class WebSocketOutlet:
    """The way to a WebSocket client.

    Args:
        socket: the accepted socket.
        dialect: the client's spelling, if it is not today's.
    """

    def __init__(self, socket: WebSocket, dialect: Dialect | None = None) -> None:
        self.dialect = dialect
        self._socket = socket
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._relief = asyncio.Event()
        self._relief.set()
        self._closing: tuple[int, str] | None = None

    def send(self, event: dict[str, Any]) -> None:
        """Queue an event; once closing has begun it is dropped."""
        if self._closing is not None:
            return
        for told in (event,) if self.dialect is None else self.dialect.give(event):
            frame = _encode(told)
            self._frames.append(frame)
            self._queued += len(frame)
        if self._queued > HIGH_WATER_BYTES:
            self._room.clear()
        if self._queued > FLOOD_BYTES:
            self._relief.clear()
        self._work.set()

    async def room(self) -> None:
        """Wait until no more than `HIGH_WATER_BYTES` are queued."""
        await self._room.wait()

    async def relief(self) -> None:
        """Wait until no more than `FLOOD_BYTES` are queued."""
        await self._relief.wait()

    def close(self, code: int, reason: str) -> None:
        """Close once everything queued has been sent."""
        self._closing = self._closing or (code, reason)
        self._work.set()

    async def run(self) -> None:
        """Send what is queued until the socket is closed or stalls."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                async with asyncio.timeout(STALL_S):
                    await self._socket.send_text(frame.decode())
                self._queued -= len(frame)
                if self._queued <= HIGH_WATER_BYTES // 2:
                    self._room.set()
                if self._queued <= FLOOD_BYTES:
                    self._relief.set()
            if self._closing is not None:
                code, reason = self._closing
                await self._socket.close(code, reason[:120])
                return
            self._work.clear()
            await self._work.wait()


async def serve(
    socket: WebSocket,
    open_session: Callable[[WebSocketOutlet], SessionRunner],
    outlet: WebSocketOutlet,
    parse: Parse = parse,
) -> None:
    """Serve one session on an accepted socket until either side closes it.

    Args:
        socket: the accepted socket.
        open_session: makes the session's runner.
        outlet: the socket's outlet.
        parse: makes events of the client's frames; it depends on the kind of session.
    """
    runner = open_session(outlet)
    session = asyncio.create_task(runner.run())
    sending = asyncio.create_task(outlet.run())
    reading = asyncio.create_task(_read(socket, runner, outlet, parse))
    try:
        done, _ = await asyncio.wait((reading, sending), return_when=asyncio.FIRST_COMPLETED)
        if sending in done and sending.exception() is None:
            # We closed: give the client a moment to answer the close.
            await asyncio.wait((reading,), timeout=5.0)
        elif sending in done:
            _log.info("client gone or stalled", cause=repr(sending.exception()))
    finally:
        for task in (reading, session, sending):
            task.cancel()
        await asyncio.gather(reading, session, sending, return_exceptions=True)


async def _read(socket: WebSocket, runner: SessionRunner, outlet: WebSocketOutlet, parse: Parse) -> None:
    translate = None if outlet.dialect is None else outlet.dialect.take
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        frame = message.get("text")
        event = parse(message["bytes"] if frame is None else frame, translate)
        del message, frame  # up to 16 MiB, which nobody needs while the next one is waited for
        await runner.receive(event)
        del event
        await outlet.relief()

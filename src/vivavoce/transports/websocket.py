"""The WebSocket transport: JSON frames both ways, a bounded queue towards the client, backpressure towards everybody.

The client owns the playout clock: what it has heard is estimated from what was sent until it says better. An observer of somebody else's
call (`observe`) is held up by nothing and holds nobody up: what it does not read in time costs it its connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog
from starlette.websockets import WebSocket

from vivavoce.core.front import OWNER
from vivavoce.protocol.client_events import Parse, parse
from vivavoce.sessions.runner import SessionRunner
from vivavoce.transports.dialect import Dialect

_log = structlog.get_logger("vivavoce.websocket")

HIGH_WATER_BYTES: Final = 1024 * 1024
"""Queued bytes beyond which engines pause: about sixteen seconds of PCM in base64."""

FLOOD_BYTES: Final = 2 * HIGH_WATER_BYTES
"""Queued bytes beyond which the client is not read from either. Only answers to its own events get there: while an answer that the
engines make is waiting, the client must still be heard, or it could not interrupt."""

STALL_S: Final = 20.0
"""How long a client may leave a frame unread before it is cut off (I10)."""

OBSERVER_BYTES: Final = 4 * HIGH_WATER_BYTES
"""Queued bytes beyond which an observer gets nothing more: minutes of events, or the audio of an item that somebody asked for."""

_encode: Final = msgspec.json.Encoder().encode


class WebSocketOutlet:
    """The way to a WebSocket client.

    Args:
        socket: the accepted socket.
        dialect: the client's spelling, if it is not today's.
        most_bytes: where nobody waits for the client: how much may be queued before another event is one too many.

    Attributes:
        overrun: that event has come, and the client has lost it.
    """

    def __init__(self, socket: WebSocket, dialect: Dialect | None = None, *, most_bytes: int | None = None) -> None:
        self.dialect = dialect
        self.overrun = asyncio.Event()
        self._most_bytes = most_bytes
        self._socket = socket
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._relief = asyncio.Event()
        self._relief.set()
        self._closing: tuple[int, str] | None = None

    def send(self, event: dict[str, Any], to: int | None = None) -> None:
        """Queue an event; once closing has begun it is dropped. There is one client here, whoever it is `to`."""
        if self._closing is not None or self.overrun.is_set():
            return
        if self._most_bytes is not None and self._queued > self._most_bytes:
            self._frames.clear()
            self.overrun.set()
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
    try:
        await _talk(socket, runner, outlet, parse, OWNER)
    finally:
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)


async def observe(socket: WebSocket, runner: SessionRunner, number: int, outlet: WebSocketOutlet, parse: Parse) -> None:
    """Serve an observer of a running session on an accepted socket until it leaves, is closed, or does not read what it is told.

    Args:
        socket: the accepted socket.
        runner: runs the session.
        number: the observer's, under which its events are answered.
        outlet: the socket's outlet, with a bound.
        parse: makes events of its frames, by the session's kind.
    """
    await _talk(socket, runner, outlet, parse, number)


async def _talk(socket: WebSocket, runner: SessionRunner, outlet: WebSocketOutlet, parse: Parse, number: int) -> None:
    """Read and send until either side closes."""
    sending = asyncio.create_task(outlet.run())
    reading = asyncio.create_task(_read(socket, runner, outlet, parse, number))
    overrun = asyncio.create_task(outlet.overrun.wait())
    try:
        done, _ = await asyncio.wait((reading, sending, overrun), return_when=asyncio.FIRST_COMPLETED)
        if overrun in done:
            _log.info("observer cut off: it does not read what it is told", observer=number)
        elif sending in done and sending.exception() is None:
            # We closed: give the client a moment to answer the close.
            await asyncio.wait((reading,), timeout=5.0)
        elif sending in done:
            _log.info("client gone or stalled", cause=repr(sending.exception()))
    finally:
        for task in (reading, sending, overrun):
            task.cancel()
        await asyncio.gather(reading, sending, overrun, return_exceptions=True)


async def _read(socket: WebSocket, runner: SessionRunner, outlet: WebSocketOutlet, parse: Parse, number: int) -> None:
    translate = None if outlet.dialect is None else outlet.dialect.take
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        frame = message.get("text")
        event = parse(message["bytes"] if frame is None else frame, translate)
        del message, frame  # up to 16 MiB, which nobody needs while the next one is waited for
        await runner.receive(event, number)
        del event
        await outlet.relief()

"""Answers that go out while they are made, and clients that hang up before they are: whatever works for them is stopped.

Source: the WHATWG HTML standard, section 9.2 "Server-sent events", of which the API uses `data` and `event`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from typing import Any, Final

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vivavoce.protocol.errors import ClientFault
from vivavoce.sessions.closing import closing

_log = structlog.get_logger("vivavoce.streaming")

EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
"""The content type of server-sent events."""

DONE: Final = b"data: [DONE]\n\n"
"""The end of a stream of chat completions."""

PIECE_BYTES: Final = 32 * 1024
"""Most that is sent at once: progress shows piece by piece, and a slow reader is paused for before much has piled up."""

STALLED_S: Final = 60.0
"""How long a client may take for one piece before it counts as gone: a second's worth of audio, at most, for one that plays in real time."""

GONE: Final = 499
"""The status of an answer nobody waits for any more; it is seen in nobody's log but a proxy's."""


def sse(data: Mapping[str, Any], event: str | None = None) -> bytes:
    """Return one server-sent event, its data in one line of JSON."""
    name = f"event: {event}\n".encode() if event is not None else b""
    return name + b"data: " + msgspec.json.encode(data) + b"\n\n"


async def attended(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Return the response that a piece of work makes; should the client hang up before, the work is cancelled.

    The body of the request must have been read.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_hang_up(request.receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else Response(status_code=GONE)
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


class Stream(Response):
    """A response that goes out piece by piece as it is made.

    A client that hangs up, or takes nothing for `STALLED_S`, closes `pieces`, and with it whatever makes them. A `ClientFault` in the
    middle breaks the connection off: nothing may look complete that is not. Makers of events tell of their faults in an event.

    Args:
        pieces: the body.
        media_type: its content type.
        first: what was made of the body already.
    """

    def __init__(self, pieces: AsyncIterator[bytes], media_type: str, first: bytes = b"") -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self._pieces = pieces
        self._first = first
        # Proxies that gather what they pass on would turn a stream into a lump.
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no"})

    @classmethod
    async def started(cls, pieces: AsyncGenerator[bytes], media_type: str) -> Stream:
        """Return the response once there is something to send: what fails before has an error and a status of its own."""
        return cls(pieces, media_type, await anext(pieces, b""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it, as far as the client stays."""
        async with closing(self._pieces):
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_hang_up(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
            finally:
                leaving.cancel()
                sending.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            await _send_piece(send, self._first)
            async for piece in self._pieces:
                await _send_piece(send, piece)
        except ClientFault as fault:
            _log.warning("an answer broke off", cause=fault.message, code=fault.code)
            return
        except TimeoutError:
            _log.warning("a client stopped reading", seconds=STALLED_S)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_piece(send: Send, piece: bytes) -> None:
    for start in range(0, len(piece), PIECE_BYTES):
        async with asyncio.timeout(STALLED_S):
            await send({"type": "http.response.body", "body": piece[start : start + PIECE_BYTES], "more_body": True})


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

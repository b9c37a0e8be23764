"""A request's body as it arrives: counted, in time, and refused before it has all come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from vivavoce.protocol import errors

STALL_S: Final = 30.0
"""How long an upload may stand still."""

UPLOAD_S: Final = 600.0
"""How long an upload may take: what the official client waits for an answer by default."""

LINGER_BYTES: Final = 64 * 1024 * 1024
LINGER_S: Final = 30.0
LINGER_STALL_S: Final = 2.0
"""How much, and how long, is still read after a refusal, for nothing. Closing at once would reset the connection, and clients that read
no answer before they have sent everything, the official one among them, would never learn why (RFC 9112 section 9.6).
Source: nginx, `lingering_time`."""


class Body:
    """The body of one request.

    Args:
        receive: the connection.
        scope: the request, for its headers.

    Attributes:
        taken: bytes received so far.
        ended: whether all of it has been received.
    """

    def __init__(self, receive: Receive, scope: Scope) -> None:
        self._receive = receive
        self._announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        self.taken = 0
        self.ended = False

    @property
    def announced(self) -> int:
        """How long it is said to be; 0 where it is not said."""
        return int(self._announced) if self._announced.isdigit() else 0

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield it piece by piece.

        Raises:
            ClientDisconnect: the client went away.
            ClientFault: it stands still, or takes too long.
        """
        loop = asyncio.get_running_loop()
        last_s = loop.time() + UPLOAD_S
        while not self.ended:
            patience_s = min(STALL_S, last_s - loop.time())
            try:
                async with asyncio.timeout(patience_s):
                    chunk = await self._next()
            except TimeoutError as error:
                raise errors.upload_too_slow(STALL_S if patience_s == STALL_S else UPLOAD_S) from error
            if chunk:
                yield chunk

    async def linger(self) -> None:
        """Read on for a while, for nothing."""
        loop = asyncio.get_running_loop()
        last_s, most_bytes = loop.time() + LINGER_S, self.taken + LINGER_BYTES
        try:
            while not self.ended and self.taken < most_bytes and loop.time() < last_s:
                async with asyncio.timeout(LINGER_STALL_S):
                    await self._next()
        except (TimeoutError, ClientDisconnect):
            return

    async def _next(self) -> bytes:
        message: Message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.ended = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        self.taken += len(chunk)
        return chunk


async def refuse(refusal: Response, body: Body, send: Send) -> None:
    """Send a refusal. If the body has not all been read, the connection ends with it: the rest would only be thrown away."""
    if not body.ended:
        refusal.headers["Connection"] = "close"
    await send({"type": "http.response.start", "status": refusal.status_code, "headers": refusal.raw_headers})
    await send({"type": "http.response.body", "body": refusal.body, "more_body": True})
    await body.linger()
    await send({"type": "http.response.body", "body": b"", "more_body": False})

"""One end of the socket between the server and a media process, on either event loop: messages out, messages in, never unbounded."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from vivavoce.transports.webrtc.messages import LENGTH, GarbledStream, Message, encode, length_of

M = TypeVar("M", bound=Message)

HIGH_WATER_BYTES = 64 * 1024 * 1024
"""So much may wait for the other side to read. It reads all the time, so more means that it hangs."""


class Link(asyncio.Protocol, Generic[M]):
    """Sends and takes messages; create it with `connect`.

    Args:
        decode: makes a message of its body.
        take: called with each message, in order.
        lost: called once, with the reason, when the other side has gone, hangs or talks nonsense.
    """

    def __init__(self, decode: Callable[[bytes | memoryview], M], take: Callable[[M], None], lost: Callable[[str], None]) -> None:
        self._decode = decode
        self._take = take
        self._lost = lost
        self._received = bytearray()
        self._unsent: list[bytes] = []
        """Messages of this turn of the loop: they go out together, since a write costs more than everything else about a message."""
        self._transport: asyncio.Transport | None = None
        self._reason = "the other side has hung up"

    async def connect(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        connection.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=connection)

    def send(self, message: Message) -> None:
        """Send a message; after the loss of the link it goes nowhere."""
        if self._transport is None or self._transport.is_closing():
            return
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(encode(message))

    def close(self) -> None:
        """Hang up; `lost` is still called. Idempotent."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the way out."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        """Take what messages are complete."""
        self._received += data
        start, end = 0, len(self._received)
        try:
            while end - start >= LENGTH.size:
                body = start + LENGTH.size
                after = body + length_of(self._received[start:body])
                if after > end:
                    break
                message = self._decode(bytes(self._received[body:after]))
                start = after
                self._take(message)
        except GarbledStream as error:
            self._break(f"the other side talks nonsense: {error}")
        if start:
            del self._received[:start]

    def connection_lost(self, error: Exception | None) -> None:
        """Say so, once."""
        self._transport = None
        self._lost(self._reason)

    def _flush(self) -> None:
        unsent, self._unsent = b"".join(self._unsent), []
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(unsent)
        if transport.get_write_buffer_size() > HIGH_WATER_BYTES:
            self._break("the other side hangs")

    def _break(self, reason: str) -> None:
        self._reason = reason
        self.close()

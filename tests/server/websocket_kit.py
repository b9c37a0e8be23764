"""A WebSocket client that is no client: it sends the bytes it is told to, and writes down what comes back.

There is nothing that echoes here. What stands for an echo is the `error` event by which the server answers an event of an unknown type,
with the id that the event brought.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from kit import MODEL, PATIENCE_S, Serving

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1, RSV2, RSV3 = 4, 2, 1

DEFLATE = "permessage-deflate"

MIB = 1 << 20
LIMIT = 16 * MIB
PROTOCOL_ERROR, INVALID_DATA, TOO_BIG = 1002, 1007, 1009


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Return a frame, right or wrong."""
    return header(opcode, len(payload), fin=fin, rsv=rsv, masked=masked) + (mask(payload) if masked else payload)


def header(opcode: int, length: int, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Return the beginning of a frame, masking key included."""
    first, bit = fin << 7 | rsv << 4 | opcode, masked << 7
    if length < 126:
        head = struct.pack("!BB", first, bit | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, length)
    else:
        head = struct.pack("!BBQ", first, bit | 127, length)
    return head + KEY if masked else head


KEY = b"\x37\xfa\x21\x3d"


def mask(payload: bytes) -> bytes:
    """Mask a payload from its beginning."""
    key = int.from_bytes((KEY * (len(payload) // 4 + 1))[: len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")


def event(name: str = "e", size: int = 0) -> bytes:
    """Return an event that is answered with an error under this id, padded to a size in bytes."""
    bare = json.dumps({"type": "x", "event_id": name, "pad": ""}, ensure_ascii=False).encode()
    return bare if size <= len(bare) else bare[:-2] + b"x" * (size - len(bare)) + b'"}'


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def fragments(payload: bytes, sizes: Sequence[int], opcode: int = TEXT, rsv: int = 0) -> list[bytes]:
    """Return a message in fragments of these sizes; what is left comes in the last one."""
    places = [0]
    for size in sizes:
        places.append(min(len(payload), places[-1] + size))
    places.append(len(payload))
    pieces = [payload[start:end] for start, end in pairwise(places)]
    last = len(pieces) - 1
    return [
        frame(CONT if place else opcode, piece, fin=place == last, rsv=0 if place else rsv) for place, piece in enumerate(pieces)
    ]


def chopped(data: bytes, size: int = 1) -> list[bytes]:
    """Cut bytes into writes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


class Deflater:
    """Compresses messages as permessage-deflate does."""

    def __init__(self, bits: int = 15, *, takeover: bool = True) -> None:
        self._bits = bits
        self._takeover = takeover
        self._zip = zlib.compressobj(wbits=-bits)

    def message(self, payload: bytes) -> bytes:
        if not self._takeover:
            self._zip = zlib.compressobj(wbits=-self._bits)
        return (self._zip.compress(payload) + self._zip.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")

    def frame(self, payload: bytes, opcode: int = TEXT) -> bytes:
        return frame(opcode, self.message(payload), rsv=RSV1)


@dataclass
class Outcome:
    """What came back: `echoes` and `pongs` in order, the server's close code (None: the TCP connection was cut without one)."""

    echoes: list[str | None] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    code: int | None = None
    reason: str = ""
    masked: bool = False
    extensions: str = ""


class Raw:
    """A TCP connection that has become a WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, extensions: str) -> None:
        self.reader = reader
        self.writer = writer
        self.outcome = Outcome(extensions=extensions)
        self._inflate = zlib.decompressobj(wbits=-15)

    @classmethod
    async def open(cls, server: Serving, extensions: str = "") -> Raw:
        """Shake hands."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        lines = [
            f"GET /v1/realtime?model={MODEL} HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []),
        ]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert head[0].startswith("HTTP/1.1 101"), head
        agreed = [line.partition(":")[2].strip() for line in head if line.lower().startswith("sec-websocket-extensions:")]
        return cls(reader, writer, ", ".join(agreed))

    async def send(self, *writes: bytes, pause: bool = False) -> None:
        """Write, each write on its own; with `pause` the server gets to see each before the next."""
        with suppress(ConnectionError):
            for data in writes:
                self.writer.write(data)
                if pause:
                    await self.writer.drain()
                    await asyncio.sleep(0)
            await self.writer.drain()

    async def read(self) -> int | None:
        """Read one frame into the outcome and return its opcode; None where the connection ends."""
        try:
            first, second = await self.reader.readexactly(2)
            length = second & 127
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            payload = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self.outcome.masked |= bool(second & 128)
        if first & 0x40:
            payload = self._inflate.decompress(payload + b"\x00\x00\xff\xff")
        self._note(first & 15, payload)
        return first & 15

    def _note(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            told = json.loads(payload)
            if told["type"] == "error":
                self.outcome.echoes.append(told["error"]["event_id"])
                self.outcome.order.append("echo")
        elif opcode == PONG:
            self.outcome.pongs.append(payload)
            self.outcome.order.append("pong")
        elif opcode == CLOSE:
            self.outcome.code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.outcome.reason = payload[2:].decode()

    async def until(self, *, echoes: int = 0, pongs: int = 0) -> Outcome:
        """Read until so much has come, or the connection ends."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.outcome.echoes) < echoes or len(self.outcome.pongs) < pongs:
                if await self.read() is None:
                    break
        return self.outcome

    async def end(self) -> Outcome:
        """Read to the end of the connection."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.read() is not None:
                pass
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()
        return self.outcome


async def outcome(server: Serving, *writes: bytes, extensions: str = "", pause: bool = False, bye: bool = True) -> Outcome:
    """Open a session, write, close with 1000, and return what came back."""
    raw = await Raw.open(server, extensions)
    await raw.send(*writes, *([close(1000)] if bye else []), pause=pause)
    return await raw.end()

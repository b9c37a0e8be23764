"""A line to the server that can be cut, as networks cut lines: with no goodbye."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from scenarios import URL


class Line:
    """A relay on the loopback interface between the client and the suite's server."""

    def __init__(self) -> None:
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Cut every connection there is; new ones go through."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection, both ways."""
        there = urlsplit(URL)
        far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._relay(reader, far_writer), self._relay(far_reader, writer))

    async def _relay(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                target.write(data)
                await target.drain()
        target.close()


@asynccontextmanager
async def cuttable() -> AsyncIterator[Line]:
    """Offer a line to the server at `url`."""
    line = Line()
    listener = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    there = urlsplit(URL)
    port = listener.sockets[0].getsockname()[1]
    line.url = urlunsplit((there.scheme, f"127.0.0.1:{port}", there.path, "", ""))
    try:
        yield line
    finally:
        listener.close()
        line.cut()

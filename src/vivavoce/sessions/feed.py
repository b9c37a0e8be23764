"""The audio of one recognition, on its way to a recognizer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable


class Feed:
    """16 kHz s16le chunks, written by the session, read once as an async iterator.

    Args:
        position: the first 16 kHz sample of the epoch it wants.
    """

    def __init__(self, position: int = 0) -> None:
        self.position = position
        """The next sample it wants."""
        self.written = 0
        """Samples written."""
        self.unread = 0
        """Samples written that have not been read yet."""
        self.on_read: Callable[[], None] | None = None
        """Called after each read."""
        self.ended = asyncio.Event()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    def write(self, pcm: bytes) -> None:
        """Add samples."""
        if pcm and not self.ended.is_set():
            self.position += len(pcm) // 2
            self.written += len(pcm) // 2
            self.unread += len(pcm) // 2
            self._chunks.put_nowait(pcm)

    def end(self) -> None:
        """Say that nothing more comes."""
        if not self.ended.is_set():
            self.ended.set()
            self._chunks.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            self.unread -= len(chunk) // 2
            if self.on_read is not None:
                self.on_read()
            yield chunk

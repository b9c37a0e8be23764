"""Reads a segment's audio into the window while the recognizer is at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

from vivavoce.engines.asr.agreement.window import Window


class Intake:
    """An asynchronous context: audio is read from entering to leaving, and its source is closed then.

    Args:
        audio: 16 kHz s16le chunks of any length.
        window: where they go.
        most_ms: no more is read while the window holds so much: whoever sends faster than is heard has to wait.
    """

    def __init__(self, audio: AsyncIterator[bytes], window: Window, most_ms: int) -> None:
        self._audio = audio
        self._window = window
        self._most_ms = most_ms
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()
        """Set when all audio is in the window, or its source has failed."""

    async def __aenter__(self) -> Intake:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        close = getattr(self._audio, "aclose", None)
        if close is not None:
            await close()

    async def until(self, end_ms: int) -> None:
        """Wait until the window reaches `end_ms` or the audio has ended.

        Raises:
            Exception: whatever the source raised.
        """
        while self._window.end_ms < end_ms and not self.ended.is_set():
            self._news.clear()
            await self._news.wait()
        if self.ended.is_set() and self._reading is not None:
            await self._reading

    def made_room(self) -> None:
        """Tell that the window has been cut."""
        self._room.set()

    async def _read(self) -> None:
        try:
            async for pcm in self._audio:
                self._window.append(pcm)
                self._news.set()
                while self._window.length_ms >= self._most_ms:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self.ended.set()
            self._news.set()

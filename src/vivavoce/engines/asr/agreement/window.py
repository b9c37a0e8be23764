"""The audio that is still being decoded: it grows at its end, and is cut off at its beginning where the speaker pauses."""

from __future__ import annotations

from typing import Final

import numpy as np

from vivavoce.engines.ports import SPEECH_RATE_HZ

BYTES_PER_MS: Final = SPEECH_RATE_HZ // 1000 * 2
_FRAME_MS: Final = 20
_PAUSE_FRAMES: Final = 8
"""A cut is made in the middle of the quietest 160 ms: longer than the closure of a plosive (50 to 100 ms), shorter than a pause."""


class Window:
    """Audio of one segment from `start_ms` on, 16 kHz s16le mono. Positions are ms from the start of the segment."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._cut_bytes = 0

    @property
    def start_ms(self) -> int:
        """Where the window begins."""
        return self._cut_bytes // BYTES_PER_MS

    @property
    def end_ms(self) -> int:
        """Where what has been received ends."""
        return (self._cut_bytes + len(self._pcm)) // BYTES_PER_MS

    @property
    def length_ms(self) -> int:
        """How much audio it holds."""
        return self.end_ms - self.start_ms

    def append(self, pcm: bytes) -> None:
        """Add audio; a sample may be split between two calls."""
        self._pcm += pcm

    def until(self, end_ms: int) -> bytes:
        """Return the window's audio up to a position, whole samples."""
        size = end_ms * BYTES_PER_MS - self._cut_bytes
        if end_ms >= self.end_ms:
            size = len(self._pcm) // 2 * 2
        return bytes(memoryview(self._pcm)[:size])

    def cut(self, at_ms: int) -> None:
        """Drop everything before a position."""
        size = at_ms * BYTES_PER_MS - self._cut_bytes
        del self._pcm[:size]
        self._cut_bytes += size

    def quietest_ms(self, from_ms: int, to_ms: int) -> int:
        """Return the middle of the quietest 160 ms between two positions, the latest among equals."""
        low = from_ms * BYTES_PER_MS - self._cut_bytes
        high = to_ms * BYTES_PER_MS - self._cut_bytes
        samples = np.frombuffer(bytes(memoryview(self._pcm)[low:high]), dtype="<i2").astype(np.float64)
        size = SPEECH_RATE_HZ // 1000 * _FRAME_MS
        frames = samples[: len(samples) // size * size].reshape(-1, size)
        if len(frames) < _PAUSE_FRAMES:
            return (from_ms + to_ms) // 2
        power = np.convolve(np.square(frames).mean(axis=1), np.ones(_PAUSE_FRAMES), "valid")
        latest = len(power) - 1 - int(np.argmin(power[::-1]))
        return from_ms + (latest + _PAUSE_FRAMES // 2) * _FRAME_MS

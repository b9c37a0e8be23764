"""The input audio buffer: bytes of the wire's format, addressed by the session's clock."""

from __future__ import annotations

from collections import deque
from typing import Final

from vivavoce.protocol.formats import PCM, TICKS_PER_MS, AudioFormat

LIMIT_S: Final = 600
"""The longest uncommitted audio: ten minutes."""


class InputBuffer:
    """Audio that is in no item yet. Every position is in ticks since the session's start and never goes back."""

    def __init__(self) -> None:
        self.format: AudioFormat = PCM
        self.end = 0
        """Ticks of audio written since the session's start."""
        self._start = 0
        self._chunks: deque[bytes] = deque()

    @property
    def start(self) -> int:
        """Return the position of the oldest sample still here."""
        return self._start

    @property
    def ticks(self) -> int:
        """Return how much audio is here."""
        return self.end - self._start

    def fits(self, audio: bytes) -> bool:
        """Tell whether this audio may be appended without exceeding the limit."""
        return self.ticks + self.format.ticks(len(audio)) <= LIMIT_S * 1000 * TICKS_PER_MS

    def append(self, audio: bytes) -> None:
        """Write audio (whole samples) at the end."""
        if audio:
            self._chunks.append(audio)
            self.end += self.format.ticks(len(audio))

    def append_anyway(self, audio: bytes) -> None:
        """Write audio at the end; what exceeds the limit then is forgotten, the oldest first."""
        self.append(audio)
        self.drop_before(self.end - LIMIT_S * 1000 * TICKS_PER_MS)

    def pass_over(self, ticks: int) -> None:
        """Let the clock go on over audio that somebody else keeps; there must be none here."""
        self.end += ticks
        self._start = self.end

    def take(self, start: int, end: int) -> bytes:
        """Remove everything before `end` and return what lay from `start` on."""
        self._split(start)
        return self._split(end)

    def drop_before(self, position: int) -> None:
        """Forget what lies before a position, by whole chunks: cheap enough to call on every append."""
        while self._chunks:
            first = self.format.ticks(len(self._chunks[0]))
            if self._start + first > position:
                return
            self._chunks.popleft()
            self._start += first

    def clear(self) -> None:
        """Forget everything; positions go on."""
        self._chunks.clear()
        self._start = self.end

    def _split(self, position: int) -> bytes:
        """Remove and return what lies before a position."""
        position = min(max(position, self._start), self.end)
        taken = []
        while self._chunks and self._start < position:
            chunk = self._chunks.popleft()
            ticks = self.format.ticks(len(chunk))
            if self._start + ticks > position:
                samples = (position - self._start) // self.format.ticks_per_sample
                head = samples * self.format.width
                self._chunks.appendleft(chunk[head:])
                chunk, ticks = chunk[:head], samples * self.format.ticks_per_sample
                taken.append(chunk)
                self._start += ticks
                break
            taken.append(chunk)
            self._start += ticks
        return b"".join(taken)

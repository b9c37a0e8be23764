"""Audio in frames of 200 ms, the grid of translation sessions, on the way in and on the way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

FRAME_MS: Final = 200
"""Source: the official description of the append event: translation consumes 200 ms frames."""

BYTES_PER_MS: Final = 48
"""PCM16 mono at 24 kHz."""

FRAME_BYTES: Final = FRAME_MS * BYTES_PER_MS


class Intake:
    """Audio that was appended, given out frame by frame: however it comes, the engines get the same."""

    def __init__(self) -> None:
        self.appended = 0
        """Bytes appended since the session began."""
        self._chunks: deque[bytes] = deque()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Return how many bytes wait."""
        return self._waiting

    def append(self, audio: bytes) -> None:
        """Add audio."""
        if audio:
            self._chunks.append(audio)
            self._waiting += len(audio)
            self.appended += len(audio)

    def take(self) -> bytes | None:
        """Return the next whole frame, None while there is less."""
        return self._take(FRAME_BYTES) if self._waiting >= FRAME_BYTES else None

    def rest(self) -> bytes:
        """Return what is left, less than a frame."""
        return self._take(min(self._waiting, FRAME_BYTES))

    def clear(self) -> None:
        """Forget what waits."""
        self._chunks.clear()
        self._waiting = 0

    def _take(self, size: int) -> bytes:
        taken = []
        self._waiting -= size
        while size:
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                self._chunks.appendleft(chunk[size:])
                chunk = chunk[:size]
            taken.append(chunk)
            size -= len(chunk)
        return b"".join(taken)


def grid(ms: float) -> int:
    """Return a position on the grid: the start of the frame it lies in."""
    return int(ms) // FRAME_MS * FRAME_MS


class Timeline:
    """Where output lies on the session's model time. The voice goes on where it left off, or at the present if it was silent since."""

    def __init__(self) -> None:
        self._end = 0
        """Bytes, as if everything had been said since the session began."""

    def present(self, input_ms: float) -> None:
        """Note how much input has been heard: nothing new can be said before that."""
        frames = -(-input_ms // FRAME_MS)
        self._end = max(self._end, int(frames) * FRAME_BYTES)

    @property
    def elapsed_ms(self) -> int:
        """Return the frame in which the next output begins."""
        return grid(self._end / BYTES_PER_MS)

    def cut(self, audio: bytes) -> Iterator[tuple[bytes, int]]:
        """Yield speech in pieces of a frame at most, each with the frame in which it begins."""
        for start in range(0, len(audio), FRAME_BYTES):
            piece = audio[start : start + FRAME_BYTES]
            yield piece, self.elapsed_ms
            self._end += len(piece)

    def ahead_ms(self, input_ms: float) -> float:
        """Return how long something said now would have to wait for what is already there, with so much input heard."""
        return max(0.0, self._end / BYTES_PER_MS - input_ms)

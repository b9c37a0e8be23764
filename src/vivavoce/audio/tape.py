"""A tape of recent samples, addressed by position since the start, cut off at the back as it is used up."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_WIDTH: Final = 2


class Tape:
    """Int16 samples, kept as s16le bytes: what leaves it mostly goes to other processes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.start = 0
        """Position of the oldest sample still here."""

    @property
    def end(self) -> int:
        """Return the samples written since the start."""
        return self.start + len(self._bytes) // _WIDTH

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples."""
        self._bytes += samples.astype("<i2", copy=False).tobytes()

    def read(self, start: int, end: int) -> bytes:
        """Return the samples in [start, end) that are still, or already, here, as s16le bytes."""
        first, last = max(start - self.start, 0), max(end - self.start, 0)
        return bytes(self._bytes[first * _WIDTH : last * _WIDTH])

    def drop_before(self, position: int) -> None:
        """Forget what lies before a position."""
        gone = min(max(position - self.start, 0), len(self._bytes) // _WIDTH)
        del self._bytes[: gone * _WIDTH]
        self.start += gone

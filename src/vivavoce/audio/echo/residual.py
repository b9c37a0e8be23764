"""How much echo there may be in what is left, by band: never less than what has been seen.

Three things bound it. While the path is unknown, the loudest that was played within the longest delay, times the most that can come
back of it: what the microphone heard at all while something was played. Once there is a filter, its own uncertainty. And what
the filter was seen to leave of the echo it expected, learned over time: a person who talks over it makes it larger, but
for moments only, while loudspeakers that distort, rooms that change and clocks that drift do so for good.

Source: residual echo by the filter's uncertainty, Enzner and Vary 2006; by its leakage, Valin, "On adjusting the learning rate in
frequency domain echo cancellation with double-talk", IEEE Trans. ASLP 15(3), 2007.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vivavoce.audio.echo.spectra import Floats

_LOUDEST: Final = 1.0
"""The most that can come back: as much as was played."""

_MARGIN: Final = 4.0
"""What the bound from observation is multiplied with: the two averages it is the ratio of are a delay apart."""

_INCOHERENT: Final = 0.01
"""What of the bound remains where what was heard has nothing in common with what was played: it was noise."""

_SECOND: Final = 0.02
"""Weight of a block in averages over a second."""

_OBSERVED_BLOCKS: Final = 40
"""Blocks in which something was played, before the bound counts: the longest delay has passed, and 300 ms of echo with it."""

_PLAYED: Final = 1e-4
"""Mean power below which an average of what was played says nothing."""

_LOOSENING: Final = 1.005
"""Per block: a room may become louder."""

_REVERBERATION: Final = 0.65
"""What is left of an echo's power 20 ms later, at worst: a reverberation time of 0.64 s."""

_AUDIBLE: Final = 1e-6
"""Power of an expected echo from which on it is compared with what is left of it."""

_UP_DB: Final = 1.0
_UP_TALKED_DB: Final = 0.1
_DOWN_DB: Final = 0.5
"""How far the estimate of what is left moves per block: up faster, since an echo that is let through is answered, but not while somebody
talks. It comes to rest where it is exceeded by a third of the blocks."""

_LEFT_DB: Final = (-40.0, 6.0)
_LEFT_MARGIN_DB: Final = 3.0
_UNLEARNED_DB: Final = -6.0


class Residual:
    """Bounds the echo in what is left. All powers are means by band [bands].

    Args:
        bands: how many bands there are.
    """

    def __init__(self, bands: int) -> None:
        self._near = np.zeros(bands, np.float32)
        self._far = np.zeros(bands, np.float32)
        self._blocks = 0
        self._back = np.full(bands, _LOUDEST, np.float32)
        self._expected = np.zeros(bands, np.float32)
        self._left_db = np.zeros(bands, np.float32)

    @property
    def left(self) -> Floats:
        """Return the echo left, relative to the echo expected."""
        return np.asarray(10 ** (np.minimum(self._left_db, 0) / 10), dtype=np.float32)

    def observe(self, near: Floats, far: Floats, *, played: bool) -> None:
        """Take a block's near and far powers, and whether anything was played in it."""
        self._blocks += played
        self._near += np.float32(_SECOND) * (near - self._near)
        self._far += np.float32(_SECOND) * (far - self._far)
        if self._blocks > _OBSERVED_BLOCKS and self._far.mean() > _PLAYED:
            seen = np.maximum(_MARGIN * self._near / np.maximum(self._far, np.float32(1e-7)), np.float32(1e-7))
            self._back = np.minimum(np.minimum(self._back * np.float32(_LOOSENING), seen), np.float32(_LOUDEST))

    def unlearned(self) -> None:
        """Note that the filter has begun anew."""
        self._left_db = np.maximum(self._left_db, np.float32(_UNLEARNED_DB))

    def unknown(self, far: Floats, *, barren: bool = False) -> Floats:
        """Return the bound where there is no filter.

        Args:
            far: [blocks, bands] all that may still come back.
            barren: whether an echo was looked for, and there is none.
        """
        share = np.float32(_INCOHERENT if barren else 1)
        return np.asarray(share * self._back * far.max(axis=0), dtype=np.float32)

    def known(self, rest: Floats, expected: Floats, uncertain: Floats, far: Floats, *, talked: bool) -> Floats:
        """Return the bound where there is a filter.

        Args:
            rest: what is left beyond the expected echo.
            expected: the expected echo.
            uncertain: the echo that the filter may be wrong by.
            far: [blocks, bands] all that may still come back.
            talked: whether somebody was talking in the block before.
        """
        self._expected = expected = np.maximum(expected, np.float32(_REVERBERATION) * self._expected)
        ratio_db = 10 * np.log10(np.maximum(rest, 1e-9) / np.maximum(expected, 1e-9))
        moves = np.where(ratio_db < self._left_db, -_DOWN_DB, _UP_TALKED_DB if talked else _UP_DB)
        moved = self._left_db + np.where(expected > _AUDIBLE, moves, 0)
        self._left_db = np.clip(moved, *_LEFT_DB).astype(np.float32)
        leaked = expected * 10 ** ((self._left_db + np.float32(_LEFT_MARGIN_DB)) / 10)
        return np.asarray(np.minimum(np.maximum(uncertain, leaked), 2 * self.unknown(far)), dtype=np.float32)

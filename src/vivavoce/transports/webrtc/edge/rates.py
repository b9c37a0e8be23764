"""Streaming change of the sample rate between codecs and the house's 24 kHz: exact counts, about a millisecond of delay.

Ready-made resamplers delay 20 to 75 ms at these rates, which every turn would pay.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_SPAN: Final = 40
"""Taps per phase when interpolating, times the factor when decimating: 0.4 to 2.5 ms of delay, 60 dB of stop band."""
_KAISER: Final = 6.0
_PASS: Final = 0.92
"""Cut-off, as a share of half the lower rate."""


class Rate:
    """Change the rate of one stream by `up`/`down`, one of which is 1.

    Args:
        up: output samples for each input sample.
        down: input samples for each output sample.
    """

    def __init__(self, up: int, down: int) -> None:
        taps = _SPAN * max(up, down)
        time = np.arange(taps) - (taps - 1) / 2
        cutoff = _PASS / 2 / max(up, down)
        kernel = 2 * cutoff * np.sinc(2 * cutoff * time) * np.kaiser(taps, _KAISER)
        kernel *= up / kernel.sum()
        # One column for each output sample of a group of `down` input samples; rows are the inputs under it, the newest last.
        self._banks = np.stack([kernel[phase::up][::-1] for phase in range(up)], axis=1).astype(np.float32)
        self._down = down
        self._past = np.zeros(len(self._banks) - 1, dtype=np.float32)
        self._rest = np.empty(0, dtype=np.float32)

    def feed(self, samples: Samples) -> Samples:
        """Return the samples at the other rate; what does not fill a group of `down` waits for more."""
        fresh = np.concatenate([self._rest, samples.astype(np.float32)])
        groups = len(fresh) // self._down
        self._rest = fresh[groups * self._down :]
        if not groups:
            return np.empty(0, dtype=np.int16)
        line = np.concatenate([self._past, fresh[: groups * self._down]])
        size = line.itemsize
        width = len(self._banks)
        # The windows end with the first input of each group, so that the first output needs only what has come. No copy.
        windows = np.ndarray((groups, width), np.float32, line, strides=(self._down * size, size))
        self._past = line[groups * self._down :]
        mixed = (windows @ self._banks).reshape(-1)
        return np.clip(np.rint(mixed), -32_768, 32_767).astype(np.int16)

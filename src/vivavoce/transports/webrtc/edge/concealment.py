"""What to hear where packets are lost: the voice goes on for a moment as it was, and fades.

Source: the idea of ITU-T G.711 appendix I (repeat the last pitch period, fade within 60 ms), simplified.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_RATE_HZ: Final = 24_000
_LAGS: Final = (_RATE_HZ // 400, _RATE_HZ // 66)
"""Pitch periods looked for, in samples: 66 to 400 Hz."""
_LIKE: Final = 480
"""Samples compared when looking for the pitch: 20 ms."""
_HOLD: Final = 240
"""Samples at full strength: 10 ms."""
_FADE: Final = 1_200
"""Then down to nothing: 50 ms."""
_KEPT: Final = _LIKE + _LAGS[1]


class Concealer:
    """Remember what was heard last, and go on from there."""

    def __init__(self) -> None:
        self._past: Samples = np.zeros(_KEPT, dtype=np.int16)
        self._made = 0
        """Samples made up since something was heard."""
        self._period: Samples | None = None

    def heard(self, pcm: Samples) -> None:
        """Note samples at 24 kHz that were heard, or silence that was meant."""
        self._past = np.concatenate([self._past, pcm])[-_KEPT:]
        self._made = 0
        self._period = None

    def conceal(self, samples: int) -> Samples:
        """Return so many samples in the place of lost ones."""
        if self._period is None:
            self._period = self._last_period()
        place = np.arange(self._made, self._made + samples)
        self._made += samples
        strength = np.clip((_HOLD + _FADE - place) / _FADE, 0.0, 1.0)
        return (self._period[place % len(self._period)] * strength).astype(np.int16)

    def _last_period(self) -> Samples:
        past = self._past.astype(np.float32)
        recent = past[-_LIKE:]
        low, high = _LAGS
        # Each row is 20 ms that lie `lag` samples before the last ones.
        rows = np.stack([past[len(past) - _LIKE - lag : len(past) - lag] for lag in range(low, high + 1, 2)])
        power = np.sqrt((rows * rows).sum(axis=1)) + 1.0
        lag = low + 2 * int(np.argmax(rows @ recent / power))
        return self._past[-lag:]

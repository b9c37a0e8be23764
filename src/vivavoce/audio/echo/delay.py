"""How late the echo comes: coherence of the microphone with the past of the loudspeaker, block by block.

For each lag of whole blocks the phases of the cross spectrum are averaged over time. What the two signals share adds up, everything
else averages out: after n frames an unrelated pair is left with a mean power of 1/n per bin, within a few percent over some 150 bins,
so that an echo far below the noise stands out after half a second. Level plays no part, hence neither does the attenuation.

Source: phase transform, Knapp and Carter, "The generalized correlation method for estimation of time delay", IEEE Trans. ASSP 24(4),
1976; by blocks over a range of lags, as the delay estimator of WebRTC does with binary spectra.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vivavoce.audio.echo.spectra import Floats, Spectrum

_BAND_HZ: Final = (200, 4_000)
"""Where speech has its energy and loudspeakers and codecs keep phases."""

_FORGET: Final = 0.98
"""Per block: the last second counts."""

_LEAST_FRAMES: Final = 4.0
_SURE: Final = 1.5
"""How far beyond chance (1.0 is as much again as chance gives) the best lag must stand out; two people who talk at once do not reach 0.4."""

_AHEAD: Final = 1.4
"""How far it must be ahead of lags that are no neighbours of it: voiced speech resembles itself a little later."""

_DIRECT: Final = 0.4
"""A lag shortly before the best with this share of its evidence is where the echo begins: reflections can be stronger than what comes
directly."""

_SPREAD: Final = 4
"""Lags before the best that are looked at for it."""

_RUN: Final = 3
_RUN_AGAIN: Final = 15
"""Blocks in a row that must agree before a delay is believed, and before another one is."""

_FAIR_BLOCKS: Final = 50
_NOTHING: Final = 0.7
"""Evidence below which, after so many blocks, there is no echo worth the name: less than a fiftieth of what was heard."""

_ROOM: Final = (-1, 3)
"""Lags around the one in force within which the best may lie without a change."""


class DelayFinder:
    """Find the lag, in whole blocks, at which the echo begins.

    Args:
        rate_hz: sample rate.
        block: samples in a block.
        lags: how many lags are looked at, from 0.
    """

    def __init__(self, rate_hz: int, block: int, lags: int) -> None:
        bin_hz = rate_hz / (2 * block)
        self._band = slice(int(_BAND_HZ[0] / bin_hz), int(_BAND_HZ[1] / bin_hz) + 1)
        width = min(self._band.stop, block + 1) - self._band.start
        self._far = np.zeros((lags, width), np.complex64)
        self._active = np.zeros(lags, np.float32)
        self._cross = np.zeros((lags, width), np.complex64)
        self._weight = np.zeros(lags, np.float32)
        self._candidate = 0
        self._run = 0
        self._blocks = 0
        self._best = 0.0
        self.lag: int | None = None
        """The lag found; None until there is one."""

    def played(self, spectrum: Spectrum, active: bool) -> None:
        """Take the spectrum [bins] of the far frame at hand; a silent one (not `active`) has no phases worth comparing."""
        self._far[1:] = self._far[:-1]
        self._active[1:] = self._active[:-1]
        self._far[0] = _phases(spectrum[self._band]) if active else 0
        self._active[0] = active

    def heard(self, spectrum: Spectrum) -> None:
        """Take the spectrum [bins] of the near block at hand, zeros before it."""
        if not self._active.any():
            return
        self._cross *= np.float32(_FORGET)
        self._cross += _phases(spectrum[self._band]) * np.conj(self._far)
        self._weight *= np.float32(_FORGET**2)
        self._weight += self._active
        coherent = (self._cross.real**2 + self._cross.imag**2).mean(axis=1)
        relative = coherent / np.maximum(self._weight, np.float32(1e-3))
        self._decide(np.where(self._weight >= _LEAST_FRAMES, relative - 1, np.float32(0)))

    @property
    def barren(self) -> bool:
        """Tell whether an echo was looked for long enough, and there is none."""
        return self.lag is None and self._blocks >= _FAIR_BLOCKS and self._best < _NOTHING

    def _decide(self, evidence: Floats) -> None:
        best = int(evidence.argmax())
        self._blocks += 1
        self._best = float(evidence[best])
        others = evidence.copy()
        others[max(0, best - 2) : best + 3] = 0
        if evidence[best] < _SURE or evidence[best] < _AHEAD * others.max():
            self._run = 0
            return
        first = max(0, best - _SPREAD)
        first += int(np.argmax(evidence[first : best + 1] >= _DIRECT * evidence[best]))
        self._run = self._run + 1 if abs(first - self._candidate) <= 1 else 1
        self._candidate = first
        if self.lag is None:
            moved, needed = True, _RUN
        else:
            moved, needed = not _ROOM[0] <= best - self.lag <= _ROOM[1], _RUN_AGAIN
        if moved and self._run >= needed:
            self.lag = first


def _phases(spectrum: Spectrum) -> Spectrum:
    return np.asarray(spectrum / (np.abs(spectrum) + np.float32(1e-9)), dtype=np.complex64)

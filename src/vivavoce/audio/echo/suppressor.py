"""What is left of the echo is held back, and a person who talks over it is let through.

Each block is judged by how far the speech bands rise above the echo that may be in them, and above the noise that always is. Where
nobody stands out, everything is turned down by 60 dB: nothing of it is wanted, and a voice activity detector hears speech at any level.
Where somebody does, bands are weighted as a Wiener filter weights them. The gains are applied by a minimum-phase filter, which delays
nothing, and changes are faded over the block.

Source: Enzner and Vary 2006, section 4 (post-filter); dominant near end as in WebRTC's AEC3; minimum phase by the cepstrum, Oppenheim and
Schafer, "Discrete-Time Signal Processing", section 13.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vivavoce.audio.echo.spectra import Bands, Floats, Spectrum, inverse, transform

_RISE_DB: Final = (-3.0, 15.0)
"""Bounds of a band's rise above the echo: none decides alone."""

_TALKS_DB: Final = 5.0
"""Mean rise of the speech bands at which somebody talks, if it lasts for `_TALKS_BLOCKS`."""

_SHOUTS_DB: Final = 8.0
"""At which one block is enough."""

_GOES_ON_DB: Final = 3.0
"""At which somebody who talks goes on."""

_TALKS_BLOCKS: Final = 2
_HOLD_BLOCKS: Final = 8
"""A talker's pauses up to 160 ms are part of what he says."""

_FLOOR_RISE: Final = 1.01
"""Per block, of the noise floor: 2 dB in a second; every pause brings it down again."""

_FLOOR_MARGIN: Final = 2.0
"""Noise floors are minima; the noise itself is louder."""

_HELD_BACK: Final = 1e-3
_LEAST: Final = 0.05
"""Least power gain of a band while somebody talks: -13 dB."""

_OVER: Final = 1.5
"""How much more echo is taken out than there may be: what remains would be heard as words."""

_INAUDIBLE: Final = 1e-7
"""Power of an echo that nobody need hold back: that of noise at -95 dBFS."""


class Suppressor:
    """Hold echo back.

    Args:
        bands: how bins are gathered.
        block: samples in a block.
    """

    def __init__(self, bands: Bands, block: int) -> None:
        self._bands = bands
        self._block = block
        self._fade = np.arange(1, block + 1, dtype=np.float32) / block
        self._response: Spectrum = np.ones(block + 1, np.complex64)
        self._blocks = 0
        self._hold = 0
        self._rest: Floats | None = None
        self._floor = np.zeros(bands.count, np.float32)

    @property
    def talking(self) -> bool:
        """Tell whether somebody talks at the near end."""
        return self._hold > 0

    def rest(self) -> None:
        """Go back to letting everything through."""
        self._response = np.ones(self._block + 1, np.complex64)
        self._blocks = self._hold = 0

    def apply(self, frame: Floats, rest: Floats, echo: Floats) -> Floats:
        """Return the block at hand without what is echo in it.

        Args:
            frame: [2 * samples] this block and the one before.
            rest: [bands] its powers.
            echo: [bands] the echo that may be in them.
        """
        before, self._response = self._response, self._minimum_phase(self._bands.spread(self._gains(rest, echo)))
        spectrum = transform(frame)
        old, new = inverse(np.stack([spectrum * before, spectrum * self._response]))[:, self._block :]
        return np.asarray(old + self._fade * (new - old), dtype=np.float32)

    def _gains(self, rest: Floats, echo: Floats) -> Floats:
        """Return magnitudes by band."""
        rise_db = 10 * np.log10((rest + 1e-8) / (echo + np.float32(_FLOOR_MARGIN) * self._noise(rest) + 1e-8))
        self._judge(float(np.clip(rise_db, *_RISE_DB)[self._bands.speech].mean()))
        if self.talking:
            return np.sqrt(np.maximum(1 - _OVER * echo / np.maximum(rest, 1e-10), _LEAST)).astype(np.float32)
        quiet = bool((echo[self._bands.speech] < _INAUDIBLE).all())
        return np.full(self._bands.count, 1.0 if quiet else _HELD_BACK, np.float32)

    def _noise(self, rest: Floats) -> Floats:
        """Follow the noise floor by band: the least that is ever left, over some seconds."""
        if self._rest is None:
            self._rest, self._floor = rest, rest
        self._rest = np.asarray(self._rest + 0.2 * (rest - self._rest), dtype=np.float32)
        self._floor = np.minimum(np.float32(_FLOOR_RISE) * self._floor, self._rest)
        return self._floor

    def _judge(self, rise_db: float) -> None:
        self._blocks = self._blocks + 1 if rise_db > _TALKS_DB else 0
        if rise_db > _SHOUTS_DB or self._blocks >= _TALKS_BLOCKS:
            self._hold = _HOLD_BLOCKS
        elif rise_db > _GOES_ON_DB and self._hold:
            self._hold = max(self._hold, _HOLD_BLOCKS // 2)
        else:
            self._hold = max(0, self._hold - 1)

    def _minimum_phase(self, magnitudes: Floats) -> Spectrum:
        """Return the response of the shortest causal filter with these magnitudes [bins], cut to half a block."""
        cepstrum = inverse(np.log(np.maximum(magnitudes, np.float32(1e-4))).astype(np.complex64))
        cepstrum[1 : self._block] *= 2
        cepstrum[self._block + 1 :] = 0
        impulse = inverse(np.exp(transform(cepstrum)))
        impulse[self._block // 2 :] = 0
        return transform(impulse)

"""Blocks, spectra and bands: the terms in which the parts of the echo canceller speak.

A *block* is 20 ms. A *frame* is two blocks, the last one the block at hand; its spectrum has as many *bins* as a block has samples,
and one. *Bands* gather bins about as wide as the ear does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

BLOCK_MS: Final = 20

_LINEAR_HZ: Final = (100, 1_000, 150)
"""Below 1 kHz bands are 150 Hz wide."""

_OCTAVE_PART: Final = 4
"""Above, a quarter of an octave."""

_SPEECH_HZ: Final = (200, 5_000)
"""Where speech can be told from what is left of an echo: below is hum, above are hiss and what codecs leave out."""


class Bands:
    """The bands of frames at a sample rate.

    Args:
        rate_hz: sample rate.
        block: samples in a block.
    """

    def __init__(self, rate_hz: int, block: int) -> None:
        bin_hz = rate_hz / (2 * block)
        low, high, step = _LINEAR_HZ
        octaves = np.arange(0, _OCTAVE_PART * np.log2(0.95 * rate_hz / 2 / high))
        edges = np.concatenate([np.arange(low, high, step), high * 2 ** (octaves / _OCTAVE_PART)])
        self._starts = np.unique((edges / bin_hz).astype(np.intp))
        ends = np.append(self._starts[1:], block + 1)
        self._widths = (ends - self._starts).astype(np.float32)
        self._bins = np.arange(block + 1)
        self._centres = (self._starts + ends - 1) / 2
        self.count = len(self._starts)
        centres_hz = self._centres * bin_hz
        self.speech: NDArray[np.bool_] = (centres_hz >= _SPEECH_HZ[0]) & (centres_hz <= _SPEECH_HZ[1])
        """[bands] which of them tell speech."""

    def means(self, powers: Floats) -> Floats:
        """Return the mean over each band of powers by bin; [..., bins] to [..., bands]."""
        sums = np.add.reduceat(powers, self._starts, axis=-1)
        return np.asarray(sums / self._widths, dtype=np.float32)

    def spread(self, values: Floats) -> Floats:
        """Return values by bin that pass through those given for the bands; [bands] to [bins]."""
        return np.interp(self._bins, self._centres, values).astype(np.float32)


def transform(frame: Floats) -> Spectrum:
    """Return the spectrum of a real frame (of each row)."""
    return np.fft.rfft(frame).astype(np.complex64, copy=False)


def inverse(spectrum: Spectrum) -> Floats:
    """Return the real frame of a spectrum (of each row)."""
    return np.fft.irfft(spectrum).astype(np.float32, copy=False)


def power(spectrum: Spectrum) -> Floats:
    """Return squared magnitudes."""
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float32)


def window(block: int) -> Floats:
    """Return a Hann window over a frame: spectra that are looked at must not leak from loud bands into faint ones."""
    return np.hanning(2 * block + 1)[:-1].astype(np.float32)

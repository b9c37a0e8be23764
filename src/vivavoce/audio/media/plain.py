"""The two formats that need no encoder: bare samples, and the same behind a WAV header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from vivavoce.audio.media.formats import OUTPUT_RATE_HZ

_UNKNOWN: Final = 0xFFFFFFFF
"""A length not known yet. Source: what FFmpeg writes, and readers accept, where it cannot come back to the header."""


def wav_header() -> bytes:
    """Return the header of a WAV file of mono int16 samples at 24 kHz whose end is not known yet."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, OUTPUT_RATE_HZ, OUTPUT_RATE_HZ * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN, b"WAVE") + form + struct.pack("<4sI", b"data", _UNKNOWN)


class PlainEncoder:
    """Samples at `rate_hz` to s16le bytes at 24 kHz."""

    def __init__(self, rate_hz: int) -> None:
        same = rate_hz == OUTPUT_RATE_HZ
        self._resampler = None if same else soxr.ResampleStream(rate_hz, OUTPUT_RATE_HZ, 1, dtype="int16", quality="HQ")

    def feed(self, pcm: NDArray[np.int16], last: bool = False) -> bytes:
        """Return the bytes that are ready; all of them with the last samples."""
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(pcm, last=last)
        return pcm.astype("<i2", copy=False).tobytes()


def pieces(pcm: NDArray[np.int16], most: int) -> Iterator[NDArray[np.int16]]:
    """Yield the samples in pieces of at most `most`."""
    for start in range(0, len(pcm), most):
        yield pcm[start : start + most]

"""Between the wire's formats and samples."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from vivavoce.audio import g711


def decode(data: bytes, format_type: str) -> NDArray[np.int16]:
    """Return the samples of wire audio, at the format's own rate.

    Args:
        data: whole samples.
        format_type: `audio/pcm`, `audio/pcmu` or `audio/pcma`.

    Raises:
        ValueError: an unknown format.
    """
    match format_type:
        case "audio/pcm":
            return np.frombuffer(data, dtype="<i2")
        case "audio/pcmu":
            return g711.decode_mulaw(data)
        case "audio/pcma":
            return g711.decode_alaw(data)
        case _:
            raise ValueError(f"unknown audio format {format_type!r}")


def encode(pcm: NDArray[np.int16], format_type: str) -> bytes:
    """Return samples, already at the format's rate, as wire audio.

    Raises:
        ValueError: an unknown format.
    """
    match format_type:
        case "audio/pcm":
            return pcm.astype("<i2").tobytes()
        case "audio/pcmu":
            return g711.encode_mulaw(pcm)
        case "audio/pcma":
            return g711.encode_alaw(pcm)
        case _:
            raise ValueError(f"unknown audio format {format_type!r}")


def convert(pcm: NDArray[np.int16], from_hz: int, to_hz: int) -> NDArray[np.int16]:
    """Resample a whole stretch of int16 samples in high quality; no delay, for audio that is complete."""
    if from_hz == to_hz or not len(pcm):
        return pcm
    return np.asarray(soxr.resample(pcm, from_hz, to_hz, quality="HQ"), dtype=np.int16)


def to_float(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return int16 samples as float32 in [-1, 1)."""
    return pcm.astype(np.float32) / np.float32(32_768)


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return float32 samples in [-1, 1] as int16, clipped."""
    return np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)

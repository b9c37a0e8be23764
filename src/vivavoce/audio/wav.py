"""WAV files in and out (16-bit PCM)."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.codec import convert


class WavError(ValueError):
    """The file is no WAV file that can be read; the message says why in one line."""


def read_wav(source: Path | bytes, rate_hz: int | None = None) -> tuple[NDArray[np.int16], int]:
    """Read a WAV file as mono int16 samples.

    Args:
        source: the file or its bytes.
        rate_hz: the rate wanted; None keeps the file's.

    Returns:
        The samples (channels averaged) and their rate in Hz.

    Raises:
        WavError: it is not 16-bit PCM WAV, or not there.
    """
    name = source.name if isinstance(source, Path) else "the audio"
    try:
        with wave.open(str(source) if isinstance(source, Path) else io.BytesIO(source), "rb") as file:
            if file.getsampwidth() != 2:
                raise WavError(f"{name} has {file.getsampwidth() * 8}-bit samples; 16-bit PCM is needed")
            channels, rate = file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (OSError, wave.Error, EOFError) as error:
        raise WavError(f"{name} cannot be read as a WAV file: {error}") from error
    # A file that was cut off may end in the middle of a sample.
    samples = np.frombuffer(frames[: len(frames) // 2 * 2], dtype="<i2")
    if channels > 1:
        samples = samples[: len(samples) // channels * channels].reshape(-1, channels).mean(axis=1).astype(np.int16)
    return (samples, rate) if rate_hz is None else (convert(samples, rate, rate_hz), rate_hz)


def write_wav(path: Path, samples: NDArray[np.int16], rate_hz: int) -> None:
    """Write int16 samples, shape (n,) for mono or (n, channels), as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.ascontiguousarray(samples, dtype="<i2").tobytes())

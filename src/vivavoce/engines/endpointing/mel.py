"""Whisper's log-mel features of eight seconds, in numpy.

Source: A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022), section 2.2, and openai/whisper
`whisper/audio.py`: 25 ms Hann windows every 10 ms, 80 mel bands, log10 floored 8 below the maximum, (x + 4) / 4. The mel scale
and the area norm of the bands are those of M. Slaney, "Auditory Toolbox", Interval Research technical report 1998-010. Scaling
the waveform to zero mean and unit variance first is what smart-turn was trained with (`WhisperFeatureExtractor(chunk_length=8)`
with `do_normalize=True`, see pipecat-ai 1.14.0 `pipecat/audio/turn/smart_turn/_whisper_features.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from vivavoce.engines.ports import SPEECH_RATE_HZ

CLIP_SAMPLES = 8 * SPEECH_RATE_HZ
"""Samples the model looks at: 8 s."""

HOP_SAMPLES = 160
WINDOW_SAMPLES = 400
BANDS = 80
FRAMES = CLIP_SAMPLES // HOP_SAMPLES

_BLOCK_FRAMES = 20
"""Frames transformed at a time: the scratch stays in the cache and the product below the size at which BLAS would start its own
threads (2.5 ms for a clip against 20 to 50 ms in one piece on a busy two-core machine)."""

_POWER_FLOOR = 1e-10
_VARIANCE_FLOOR = 1e-7
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_START_HZ = 1000.0
_LOG_START_MEL = 15.0
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: float) -> float:
    """Return the Slaney mel of a frequency: linear up to 1 kHz, 27 mels for every factor of 6.4 above."""
    if hz < _LOG_START_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return float(_LOG_START_MEL + np.log(hz / _LOG_START_HZ) / _LOG_STEP)


def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the frequencies of Slaney mels; the inverse of `hz_to_mel`."""
    above = _LOG_START_HZ * np.exp(_LOG_STEP * (mel - _LOG_START_MEL))
    return np.where(mel < _LOG_START_MEL, mel * _LINEAR_HZ_PER_MEL, above)


def mel_bands() -> NDArray[np.float64]:
    """Return the triangular bands [80, 201], each of unit area, that turn a power spectrum into mel energies."""
    corners = mel_to_hz(np.linspace(0.0, hz_to_mel(SPEECH_RATE_HZ / 2), BANDS + 2))
    bins = np.linspace(0.0, SPEECH_RATE_HZ / 2, WINDOW_SAMPLES // 2 + 1)
    low, middle, high = (corners[offset : offset + BANDS, None] for offset in range(3))
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))


_BANDS = mel_bands()
_WINDOW = np.hanning(WINDOW_SAMPLES + 1)[:-1]


def last_seconds(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the last 8 s, silence put in front of anything shorter: the end of the turn is always at the end of the clip."""
    tail = pcm[-CLIP_SAMPLES:]
    return np.pad(tail, (CLIP_SAMPLES - len(tail), 0))


def log_mel(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features [80, 800] of a clip.

    Args:
        clip: exactly 128 000 float32 samples at 16 kHz; its level does not matter.

    Raises:
        ValueError: the clip has another shape.
    """
    if clip.shape != (CLIP_SAMPLES,):
        raise ValueError(f"a clip is {CLIP_SAMPLES} samples, not {clip.shape}")
    level = (clip - clip.mean()) / np.sqrt(clip.var() + _VARIANCE_FLOOR)
    centred = np.pad(level.astype(np.float64), WINDOW_SAMPLES // 2, mode="reflect")
    # Centred windows give one frame more than there are hops; Whisper drops it.
    windows = sliding_window_view(centred, WINDOW_SAMPLES)[: FRAMES * HOP_SAMPLES : HOP_SAMPLES]
    energies = np.empty((BANDS, FRAMES))
    for start in range(0, FRAMES, _BLOCK_FRAMES):
        block = slice(start, start + _BLOCK_FRAMES)
        spectrum = np.fft.rfft(windows[block] * _WINDOW)
        np.matmul(_BANDS, (spectrum.real**2 + spectrum.imag**2).T, out=energies[:, block])
    decades = np.log10(np.maximum(_POWER_FLOOR, energies))
    decades = np.maximum(decades, decades.max() - 8.0)
    features: NDArray[np.float32] = ((decades + 4.0) / 4.0).astype(np.float32)
    return features

"""The detector by itself: what Silero says of the very audio a server was sent, frame by frame, without any server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.speech import RATE_HZ, Samples
from vivavoce.audio.codec import to_float
from vivavoce.audio.resample import to_speech_rate
from vivavoce.engines.ports import VAD_FRAME_SAMPLES
from vivavoce.engines.vad.silero import SileroModel, SileroStreams, find_silero

FRAME_MS: Final = 32.0
THRESHOLD: Final = 0.5


@lru_cache(maxsize=1)
def _model() -> SileroModel:
    return SileroModel(find_silero())


def probabilities(samples: Samples) -> NDArray[np.float32]:
    """Return the probability of speech in each 32 ms frame of 24 kHz audio, resampled as the server resamples it."""
    return probabilities_at_speech_rate(to_speech_rate(RATE_HZ).feed(to_float(samples)))


def probabilities_at_speech_rate(speech: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of speech in each 32 ms frame of 16 kHz audio."""
    streams = SileroStreams(_model(), 1)
    slot = streams.acquire()
    whole = len(speech) // VAD_FRAME_SAMPLES * VAD_FRAME_SAMPLES
    judged = [streams.judge([slot], [speech[at : at + VAD_FRAME_SAMPLES]])[0] for at in range(0, whole, VAD_FRAME_SAMPLES)]
    return np.array(judged, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Voiced:
    """A run of voiced frames, in ms from the first sample."""

    begin_ms: float
    end_ms: float


def voiced_runs(judged: NDArray[np.float32], threshold: float = THRESHOLD) -> list[Voiced]:
    """Return the runs of frames at or above the threshold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], judged >= threshold, [False]]).astype(np.int8)))
    return [Voiced(begin * FRAME_MS, end * FRAME_MS) for begin, end in edges.reshape(-1, 2)]


def nearest(truths: Sequence[float], value: float) -> float:
    """Return how far a value lies beyond the nearest truth; NaN where there is none."""
    return min((value - truth for truth in truths), key=abs, default=float("nan"))

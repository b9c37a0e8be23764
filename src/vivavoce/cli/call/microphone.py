"""A microphone that exists in time only: silence in 20 ms chunks at the pace of life, and speech when somebody has something to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.cli.call.clock import SAMPLE_RATE_HZ, SAMPLES_PER_MS, Clock

Samples = NDArray[np.int16]

CHUNK_MS: Final = 20
CHUNK_SAMPLES: Final = CHUNK_MS * SAMPLES_PER_MS

_FRAME: Final = SAMPLE_RATE_HZ // 100
_SILENCE_RATIO: Final = 10 ** (-35 / 20)
"""A 10 ms frame this far below the loudest one counts as silence: room noise and breath lie under it, weak endings above."""


class Microphone(Protocol):
    """What a call needs of a microphone."""

    def chunks(self) -> AsyncIterator[Samples]:
        """Yield int16 samples at 24 kHz as they are captured, without end."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """When an utterance could be heard, in ms since the call began: its first and its last audible frame."""

    start_ms: float
    end_ms: float


class VirtualMicrophone:
    """Captures silence, and the utterances given to `say`.

    A chunk is handed out when its last sample would have been captured. Its samples' places are therefore the call's time.

    Args:
        clock: the call's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: Samples = np.empty(0, np.int16)
        self._all_said = asyncio.Event()
        self._all_said.set()
        self._captured: list[Samples] = []

    @property
    def captured(self) -> Samples:
        """Everything captured so far."""
        return np.concatenate(self._captured) if self._captured else np.empty(0, np.int16)

    async def say(self, pcm: Samples) -> Spoken:
        """Say an utterance from the next chunk on; return once it has been captured to its end.

        Args:
            pcm: int16 at 24 kHz.
        """
        await self._all_said.wait()
        start, end = audible(pcm)
        begin_ms = len(self._captured) * CHUNK_MS
        self._pending = pcm
        self._all_said.clear()
        await self._all_said.wait()
        return Spoken(begin_ms + start / SAMPLES_PER_MS, begin_ms + end / SAMPLES_PER_MS)

    async def chunks(self) -> AsyncIterator[Samples]:
        """Yield a chunk every 20 ms; after a delay those that are due come at once."""
        while True:
            due_ms = (len(self._captured) + 1) * CHUNK_MS
            delay_ms = due_ms - self._clock()
            if delay_ms > 0:
                await asyncio.sleep(delay_ms / 1000)
            chunk = np.zeros(CHUNK_SAMPLES, np.int16)
            now, self._pending = self._pending[:CHUNK_SAMPLES], self._pending[CHUNK_SAMPLES:]
            chunk[: len(now)] = now
            self._captured.append(chunk)
            yield chunk
            if not len(self._pending):
                self._all_said.set()


def audible(pcm: Samples) -> tuple[int, int]:
    """Return the first audible sample and the one after the last, exact to 10 ms; both 0 if there is none."""
    frames = len(pcm) // _FRAME
    if not frames:
        return 0, len(pcm)
    levels = np.sqrt(np.mean(pcm[: frames * _FRAME].reshape(frames, _FRAME).astype(np.float64) ** 2, axis=1))
    loud = np.flatnonzero(levels > max(1.0, levels.max() * _SILENCE_RATIO))
    return (int(loud[0]) * _FRAME, int(loud[-1] + 1) * _FRAME) if len(loud) else (0, 0)

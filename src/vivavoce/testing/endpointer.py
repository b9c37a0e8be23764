"""An endpointer that judges as the script says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import SPEECH_RATE_HZ, Capabilities, EngineFault
from vivavoce.testing.script import Sleep


@dataclass(frozen=True, slots=True)
class EndpointCall:
    """What the endpointer was asked: length of the audio in ms, and the text so far."""

    duration_ms: float
    partial_text: str


class ScriptedEndpointer:
    """An `Endpointer` that gives the verdicts in order and goes on giving the last.

        endpointer = ScriptedEndpointer(0.1, 0.9)

    Args:
        verdicts: probabilities in [0, 1], or the fault to raise; with none every turn is complete.
        delay_s: time each verdict takes.
        sleep: how to wait; give your own for a virtual clock.

    Attributes:
        calls: every call, in order.
        closed: whether `close` has been called.
    """

    def __init__(self, *verdicts: float | EngineFault, delay_s: float = 0.0, sleep: Sleep = asyncio.sleep) -> None:
        self._verdicts = verdicts or (1.0,)
        self._delay_s = delay_s
        self._sleep = sleep
        self.calls: list[EndpointCall] = []
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says."""
        return Capabilities("scripted endpointer", "Apache-2.0", quality="null")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    async def complete_probability(self, pcm: NDArray[np.float32], partial_text: str = "") -> float:
        """Give the next verdict.

        Raises:
            EngineFault: the script says so.
        """
        verdict = self._verdicts[min(len(self.calls), len(self._verdicts) - 1)]
        self.calls.append(EndpointCall(pcm.shape[0] * 1000 / SPEECH_RATE_HZ, partial_text))
        await self._sleep(self._delay_s)
        if isinstance(verdict, EngineFault):
            raise verdict
        return verdict

"""A voice whose every word lasts exactly as long as the script says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import Capabilities, EngineFault, SpeechSpan, VoiceStyle, WordTime
from vivavoce.testing.script import Sleep

_TONE_HZ = 220.0
_TONE_LEVEL = 3000


class ScriptedSynthesizer:
    """A `Synthesizer` with exact durations, so that a test can say at which millisecond which word was heard.

        voice = ScriptedSynthesizer(word_ms=250, durations_ms={"hello": 500})

    One span per clause; words follow each other without a gap; each is a quiet hum. `style.speed` divides the durations.

    Args:
        word_ms: how long a word lasts.
        durations_ms: exceptions, by the word in lower case without punctuation.
        rate_hz: sample rate of the audio.
        delay_s: time to make one clause.
        fault: raised in place of clause number `fault_at` (from 0).
        hang_at: number of the clause that is never made.
        sleep: how to wait; give your own for a virtual clock.

    Attributes:
        clauses: every clause it was given, in order, over all streams.
        styles: the style of every stream.
        finished: how many streams were read to their end.
        cancelled: how many were closed before it.
        closed: whether `close` has been called.
    """

    def __init__(
        self,
        *,
        word_ms: float = 300.0,
        durations_ms: Mapping[str, float] | None = None,
        rate_hz: int = 24_000,
        delay_s: float = 0.0,
        fault: EngineFault | None = None,
        fault_at: int = 0,
        hang_at: int | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._word_ms = word_ms
        self._durations_ms = dict(durations_ms or {})
        self._rate_hz = rate_hz
        self._delay_s = delay_s
        self._fault = fault
        self._fault_at = fault_at
        self._hang_at = hang_at
        self._sleep = sleep
        self.clauses: list[str] = []
        self.styles: list[VoiceStyle] = []
        self.finished = 0
        self.cancelled = 0
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says."""
        return Capabilities("scripted synthesizer", "Apache-2.0", streaming=True, word_times=True, quality="null")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncGenerator[SpeechSpan, None]:
        """Hum each clause.

        Raises:
            EngineFault: the script says so.
        """
        self.styles.append(style)
        try:
            async for clause in clauses:
                number = len(self.clauses)
                self.clauses.append(clause)
                if number == self._hang_at:
                    await asyncio.Event().wait()
                await self._sleep(self._delay_s)
                if self._fault is not None and number == self._fault_at:
                    raise self._fault
                yield self.span(clause, style.speed)
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise
        self.finished += 1

    def span(self, text: str, speed: float = 1.0) -> SpeechSpan:
        """Return the span that says `text`: what a test compares with."""
        words: list[WordTime] = []
        at_ms = 0.0
        for word in text.split():
            end_ms = at_ms + self._duration_ms(word) / speed
            words.append(WordTime(word, round(at_ms), round(end_ms)))
            at_ms = end_ms
        return SpeechSpan(self._hum(round(at_ms * self._rate_hz / 1000)), self._rate_hz, text, tuple(words))

    def _duration_ms(self, word: str) -> float:
        return self._durations_ms.get(re.sub(r"^\W+|\W+$", "", word).lower(), self._word_ms)

    def _hum(self, samples: int) -> NDArray[np.int16]:
        phase = 2 * np.pi * _TONE_HZ / self._rate_hz * np.arange(samples)
        tone: NDArray[np.int16] = (_TONE_LEVEL * np.sin(phase)).astype(np.int16)
        return tone

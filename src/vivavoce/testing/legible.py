"""Speech that a recognizer can read off the samples: each word is a level of its own, so that a script is heard word for word.

    words = legible("good morning everybody", start_ms=500)
    audio = rendered(words, length_ms=3_000)                      # 24 kHz int16, loud while a word lasts: `EnergyVad` takes it for speech
    recognizer = LegibleRecognizer(words)

What is recognized depends on the audio alone, wherever it is cut and however it is chunked: good for tests of everything that must not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import (
    SPEECH_RATE_HZ,
    Capabilities,
    EngineFault,
    Hypothesis,
    RecognitionOptions,
    RecognizedWord,
    Vocabulary,
)
from vivavoce.testing.script import Sleep

MOST_WORDS: Final = 3_000
_LOWEST: Final = 2_000
_STEP: Final = 10
_WINDOW_MS: Final = 10
_WINDOW: Final = SPEECH_RATE_HZ * _WINDOW_MS // 1000


@dataclass(frozen=True, slots=True)
class LegibleWord:
    """One word of a script, in a language; positions in ms."""

    text: str
    start_ms: int
    end_ms: int
    language: str = ""


def legible(text: str, start_ms: int = 0, word_ms: int = 300, gap_ms: int = 0, language: str = "") -> list[LegibleWord]:
    """Return a text spoken evenly from a moment on, `gap_ms` of silence between its words."""
    step = word_ms + gap_ms
    return [
        LegibleWord(word, start_ms + place * step, start_ms + place * step + word_ms, language)
        for place, word in enumerate(text.split())
    ]


def rendered(words: Sequence[LegibleWord], length_ms: int, rate_hz: int = 24_000) -> NDArray[np.int16]:
    """Return the audio of a script.

    Raises:
        ValueError: it has more than `MOST_WORDS` words.
    """
    if len(words) > MOST_WORDS:
        raise ValueError(f"a script has {MOST_WORDS} words at most, this one has {len(words)}")
    audio = np.zeros(length_ms * rate_hz // 1000, dtype=np.int16)
    for number, word in enumerate(words):
        audio[word.start_ms * rate_hz // 1000 : word.end_ms * rate_hz // 1000] = _LOWEST + number * _STEP
    return audio


@dataclass(slots=True)
class _Run:
    number: int
    start: int
    end: int


@dataclass(slots=True)
class _Page:
    """What has been read of a segment: runs of one level, in windows."""

    rest: NDArray[np.int16] = field(default_factory=lambda: np.empty(0, dtype=np.int16))
    windows: int = 0
    runs: list[_Run] = field(default_factory=list)

    def read(self, pcm: bytes) -> None:
        samples = np.concatenate([self.rest, np.frombuffer(pcm, dtype="<i2")])
        for start in range(0, len(samples) - _WINDOW + 1, _WINDOW):
            level = float(np.median(samples[start : start + _WINDOW]))
            if level >= _LOWEST - _STEP / 2:
                self._see(round((level - _LOWEST) / _STEP))
            self.windows += 1
        self.rest = samples[len(samples) // _WINDOW * _WINDOW :]

    def _see(self, number: int) -> None:
        if self.runs and self.runs[-1].number == number:
            self.runs[-1].end = self.windows + 1
        else:
            self.runs.append(_Run(number, self.windows, self.windows + 1))


class LegibleRecognizer:
    """A `Recognizer` of rendered scripts: streams words with their times some time after they have ended.

    Args:
        words: the script.
        lag_ms: how much audio after a word's end it takes to be sure of it.
        delay_s: time from there to the partial that has it.
        final_s: time from the end of a segment to its final.
        languages: what it says it knows. With more than one it tells the language of each segment, that of its first word.
        fault_at: number of the segment that fails.
        sleep: how to wait; give your own for a virtual clock.
    """

    def __init__(
        self,
        words: Sequence[LegibleWord],
        *,
        lag_ms: int = 500,
        delay_s: float = 0.0,
        final_s: float = 0.0,
        languages: tuple[str, ...] = ("en",),
        fault_at: int | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._words = words
        self._lag = lag_ms // _WINDOW_MS
        self._delay_s = delay_s
        self._final_s = final_s
        self._languages = languages
        self._fault_at = fault_at
        self._sleep = sleep
        self.segments = 0

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says."""
        return Capabilities(
            "legible speech", "Apache-2.0", languages=self._languages, streaming=True, word_times=True, quality="null"
        )

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: nothing is held."""

    async def prepare(self, vocabulary: Vocabulary) -> None:
        """Do nothing: every script is known."""

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        """Read a segment.

        Raises:
            EngineFault: the script says so.
        """
        self.segments += 1
        fails = self.segments - 1 == self._fault_at
        page, told = _Page(), 0
        async for chunk in audio:
            page.read(chunk)
            sure = sum(run.end + self._lag <= page.windows for run in page.runs)
            if options.partials and sure > told:
                told = sure
                await self._sleep(self._delay_s)
                yield self._hypothesis(page.runs[:sure])
        await self._sleep(self._final_s)
        if fails:
            raise EngineFault("the script says that it cannot be understood")
        yield self._hypothesis(page.runs, final=True)

    def _hypothesis(self, runs: Sequence[_Run], *, final: bool = False) -> Hypothesis:
        # The slopes of resampling between two words read like words of their own: they are a window long.
        there = [run for run in runs if run.end - run.start > 2 and 0 <= run.number < len(self._words)]
        words = tuple(RecognizedWord(self._words[run.number].text, run.start * _WINDOW_MS, run.end * _WINDOW_MS) for run in there)
        language = self._words[there[0].number].language if there and len(self._languages) > 1 else ""
        return Hypothesis(" ".join(word.text for word in words), final, words, language=language)

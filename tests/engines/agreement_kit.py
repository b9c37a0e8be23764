"""Recognizers of whole segments that know a script, and audio that says where in the segment it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass

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

PER_MS = SPEECH_RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class Spoken:
    """One word of a script, ms from the start of the segment."""

    text: str
    start_ms: int
    end_ms: int


Mishear = Callable[[Spoken, int], str]
"""What is heard of a word that lies so many ms before the end of the audio."""


def audio_of(script: Sequence[Spoken], tail_ms: int = 300) -> NDArray[np.int16]:
    """Return audio in which each ms writes down its number, loud within words and quiet between them."""
    length = (script[-1].end_ms if script else 0) + tail_ms
    samples = np.zeros((length, PER_MS), dtype="<i2")
    number = np.arange(length)
    samples[:, 0], samples[:, 1] = number % 100, number // 100
    for word in script:
        samples[word.start_ms : word.end_ms, 2::2] = 3_000
        samples[word.start_ms : word.end_ms, 3::2] = -3_000
    return samples.reshape(-1)


async def spoken(samples: NDArray[np.int16], chunk_bytes: int = 3_200) -> AsyncGenerator[bytes, None]:
    """Say it in chunks, letting whoever listens work after each."""
    pcm = samples.tobytes()
    for place in range(0, len(pcm), chunk_bytes):
        yield pcm[place : place + chunk_bytes]
        for _ in range(12):
            await asyncio.sleep(0)


class ScriptedHearing:
    """Hears the words of its script that lie within the audio it is given.

    Args:
        script: what is said.
        timed: whether it tells word times.
        mishear: what it takes a word for, by how near the end of the audio it is.
        marks: whether it ends each hypothesis with a full stop.
        slow: turns of the event loop a decoding takes.
        failing: calls (from 0) that fail for the time being.
    """

    def __init__(
        self,
        script: Sequence[Spoken],
        *,
        timed: bool = True,
        mishear: Mishear | None = None,
        marks: bool = False,
        slow: int = 0,
        failing: frozenset[int] = frozenset(),
    ) -> None:
        self._script = script
        self._timed = timed
        self._mishear = mishear
        self._marks = marks
        self._slow = slow
        self._failing = failing
        self.options: list[RecognitionOptions] = []
        self.heard: list[tuple[int, int]] = []
        """Where each decoding began and ended, ms."""
        self.begun = asyncio.Event()
        self.open = 0
        self.most_open = 0
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("scripted", "none", word_times=self._timed)

    @property
    def times_heard(self) -> Counter[int]:
        """How often each second was decoded."""
        return Counter(second for begin, end in self.heard for second in range(begin // 1000, (end + 999) // 1000))

    async def warm(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    async def prepare(self, vocabulary: Vocabulary) -> None: ...

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        self.begun.set()
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            pcm = b"".join([chunk async for chunk in audio])
            self.options.append(options)
            for _ in range(self._slow):
                await asyncio.sleep(0)
            if len(self.options) - 1 in self._failing:
                raise EngineFault("busy", code="server_is_overloaded")
            yield self._hypothesis(np.frombuffer(pcm, dtype="<i2"))
        finally:
            self.open -= 1

    def _hypothesis(self, samples: NDArray[np.int16]) -> Hypothesis:
        if not len(samples):
            return Hypothesis("", final=True)
        begin = int(samples[0]) + 100 * int(samples[1])
        end = begin + len(samples) // PER_MS
        self.heard.append((begin, end))
        inside = [word for word in self._script if (word.start_ms + word.end_ms) / 2 > begin and word.end_ms <= end]
        texts = [self._mishear(word, end - word.end_ms) if self._mishear else word.text for word in inside]
        if texts and self._marks:
            texts = [texts[0].capitalize(), *texts[1:-1], texts[-1] + "."] if len(texts) > 1 else [texts[0] + "."]
        words = tuple(
            RecognizedWord(text, max(0, word.start_ms - begin), word.end_ms - begin)
            for text, word in zip(texts, inside, strict=True)
            if text
        )
        return Hypothesis(" ".join(filter(None, texts)), final=True, words=words if self._timed else ())

"""A recognizer that hears what the script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

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

_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """What one segment will be taken to say.

    `partials` come one with each chunk of audio, those left over before the final; they are kept back when partials are not wanted.
    `delay_s` passes between the end of the audio and the final. `fault` is raised in place of the final.
    """

    text: str
    partials: tuple[str, ...] = ()
    delay_s: float = 0.0
    confidence: float = 1.0
    fault: EngineFault | None = None


@dataclass(slots=True)
class HeardSegment:
    """What a segment was: its length and how it was to be recognized. `ended` tells whether the audio came to its end."""

    options: RecognitionOptions
    samples: int = 0
    ended: bool = False

    @property
    def duration_ms(self) -> float:
        """Length of the audio in ms."""
        return self.samples * 1000 / SPEECH_RATE_HZ


class ScriptedRecognizer:
    """A `Recognizer` that answers the given texts in order, one per segment.

        recognizer = ScriptedRecognizer("a large latte", Heard("yes please", partials=("yes",), delay_s=0.2))

    The words of a final are spread over the segment in proportion to their letters.

    Args:
        texts: what the segments say.
        repeat: begin again after the last.
        sleep: how to wait; give your own for a virtual clock.

    Attributes:
        segments: every segment, in order of opening.
        vocabularies: every vocabulary given to `prepare`.
        closed: whether `close` has been called.
    """

    def __init__(self, *texts: str | Heard, repeat: bool = False, sleep: Sleep = asyncio.sleep) -> None:
        self._script = [Heard(text) if isinstance(text, str) else text for text in texts]
        self._repeat = repeat
        self._sleep = sleep
        self.segments: list[HeardSegment] = []
        self.vocabularies: list[Vocabulary] = []
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says."""
        return Capabilities("scripted recognizer", "Apache-2.0", streaming=True, quality="null")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    async def prepare(self, vocabulary: Vocabulary) -> None:
        """Note the vocabulary."""
        self.vocabularies.append(vocabulary)

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        """Take in the segment and hear the next text of the script.

        Raises:
            EngineFault: the script says so, or it has no text left.
        """
        segment = HeardSegment(options)
        heard = self._next(len(self.segments))
        self.segments.append(segment)
        partials = list(heard.partials) if options.partials else []
        async for chunk in audio:
            segment.samples += len(chunk) // _SAMPLE_BYTES
            if partials:
                yield Hypothesis(partials.pop(0))
        segment.ended = True
        for partial in partials:
            yield Hypothesis(partial)
        await self._sleep(heard.delay_s)
        if heard.fault is not None:
            raise heard.fault
        words = _spread(heard.text, segment.duration_ms, heard.confidence)
        yield Hypothesis(heard.text, final=True, words=words, confidence=heard.confidence)

    def _next(self, number: int) -> Heard:
        if number < len(self._script):
            return self._script[number]
        if self._repeat and self._script:
            return self._script[number % len(self._script)]
        raise EngineFault(f"the script has no text for segment {number + 1}", temporary=False)


def _spread(text: str, duration_ms: float, confidence: float) -> tuple[RecognizedWord, ...]:
    words = text.split()
    letters = sum(map(len, words))
    result: list[RecognizedWord] = []
    passed = 0
    for word in words:
        start_ms = round(duration_ms * passed / letters)
        passed += len(word)
        result.append(RecognizedWord(word, start_ms, round(duration_ms * passed / letters), confidence))
    return tuple(result)

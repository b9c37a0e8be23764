"""A recognizer that does not listen: the `null` profile's ear.

It takes in the audio and answers at once with a fixed text, so that what is measured with it is the platform itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from vivavoce.engines.ports import SPEECH_RATE_HZ, Capabilities, Hypothesis, RecognitionOptions, RecognizedWord, Vocabulary

_BYTES_PER_MS = SPEECH_RATE_HZ // 1000 * 2


class InstantRecognizer:
    """Answer every segment with the same text, its words spread evenly over the segment.

    Args:
        text: what everybody is taken to have said.
    """

    def __init__(self, text: str = "hello") -> None:
        self._text = text

    @property
    def capabilities(self) -> Capabilities:
        """Nothing but speed."""
        return Capabilities("instant", "Apache-2.0", streaming=True, quality="null", notes="measures the platform itself")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: nothing is held."""

    async def prepare(self, vocabulary: Vocabulary) -> None:
        """Do nothing: no vocabulary changes the answer."""

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        """Consume the segment; with partials wanted, the text is there with the first chunk."""
        length = 0
        async for chunk in audio:
            if length == 0 and options.partials:
                yield Hypothesis(self._text)
            length += len(chunk)
        spoken = self._text.split()
        step_ms = length / _BYTES_PER_MS / max(1, len(spoken))
        words = tuple(RecognizedWord(word, round(i * step_ms), round((i + 1) * step_ms)) for i, word in enumerate(spoken))
        yield Hypothesis(self._text, final=True, words=words)

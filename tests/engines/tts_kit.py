"""What the tests of all synthesizers share: speaking a list of clauses, and the contract every span keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import numpy as np

from vivavoce.engines.ports import SpeechSpan, Synthesizer, VoiceStyle

AWKWARD_CLAUSES = (
    "Hello there, my friend. ",
    "That's $3.50 for Dr. Smith's order #42 - ok?",
    "😀",
    "",
    "   ",
    "...",
    "— !",
    "Your number is 8... 3... 5... 2, ",
    "write to joe.doe@x.org; it's **free** — “really”… 👍 \n",
    "über café naïve 1,000 50% of the 3.5 & e.g. 10:30",
    "a\x00b \ud800 [[h@loU]] <break/>",
)


async def stream(*clauses: str) -> AsyncIterator[str]:
    for clause in clauses:
        yield clause


async def say(synthesizer: Synthesizer, *clauses: str, style: VoiceStyle | None = None) -> list[SpeechSpan]:
    return [span async for span in synthesizer.synthesize(stream(*clauses), style or VoiceStyle())]


def duration_ms(spans: Sequence[SpeechSpan]) -> float:
    return sum(1000 * len(span.pcm) / span.rate_hz for span in spans)


def assert_contract(spans: Sequence[SpeechSpan], clauses: Sequence[str]) -> None:
    """The text comes back exactly, the words as written and in order, their times monotone and within the audio."""
    assert "".join(span.text for span in spans) == "".join(clauses)
    for span in spans:
        assert span.pcm.dtype == np.int16 and span.pcm.ndim == 1 and len(span.pcm) > 0
        position = 0
        for word in span.words:
            start = span.text.index(word.text, position)
            assert span.text[position:start].strip() == ""
            position = start + len(word.text)
        assert span.text[position:].strip() == ""
        times = [time for word in span.words for time in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert all(0 <= time <= duration_ms([span]) + 1 for time in times)

"""Transcription of user audio on the wire: append-only deltas, one terminal event per part."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from vivavoce.core.inputs import HeardWord

_UNSPACED: Final = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff65\u0e01-\u0e5b]")
"""Chinese, Japanese and Thai."""


_DRIFT: Final = 32
"""Words by which a final may differ in number from what was said before it is no longer aligned."""


@dataclass(slots=True)
class Job:
    """A recognition on its way to a content part."""

    item_id: str
    content_index: int
    audio_ms: float
    emitted: str = ""
    """What the deltas have said so far."""
    shown: bool = True
    """Whether the client knows the item: those in a response's own input are never on the wire."""

    def extend(self, partial: str) -> str:
        """Return the delta that leads from what was said to this partial; empty where it does not extend it."""
        if not partial.startswith(self.emitted):
            return ""
        delta, self.emitted = partial[len(self.emitted) :], partial
        return delta

    def complete(self, final: str) -> tuple[str, str]:
        """Return the last delta and the whole transcript.

        Deltas are never taken back: where the final disagrees with what was said, the transcript keeps the words said and goes on
        with what the final has behind them.
        """
        if not final.startswith(self.emitted):
            words = final.split()
            final = " ".join([self.emitted.rstrip(), *words[_said_of(words, self.emitted.split()) :]])
        return final[len(self.emitted) :], final


def joint(before: str, after: str) -> str:
    """Return what belongs between two stretches of text: a space, but nothing next to letters of scripts that have none."""
    if not before or not after or _UNSPACED.match(before[-1]) or _UNSPACED.match(after):
        return ""
    return " "


def _said_of(words: list[str], said: list[str]) -> int:
    """Return how many of the final's words stand for those said: its beginning with the least edit distance to them.

    A word said too early may have become two, or none; counting words would then lose one or say one twice. Words are looked for no
    further than `_DRIFT` from where they were said, so that long segments stay cheap. Among equals the same number of words wins.
    """
    ours, theirs = [_plain(word) for word in said], [_plain(word) for word in words]
    row = dict(enumerate(range(min(len(theirs), _DRIFT) + 1)))
    for index, word in enumerate(ours, 1):
        above, row = row, {}
        for place in range(max(0, index - _DRIFT), min(len(theirs), index + _DRIFT) + 1):
            costs = [above[place] + 1] if place in above else []
            if place - 1 in row:
                costs.append(row[place - 1] + 1)
            if place - 1 in above:
                costs.append(above[place - 1] + (word != theirs[place - 1]))
            row[place] = min(costs)
    return min(row, key=lambda count: (row[count], abs(count - len(said))), default=len(words))


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum()) or word


def logprobs(words: tuple[HeardWord, ...]) -> list[dict[str, Any]]:
    """Return the wire's logprobs for words and their confidences in [0, 1]."""
    return [
        {"token": word.text, "logprob": math.log(max(word.confidence, 1e-6)), "bytes": list(word.text.encode())} for word in words
    ]


def by_speaker(words: tuple[HeardWord, ...]) -> list[tuple[HeardWord, ...]]:
    """Return the words in stretches of one speaker each; empty where no word has a speaker."""
    if not any(word.speaker for word in words):
        return []
    return [tuple(stretch) for _, stretch in groupby(words, key=lambda word: word.speaker)]

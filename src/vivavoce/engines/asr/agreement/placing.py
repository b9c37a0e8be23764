"""Where a new hypothesis goes on from the words that have been shown: by time where words have times, by edit distance where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

_NEAR: Final = 2
"""Words to either side of where time alone would divide: times of one word differ a little from decoding to decoding."""
_NEAR_MS: Final = 400
_CONTEXT: Final = 4
"""Words before the division whose agreement speaks for it."""


class TimedWord(Protocol):
    """What is asked of a word. Times in ms, from the start of the segment."""

    @property
    def text(self) -> str:
        """The word as written."""
        ...

    @property
    def start_ms(self) -> int:
        """Where it begins."""
        ...

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        ...


def plain(text: str) -> str:
    """Return a word as it is compared: without case and without marks at its edges; a word of marks alone stays as it is."""
    folded = text.casefold()
    start, end = 0, len(folded)
    while start < end and not folded[start].isalnum():
        start += 1
    while end > start and not folded[end - 1].isalnum():
        end -= 1
    return folded[start:end] or folded


def divide_by_time(shown: Sequence[TimedWord], words: Sequence[TimedWord]) -> int:
    """Return how many of a hypothesis's words lie within what has been shown.

    A word is old if its middle is not after the end of the last word shown; within two words of that division, the one after which
    most words agree with those shown wins, the nearest among equals. Two decodings of one stretch rarely agree on times to 50 ms,
    and a word revised after it was shown may have become two: neither counting words nor times alone would do.
    """
    if not shown:
        return 0
    end_ms = shown[-1].end_ms
    by_time = sum((word.start_ms + word.end_ms) / 2 <= end_ms for word in words)
    near = range(max(0, by_time - _NEAR), min(len(words), by_time + _NEAR) + 1)
    candidates = [count for count in near if count == by_time or abs(_edge(words, count) - end_ms) <= _NEAR_MS]
    return max(candidates, key=lambda count: (_agreeing(shown, words[:count]), -abs(count - by_time)))


def divide_by_text(shown: Sequence[str], words: Sequence[str]) -> int:
    """Return how many of a hypothesis's words stand for those shown: the beginning of it with the least edit distance to them.

    Both are taken to start at the same moment. Among equals the one with as many words as were shown wins.
    """
    row = list(range(len(words) + 1))
    theirs = [plain(word) for word in words]
    for index, ours in enumerate(map(plain, shown), 1):
        diagonal, row[0] = row[0], index
        for place, other in enumerate(theirs, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (ours != other))
    return min(range(len(row)), key=lambda count: (row[count], abs(count - len(shown))))


def _edge(words: Sequence[TimedWord], count: int) -> int:
    return words[count - 1].end_ms if count else words[0].start_ms if words else 0


def _agreeing(shown: Sequence[TimedWord], words: Sequence[TimedWord]) -> int:
    """Return how many of the last words of both are the same, counted from their ends."""
    agreeing = 0
    for ours, theirs in zip(reversed(shown[-_CONTEXT:]), reversed(words), strict=False):
        if plain(ours.text) != plain(theirs.text):
            break
        agreeing += 1
    return agreeing

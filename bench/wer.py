"""Word error rate, and which words of two texts are the same.

Both texts are made alike first: lower case, accents and marks dropped, digits said as words (`spoken_words`, the recognizer's own
normalizer: "12345" becomes "one two three four five"). Nothing else is forgiven: "okay" for "ok" is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from vivavoce.engines.asr.pocketsphinx.text import spoken_words

NORMALIZED = "lower case, accents and punctuation dropped, digits as words; the same for all texts"


@dataclass(frozen=True, slots=True)
class Errors:
    """Words wrong, missing or too many, and how many there should have been."""

    errors: int = 0
    words: int = 0

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.errors + other.errors, self.words + other.words)

    @property
    def percent(self) -> float:
        """Return the word error rate in percent; NaN where nothing was said."""
        return 100 * self.errors / self.words if self.words else float("nan")


def errors(reference: str, heard: str) -> Errors:
    """Return the errors of a text."""
    truth = spoken_words(reference)
    return Errors(distance(truth, spoken_words(heard)), len(truth))


def distance(truth: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of words to change, drop or add that makes one text of the other."""
    row = list(range(len(heard) + 1))
    for index, ours in enumerate(truth, 1):
        diagonal, row[0] = row[0], index
        for place, theirs in enumerate(heard, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (ours != theirs))
    return row[-1]


def same_words(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of words that are the same in both texts, in order."""
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return [(block.a + offset, block.b + offset) for block in blocks for offset in range(block.size)]

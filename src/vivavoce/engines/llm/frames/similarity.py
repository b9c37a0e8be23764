"""How alike two words sound or look: enough to hear "latte" in "lot a", strict enough not to hear it in "later"."""

from __future__ import annotations

import re
from functools import lru_cache

_LETTER_FLOOR = 0.8
_SOUND_FLOOR = 0.5
_SOUND_LETTERS = 0.4
_SHORTEST = 4

_RULES = (
    (r"^(?:kn|gn|pn)", "n"), (r"^wr", "r"), (r"^ps", "s"), (r"tch", "X"), (r"ch", "X"), (r"sh", "X"), (r"[ct]i(?=[ao])", "X"),
    (r"ph", "f"), (r"gh(?=t)", ""), (r"gh", "g"), (r"th", "0"), (r"ck", "k"), (r"c(?=[eiy])", "s"), (r"c", "k"), (r"q", "k"), (r"x", "ks"),
    (r"dg(?=[eiy])", "j"), (r"z", "s"), (r"(?<=[aeiou])(?:r|h)(?=[^aeiou]|$)", "r"), (r"(?<=[aeiou][^aeiou])e$", ""),
    (r"[aeiouy]+", "a"), (r"(.)\1+", r"\1"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _RULES)


def edit_distance(one: str, other: str) -> int:
    """Return the Damerau-Levenshtein distance (insertion, deletion, substitution, swap of neighbours).

    Source: optimal string alignment, Damerau 1964.
    """
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for row, char in enumerate(one, start=1):
        current = [row]
        for column, target in enumerate(other, start=1):
            cost = min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (char != target))
            if row > 1 and column > 1 and char == other[column - 2] and one[row - 2] == target:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]


def letter_similarity(one: str, other: str) -> float:
    """Return 1 minus the edit distance relative to the longer text."""
    return 1 - edit_distance(one, other) / max(len(one), len(other), 1)


@lru_cache(maxsize=4096)
def sound(word: str) -> str:
    """Return a rough English sound key: consonants by sound, every vowel group one sign, silent letters gone."""
    key = word
    for pattern, replacement in _COMPILED:
        key = pattern.sub(replacement, key)
    return key


@lru_cache(maxsize=16384)
def alike(heard: str, meant: str) -> float:
    """Return how well `heard` passes for `meant`, both without spaces: 0 for not at all, otherwise 0.5 to 1.

    Words of fewer than four letters never match: there are too many of them.
    """
    if min(len(heard), len(meant)) < _SHORTEST or abs(len(heard) - len(meant)) > 3:
        return 0.0
    letters = letter_similarity(heard, meant)
    if letters >= _LETTER_FLOOR and heard[0] == meant[0]:
        return letters
    key = sound(meant)
    if len(key) >= 4 and key == sound(heard) and letters >= _SOUND_LETTERS:
        return max(letters, _SOUND_FLOOR)
    return 0.0

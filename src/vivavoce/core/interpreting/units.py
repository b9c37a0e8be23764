"""Words of any script, as the unit in which clauses are counted and translations compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vivavoce.protocol.translation_session import base

_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Scripts that put no spaces between words (Thai and Lao, Burmese, Khmer, kana, Chinese characters): there a character is a unit."""

_CHARACTER: Final = re.compile(rf"\s*[{_UNSPACED}]")

_UNIT: Final = re.compile(rf"\s*(?:[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+)")

_SPACELESS: Final = frozenset({"zh", "ja", "th", "lo", "my", "km"})


def units(text: str) -> list[str]:
    """Return a text cut into words, each with the white space before it; together they are the text, but for white space at its end."""
    return _UNIT.findall(text)


def size(unit: str) -> float:
    """Return how many words a unit counts for: two characters of a script without spaces are about one."""
    return 0.5 if _CHARACTER.match(unit) else 1.0


def sayable(pieces: Sequence[str], language: str) -> int:
    """Return how many of these units, from the first on, can be said before it is known what follows.

    All of them where spaces part words; where none do, those up to the last mark of punctuation: the middle of a word is no place to stop.
    """
    count = len(pieces)
    while base(language) in _SPACELESS and count and pieces[count - 1][-1].isalnum():
        count -= 1
    return count


def same_language(one: str, other: str) -> bool:
    """Tell whether two language codes name one language, whatever their regions (`en-GB` is `en`)."""
    return base(one) == base(other)


def joined(before: str, text: str, language: str) -> str:
    """Return a text as it is appended to what was said before it: with the space that belongs between the two, if one does."""
    text = text.strip()
    if not text or not before or base(language) in _SPACELESS:
        return text
    return " " + text

"""Whether a translation is its source again: then nothing was translated."""

from __future__ import annotations

import unicodedata
from typing import Final

_WORDS: Final = 4
"""Words, or ideographs, from which a text that stays the same is no translation; shorter, it may be a name or a number."""


def copies(source: str, translation: str) -> bool:
    """Tell whether a translation says, letter for letter, what its source says, and is long enough for that to mean something."""
    return can_be_told(source) and letters(source) == letters(translation)


def can_be_told(source: str) -> bool:
    """Tell whether a text is so long that its translation must differ from it."""
    spoken = any(sign.isalpha() for sign in source)
    return spoken and (len(source.split()) >= _WORDS or sum(map(is_wide, source)) >= _WORDS)


def letters(text: str) -> str:
    """Return letters and digits alone, case folded."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def is_wide(sign: str) -> bool:
    """Tell whether a character takes two columns: ideographs, kana, hangul."""
    return unicodedata.east_asian_width(sign) in ("W", "F")

"""Cut a text into its written words: what a listener has or has not heard is counted in these."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNSPACED = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
"""Kana and Han, which are written without spaces: a regular expression's character range. Each such letter is a word here."""

_SMALL_KANA = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー々"

_WORD = re.compile(rf"[^\w\s]*[{UNSPACED}][{_SMALL_KANA}]*[^\w\s]*|(?:(?!{'[' + UNSPACED + ']'})\S)+")


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word as written, punctuation included, and where it begins and ends in its text (characters)."""

    text: str
    start: int
    end: int


def written_words(text: str) -> tuple[WrittenWord, ...]:
    """Cut a text into words, in order, so that nothing but white space lies between them.

    Words are what white space separates, except in scripts that use none, where a syllable sign or ideograph with its
    punctuation stands for a word: truncation could otherwise only cut at the end of a sentence.
    """
    return tuple(WrittenWord(match.group(), *match.span()) for match in _WORD.finditer(text))

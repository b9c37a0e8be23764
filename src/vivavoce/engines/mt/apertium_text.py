"""Texts on their way into an apertium pipe and out of it.

In apertium's stream format some signs are markup. Those of the format are escaped on the way in; those that the programs
themselves put before words go in as superblanks, `[…]`, which pass through untouched. So every mark on the way out is
apertium's own: `*word` (not in its dictionary), `@word` (not in the bilingual one), `#word` (a form it could not make). Marks
are counted and taken off.

Source: the Apertium stream format, https://wiki.apertium.org/wiki/Apertium_stream_format.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_LEFT_OUT: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of signs that nobody says. Nor does anybody say backslashes and circumflexes, of which some programs misread even
the escaped ones, and then wait for ever."""
_FORMAT: Final = re.compile(r"([$/<>{}\[\]@])")
_MARKS: Final = re.compile(r"([*#~]+)")
_PIECE: Final = re.compile(r"\[([^\\\[\]]*)\]|\\(.)|([*@#])(?=\w)|(.)", re.DOTALL)
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Translated:
    """A text as it came out of a pipe, without marks: how many of its words had one, and how many words there are."""

    text: str
    unknown: int
    words: int


def encode(text: str) -> str:
    """Return a text as apertium reads it: one line, without what nobody says, markup escaped."""
    plain = "".join(" " if sign in "\\^" or unicodedata.category(sign) in _LEFT_OUT else sign for sign in text)
    return _MARKS.sub(r"[\1]", _FORMAT.sub(r"\\\1", " ".join(plain.split())))


def decode(stream: str) -> Translated:
    """Return the text of what came out."""
    pieces: list[str] = []
    unknown = 0
    for blank, escaped, mark, sign in _PIECE.findall(stream):
        unknown += bool(mark)
        pieces.append(blank or escaped or sign)
    text = " ".join("".join(pieces).split())
    return Translated(text, unknown, len(_WORD.findall(text)))

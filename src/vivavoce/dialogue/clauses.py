"""Cut text that is still being written into clauses that can be spoken.

The sooner the first clause is cut, the sooner the answer is heard; the longer a clause is, the better it sounds. So the first cut is
taken at the first comma after a few words, and later ones are worth waiting for: while one clause is spoken, the next is written.

A cut is made only when the next letter has arrived, so that what follows can decide ("No. 5" and "No. I", "3." and "3.5"), and a cut
never depends on how the text was divided into deltas. White space stays with the clause before it.

Source: the clause chunker of LocalAI's realtime endpoint, `realtime_chunker.go`: cuts confirmed by what follows, a minimum only for
cuts inside sentences, full-width marks and Thai spaces as boundaries, a cap for text without any. Growing the minimum from clause to
clause follows incremental synthesis practice: Baumann and Schlangen, "Evaluating prosodic processing for incremental speech
synthesis" (Interspeech 2012), who find good prosody with a look-ahead of slightly less than a phrase.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum

from vivavoce.dialogue.abbreviations import ends_in_abbreviation


@dataclass(frozen=True, slots=True)
class ClauseLimits:
    """How many words a clause has at least when cut inside a sentence, and at most.

    `least_words[n]` is for the nth clause, the last entry for all later ones; whole sentences may be shorter. A letter of a script
    without spaces counts as a part of a word.
    """

    least_words: tuple[int, ...] = (3, 8, 12)
    most_words: tuple[int, ...] = (20, 40)
    most_characters: int = 240

    def least(self, clause: int) -> int:
        """Return the minimum for the clause of that number."""
        return self.least_words[min(clause, len(self.least_words) - 1)]

    def most(self, clause: int) -> int:
        """Return the maximum for the clause of that number."""
        return self.most_words[min(clause, len(self.most_words) - 1)]


class ClauseSplitter:
    """Takes deltas of text and gives clauses; their concatenation is exactly the text.

    One splitter serves one answer after the other: `flush` ends an answer.
    """

    def __init__(self, limits: ClauseLimits | None = None) -> None:
        self._limits = limits or ClauseLimits()
        self._buffer = ""
        self._clauses = 0

    def feed(self, text: str) -> list[str]:
        """Add a delta and return the clauses it completes, mostly none."""
        self._buffer += text
        found: list[str] = []
        while cut := _next_cut(self._buffer, self._limits.least(self._clauses), self._limits.most(self._clauses), self._limits):
            found.append(self._buffer[:cut])
            self._buffer = self._buffer[cut:]
            self._clauses += 1
        return found

    def flush(self) -> list[str]:
        """End the answer and return what is left of it: one clause, or none."""
        left, self._buffer, self._clauses = self._buffer, "", 0
        return [left] if left else []


class _Strength(IntEnum):
    NONE = 0
    SOFT = 1
    HARD = 2


_CLOSERS = "\"'”’»)\\]}*_`」』）】〉》"
_IMMEDIATE = "。！？｡，、；：।—"
"""Marks after which a clause may end without white space."""
_SENTENCE_MARKS = frozenset("!?؟。！？｡।")
_SOFT_MARKS = frozenset(",;:،؛，、；：—–")
_PIECE = re.compile(rf"(?P<said>[^\s{_IMMEDIATE}]*[{_IMMEDIATE}]+[{_CLOSERS}{_IMMEDIATE}]*|[^\s{_IMMEDIATE}]+)(?P<gap>\s*)")
_ELLIPSIS = re.compile(r"(?:\.{2,}|…)$")
_UNSPACED = re.compile("[\u3041-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_SPACED_BY_CLAUSE = re.compile("[\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer: no spaces between words, so that a space is a boundary."""


def _next_cut(buffer: str, least: int, most: int, limits: ClauseLimits) -> int:
    """Return where the first clause of the buffer ends, or 0 while that cannot be told."""
    words = 0.0
    for piece in _PIECE.finditer(buffer):
        if piece.end("said") > limits.most_characters:
            return _forced_cut(buffer, limits.most_characters)
        if piece.end() == len(buffer):
            return 0
        words += _count_words(piece["said"])
        strength = _boundary(buffer[: piece.end("said")], piece["gap"], buffer[piece.end()])
        if words > 0 and (strength is _Strength.HARD or (strength is _Strength.SOFT and words >= least) or words >= most):
            return piece.end()
    return 0


def _boundary(before: str, gap: str, following: str) -> _Strength:
    """Judge the place between a text that ends in a word and the character after its white space."""
    if "\n" in gap:
        return _Strength.HARD
    text = before.rstrip(_CLOSERS.replace("\\", ""))
    mark = text[-1:]
    between_digits = following.isdigit() and text.rstrip(" .…,;:-–—，、")[-1:].isdigit()
    if mark in _SENTENCE_MARKS and mark:
        return _Strength.HARD
    if _ELLIPSIS.search(text) or mark in _SOFT_MARKS or _is_lone_dash(text):
        return _Strength.NONE if between_digits else _Strength.SOFT
    if mark == ".":
        return _Strength.NONE if ends_in_abbreviation(text, following) else _Strength.HARD
    return _Strength.SOFT if gap and _SPACED_BY_CLAUSE.match(mark) else _Strength.NONE


def _is_lone_dash(text: str) -> bool:
    """Tell whether a text ends in a hyphen that stands for a dash."""
    return text.endswith("-") and text[:-1].rstrip("-")[-1:].isspace()


def _count_words(piece: str) -> float:
    """Count the words of a piece without white space; a letter of a script without spaces counts as part of one."""
    unspaced = len(_UNSPACED.findall(piece))
    clause_spaced = len(_SPACED_BY_CLAUSE.findall(piece))
    if unspaced or clause_spaced:
        return 0.5 * unspaced + 0.2 * clause_spaced
    return float(any(map(str.isalnum, piece)))


def _forced_cut(buffer: str, most: int) -> int:
    """Return a place within the first `most` characters: after the last white space, or else between two letters."""
    after_space = max((match.end() for match in re.finditer(r"\s+", buffer[:most]) if match.start() > 0), default=0)
    if after_space:
        return after_space
    cut = most
    while cut > 1 and (unicodedata.combining(buffer[cut]) or unicodedata.category(buffer[cut]) in ("Mc", "Me", "Mn", "Cf")):
        cut -= 1
    return cut

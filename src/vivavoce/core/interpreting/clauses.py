"""Clauses: where a stream of words is cut, so that each cut can be translated for itself.

A clause ends with a sentence, at a comma once it says something, where the speaker pauses, and at the latest when it has become long.
Every rule looks at the words and their positions in the audio alone, never at when they arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from vivavoce.core.interpreting.units import size, units

COMMA_WORDS: Final = 4
"""Words before a comma that make it the end of a clause. Shorter ones ("well,", "no,") are translated with what follows."""

BREATH_MS: Final = 350
"""A silence between two words that ends a clause of `BREATH_WORDS`. Pauses within a clause are shorter than a quarter of a second, those
between clauses longer. Source: Goldman-Eisler, "Psycholinguistics" (1968), who took 250 ms for the least pause that means something."""

BREATH_WORDS: Final = 3
PAUSE_MS: Final = 700
"""A silence between two words that ends any clause."""

MOST_WORDS: Final = 20
"""Words after which a clause is cut as it stands: about eight seconds of speech."""

MOST_MS: Final = 9_000
"""Time after which it is, for slow speakers: interpreters stay two to four seconds behind, ten at the most. Source: Christoffels and de
Groot, "Simultaneous interpreting" (2005), on the ear-voice span."""

_FULL_STOPS: Final = ".!?…。！？｡।؟"
_COMMAS: Final = ",;:—–、，；：؛،"
_CLOSERS: Final = "\"'”’»)]」』）"
_ABBREVIATIONS: Final = frozenset({"mr", "mrs", "ms", "dr", "prof", "st", "vs", "sr", "sra", "jr", "mt", "e.g", "i.e"})


@dataclass(frozen=True, slots=True)
class SourceWord:
    """One word as heard, with the white space before it; positions in ms of audio since the session began."""

    text: str
    start_ms: int
    end_ms: int
    timed: bool = True
    """Whether the recognizer knows where it lies. Where it does not, its place is a guess that depends on when it was told."""


def placed(text: str, times: Sequence[tuple[int, int]], start_ms: int, end_ms: int) -> list[SourceWord]:
    """Return the words of a piece of text and where they lie.

    Args:
        text: the piece, white space included.
        times: start and end of each of its words, where the recognizer knows them. If it counts words differently, or not at all, the
            time of the piece is shared among them by their letters.
        start_ms: where the piece begins.
        end_ms: where it ends.
    """
    pieces = units(text)
    if len(pieces) == len(times):
        return [SourceWord(piece, *time) for piece, time in zip(pieces, times, strict=True)]
    letters = max(1, sum(len(piece.strip()) for piece in pieces))
    words, done = [], 0
    for piece in pieces:
        begin = start_ms + (end_ms - start_ms) * done // letters
        done += len(piece.strip())
        words.append(SourceWord(piece, begin, start_ms + (end_ms - start_ms) * done // letters, bool(times)))
    return words


@dataclass(slots=True)
class Clause:
    """A stretch of speech on its way into another language."""

    number: int
    source: str
    """Language spoken, empty where nobody knows."""
    target: str
    words: list[SourceWord] = field(default_factory=list)
    ended: bool = False

    @property
    def text(self) -> str:
        """Return what was said."""
        return "".join(word.text for word in self.words).strip()

    @property
    def size(self) -> float:
        """Return how many words it has."""
        return sum(size(word.text) for word in self.words)

    @property
    def start_ms(self) -> int:
        """Return where it begins."""
        return self.words[0].start_ms

    @property
    def end_ms(self) -> int:
        """Return where its last word so far ends."""
        return self.words[-1].end_ms


def parted(clause: Clause, word: SourceWord) -> bool:
    """Tell whether the speaker paused between a clause and the word after it, long enough to part them."""
    if not (word.timed and clause.words[-1].timed):
        return False
    silence = word.start_ms - clause.end_ms
    return silence >= (BREATH_MS if clause.size >= BREATH_WORDS else PAUSE_MS)


def complete(clause: Clause) -> bool:
    """Tell whether a clause ends with the last of its words."""
    count, last = clause.size, clause.words[-1].text.strip().rstrip(_CLOSERS)
    if last.endswith(tuple(_FULL_STOPS)) and last.rstrip(".").lower() not in _ABBREVIATIONS:
        return True
    if last.endswith(tuple(_COMMAS)) and count >= COMMA_WORDS:
        return True
    long = clause.words[0].timed and clause.words[-1].timed and clause.end_ms - clause.start_ms >= MOST_MS
    return count >= MOST_WORDS or long

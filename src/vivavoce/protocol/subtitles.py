"""Subtitles: what is shown when, as SubRip (`.srt`) and WebVTT (`.vtt`) texts, written cue by cue.

    for piece in srt(cues_of("Good evening, everybody.", words)):
        file.write(piece)

Cues never overlap: one that would begin before the last has ended begins when it ends.

Source: WebVTT: The Web Video Text Tracks Format (W3C), sections 4.1 (structure), 4.2.2 (cue text: `&`, `<`, `>`) and 1.5 (voices);
SubRip as players read it: a counter, `hours:minutes:seconds,milliseconds`, one or two lines, a blank line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

LINE_CHARACTERS: Final = 42
"""Longest line; an ideograph is as wide as two characters. Source: Netflix Timed Text Style Guide, English: two lines of 42."""

LONGEST_CUE_MS: Final = 7_000
"""Longest time one cue stays. Source: the same guide, general requirements: seven seconds."""

_LINES: Final = 2
_PAUSE_MS: Final = 1_500
"""A silence after which what comes next is a cue of its own: nobody should read what is not said yet."""

_SENTENCE_END: Final = re.compile(r"[.!?…。！？]['\")\]”’»]*$")
_CLAUSE_END: Final = re.compile(r"[,;:，、；：–—]['\")\]”’»]*$")
_ARROW: Final = re.compile("-{2,}>")
_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


class Timed(Protocol):
    """A word and when it is said, in ms."""

    @property
    def text(self) -> str:
        """The word."""
        ...

    @property
    def start_ms(self) -> int:
        """When it begins."""
        ...

    @property
    def end_ms(self) -> int:
        """When it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Cue:
    """A text that is shown from one time to another, in ms from the start. Its lines are separated by newlines."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A `Timed` word."""

    text: str
    start_ms: int
    end_ms: int


def srt(cues: Iterable[Cue]) -> Iterator[str]:
    """Yield the SubRip text of cues, one piece per cue as it comes; the speaker, where one is known, is named before the text."""
    for number, cue in enumerate(_in_order(cues), 1):
        # SubRip has no way to escape anything: what would be read as the next cue's time line is broken up.
        text = _ARROW.sub("->", f"{cue.speaker}: {cue.text}" if cue.speaker else cue.text)
        yield f"{number}\n{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}\n{text}\n\n"


def vtt(cues: Iterable[Cue]) -> Iterator[str]:
    """Yield the WebVTT text of cues: its header, then one piece per cue as it comes."""
    yield "WEBVTT\n\n"
    for cue in _in_order(cues):
        text = cue.text.translate(_ESCAPES)
        if cue.speaker:
            text = f"<v {' '.join(cue.speaker.split()).translate(_ESCAPES)}>{text}"
        yield f"{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}\n{text}\n\n"


def cues_of(text: str, words: Sequence[Timed], *, start_ms: int = 0, end_ms: int = 0, speaker: str = "") -> Iterator[Cue]:
    """Yield the cues of one utterance: each at most two lines of `LINE_CHARACTERS`, preferably ending where a sentence or clause does.

    Args:
        text: what is said, with its punctuation.
        words: its words with their times. Where they are not those of the text, or there are none, the text is spread over the time.
        start_ms: when the utterance begins; needed without words.
        end_ms: when it has ended; needed without words.
        speaker: who says it.
    """
    pieces = _short(_pieces(text, words) or spread(text, start_ms, end_ms))
    while pieces:
        taken = _fitting(pieces)
        said = "".join(piece.text for piece in pieces[:taken])
        yield Cue(pieces[0].start_ms, pieces[taken - 1].end_ms, "\n".join(_lines(said)), speaker)
        del pieces[:taken]


def spread(text: str, start_ms: int, end_ms: int) -> list[Word]:
    """Return the words of a text, each with the white space after it, over a stretch of time in proportion to their letters."""
    parts = re.findall(r"\S+\s*", text)
    letters = sum(len(part.rstrip()) for part in parts)
    words, passed = [], 0
    for part in parts:
        begins_ms = start_ms + (end_ms - start_ms) * passed // letters
        passed += len(part.rstrip())
        words.append(Word(part, begins_ms, start_ms + (end_ms - start_ms) * passed // letters))
    return words


def _pieces(text: str, words: Sequence[Timed]) -> list[Word]:
    """Return the text cut where its words begin, each piece with the times of its word; nothing if they are not its words."""
    places = []
    at = 0
    for word in words:
        at = text.find(word.text, at)
        if at < 0 or not word.text:
            return []
        places.append(at)
        at += len(word.text)
    if not places or places[0] > LINE_CHARACTERS:
        return []
    ends = [*places[1:], len(text)]
    starts = [0, *places[1:]]
    cut = zip(words, starts, ends, strict=True)
    return [Word(text[start:end], word.start_ms, max(word.start_ms, word.end_ms)) for word, start, end in cut]


def _short(pieces: Sequence[Word]) -> list[Word]:
    """Return the pieces with those longer than a line cut up: languages without spaces, and what nobody should have said."""
    short: list[Word] = []
    for piece in pieces:
        length, at = len(piece.text), 0
        span_ms = piece.end_ms - piece.start_ms
        for part in _cut(piece.text):
            start_ms = piece.start_ms + span_ms * at // length
            at += len(part)
            short.append(Word(part, start_ms, piece.start_ms + span_ms * at // length))
    return short


def _fitting(pieces: Sequence[Word]) -> int:
    """Return how many of the pieces the next cue takes: all that fit, or fewer if a sentence or a clause ends among them."""
    most = 1
    said = pieces[0].text
    while most < len(pieces):
        said += pieces[most].text
        too_late = pieces[most].end_ms - pieces[0].start_ms > LONGEST_CUE_MS
        pause = pieces[most].start_ms - pieces[most - 1].end_ms > _PAUSE_MS
        if too_late or pause or len(_lines(said)) > _LINES:
            break
        most += 1
    if most == len(pieces):
        return most
    for end in (_SENTENCE_END, _CLAUSE_END):
        # Not too early: a cue of one word flickers by.
        good = [taken for taken in range(max(1, most // 2), most + 1) if end.search(pieces[taken - 1].text.rstrip())]
        if good:
            return good[-1]
    return most


def _lines(text: str) -> list[str]:
    """Return a text in as few lines as it takes, two of them about equally long."""
    words = [part for word in text.split() for part in _cut(word)]
    lines = _filled(words, LINE_CHARACTERS)
    if len(lines) != _LINES:
        return lines
    whole = _width(" ".join(words))
    for width in range(whole // 2, LINE_CHARACTERS):
        balanced = _filled(words, width)
        if len(balanced) == _LINES:
            return balanced
    return lines


def _cut(word: str) -> Iterator[str]:
    """Yield a word in parts no wider than a line; white space after it takes no room."""
    part, width = "", 0
    for character in word:
        room = 0 if character.isspace() else _width(character)
        if width + room > LINE_CHARACTERS:
            yield part
            part, width = "", 0
        part += character
        width += room
    if part:
        yield part


def _filled(words: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and _width(lines[-1]) + 1 + _width(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def _width(text: str) -> int:
    """Return the columns a text takes. Source: Unicode Standard Annex 11, East Asian Width: wide and full-width take two."""
    return len(text) if text.isascii() else len(text) + sum(unicodedata.east_asian_width(each) in "WF" for each in text)


def _in_order(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Yield the cues that say something, none before the one before has ended, no line of them blank (it would end the cue)."""
    free_ms = 0
    for cue in cues:
        text = "\n".join(line.strip() for line in cue.text.splitlines() if line.strip())
        if not text:
            continue
        start_ms = max(cue.start_ms, free_ms)
        free_ms = max(cue.end_ms, start_ms + 1)
        yield Cue(start_ms, free_ms, text, " ".join(cue.speaker.split()))


def _time(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"

"""A hypothesis as the words that are agreed upon one by one: as written, with what stands before each, and when each was said."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vivavoce.engines.ports import Hypothesis, RecognizedWord

_UNSPACED: Final = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))
"""Scripts written without white space between words: Thai and Lao, Burmese, Khmer, kana, Han. There a character is a word."""
_CLOSING: Final = ".,;:!?…。、，；：！？"


@dataclass(frozen=True, slots=True)
class Token:
    """One word. Times in ms from the start of the segment; `gap` is the white space before it."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0
    speaker: str = ""
    gap: str = " "

    @property
    def bare(self) -> Token:
        """The same without closing marks: an engine ends a sentence wherever the audio it was given ends."""
        return replace(self, text=self.text.rstrip(_CLOSING) or self.text)

    @property
    def word(self) -> RecognizedWord:
        """The word as the port has it."""
        return RecognizedWord(self.text, self.start_ms, self.end_ms, self.confidence, self.speaker)


def tokens(hypothesis: Hypothesis, start_ms: int, end_ms: int) -> tuple[Token, ...]:
    """Return the words of a hypothesis about the audio between two positions of a segment.

    A hypothesis without word times gets times in proportion to the words' lengths.
    """
    if hypothesis.words:
        return _located(hypothesis, start_ms)
    pieces = split(hypothesis.text)
    per_letter = (end_ms - start_ms) / max(1, sum(len(text) for _, text in pieces))
    found, letters = [], 0
    for gap, text in pieces:
        begin = start_ms + round(letters * per_letter)
        letters += len(text)
        found.append(Token(text, begin, start_ms + round(letters * per_letter), hypothesis.confidence, gap=gap))
    return tuple(found)


def written(found: Iterable[Token]) -> str:
    """Return the text of a segment's words."""
    return "".join(token.gap + token.text for token in found).strip()


def joined(before: Sequence[Token], after: Sequence[Token]) -> list[Token]:
    """Return the words `after`, the first with the white space that parts it from the words `before`."""
    if not before or not after:
        return list(after)
    between = "" if _unspaced(before[-1].text[-1]) or _unspaced(after[0].text[0]) else " "
    return [replace(after[0], gap=after[0].gap or between), *after[1:]]


def split(text: str) -> list[tuple[str, str]]:
    """Return the words of a text, each with the white space before it; both together are the text, but for its outer white space."""
    pieces: list[tuple[str, str]] = []
    gap = word = ""
    for letter in text.strip():
        if letter.isspace():
            if word:
                pieces.append((gap, word))
                gap = word = ""
            gap += letter
        elif word and letter.isalnum() and (_unspaced(letter) or _unspaced(word[-1])) and not _combining(letter):
            pieces.append((gap, word))
            gap, word = "", letter
        else:
            word += letter
    return [*pieces, (gap, word)] if word else pieces


def _located(hypothesis: Hypothesis, start_ms: int) -> tuple[Token, ...]:
    """Return the timed words as the text writes them; marks that belong to no word go with the word before."""
    text = hypothesis.text.strip()
    lowered = text.lower() if len(text.lower()) == len(text) else text
    found: list[Token] = []
    place = 0
    for word in hypothesis.words:
        said = word.text.strip()
        if not said:
            continue
        at = lowered.find(said.lower(), place)
        if at < 0:  # the engine writes its words in another way than its text: the words alone are told
            return tuple(_token(word, word.text.strip(), " ", start_ms) for word in hypothesis.words if word.text.strip())
        marks = text[place:at].rstrip()
        gap = text[place + len(marks) : at]
        if found:
            found[-1] = replace(found[-1], text=found[-1].text + marks)
        written_as = text[at : at + len(said)] if found else marks + gap + text[at : at + len(said)]
        found.append(_token(word, written_as, gap if found else "", start_ms))
        place = at + len(said)
    if found:
        found[-1] = replace(found[-1], text=found[-1].text + text[place:])
    return tuple(found)


def _token(word: RecognizedWord, text: str, gap: str, start_ms: int) -> Token:
    return Token(text, start_ms + word.start_ms, start_ms + word.end_ms, word.confidence, word.speaker, gap)


def _unspaced(letter: str) -> bool:
    return any(low <= ord(letter) <= high for low, high in _UNSPACED)


def _combining(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")

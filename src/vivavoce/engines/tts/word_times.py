"""When each written word is said, from an engine's marks, or by proportion where there are none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from vivavoce.engines.ports import WordTime
from vivavoce.engines.tts.spoken import SpokenText
from vivavoce.engines.tts.written import UNSPACED, written_words

_VOWEL_RUN = re.compile(r"[aeiouyаеиоуыэюяєіїαεηιουω]+")
_UNSPACED = re.compile(f"[{UNSPACED}\uac00-\ud7a3]")
_PAUSE_WEIGHT = {",": 1.0, ";": 1.5, ":": 1.5, ".": 2.0, "!": 2.0, "?": 2.0, "…": 2.0, "、": 1.0, "，": 1.0, "。": 2.0}


def syllable_weight(word: str) -> float:
    """Estimate how long a written word takes, in syllables (at least 0; 0 when nothing in it is pronounced).

    Runs of vowels count as syllables, less a silent final e; a digit counts as one and a half, as do ideographs as one; other
    scripts as one for two letters.
    """
    letters = unicodedata.normalize("NFD", word.lower())
    letters = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
    weight = 1.5 * sum(letter.isdigit() for letter in letters)
    weight += len(_UNSPACED.findall(word))
    alphabetic = re.sub(r"[^a-zа-яєіїα-ω]", "", letters)
    if alphabetic:
        runs = len(_VOWEL_RUN.findall(alphabetic))
        if runs > 1 and alphabetic.endswith("e") and not alphabetic.endswith(("le", "ee")):
            runs -= 1
        weight += max(1, runs)
    elif weight == 0:
        weight = 0.5 * sum(letter.isalpha() for letter in word)
    return weight


def proportional_words(text: str, duration_ms: int) -> tuple[WordTime, ...]:
    """Spread a text's words over a duration by their syllables, with room for the pauses punctuation asks for.

    The way to tell roughly what has been heard from an engine that reports no times.
    """
    words = written_words(text)
    shares: list[float] = []
    for word in words:
        weight = syllable_weight(word.text)
        shares += [weight, _PAUSE_WEIGHT.get(word.text[-1], 0.0) if weight else 0.0]
    if shares:
        shares[-1] = 0.0
    total = sum(shares)
    times: list[WordTime] = []
    position = 0.0
    for word, share, pause in zip(words, shares[::2], shares[1::2], strict=True):
        start, position = position, position + share
        unit = duration_ms / total if total else 0.0
        times.append(WordTime(word.text, round(start * unit), round(position * unit)))
        position += pause
    return tuple(times)


def marked_words(spoken: SpokenText, marks: Sequence[tuple[int, float, float]], duration_ms: int) -> tuple[WordTime, ...]:
    """Give each written word its time from an engine's marks.

    A written word may have many marks ("42" is said as two words) or none: engines run common words together ("of the"), so the
    words after a mark that have none of their own share its time by their syllables.

    Args:
        spoken: the text the engine read.
        marks: (character offset in `spoken.text`, start ms, end ms), in order of time.
        duration_ms: length of the speech; times are kept within it.

    Returns:
        One entry per written word; starts and ends never decrease. Words that are not pronounced take no time.
    """
    found: dict[int, tuple[float, float]] = {}
    for offset, start, end in marks:
        index = spoken.word_at(offset)
        if index is not None:
            first, last = found.get(index, (start, end))
            found[index] = (min(first, start), max(last, end))
    known = sorted(found)
    intervals: dict[int, tuple[float, float]] = {}
    for index, following in pairwise([*known, len(spoken.words)]):
        sharing = [index] + [other for other in range(index + 1, following) if spoken.spans[other][0] < spoken.spans[other][1]]
        start, end = found[index]
        weights = [max(0.5, syllable_weight(spoken.words[other].text)) for other in sharing]
        unit = (end - start) / sum(weights)
        for other, weight in zip(sharing, weights, strict=True):
            intervals[other] = (start, start + weight * unit)
            start += weight * unit
    return _in_order(spoken, intervals, duration_ms)


def _in_order(spoken: SpokenText, intervals: dict[int, tuple[float, float]], duration_ms: int) -> tuple[WordTime, ...]:
    times: list[WordTime] = []
    reached = 0
    for index, word in enumerate(spoken.words):
        start, end = intervals.get(index, (reached, reached))
        start_ms = min(max(round(start), reached), duration_ms)
        reached = min(max(round(end), start_ms), duration_ms)
        times.append(WordTime(word.text, start_ms, reached))
    return tuple(times)

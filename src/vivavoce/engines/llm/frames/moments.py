"""Dates and times in speech: found, cut out and left as text, because what "next friday" means is the tool's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vivavoce.engines.llm.frames.numbers import TENS, UNITS
from vivavoce.engines.llm.frames.wordlists import word_set

_DAYS = word_set(
    """monday tuesday wednesday thursday friday saturday sunday today tonight tomorrow yesterday january february march april
    june july august september october november december weekend christmas easter"""
)
_MONTHS = word_set("january february march april may june july august september october november december")
_CLOCK = word_set("noon midnight am pm o'clock oclock morning afternoon evening night lunchtime")
_SPANS = word_set("minute minutes hour hours day days week weeks month months year years")
_ORDINALS = word_set(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"""
)
_GLUE = word_set("at on in the of next this past to quarter half from a an for around about by coming and")
_NUMBERS = frozenset(UNITS) | frozenset(TENS)


@dataclass(frozen=True, slots=True)
class Moment:
    """Words `start` to `end` (exclusive) that name a day, a time of day, or both."""

    start: int
    end: int
    day: bool
    clock: bool


def find_moments(words: Sequence[str]) -> tuple[Moment, ...]:
    """Find the expressions of time in `words`; a bare number is none, "at seven" and "seven thirty" are."""
    found: list[Moment] = []
    index = 0
    while index < len(words):
        end = index
        while end < len(words) and _belongs(words, end) and not (end > index and _starts_count(words, end)):
            end += 1
        moment = _trim(words, index, end) if end > index else None
        if moment is not None:
            found.append(moment)
        index = max(end, index + 1)
    return tuple(found)


def split_moment(words: Sequence[str], moment: Moment) -> tuple[Moment | None, Moment | None]:
    """Split into the part that names the day and the part that names the time of day ("tomorrow", "at seven pm")."""
    if not (moment.day and moment.clock):
        return (moment, None) if moment.day else (None, moment)
    inside = range(moment.start, moment.end)
    days = [index for index in inside if _is_day(words, index) or words[index] in _ORDINALS]
    clocks = [index for index in inside if words[index] in _CLOCK or words[index] in _NUMBERS or words[index].isdigit()]
    clocks = [index for index in clocks if index not in days]
    if not days or not clocks:
        return moment, None
    boundary = clocks[0] if clocks[0] > days[-1] else days[0]
    first, second = _trim(words, moment.start, boundary), _trim(words, boundary, moment.end)
    return (first, second) if clocks[0] > days[-1] else (second, first)


def _belongs(words: Sequence[str], index: int) -> bool:
    word = words[index]
    known = word in _DAYS or word in _CLOCK or word in _SPANS or word in _ORDINALS or word in _GLUE or word in _NUMBERS
    return (
        known
        or word.isdigit()
        or (word == "may" and _is_day(words, index))
        or (word[:-2].isdigit() and word[-2:] in {"st", "nd", "rd", "th"})
    )


def _starts_count(words: Sequence[str], index: int) -> bool:
    """Tell whether a number at `index` counts something else: "next friday two adults"."""
    word, before = words[index], words[index - 1]
    number = word in _NUMBERS or word.isdigit()
    return (
        number and before in _DAYS and before not in _MONTHS and not {"am", "pm", "o'clock"} & set(words[index + 1 : index + 3])
    )


def _is_day(words: Sequence[str], index: int) -> bool:
    word = words[index]
    if word == "may":  # the verb is far more common: only with a date next to it
        near = [*words[max(0, index - 2) : index], *words[index + 1 : index + 2]]
        return any(other in _ORDINALS or other.isdigit() for other in near)
    return word in _DAYS


def _trim(words: Sequence[str], start: int, end: int) -> Moment | None:
    """Cut loose words off both ends; return None when nothing in between names a time."""
    while end > start and words[end - 1] in _GLUE:
        end -= 1
    while start < end and words[start] in _GLUE and words[start] not in {"next", "this", "half", "quarter", "in", "coming"}:
        start += 1
    inside = range(start, end)
    day = any(_is_day(words, index) for index in inside) or any(words[i] in _ORDINALS and i > start for i in inside)
    clock = any(words[index] in _CLOCK for index in inside) or _is_hour(words, start, end)
    relative = any(words[index] in _SPANS for index in inside) and words[start] in {"in", "next", "this", "half"}
    if not (day or clock or relative):
        return None
    while not relative and start < end and words[start] in {"in", "half", "quarter"} and not clock:
        start += 1
    return Moment(start, end, day or (relative and not clock), clock or (relative and not day))


def _is_hour(words: Sequence[str], start: int, end: int) -> bool:
    if start >= end:
        return False
    number = words[start] in _NUMBERS or words[start].isdigit()
    led = start > 0 and words[start - 1] in {"at", "by", "around"}
    two = end - start == 2 and number and (words[start + 1] in TENS or words[start + 1] in {"fifteen", "ten"})
    spoken_hour = UNITS.get(words[start], 99) in range(1, 13)
    past = bool({"past", "quarter"} & set(words[start:end]))
    return (number and led) or (two and spoken_hour) or (past and end - start > 1)

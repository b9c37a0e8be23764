"""Spoken quantities: "twenty three", "a couple", "two and a half", "half an hour", "40".

Only quantities live here; numbers that are names (order 8 3 5 2 1) are spelled, see `spelling`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vivavoce.engines.llm.frames.scan import scan
from vivavoce.engines.llm.frames.wordlists import word_list

UNITS = {
    word: value
    for value, word in enumerate(
        word_list(
            """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen"""
        )
    )
}
TENS = {
    word: 10 * value for value, word in enumerate(word_list("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
} | {"fourty": 40}
SCALES = {"thousand": 1_000, "million": 1_000_000}
_VAGUE_COUNTS = {"couple": 2, "pair": 2, "dozen": 12}
_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number said in words `start` to `end` (exclusive); `unit` is the time unit said after it, if one was."""

    start: int
    end: int
    value: float
    unit: str = ""

    @property
    def whole(self) -> bool:
        """Whether the value is an integer."""
        return float(self.value).is_integer()


def convert(quantity: Quantity, unit: str) -> float:
    """Return the quantity in the time unit `unit` (`minute`); unchanged where either unit is unknown.

    A fraction of the said unit that does not come out even is kept.
    """
    said, wanted = _SECONDS.get(quantity.unit), _SECONDS.get(unit)
    if said is None or wanted is None:
        return quantity.value
    return quantity.value * said / wanted


def cardinal(words: Sequence[str], start: int) -> tuple[int, int] | None:
    """Read one cardinal number at `start`; return its value and the index behind it, or None.

    "one twenty" is not one number: the reading ends after "one".
    """
    total, end, ceiling = 0, start, 10**9
    follows = start
    while (group := _below_thousand(words, follows)) is not None:
        value, behind = group
        scale = SCALES.get(words[behind], 1) if behind < len(words) else 1
        if scale >= ceiling:
            break
        total += value * scale
        end = behind + (scale > 1)
        if scale == 1:
            break
        ceiling = scale
        follows = end + (end < len(words) and words[end] == "and")
    return (total, end) if end > start else None


def _below_thousand(words: Sequence[str], start: int) -> tuple[int, int] | None:
    if start >= len(words):
        return None
    word = words[start]
    following = words[start + 1] if start + 1 < len(words) else ""
    if word in UNITS or (word == "a" and following == "hundred"):
        value, end = UNITS.get(word, 1), start + 1
        if following == "hundred" and 0 < value < 20:
            value, end = value * 100, end + 1
            rest = _below_hundred(words, end + 1 if end < len(words) and words[end] == "and" else end)
            if rest is not None:
                return value + rest[0], rest[1]
        return value, end
    return _below_hundred(words, start)


def _below_hundred(words: Sequence[str], start: int) -> tuple[int, int] | None:
    if start >= len(words):
        return None
    word = words[start]
    if word in UNITS and UNITS[word] > 0:
        return UNITS[word], start + 1
    if word not in TENS:
        return None
    unit = UNITS.get(words[start + 1], 0) if start + 1 < len(words) else 0
    return (TENS[word] + unit, start + 2) if 0 < unit < 10 else (TENS[word], start + 1)


def quantities(words: Sequence[str]) -> tuple[Quantity, ...]:
    """Find every quantity in `words`, left to right, none overlapping."""
    return scan(words, _quantity)


def _quantity(words: Sequence[str], start: int) -> Quantity | None:
    if words[start] in {"minus", "negative"} and start + 1 < len(words):
        positive = _quantity(words, start + 1)
        return None if positive is None else Quantity(start, positive.end, -positive.value, positive.unit)
    read = _count(words, start) or _half(words, start)
    if read is None:
        return None
    value, end = read
    if list(words[end : end + 3]) == ["and", "a", "half"]:
        value, end = value + 0.5, end + 3
    unit = words[end].rstrip("s") if end < len(words) and words[end].rstrip("s") in _SECONDS else ""
    if unit and list(words[end + 1 : end + 4]) == ["and", "a", "half"]:
        return Quantity(start, end + 4, value + 0.5, unit)
    return Quantity(start, end + bool(unit), value, unit)


def _half(words: Sequence[str], start: int) -> tuple[float, int] | None:
    if words[start] != "half":
        return None
    behind = start + 1 + (start + 1 < len(words) and words[start + 1] in {"a", "an"})
    if behind < len(words) and words[behind] == "dozen":
        return 6, behind + 1
    return (0.5, behind) if behind < len(words) and words[behind] in _SECONDS else None


def _count(words: Sequence[str], start: int) -> tuple[float, int] | None:
    word = words[start]
    following = words[start + 1] if start + 1 < len(words) else ""
    if word in {"a", "an"} and following in _VAGUE_COUNTS:
        end = start + 2
        return _VAGUE_COUNTS[following], end + (end < len(words) and words[end] == "of")
    if word in {"a", "an"} and following in _SECONDS:
        return 1, start + 1
    if word in _VAGUE_COUNTS:
        return _VAGUE_COUNTS[word], start + 1
    if _DIGITS.fullmatch(word):
        return _written(words, start)
    read = cardinal(words, start)
    if read is None:
        return None
    value, end = read
    if end < len(words) and words[end] == "point":
        digits = ""
        while end + 1 + len(digits) < len(words) and UNITS.get(words[end + 1 + len(digits)], 99) < 10:
            digits += str(UNITS[words[end + 1 + len(digits)]])
        if digits:
            return float(f"{value}.{digits}"), end + 1 + len(digits)
    return value, end


def _written(words: Sequence[str], start: int) -> tuple[float, int]:
    digits = words[start].replace(",", "")
    value, end = float(digits) if "." in digits else int(digits), start + 1
    if end < len(words) and words[end] in SCALES:
        return value * SCALES[words[end]], end + 1
    return value, end

"""Exact identifiers in an utterance: order numbers, codes, telephone numbers, e-mail addresses.

A value is taken only if it is complete: it fits the property's pattern, or, where there is none, it was the answer to the
question or followed the property's own name. Several readings that fit alike are reported, never chosen from (NU-06, ID-04).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vivavoce.engines.llm.frames.schema import Kind, Property
from vivavoce.engines.llm.frames.spelling import Spelled, find_email, fits, spelled_runs, typed_codes
from vivavoce.engines.llm.frames.text import Word, find_phrase, fold, texts
from vivavoce.engines.llm.frames.wordlists import word_set

_NAMES_OF_NUMBERS = word_set("number id code no reference is it's its as the")
_PHONE_DIGITS = 7
_SHORTEST_UNASKED = 3


@dataclass(frozen=True, slots=True)
class FoundIdentifier:
    """Words `start` to `end` (exclusive); `value` is empty when the readings are several or none fits."""

    start: int
    end: int
    value: str
    readings: tuple[str, ...] = ()


def find_identifier(
    text: str, words: Sequence[Word], prop: Property, *, asked: bool, taken: Collection[str]
) -> FoundIdentifier | None:
    """Find the value of `prop` in the utterance.

    Args:
        text: the utterance as written.
        words: its words.
        prop: a property of kind IDENTIFIER or EMAIL.
        asked: whether the utterance answers the question for it.
        taken: values that already belong to other properties.
    """
    if prop.kind is Kind.EMAIL:
        address = find_email(text, words)
        return FoundIdentifier(*address) if address is not None and fits(address[2], prop.pattern) else None
    typed = _typed(text, words, prop, taken)
    if typed is not None:
        return typed
    runs = [run for run in spelled_runs(texts(words)) if not set(run.readings) <= set(taken)]
    anchor = anchor_of(words, prop)
    behind = [run for run in runs if anchor is not None and run.start >= anchor and _touches(words, anchor, run.start)]
    if behind:
        return _judge(behind[-1], prop)
    fitting = [run for run in runs if prop.pattern and any(fits(reading, prop.pattern) for reading in run.readings)]
    if fitting:
        return _judge(fitting[-1], prop)
    likely = [run for run in runs if asked or (_looks_exact(run, prop) and (anchor is not None or _is_phone(prop)))]
    return _judge(max(likely, key=lambda run: len(run.text)), prop) if likely else None


def anchor_of(words: Sequence[Word], prop: Property) -> int | None:
    """Return the index behind the words that name the property ("order number"), or None."""
    said = [fold(word.text) for word in words]
    label = [fold(word) for word in prop.label.split()]
    full = find_phrase(said, label)
    if full >= 0:
        return full + len(label)
    stems = [word for word in label if word not in {"id", "number", "code", "no"}] or label
    positions = [index for index, word in enumerate(said) if word in stems]
    return positions[-1] + 1 if positions else None


def _touches(words: Sequence[Word], anchor: int, start: int) -> bool:
    return all(words[index].text in _NAMES_OF_NUMBERS for index in range(anchor, start))


def _typed(text: str, words: Sequence[Word], prop: Property, taken: Collection[str]) -> FoundIdentifier | None:
    codes = [code for code in typed_codes(text) if code not in taken and fits(code, prop.pattern)]
    joined = [code for code in codes if len(code) > _SHORTEST_UNASKED or prop.pattern]
    if not joined or not any(any(char.isdigit() for char in word.text) and len(word.text) > 1 for word in words):
        return None
    code = joined[-1]
    at = text.rindex(code)
    inside = [index for index, word in enumerate(words) if word.start < at + len(code) and word.end > at]
    return FoundIdentifier(inside[0], inside[-1] + 1, code) if inside else None


def _looks_exact(run: Spelled, prop: Property) -> bool:
    shortest = _PHONE_DIGITS if _is_phone(prop) else _SHORTEST_UNASKED
    return len(run.text) >= shortest and any(char.isdigit() for char in run.text)


def _is_phone(prop: Property) -> bool:
    return bool(prop.topics & {"phone", "telephone", "mobile"})


def _judge(run: Spelled, prop: Property) -> FoundIdentifier:
    if not prop.pattern:
        return FoundIdentifier(run.start, run.end, run.text, run.readings)
    fitting = tuple(reading for reading in _cased(run.readings) if fits(reading, prop.pattern))
    different = fitting[:1] if len({reading.lower() for reading in fitting}) == 1 else fitting
    return FoundIdentifier(run.start, run.end, different[0] if len(different) == 1 else "", different)


def _cased(readings: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for reading in readings for form in (reading, reading.lower())))

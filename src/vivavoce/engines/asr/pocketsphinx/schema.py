"""Function tools as things to be asked for: which slots a request may fill, and the words a person says to fill them.

Only what JSON Schema says is used (`enum`, `const`, `type`, bounds, `items`, nested objects, `anyOf`): nothing is known of any domain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vivavoce.engines.asr.pocketsphinx.text import number_words, sentences, spoken_words

Words = tuple[str, ...]

_MOST_VALUES = 2_000
"""Values kept of one property: a longer list would not fit a small model (nor a second of building it)."""
_MOST_NUMBERS = 120
_DEEPEST = 6
_DEFAULT_HIGHEST = 100
_CODE_WORDS = frozenset({"number", "code", "id", "pin", "phone", "digits", "digit", "zip", "postcode", "account"})
_DIGITS = tuple(number_words(digit)[0] for digit in "0123456789")


@dataclass(frozen=True, slots=True)
class Slot:
    """One property of a tool."""

    name: Words
    values: tuple[Words, ...]
    """Every way to say a value; empty when any text will do."""
    required: bool = False
    digits: bool = False
    """The value is a string of digits, said one by one."""
    qualifies: int | None = None
    """Index of the slot it belongs to: `milkAmount` beside `milk` is said as in "some milk"."""


@dataclass(frozen=True, slots=True)
class Action:
    """One tool: its name as words (the first is usually the verb), its description's sentences, its slots."""

    name: Words
    description: tuple[Words, ...]
    slots: tuple[Slot, ...]


def actions(tools: Sequence[Mapping[str, Any]]) -> tuple[Action, ...]:
    """Return the tools as actions; whatever is malformed in a schema is skipped, never an error."""
    found = []
    for tool in tools:
        name = spoken_words(_text(tool.get("name")))
        if name:
            slots = _qualified(tuple(_slots(tool.get("parameters"), depth=0)))
            found.append(Action(name, sentences(_text(tool.get("description"))), slots))
    return tuple(found)


def _slots(schema: object, depth: int) -> Iterator[Slot]:
    """Yield the slots of an object schema; the properties of nested objects count as its own."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return
    listed = schema.get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, Sequence) else set()
    for key, member in properties.items():
        if not isinstance(member, Mapping):
            continue
        name = spoken_words(str(key))
        if isinstance(member.get("properties"), Mapping):
            yield from _slots(member, depth + 1)
            continue
        items = member.get("items")
        if isinstance(items, Mapping):
            if isinstance(items.get("properties"), Mapping):
                yield from _slots(items, depth + 1)
                continue
            member = {**member, **items}
        values = tuple(dict.fromkeys(_values(member, name)))[:_MOST_VALUES]
        yield Slot(name, values, key in required, digits=not values and _is_code(member, name))


def _values(schema: Mapping[str, Any], name: Words) -> Iterator[Words]:
    """Yield the ways to say each value that `schema` allows, if they can be listed."""
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        for value in listed:
            if isinstance(value, bool):
                yield from _yes_or_no(name)
            elif isinstance(value, str | int | float):
                words = spoken_words(str(value))
                if words:
                    yield words
        return
    for alternative in (*_list(schema.get("anyOf")), *_list(schema.get("oneOf"))):
        if isinstance(alternative, Mapping):
            yield from _values(alternative, name)
    kinds = schema.get("type")
    kinds = {kinds} if isinstance(kinds, str) else set(_list(kinds))
    if "boolean" in kinds:
        yield from _yes_or_no(name)
    if kinds & {"integer", "number"}:
        yield from _numbers(schema)


def _yes_or_no(name: Words) -> Iterator[Words]:
    if name:
        yield from (name, ("with", *name), ("without", *name), ("no", *name))


def _numbers(schema: Mapping[str, Any]) -> Iterator[Words]:
    """Yield numbers between the bounds: all of them while they are few, then the small and the round ones."""
    low = _bound(schema.get("minimum", schema.get("exclusiveMinimum")), 0)
    high = _bound(schema.get("maximum", schema.get("exclusiveMaximum")), max(_DEFAULT_HIGHEST, low))
    low = max(low, 0)
    if high - low < _MOST_NUMBERS:
        numbers = list(range(low, high + 1))
    else:
        step = max(1, 10 ** (len(str(high - low)) - 2))
        numbers = [*range(low, low + 21), *range(low - low % step + step, high + 1, step)][:_MOST_NUMBERS]
    for number in numbers:
        yield number_words(str(number))


def _bound(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 10**6 else default


def _is_code(schema: Mapping[str, Any], name: Words) -> bool:
    """Whether a free string is likely an identifier that is read out digit by digit."""
    return schema.get("type") == "string" and not _CODE_WORDS.isdisjoint((*name, *spoken_words(_text(schema.get("description")))))


def _qualified(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    """Link each slot to the one whose name begins its own."""
    found = []
    for slot in slots:
        heads = [
            index
            for index, other in enumerate(slots)
            if other.name and len(other.name) < len(slot.name) and slot.name[: len(other.name)] == other.name
        ]
        head = max(heads, key=lambda index: len(slots[index].name), default=None)
        found.append(Slot(slot.name, slot.values, slot.required, slot.digits, head))
    return tuple(found)


def digit_words() -> Words:
    """Return the ten digits as words, in order."""
    return _DIGITS


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()

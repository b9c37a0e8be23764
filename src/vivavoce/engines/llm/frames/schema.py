"""What a tool wants, read from its wire form: kinds of properties, the phrases people use for them, and the risk of the call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from vivavoce.engines.llm.frames.numbers import TENS, UNITS
from vivavoce.engines.llm.frames.text import ARTICLES, FUNCTION_WORDS, fold, name_words, words_of
from vivavoce.engines.llm.frames.wordlists import word_set

Phrase = tuple[str, ...]

ANSWER_ONLY = 0.6
"""Phrases less sure than this ("twelve" for "twelve ounce") count only as the answer to a question."""


class Kind(Enum):
    """How a property is filled."""

    CHOICE = "choice"
    CHOICES = "choices"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    IDENTIFIER = "identifier"
    EMAIL = "email"
    MOMENT = "moment"
    TEXT = "text"
    TEXTS = "texts"
    CONSTANT = "constant"
    UNSUPPORTED = "unsupported"


class Risk(Enum):
    """What a call can do to the user, and so what must happen before it (TE-01, TE-02, TE-04, TE-09)."""

    READ = "read"
    READ_ID = "read-id"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value and the phrases that mean it, each with how sure it is (1 for the value as written)."""

    value: Any
    phrases: tuple[tuple[Phrase, float], ...]

    @property
    def spoken(self) -> str:
        """The value as it is read aloud."""
        return " ".join(name_words(str(self.value)))


@dataclass(frozen=True, slots=True)
class Property:
    """One argument of a tool."""

    name: str
    label: str
    kind: Kind
    required: bool
    description: str = ""
    choices: tuple[Choice, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    sibling: str = ""
    """Name of the property this one qualifies: `milk` for `milkAmount`."""
    constant: Any = None

    @property
    def topics(self) -> frozenset[str]:
        """Folded words of the name."""
        return frozenset(fold(word) for word in self.label.split())


@dataclass(frozen=True, slots=True)
class Tool:
    """One function the brain may call; two are equal if their wire forms are, which makes tools cheap keys of caches."""

    source: str = field(repr=False)
    name: str = field(compare=False)
    label: str = field(compare=False)
    description: str = field(compare=False)
    properties: tuple[Property, ...] = field(compare=False)
    risk: Risk = field(compare=False)
    examples: tuple[str, ...] = field(default=(), compare=False)

    def find(self, name: str) -> Property | None:
        """Return the property called `name`, if there is one."""
        return next((prop for prop in self.properties if prop.name == name), None)

    def missing(self, values: Mapping[str, object]) -> tuple[Property, ...]:
        """Return the required properties without a value, in schema order."""
        return tuple(prop for prop in self.properties if prop.required and prop.name not in values)

    @property
    def identifiers(self) -> tuple[Property, ...]:
        """The properties that are exact identifiers."""
        return tuple(prop for prop in self.properties if prop.kind in {Kind.IDENTIFIER, Kind.EMAIL})


_READ_VERBS = word_set(
    """get check list look lookup find fetch search show read query status see view count describe compare track locate what
    retrieve tell browse calculate compute estimate convert lists gets checks finds searches shows returns retrieves
    looks reads fetches calculates return"""
)
_WRITE_VERBS = word_set(
    """place order book set turn switch cancel create add remove delete send pay buy purchase update change charge refund
    transfer reserve schedule submit open close start stop reset register activate deactivate lock unlock make move
    post write call dial record save apply enroll subscribe unsubscribe"""
)
_ID_WORDS = word_set(
    """id number code phone telephone account tracking reference confirmation ticket claim serial imei pin zip sku iban"""
)
_MOMENT_WORDS = word_set("date time day when datetime deadline start end arrival departure checkin checkout until")
_UNIT = re.compile(r"\b(second|minute|hour|day|week)s?\b")
_NUMBER_WORDS = {value: word for word, value in (UNITS | TENS).items() if word != "fourty"}


def parse_tool(tool: Mapping[str, Any]) -> Tool:
    """Read a function tool in wire form: `{"type": "function", "name", "description", "parameters"}`.

    Whatever is malformed is taken as absent: a tool comes from a client and is not ours to trust.
    """
    name = str(tool.get("name") or "")
    description = str(tool.get("description") or "").strip()
    parameters = tool.get("parameters")
    schema = parameters if isinstance(parameters, Mapping) else {}
    raw = schema.get("properties")
    declared = raw if isinstance(raw, Mapping) else {}
    listed = schema.get("required")
    required = frozenset(str(item) for item in listed) if isinstance(listed, Sequence) else frozenset()
    properties = tuple(
        _property(str(key), value, str(key) in required) for key, value in declared.items() if isinstance(value, Mapping)
    )
    properties = tuple(_with_sibling(prop, properties) for prop in properties)
    return Tool(
        source=json.dumps(tool, default=str, sort_keys=True),
        name=name,
        label=" ".join(name_words(name)),
        description=description,
        properties=properties,
        risk=_risk(tool, name, description, properties),
        examples=_examples(tool),
    )


def _examples(tool: Mapping[str, Any]) -> tuple[str, ...]:
    given = tool.get("x-examples") or tool.get("examples") or ()
    listed = [str(item) for item in given] if isinstance(given, Sequence) and not isinstance(given, str) else []
    quoted = re.findall(r"[\"“]([^\"”]{3,120})[\"”]", str(tool.get("description") or ""))
    return tuple(dict.fromkeys([*listed, *quoted]))


def _risk(tool: Mapping[str, Any], name: str, description: str, properties: tuple[Property, ...]) -> Risk:
    declared = str(tool.get("x-risk") or "")
    if declared:
        return {"read": Risk.READ, "read-id": Risk.READ_ID}.get(declared, Risk.WRITE)
    words = name_words(name)
    first = words_of(description)[0].text if words_of(description) else ""
    reads = bool(words) and (words[0] in _READ_VERBS or words[-1] == "status")
    writes = bool(words) and words[0] in _WRITE_VERBS and not reads
    if not writes and not reads:
        reads = first in _READ_VERBS
    if not reads:
        return Risk.WRITE
    exact = any(prop.kind in {Kind.IDENTIFIER, Kind.EMAIL} for prop in properties)
    return Risk.READ_ID if exact else Risk.READ


def _property(name: str, schema: Mapping[str, Any], required: bool) -> Property:
    label_words = list(name_words(name))
    description = str(schema.get("description") or "").strip()
    kind = _kind(schema, label_words, description)
    values: Sequence[Any] = ()
    if kind is Kind.CHOICE:
        values = [value for value in schema["enum"] if value is not None]
    elif kind is Kind.CHOICES:
        values = [value for value in schema["items"]["enum"] if value is not None]
    unit = _UNIT.search(" ".join(label_words)) or _UNIT.search(description.lower())
    return Property(
        name=name,
        label=" ".join(label_words) or name,
        kind=kind,
        required=required,
        description=description,
        choices=_choices(values),
        pattern=str(schema.get("pattern") or ""),
        minimum=_bound(schema.get("minimum")),
        maximum=_bound(schema.get("maximum")),
        unit=unit.group(1) if unit and kind in {Kind.NUMBER, Kind.INTEGER} else "",
        constant=schema.get("const"),
    )


def _bound(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _type(schema: Mapping[str, Any]) -> str:
    declared = schema.get("type")
    if isinstance(declared, Sequence) and not isinstance(declared, str):
        return next((str(item) for item in declared if item != "null"), "")
    return str(declared or "")


def _kind(schema: Mapping[str, Any], label: Sequence[str], description: str) -> Kind:
    if "const" in schema:
        return Kind.CONSTANT
    if _scalars(schema.get("enum")):
        return Kind.CHOICE
    declared = _type(schema)
    if declared == "array":
        items = schema.get("items")
        if isinstance(items, Mapping) and _scalars(items.get("enum")):
            return Kind.CHOICES
        return Kind.TEXTS if isinstance(items, Mapping) and _type(items) == "string" else Kind.UNSUPPORTED
    simple = {"integer": Kind.INTEGER, "number": Kind.NUMBER, "boolean": Kind.BOOLEAN}
    if declared in simple:
        return simple[declared]
    return _text_kind(schema, label, description) if declared in {"string", ""} else Kind.UNSUPPORTED


def _scalars(values: object) -> bool:
    listed = isinstance(values, Sequence) and not isinstance(values, str) and len(values) > 0
    return listed and all(value is None or isinstance(value, str | int | float | bool) for value in values)  # type: ignore[attr-defined]


def _text_kind(schema: Mapping[str, Any], label: Sequence[str], description: str) -> Kind:
    declared = str(schema.get("format") or "")
    names = frozenset(label)
    if declared in {"email", "idn-email"} or "email" in names or {"e", "mail"} <= names:
        return Kind.EMAIL
    if declared in {"date", "time", "date-time", "duration"}:
        return Kind.MOMENT
    if schema.get("pattern") or names & _ID_WORDS or re.search(r"\b(order|account|phone|tracking) number\b", description.lower()):
        return Kind.IDENTIFIER
    if names & _MOMENT_WORDS:
        return Kind.MOMENT
    return Kind.TEXT


def _with_sibling(prop: Property, properties: tuple[Property, ...]) -> Property:
    """Note which property `prop` qualifies, if its values alone would not tell it from another with the same values."""
    if prop.kind is not Kind.CHOICE or not any(_same_values(prop, other) for other in properties):
        return prop
    label = prop.label.split()
    described = frozenset(fold(word.text) for word in words_of(prop.description))
    others = [other for other in properties if other.name != prop.name and not _same_values(prop, other)]
    by_name = [other for other in others if other.label.split() == label[: len(other.label.split())]]
    by_stem = by_name or [other for other in others if other.label.split()[0] == label[0]]
    found = by_stem or [other for other in others if other.topics <= described]
    if not found:
        return prop
    return replace(prop, sibling=found[0].name)


def _same_values(one: Property, other: Property) -> bool:
    return one.name != other.name and bool(one.choices) and [c.value for c in one.choices] == [c.value for c in other.choices]


def _choices(values: Sequence[Any]) -> tuple[Choice, ...]:
    written = [_written_phrase(value) for value in values]
    heads = [phrase[-1] for phrase in written if len(phrase) > 1]
    return tuple(
        Choice(value, _phrases(phrase, short=len(phrase) > 1 and heads.count(phrase[-1]) > 1, taken=written))
        for value, phrase in zip(values, written, strict=True)
    )


def _written_phrase(value: object) -> Phrase:
    if isinstance(value, bool):
        return ("yes",) if value else ("no",)
    return name_words(str(value))


def _phrases(phrase: Phrase, *, short: bool, taken: Sequence[Phrase]) -> tuple[tuple[Phrase, float], ...]:
    """Return the phrases for one value: as written, singular, without article, digits as words, without the common last word."""
    found: dict[Phrase, float] = {phrase: 1.0}
    found.setdefault(tuple(fold(word) for word in phrase), 0.97)
    found.setdefault(tuple(_number_word(word) for word in phrase), 0.99)
    found.setdefault(tuple(_number_digits(word) for word in phrase), 0.99)
    if len(phrase) > 1 and phrase[0] in ARTICLES:
        found.setdefault(phrase[1:], 0.95)
    if short and phrase[:-1] not in taken and not set(phrase[:-1]) <= FUNCTION_WORDS:
        numeric = all(word in UNITS or word in TENS or word.isdigit() for word in phrase[:-1])
        found.setdefault(phrase[:-1], 0.5 if numeric else 0.8)
    return tuple((key, weight) for key, weight in found.items() if key)


def _number_word(word: str) -> str:
    return _NUMBER_WORDS.get(int(word), word) if word.isdigit() and len(word) < 3 else word


def _number_digits(word: str) -> str:
    value = UNITS.get(word, TENS.get(word))
    return word if value is None else str(value)

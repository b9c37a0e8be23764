"""A small schema language whose violations are the official errors.

The official clients, and the people who debug with them, match on `code` and `param`; general validators word neither the way the
service does. A schema here is a value with one method, `check(value, path)`, which returns the accepted value (unchanged but for
documented normalisation) or raises the `ClientFault` that names the dotted path. Nothing is coerced: `"1"` is not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from vivavoce.protocol import errors

NEVER: Final[Mapping[str, Any]] = {"not": {}}
"""The JSON Schema of what nobody can send."""


class Schema(Protocol):
    """What a field may hold."""

    def check(self, value: Any, path: str) -> Any:
        """Return the accepted value.

        Raises:
            ClientFault: the value breaks the schema; `param` is `path` or a path below it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value, kept as it is."""

    def check(self, value: Any, path: str) -> Any:
        """Accept."""
        return value


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters and at least `shortest`."""

    longest: int = 1 << 24
    shortest: int = 0

    def check(self, value: Any, path: str) -> str:
        """Accept a string within bounds."""
        if not isinstance(value, str):
            raise errors.wrong_type(path, "a string", value)
        if len(value) > self.longest:
            raise errors.too_long(path, self.longest, len(value))
        if len(value) < self.shortest:
            raise errors.too_short(path, self.shortest, len(value))
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""

    def check(self, value: Any, path: str) -> bool:
        """Accept true or false."""
        if not isinstance(value, bool):
            raise errors.wrong_type(path, "a boolean", value)
        return value


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer within bounds. A float without a fraction is one: JSON does not tell them apart."""

    least: int | None = None
    most: int | None = None

    def check(self, value: Any, path: str) -> int:
        """Accept an integer within bounds."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise errors.wrong_type(path, "an integer", value)
        return int(_within(value, path, self.least, self.most, "integer"))


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds."""

    least: float | None = None
    most: float | None = None

    def check(self, value: Any, path: str) -> float:
        """Accept a finite number within bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise errors.wrong_type(path, "a decimal", value)
        if value != value or value in (float("inf"), float("-inf")):
            raise errors.refused_value(path, f"Invalid '{path}': the number must be finite.")
        return _within(value, path, self.least, self.most, "decimal")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few strings."""

    options: tuple[str, ...]

    def check(self, value: Any, path: str) -> str:
        """Accept one of the options."""
        if not isinstance(value, str):
            raise errors.wrong_type(path, f"one of {', '.join(repr(o) for o in self.options)}", value)
        if value not in self.options:
            raise errors.wrong_value(path, value, self.options)
        return value


@dataclass(frozen=True, slots=True)
class Nullable:
    """The inner schema, or null."""

    inner: Schema

    def check(self, value: Any, path: str) -> Any:
        """Accept null or what the inner schema accepts."""
        return None if value is None else self.inner.check(value, path)


@dataclass(frozen=True, slots=True)
class Items:
    """An array of at most `most` elements, each of one schema."""

    of: Schema
    most: int = 1 << 16

    def check(self, value: Any, path: str) -> list[Any]:
        """Accept an array whose every element is accepted."""
        if not isinstance(value, list):
            raise errors.wrong_type(path, "an array", value)
        if len(value) > self.most:
            raise errors.too_long(path, self.most, len(value), "array")
        return [self.of.check(element, f"{path}[{index}]") for index, element in enumerate(value)]


@dataclass(frozen=True, slots=True)
class Map:
    """An object of free keys with string values (`metadata`)."""

    most: int = 16
    longest_key: int = 64
    longest_value: int = 512

    def check(self, value: Any, path: str) -> dict[str, str]:
        """Accept an object within the three bounds."""
        if not isinstance(value, dict):
            raise errors.wrong_type(path, "an object", value)
        if len(value) > self.most:
            raise errors.too_long(path, self.most, len(value), "object")
        for key, text in value.items():
            if len(key) > self.longest_key:
                raise errors.too_long(f"{path}.{errors.quoted(key, 16)}", self.longest_key, len(key))
            Text(self.longest_value).check(text, f"{path}.{key}")
        return value


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known fields.

    Args:
        fields: schema by name.
        required: names that must be present.
        extra: what happens to other names: refused with `unknown_parameter`, dropped, or kept.
    """

    fields: Mapping[str, Schema]
    required: tuple[str, ...] = ()
    extra: str = "refuse"

    def check(self, value: Any, path: str) -> dict[str, Any]:
        """Accept an object whose required names are there and whose every field is accepted, in the order given."""
        if not isinstance(value, dict):
            raise errors.wrong_type(path, "an object", value)
        for name in self.required:
            if name not in value:
                raise errors.missing(_join(path, name))
        accepted = {}
        for name, inner in value.items():
            schema = self.fields.get(name)
            if schema is not None:
                accepted[name] = schema.check(inner, _join(path, name))
            elif self.extra == "refuse":
                raise errors.unknown(_join(path, name if len(name) <= 64 else name[:64] + "…"))
            elif self.extra == "keep":
                accepted[name] = inner
        return accepted


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object whose `tag` field says which of several records it is."""

    records: Mapping[str, Schema]
    tag: str = "type"
    default: str | None = None

    def check(self, value: Any, path: str) -> Any:
        """Accept what the tagged record accepts."""
        if not isinstance(value, dict):
            raise errors.wrong_type(path, "an object", value)
        where = _join(path, self.tag)
        name = value.get(self.tag, self.default)
        if name is None:
            raise errors.missing(where)
        return self.records[Choice(tuple(self.records)).check(name, where)].check(value, path)


@dataclass(frozen=True, slots=True)
class Either:
    """The schema of the JSON type at hand: strings one way, objects another, numbers a third."""

    expected: str
    text: Schema | None = None
    number: Schema | None = None
    record: Schema | None = None

    def check(self, value: Any, path: str) -> Any:
        """Accept what the schema of this JSON type accepts."""
        if isinstance(value, str) and self.text is not None:
            return self.text.check(value, path)
        if isinstance(value, dict) and self.record is not None:
            return self.record.check(value, path)
        if isinstance(value, int | float) and not isinstance(value, bool) and self.number is not None:
            return self.number.check(value, path)
        raise errors.wrong_type(path, self.expected, value)


@dataclass(frozen=True, slots=True)
class Also:
    """The inner schema and then a further rule, which may normalise.

    Args:
        inner: the schema.
        rule: the rule.
        told: the rule as keywords of JSON Schema, for `schema_document`; `schema.NEVER` where it refuses everything.
    """

    inner: Schema
    rule: Callable[[Any, str], Any] = field(repr=False)
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def check(self, value: Any, path: str) -> Any:
        """Accept what both accept."""
        return self.rule(self.inner.check(value, path), path)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _within(value: float, path: str, least: float | None, most: float | None, kind: str) -> float:
    if least is not None and value < least:
        raise errors.below(path, least, value, kind)
    if most is not None and value > most:
        raise errors.above(path, most, value, kind)
    return value

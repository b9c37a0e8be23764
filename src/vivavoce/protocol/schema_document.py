"""The schemas that requests are checked with, as JSON Schema: what a document says and what the code does cannot drift apart.

A schema of another module's own making says itself what it accepts, with a method `described`. What a document cannot say, such as how
fields depend on each other, is left out: what the code accepts, the document allows.

Source: JSON Schema 2020-12, the dialect of OpenAPI 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, runtime_checkable

from vivavoce.protocol.schema import (
    NEVER,
    Also,
    Anything,
    Choice,
    Either,
    Flag,
    Integer,
    Items,
    Map,
    Nullable,
    Number,
    Record,
    Schema,
    Tagged,
    Text,
)

Json = dict[str, Any]

_NULL: Final = {"type": "null"}
_UNBOUNDED: Final = Text().longest
_UNCOUNTED: Final = Items(Anything()).most


@runtime_checkable
class Described(Protocol):
    """A schema that says itself what it accepts."""

    def described(self) -> Json:
        """Return its JSON Schema."""
        ...


def json_schema(schema: Schema) -> Json:
    """Return what a schema accepts as JSON Schema.

    Raises:
        TypeError: it is of a kind nobody has described.
    """
    match schema:
        case Described():
            return schema.described()
        case Anything():
            return {}
        case Text(longest, shortest):
            bounds = {"minLength": shortest or None, "maxLength": None if longest == _UNBOUNDED else longest}
            return {"type": "string", **_given(bounds)}
        case Flag():
            return {"type": "boolean"}
        case Integer(least, most):
            return {"type": "integer", **_given({"minimum": least, "maximum": most})}
        case Number(least, most):
            return {"type": "number", **_given({"minimum": least, "maximum": most})}
        case Choice(options):
            return {"type": "string", "enum": list(options)}
        case Nullable(inner):
            return _nullable(json_schema(inner))
        case Items(of, most):
            return {"type": "array", "items": json_schema(of), **_given({"maxItems": None if most == _UNCOUNTED else most})}
        case Map(most, longest_key, longest_value):
            named = {"propertyNames": {"maxLength": longest_key}, "additionalProperties": json_schema(Text(longest_value))}
            return {"type": "object", "maxProperties": most, **named}
        case Record():
            return _record(schema)
        case Tagged():
            return any_of(_tagged(schema, name, inner) for name, inner in schema.records.items())
        case Either(_, text, number, record):
            return any_of(json_schema(each) for each in (text, number, record) if each is not None)
        case Also(inner, _, told):
            return dict(NEVER) if told == NEVER else {**json_schema(inner), **told}
        case _:
            raise TypeError(f"{type(schema).__name__} has no JSON Schema: give it a method `described`")


def any_of(options: Iterable[Mapping[str, Any]]) -> Json:
    """Return the JSON Schema of values that one of several allows; those that allow nothing are left out."""
    found: list[Json] = []
    for option in options:
        flat = option["anyOf"] if set(option) == {"anyOf"} else [option]
        found += [dict(each) for each in flat if each != NEVER and each not in found]
    if not found:
        return dict(NEVER)
    return found[0] if len(found) == 1 else {"anyOf": found}


def _nullable(schema: Json) -> Json:
    """Return the JSON Schema of what a schema allows, or null."""
    if schema == {} or schema.get("type") == "null":
        return schema
    if not isinstance(schema.get("type"), str) or "const" in schema:
        return any_of((schema, _NULL))
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **enum}


def _record(schema: Record) -> Json:
    properties = {name: json_schema(inner) for name, inner in schema.fields.items()}
    required = {"required": list(schema.required)} if schema.required else {}
    return {"type": "object", "properties": properties, **required, "additionalProperties": schema.extra != "refuse"}


def _tagged(schema: Tagged, name: str, inner: Schema) -> Json:
    """Return one of the records, its tag the one that leads to it."""
    found = json_schema(inner)
    if found == NEVER:
        return found
    tag = {schema.tag: {"type": "string", "const": name}}
    # The tag is named first: in what a reader sees, it says what follows.
    required = list(dict.fromkeys((schema.tag, *found.get("required", ()))))
    if name == schema.default:
        required.remove(schema.tag)
    rest = {key: value for key, value in found.items() if key not in ("type", "properties", "required")}
    properties = {**tag, **{key: value for key, value in found.get("properties", {}).items() if key != schema.tag}}
    return {"type": "object", "properties": properties, **({"required": required} if required else {}), **rest}


def _given(keywords: Mapping[str, Any]) -> Json:
    return {name: value for name, value in keywords.items() if value is not None}

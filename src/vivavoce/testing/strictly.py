"""Reading an event strictly with the types of the `openai` package, which themselves read leniently."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError


class Unofficial(AssertionError):
    """The event is not what the service would send; the message says where and why."""


Readers = Mapping[str, TypeAdapter[Any]]
"""What reads an event, by the event's type."""


def readers(union: Any) -> Readers:
    """Return the reader of each event type in an annotated union of the package's event classes."""
    classes = get_args(get_args(union)[0])
    named = {name: each for each in classes for name in get_args(each.model_fields["type"].annotation)}
    return {name: TypeAdapter(each) for name, each in named.items()}


def read_strictly(event: Mapping[str, Any], known: Readers) -> Any:
    """Read a decoded event without any coercion.

    Raises:
        Unofficial: its type is not known, or its class does not accept it.
    """
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in known:
        raise Unofficial(f"{kind!r} is no server event type")
    try:
        # Strict reading of Python data would want instances; strict reading of JSON wants JSON's types, which is what is on the wire.
        return known[kind].validate_json(json.dumps(event), strict=True)
    except ValidationError as error:
        raise Unofficial(f"{kind}: {error}") from error


def unknown_keys(value: Any, allowed: Mapping[str, set[str]], path: str = "") -> Iterator[str]:
    """Yield the paths of keys that were kept although no class names them; `allowed` are those that may be, by class."""
    if isinstance(value, list):
        for each in value:
            yield from unknown_keys(each, allowed, path + "[]")
    elif isinstance(value, BaseModel):
        known = allowed.get(type(value).__name__, set())
        yield from (joined(path, name) for name in value.model_extra or () if name not in known)
        for name in value.model_fields_set & set(type(value).model_fields):
            yield from unknown_keys(getattr(value, name), allowed, joined(path, name))


def joined(path: str, name: str) -> str:
    """Return the dotted path of a key."""
    return f"{path}.{name}" if path else name

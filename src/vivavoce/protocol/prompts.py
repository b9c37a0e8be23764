"""Prompt templates: session fields under a name, with variables, that a client refers to as `prompt: {id, version, variables}`.

A prompt stands for the fields it holds, in the update that names it; fields given beside it win.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.schema import Anything, Nullable, Record, Text

PROMPT: Final = Nullable(
    Record({"id": Text(256, 1), "version": Nullable(Text(64)), "variables": Nullable(Record({}, extra="keep"))}, ("id",))
)
"""What a client sends."""

_VARIABLE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_TEXT_VARIABLE: Final = Record({"type": Anything(), "text": Text()}, ("type", "text"), extra="drop")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt template.

    `fields` are session fields as `session.update` takes them; in every text among them `{{name}}` stands for a variable.
    """

    id: str
    version: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> frozenset[str]:
        """Return the names of the variables in its texts."""
        return frozenset(name for text in _texts(self.fields) for name in _VARIABLE.findall(text))

    def filled(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return its fields with every variable replaced; `values` has one for each."""
        made: dict[str, Any] = _filled(self.fields, values)
        return made


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts there are, by id; the versions of each in order, the newest last."""

    versions: Mapping[str, tuple[Prompt, ...]] = field(default_factory=dict)

    def find(self, id: str, version: str | None) -> Prompt | None:
        """Return a prompt by its id, the newest version unless one is named; None where there is none."""
        known = self.versions.get(id, ())
        if version is None:
            return known[-1] if known else None
        return next((prompt for prompt in known if prompt.version == version), None)


def expand(update: dict[str, Any], prompts: Prompts, path: str, allowed: frozenset[str]) -> dict[str, Any]:
    """Return an update with the fields of the prompt it names filled in.

    Args:
        update: a checked `session` or `response` object.
        prompts: all there are.
        path: dotted path of the object, for errors.
        allowed: the fields this object may have; others of the prompt are left out (a response has fewer than a session).

    Raises:
        ClientFault: there is no such prompt or version, a variable is missing, not a text, or not one of the prompt's.
    """
    wanted = update.get("prompt")
    if wanted is None:
        return update
    prompt = prompts.find(wanted["id"], wanted.get("version"))
    if prompt is None:
        raise errors.prompt_not_found(f"{path}.prompt.id", wanted["id"], wanted.get("version"))
    values = _values(wanted.get("variables") or {}, prompt, f"{path}.prompt.variables")
    fields = {name: value for name, value in prompt.filled(values).items() if name in allowed}
    return _beneath(fields, update)


def echo(wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a prompt reference as the session shows it: all three keys."""
    return None if wanted is None else {"id": wanted["id"], "version": None, "variables": None, **wanted}


def _values(given: Mapping[str, Any], prompt: Prompt, path: str) -> dict[str, str]:
    for name in given:
        if name not in prompt.variables:
            raise errors.unknown(f"{path}.{name[:64]}")
    values = {}
    for name in sorted(prompt.variables):
        if name not in given:
            raise errors.missing(f"{path}.{name}")
        value = given[name]
        if isinstance(value, dict):
            if value.get("type") != "input_text":
                raise errors.refused_value(
                    f"{path}.{name}", "Prompt variables must be texts; images and files are not supported."
                )
            value = _TEXT_VARIABLE.check(value, f"{path}.{name}")["text"]
        if not isinstance(value, str):
            raise errors.wrong_type(f"{path}.{name}", "a string", value)
        values[name] = value
    return values


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: values[found[1]], value)
    if isinstance(value, Mapping):
        return {name: _filled(inner, values) for name, inner in value.items()}
    return [_filled(inner, values) for inner in value] if isinstance(value, list) else value


def _beneath(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `over` with what `base` has and it has not, object by object."""
    merged = {**base, **over}
    for name, value in base.items():
        if isinstance(value, dict) and isinstance(over.get(name), dict):
            merged[name] = _beneath(value, over[name])
    return merged

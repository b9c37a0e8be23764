"""Form fields as JSON: what multipart requests spell as text becomes what a schema can check.

Official clients send an array as `name[]`, once per element, and an object as `name[key]`, once per member; people who write forms by
hand leave the brackets out, or put JSON into one field. All of them mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from vivavoce.protocol import errors

_MEMBER: Final = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]")
_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class FormFields:
    """Which fields are more than text.

    Args:
        arrays: those that may come more than once.
        numbers: those that hold a number, also as members of objects (`name.key`).
        flags: those that hold true or false.
        objects: those that may be objects.
    """

    arrays: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()

    def read(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the fields as a JSON object. Empty ones are as good as none; what is not spelled like its type stays text.

        Raises:
            ClientFault: a field that has one value comes twice.
        """
        read: dict[str, Any] = {}
        for name, text in pairs:
            member = _MEMBER.fullmatch(name)
            base, key = (member[1], member[2]) if member else (name, "")
            if base in self.arrays:
                if text:
                    read.setdefault(base, []).append(text)
            elif base in self.objects and key:
                inner = read.setdefault(base, {})
                if not isinstance(inner, dict) or key in inner:
                    raise errors.repeated(base)
                inner[key] = self._value(f"{base}.{key}", text)
            elif name in read:
                raise errors.repeated(name)
            elif text:
                read[name] = _decoded(text) if name in self.objects else self._value(name, text)
        return read

    def _value(self, name: str, text: str) -> Any:
        if name in self.flags:
            return _FLAGS.get(text.strip().lower(), text)
        return _number(text) if name in self.numbers else text


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _decoded(text: str) -> Any:
    """Return the JSON object in a text, or the text. What JSON bodies may not hold, this may not either: NaN, half a character."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return text

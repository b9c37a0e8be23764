"""Tables of keys: what the beta called a field, where the field is now, and how its values are said on either side.

One table serves every direction: a client's flat object into the nested one, the nested one back into a flat echo, and the dotted path
of an error back to the name the client used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vivavoce.protocol import errors

Object = dict[str, Any]


def _same_in(value: Any, param: str) -> Any:
    return value


def _same_out(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Key:
    """One field.

    Args:
        name: what the beta calls it.
        path: where it is now, from the root of the object; empty for a field that exists in the beta alone.
        take: makes the present value of the client's; gets the field's dotted path for the fault it may raise.
        give: makes the beta's value of the present one.
        echoed: whether the server says it back.
    """

    name: str
    path: tuple[str, ...]
    take: Callable[[Any, str], Any] = _same_in
    give: Callable[[Any], Any] = _same_out
    echoed: bool = True


def nest(flat: Object, keys: Iterable[Key], root: str) -> Object:
    """Return a client's flat object as the nested one.

    Args:
        flat: the client's object, unchecked.
        keys: the fields it may have.
        root: the object's own dotted path, for faults.

    Raises:
        ClientFault: a field the beta does not have, or a value it does not know.
    """
    by_name = {key.name: key for key in keys}
    nested: Object = {}
    for name, value in flat.items():
        param = f"{root}.{name}"
        key = by_name.get(name)
        if key is None:
            raise errors.unknown(param if len(name) <= 64 else f"{root}.{name[:64]}…")
        taken = key.take(value, param)
        if key.path:
            _put(nested, key.path, taken)
    return nested


def flatten(nested: Mapping[str, Any], keys: Iterable[Key], own: Object) -> Object:
    """Return the flat echo of a nested object; what it lacks is null.

    Args:
        nested: the object as the core says it; not changed.
        keys: the fields of the echo, in its order.
        own: the values of the fields that exist in the beta alone.
    """
    return {key.name: key.give(_dig(nested, key.path)) if key.path else own[key.name] for key in keys if key.echoed}


def paths(keys: Iterable[Key], root: str) -> dict[str, str]:
    """Return the beta's dotted path of each field that is somewhere else now."""
    there = {f"{root}.{'.'.join(key.path)}": f"{root}.{key.name}" for key in keys if key.path}
    return {now: before for now, before in there.items() if now != before}


def _put(nested: Object, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        nested = nested.setdefault(name, {})
    nested[path[-1]] = value


def _dig(nested: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = nested
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

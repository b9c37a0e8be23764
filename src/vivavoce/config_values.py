"""Read one setting: a value somebody gave, into the type it should have, or into a line that says what is wrong with it."""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit


class ConfigError(ValueError):
    """A setting that cannot be used; the message is one line naming the key, the value and what is allowed."""


class Secret:
    """A text that does not show itself in logs, tracebacks, `repr` or `dataclasses.asdict`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


HASHED: Final = "sha256:"
"""What a key begins with that is given by its hash."""


def hashed(key: str) -> str:
    """Return a key as the configuration may hold it."""
    return HASHED + hashlib.sha256(key.encode()).hexdigest()


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the known name that looks most like this one, nothing if none does."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


@dataclass(frozen=True, slots=True)
class Given:
    """A value, where it came from, and what is needed to read it."""

    key: str
    value: object
    source: str
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    secret: bool = False

    def wrong(self, allowed: str) -> ConfigError:
        """Make the error to raise: the key, the value (unless it is a secret), and what is `allowed`."""
        shown = "***" if self.secret else repr(self.value)
        return ConfigError(f"{self.key} = {shown} (from {self.source}): must be {allowed}")


Reader = Callable[[Given], Any]
"""Turns what was given into the value of a setting, or raises `ConfigError`."""


def read_text(given: Given) -> str:
    """Read a text that is not empty; white space around it goes."""
    if not isinstance(given.value, str) or not given.value.strip():
        raise given.wrong("a text that is not empty")
    return given.value.strip()


def read_secret(given: Given) -> Secret:
    """Read a secret; `env:NAME` stands for the environment variable NAME."""
    text = read_text(given)
    if not text.startswith("env:"):
        return Secret(text)
    name = text.removeprefix("env:").strip()
    value = given.environ.get(name, "").strip()
    if not value:
        raise ConfigError(
            f"{given.key} = {text!r} (from {given.source}): the environment variable {name or '(no name)'} is not set"
        )
    return Secret(value)


def list_of(read: Reader) -> Reader:
    """Read a list, or a text with commas."""

    def reader(given: Given) -> tuple[Any, ...]:
        value = given.value
        if isinstance(value, str):
            value = [part for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise given.wrong("a list of texts")
        return tuple(read(replace(given, value=item)) for item in value)

    return reader


def number(kind: type[int] | type[float], low: float, high: float, *, above: bool = False) -> Reader:
    """Read a number from `low` (or, with `above`, from just above it) to `high`; a text is converted."""
    noun = "an integer" if kind is int else "a number"
    limits = f"above {low:g}" if above else f"{low:g} or more" if high == float("inf") else f"from {low:g} to {high:g}"

    def reader(given: Given) -> int | float:
        value = _converted(given.value, kind)
        if value is None or not low <= value <= high or (above and value == low):
            raise given.wrong(f"{noun} {limits}")
        return value

    return reader


def _converted(value: object, kind: type[int] | type[float]) -> int | float | None:
    """Return the value as a number of this kind; None if it is none (a bool is no number, 3.0 no integer)."""
    if isinstance(value, str):
        try:
            return kind(value)
        except ValueError:
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        return kind(value)
    return value if isinstance(value, float) and kind is float else None


def one_of(*allowed: str) -> Reader:
    """Read one of a few words, in upper or lower case."""

    def reader(given: Given) -> str:
        text = given.value.strip().lower() if isinstance(given.value, str) else ""
        if text not in allowed:
            raise given.wrong(f"one of {', '.join(allowed)}" + nearest(text, allowed))
        return text

    return reader


def read_url(given: Given) -> str:
    """Read an HTTP address without a password in it; a slash at its end goes."""
    text = read_text(given).rstrip("/")
    given = replace(given, secret="@" in text)
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise given.wrong("an http:// or https:// address such as http://127.0.0.1:11434/v1")
    if parts.username or parts.password:
        raise given.wrong("an address without a password; put the key into api_key")
    return text


def read_address(given: Given) -> str:
    """Read an IP address."""
    text = read_text(given)
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise given.wrong("an IP address such as 203.0.113.7") from None


def read_ports(given: Given) -> tuple[int, int]:
    """Read a range of ports: `low-high`, or a list of the two."""
    value = given.value
    ends = value.split("-") if isinstance(value, str) else value if isinstance(value, list) else []
    low, high = (_converted(end, int) for end in ends) if len(ends) == 2 else (None, None)
    if low is None or high is None or not 1_024 <= low <= high <= 65_535:
        raise given.wrong("a range of ports from 1024 to 65535, such as 50000-50099")
    return int(low), int(high)


def read_ice_url(given: Given) -> str:
    """Read the address of a STUN or TURN server. Source: RFC 7064 and RFC 7065 (`stun:host:port`, `turn:host:port?transport=udp`)."""
    text = read_text(given)
    given = replace(given, secret="@" in text)
    if not _ICE_URL.fullmatch(text):
        raise given.wrong("an address such as stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=udp")
    return text


_ICE_URL: Final = re.compile(r"(stuns?|turns?):([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(\?transport=(udp|tcp))?")


def read_flag(given: Given) -> bool:
    """Read yes or no: a TOML boolean, or a word."""
    if isinstance(given.value, bool):
        return given.value
    word = given.value.strip().lower() if isinstance(given.value, str) else ""
    if word not in ("true", "false", "yes", "no", "on", "off", "1", "0"):
        raise given.wrong("true or false")
    return word in ("true", "yes", "on", "1")


def read_table(given: Given) -> Mapping[str, Any]:
    """Read a table as it is."""
    if not isinstance(given.value, dict):
        raise given.wrong("a table")
    return given.value


def read_terms(given: Given) -> Mapping[str, Mapping[str, str]]:
    """Read a glossary: terms for every language, and a table of terms for each language that has its own (`[…glossary.es]`).

    Returns:
        Terms by language, those for every one under the empty name.
    """
    terms: dict[str, dict[str, str]] = {}
    for name, value in read_table(given).items():
        if isinstance(value, dict):
            if not _LANGUAGE.fullmatch(name):
                raise replace(given, value=name).wrong("a table of terms, with tables named by a language such as es in it")
            terms[name] = {term: _term(given, f"{name}.{term}", called) for term, called in value.items()}
        else:
            terms.setdefault("", {})[name] = _term(given, name, value)
    return terms


_LANGUAGE: Final = re.compile(r"[a-z]{2}")


def _term(given: Given, name: str, value: object) -> str:
    return read_text(replace(given, key=f"{given.key}.{name}", value=value))


def read_path(given: Given) -> Path:
    """Read a path; `~` is the home folder, and a relative path starts at the file that names it."""
    text = read_text(given)
    if text == "~" or text.startswith("~/"):
        text = given.environ.get("HOME", str(Path.home())) + text[1:]
    return given.folder / text

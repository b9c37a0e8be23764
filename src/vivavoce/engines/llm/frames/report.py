"""What to say about a tool's output: the developer's sentence if there is one, else the result's values first (VB-03)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from vivavoce.engines.llm.frames.instructions import choose_template, fill
from vivavoce.engines.llm.frames.phrasing import listing
from vivavoce.engines.llm.frames.spelling import spoken
from vivavoce.engines.llm.frames.text import name_words

_SENTENCE_KEYS = ("message", "summary", "answer", "text", "result", "description")
_ERROR_STATES = frozenset({"error", "failed", "failure", "fail"})
_ERROR_TEXT = re.compile(r"^\s*(?:error|exception|traceback|failed|fatal|internal server error)\b", re.IGNORECASE)
_NOT_FOUND = re.compile(
    r"not[ _-]?found|no such|does(?: not|n't) exist|unknown|invalid|no (?:match|record|result)|\b404\b", re.IGNORECASE
)
_HIDDEN = re.compile(r"https?://|[{}<>\[\]\\|]|```")
_EXACT_KEYS = frozenset({"id", "number", "code", "phone", "reference", "confirmation", "tracking"})
_LONGEST_SENTENCE = 240
_MOST_VALUES = 3


def parse_output(output: str) -> Any:
    """Return the output as data where it is JSON, else as the text it is."""
    try:
        return msgspec.json.decode(output)
    except (ValueError, RecursionError):
        return output


def is_failure(output: str) -> bool:
    """Tell whether an output says that the call failed."""
    data = parse_output(output)
    if isinstance(data, Mapping):
        if any(data.get(key) for key in ("error", "errors", "exception", "is_error", "isError")):
            return True
        if any(data.get(key) is False for key in ("success", "ok", "found")):
            return True
        return str(data.get("status", "")).lower() in _ERROR_STATES
    return isinstance(data, str) and _ERROR_TEXT.match(data) is not None


def is_not_found(output: str) -> bool:
    """Tell whether a failure is about the identifier rather than the service."""
    return _NOT_FOUND.search(output) is not None


def tell(output: str, instructions: str, tool_name: str, *, wrote: bool) -> str:
    """Say a successful output.

    Args:
        output: the tool's output as the client sent it.
        instructions: the session's instructions, searched for a sentence with fitting placeholders.
        tool_name: the tool that was called.
        wrote: whether the call changed something, so that bare success is worth saying (TE-10).
    """
    data = parse_output(output)
    flat = _flat(data) if isinstance(data, Mapping) else {}
    template = choose_template(instructions, flat.keys(), tool_name)
    if template is not None:
        return fill(template, {key: _aloud(key, value) for key, value in flat.items()})
    done = "That's done." if wrote else "I have the result, but nothing in it I can read out."
    if isinstance(data, Mapping):
        return _mapping(flat, data) or done
    if isinstance(data, list):
        return _items(data) or ("I found nothing." if not data else done)
    if data is None or isinstance(data, bool):
        return done if data is not False else "The answer is no."
    text = str(data).strip()
    return _sentence(text) if _speakable(text) else done


def _flat(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Lift nested values up: the leaf's own name is its key, outer values win over inner ones."""
    flat: dict[str, Any] = {}
    for value in data.values():
        if isinstance(value, Mapping):
            flat.update(_flat(value))
    flat.update({str(key): value for key, value in data.items() if not isinstance(value, Mapping)})
    return flat


def _mapping(flat: Mapping[str, Any], data: Mapping[Any, Any]) -> str:
    for key in _SENTENCE_KEYS:
        value = data.get(key)
        if isinstance(value, str) and len(value.split()) > 2 and _speakable(value):
            return _sentence(value)
    facts: list[str] = []
    for key, value in flat.items():
        if isinstance(value, bool) and key in {"ok", "success", "done"}:
            continue
        said = _aloud(key, value)
        if said and _speakable(said):
            facts.append(f"the {' '.join(name_words(key))} {'are' if isinstance(value, list) else 'is'} {said}")
    if not facts:
        return ""
    return _sentence(listing(facts[:_MOST_VALUES]))


def _items(items: list[Any]) -> str:
    said = [_aloud("", _title(item)) for item in items[:_MOST_VALUES]]
    shown = [text for text in said if text and _speakable(text)]
    if not shown:
        return ""
    return (
        f"I found {len(items)}: {listing(shown)}."
        if len(items) <= _MOST_VALUES
        else f"I found {len(items)}, first {listing(shown)}."
    )


def _title(item: Any) -> Any:
    if isinstance(item, Mapping):
        flat = _flat(item)
        return next((flat[key] for key in ("name", "title", "label", "id") if key in flat), next(iter(flat.values()), None))
    return item


def _aloud(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return listing([_aloud("", _title(item)) for item in value[: _MOST_VALUES + 2]])
    if isinstance(value, float):
        return f"{value:g}".replace(".", " point ")
    text = str(value).strip()
    exact = bool(_EXACT_KEYS & set(name_words(key)))
    if exact and len(text) >= 4 and " " not in text and any(char.isdigit() for char in text):
        return spoken(text)
    return text.replace("_", " ")


def _speakable(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_SENTENCE and _HIDDEN.search(text) is None


def _sentence(text: str) -> str:
    text = " ".join(text.replace("*", "").replace("#", "").replace("`", "").split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."

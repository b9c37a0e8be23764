"""The official word on a server event: the types of the `openai` package, read strictly.

The package parses leniently, so that old clients survive new servers; a server that wants its events understood has to be read the
other way. `validate_event` takes one decoded event and raises `Unofficial` unless

- its `type` is one the package knows, and the class for that type accepts it without coercion: every required key there, every
  literal spelled right, numbers as numbers;
- it has no key the class does not know, apart from those the service itself was recorded to send beyond its types;
- null and absent keys are as recorded: strict clients die of a null they did not expect, and of a key that is missing.

Source: the package's `RealtimeServerEvent`, and frames recorded from the service in July and August 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from vivavoce.testing.strictly import Readers, Unofficial, read_strictly, readers, unknown_keys

__all__ = ["Unofficial", "validate_event"]

Event = Mapping[str, Any]

BEYOND_THE_TYPES: Final = {
    "RealtimeConversationItemAssistantMessage": {"phase"},
    "RealtimeSessionCreateRequest": {"id", "object", "expires_at"},
    "RealtimeTranscriptionSessionCreateRequest": {"id", "object", "expires_at"},
    "RealtimeResponseUsageOutputTokenDetails": {"reasoning_tokens"},
    "ConversationItemInputAudioTranscriptionDeltaEvent": {"obfuscation"},
    "ResponseAudioTranscriptDeltaEvent": {"obfuscation"},
    "ResponseFunctionCallArgumentsDeltaEvent": {"obfuscation"},
    "ResponseTextDeltaEvent": {"obfuscation"},
}
"""Keys by class that the service sends although its types do not list them: recorded."""

CLIENTS_OWN: Final = ("session.tools[].",)
"""Paths below which the client's own words are echoed, whatever they were."""

OUR_OWN: Final = {"item.content[].format"}
"""Keys of ours, by path: retrieved audio says its format, without which it could not be played."""

ALWAYS_THERE: Final = {
    "error": ("error.code", "error.param", "error.event_id"),
    "input_audio_buffer.committed": ("previous_item_id",),
    "conversation.item.added": ("previous_item_id",),
    "conversation.item.done": ("previous_item_id",),
    "response.content_part.added": ("part.type",),
    "response.content_part.done": ("part.type",),
    **{
        f"response.{end}": tuple(
            f"response.{key}"
            for key in (
                "object",
                "id",
                "status",
                "status_details",
                "output",
                "conversation_id",
                "output_modalities",
                "max_output_tokens",
                "audio",
                "usage",
                "metadata",
            )
        )
        for end in ("created", "done")
    },
}
"""Keys, by event type, that the types call optional and the service always sends, null or not."""

_NEVER_NULL: Final = ("id", "role", "status", "call_id", "name", "arguments", "output", "phase")
_COUNTS: Final = (
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "input_token_details.text_tokens",
    "input_token_details.audio_tokens",
    "input_token_details.image_tokens",
    "input_token_details.cached_tokens",
    "input_token_details.cached_tokens_details",
    "output_token_details.text_tokens",
    "output_token_details.audio_tokens",
)
_PART_KEY: Final = {"text": "text", "audio": "transcript"}


def validate_event(event: Event) -> None:
    """Check one server event of an agent session, as decoded from its frame.

    Raises:
        Unofficial: it is not as the official types, or the recorded frames, have it.
        ImportError: the `openai` package is not installed.
    """
    read, kind = read_strictly(event, _readers()), event["type"]
    for path in unknown_keys(read, BEYOND_THE_TYPES):
        if path not in OUR_OWN and not path.startswith(CLIENTS_OWN):
            raise Unofficial(f"{kind}: no such key: {path}")
    _check_keys(kind, event)
    for item in _items(event):
        _check_item(kind, item)
    if "part" in event:
        _check_part(kind, event["part"])
    if kind == "response.done":
        _check_usage(event["response"]["usage"], event["response"])


def validate_translation_event(event: Event) -> None:
    """Check one server event of a translation session, as decoded from its frame.

    Raises:
        Unofficial: it is not as the official types have it.
        ImportError: the `openai` package is not installed.
    """
    read, kind = read_strictly(event, _translation_readers()), event["type"]
    for path in unknown_keys(read, {}):
        raise Unofficial(f"{kind}: no such key: {path}")
    _check_keys(kind, event)


@cache
def _translation_readers() -> Readers:
    from openai.types.realtime import RealtimeTranslationServerEvent

    return readers(RealtimeTranslationServerEvent)


@cache
def _readers() -> Readers:
    from openai.types.realtime import RealtimeServerEvent

    return readers(RealtimeServerEvent)


def _check_keys(kind: str, event: Event) -> None:
    for path in ALWAYS_THERE.get(kind, ()):
        inner: Any = event
        for name in path.split("."):
            if name not in inner:
                raise Unofficial(f"{kind}: the key {path} is missing")
            inner = inner[name]


def _items(event: Event) -> Iterator[Event]:
    if "item" in event:
        yield event["item"]
    yield from event.get("response", {}).get("output", ())


def _check_item(kind: str, item: Event) -> None:
    for name in _NEVER_NULL:
        if name in item and item[name] is None:
            raise Unofficial(f"{kind}: the item's {name} is null; leave it out")
    if "id" not in item:
        raise Unofficial(f"{kind}: the item has no id")
    for part in item.get("content", ()):
        if "type" not in part:
            raise Unofficial(f"{kind}: a content part has no type")
        for name, value in part.items():
            # What the user said is null until it is known; everything else is left out until then.
            if value is None and not (part["type"] == "input_audio" and name == "transcript"):
                raise Unofficial(f"{kind}: {name} of {part['type']} is null; leave it out")


def _check_part(kind: str, part: Event) -> None:
    wanted = _PART_KEY.get(part["type"])
    if wanted is None or set(part) != {"type", wanted} or not isinstance(part[wanted], str):
        raise Unofficial(f"{kind}: {dict(part)} is no content part")


def _check_usage(usage: Any, response: Event) -> None:
    if not isinstance(usage, dict):
        raise Unofficial("response.done: usage is null")
    for path in _COUNTS:
        inner: Any = usage
        for name in path.split("."):
            if not isinstance(inner, dict) or inner.get(name) is None:
                raise Unofficial(f"response.done: usage.{path} is missing")
            inner = inner[name]
    if usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
        raise Unofficial("response.done: the usage does not add up")
    if response["status"] == "failed" and not ((response["status_details"] or {}).get("error") or {}).get("message"):
        raise Unofficial("response.done: a failed response says no status_details.error.message")

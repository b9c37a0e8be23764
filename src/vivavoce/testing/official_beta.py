"""The official word on what a beta client is sent: the beta types of the `openai` package, read strictly, and the recorded keys.

`validate_beta_event` is to the beta dialect what `official.validate_event` is to today's events. Besides, it finds every name that came
after the beta: a connection that mixes both spellings breaks clients of either.

Source: the package's `openai.types.beta.realtime`; a `session.created` and a `response.created` of the beta service as published in 2025.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from vivavoce.testing.strictly import Readers, Unofficial, read_strictly, readers, unknown_keys

Event = Mapping[str, Any]

BEYOND_THE_TYPES: Final = {
    "Session": {"object", "expires_at", "client_secret", "include", "prompt"},
    "TurnDetection": {"idle_timeout_ms"},
    "InputTokenDetails": {"cached_tokens_details"},
    "OutputTokenDetails": {"reasoning_tokens"},
    "ConversationItemContent": {"format"},
}
"""Keys by class that are sent although the types do not list them: recorded, or (the last three, `idle_timeout_ms`) of a later server
and in nobody's way."""

SESSION_KEYS: Final = frozenset(
    {
        "id",
        "object",
        "model",
        "expires_at",
        "modalities",
        "instructions",
        "voice",
        "input_audio_format",
        "output_audio_format",
        "input_audio_transcription",
        "turn_detection",
        "input_audio_noise_reduction",
        "tools",
        "tool_choice",
        "temperature",
        "max_response_output_tokens",
        "client_secret",
        "include",
        "speed",
        "tracing",
        "prompt",
    }
)
RESPONSE_KEYS: Final = frozenset(
    {
        "object",
        "id",
        "status",
        "status_details",
        "output",
        "conversation_id",
        "modalities",
        "voice",
        "output_audio_format",
        "temperature",
        "max_output_tokens",
        "usage",
        "metadata",
    }
)

LATER_NAMES: Final = frozenset(
    ("output_modalities", "output_text", "output_audio", "phase", "obfuscation", "audio/pcm", "audio/pcmu", "audio/pcma")
)
"""Keys and values that only today's protocol has."""

_OWN_WORDS: Final = frozenset(
    ("tools", "metadata", "instructions", "arguments", "output_text", "text", "transcript", "delta", "message", "audio")
)
"""Keys whose values are somebody's own words (or audio), in which any name may occur."""


def validate_beta_event(event: Event) -> None:
    """Check one server event of a beta connection, as decoded from its frame.

    Raises:
        Unofficial: it is not as the beta types, or the recorded frames, have it.
        ImportError: the `openai` package is not installed.
    """
    read, kind = read_strictly(_with_known_model(event), _readers()), event["type"]
    for path in unknown_keys(read, BEYOND_THE_TYPES):
        if "tools[]" not in path:  # the client's own
            raise Unofficial(f"{kind}: no such key: {path}")
    for name in _later_names(event):
        raise Unofficial(f"{kind}: {name} came after the beta")
    for item in (event["item"],) if "item" in event else event.get("response", {}).get("output", ()):
        if item.get("object") != "realtime.item":
            raise Unofficial(f"{kind}: the item is no realtime.item")
    for name, keys in (("session", SESSION_KEYS), ("response", RESPONSE_KEYS)):
        if name in event and set(event[name]) != keys:
            raise Unofficial(f"{kind}: wrong keys of the {name}: {sorted(set(event[name]) ^ keys)}")


@cache
def _readers() -> Readers:
    from openai.types.beta.realtime import RealtimeServerEvent

    return readers(RealtimeServerEvent)


def beta_event_types() -> frozenset[str]:
    """Return every server event type of the beta."""
    return frozenset(_readers())


def _with_known_model(event: Event) -> Event:
    """Return the event as if the session's model were one of the beta's, whose type lists them one by one."""
    if not isinstance(event.get("session"), Mapping):
        return event
    return {**event, "session": {**event["session"], "model": "gpt-4o-realtime-preview"}}


def _later_names(value: Any) -> Iterator[str]:
    """Yield today's names in an event, wherever they are keys or values of the protocol's own."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in LATER_NAMES:
                yield name
            if name not in _OWN_WORDS:
                yield from _later_names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _later_names(each)
    elif isinstance(value, str) and value in LATER_NAMES:
        yield value

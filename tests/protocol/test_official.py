"""The validator of server events refuses what strict clients would not survive."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from vivavoce.protocol import server_events as events
from vivavoce.protocol.session import SessionDefaults, initial
from vivavoce.protocol.usage import Tokens, Usage
from vivavoce.testing.official import Unofficial, validate_event

Event = dict[str, Any]
USER: Event = {
    "id": "item_1",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": None}],
}
CALL: Event = {
    "id": "item_2",
    "type": "function_call",
    "status": "completed",
    "name": "f",
    "call_id": "call_1",
    "arguments": "{}",
}
RESPONSE: Event = {
    "object": "realtime.response",
    "id": "resp_1",
    "status": "completed",
    "status_details": None,
    "output": [CALL],
    "conversation_id": "conv_1",
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "alloy"}},
    "usage": Usage(Tokens(text=10, audio=5), Tokens(text=3, audio=8)).wire(),
    "metadata": None,
}
ERROR = {"type": "invalid_request_error", "code": None, "message": "No.", "param": None, "event_id": None}
PART = events.PartEvents("resp_1", "item_1", 0)


def stamped(event: Event) -> Event:
    return events.stamp(copy.deepcopy(event), "event_1")


GOOD: dict[str, Event] = {
    "error": events.error(ERROR),
    "session": events.session_created(initial(SessionDefaults("gpt-realtime"), "sess_1", 1)),
    "item": events.item_added(None, USER),
    "call": events.item_done("item_1", CALL),
    "output": events.item_done("item_1", {"id": "item_3", "type": "function_call_output", "call_id": "call_1", "output": "1"}),
    "retrieved": events.item_retrieved(
        {**USER, "content": [{"type": "input_audio", "transcript": None, "audio": "AAAA", "format": {"type": "audio/pcmu"}}]}
    ),
    "part": PART.added({"type": "audio", "transcript": ""}),
    "text part": PART.done({"type": "text", "text": "hi"}),
    "text": PART.text_delta("hi", "abcdefgh"),
    "committed": events.buffer_committed(None, "item_1"),
    "transcribed": events.transcription_completed("item_1", 0, "hi", {"type": "duration", "seconds": 2}),
    "failed": events.transcription_failed("item_1", 0, "No.", "audio_unintelligible"),
    "arguments": events.call_done("resp_1", "item_2", 0, "call_1", "f", "{}"),
    "done": events.response_done(RESPONSE),
}


def without(path: str) -> Callable[[Event], None]:
    return lambda event: _parent(event, path).__delitem__(path.rpartition(".")[2])


def with_value(path: str, value: Any) -> Callable[[Event], None]:
    return lambda event: _parent(event, path).__setitem__(path.rpartition(".")[2], value)


def _parent(event: Event, path: str) -> Event:
    for name in path.split(".")[:-1]:
        event = event[name]
    return event


BAD: list[tuple[str, str, Callable[[Event], None], str]] = [
    ("an unknown type", "committed", with_value("type", "input_audio_buffer.comitted"), "no server event type"),
    ("no event id", "committed", without("event_id"), "event_id"),
    ("no predecessor", "committed", without("previous_item_id"), "previous_item_id is missing"),
    ("a misspelt key", "committed", with_value("item", "x"), "no such key: item"),
    ("a number as text", "part", with_value("output_index", "0"), "output_index"),
    ("a missing key", "part", without("content_index"), "content_index"),
    ("a part without its text", "part", with_value("part", {"type": "audio"}), "no content part"),
    ("a part with a null", "part", with_value("part", {"type": "audio", "transcript": "", "text": None}), "no content part"),
    ("a part of the wrong kind", "part", with_value("part.type", "output_audio"), "part"),
    ("a wrong literal", "item", with_value("item.status", "done"), "status"),
    ("a wrong role", "item", with_value("item.role", "person"), "role"),
    ("an item without an id", "item", without("item.id"), "no id"),
    ("a null that should be left out", "call", with_value("item.call_id", None), "call_id"),
    ("a null status", "output", with_value("item.status", None), "leave it out"),
    ("a null phase", "item", with_value("item.phase", None), "phase"),
    ("a session without its type", "session", without("session.type"), "type"),
    ("an error without its event id", "error", without("error.event_id"), "error.event_id is missing"),
    ("an error without words", "error", with_value("error.message", None), "message"),
    ("a usage of null", "done", with_value("response.usage", None), "usage is null"),
    ("a usage without its details", "done", without("response.usage.input_token_details"), "input_token_details"),
    ("a usage with a null detail", "done", with_value("response.usage.output_token_details.audio_tokens", None), "audio_tokens"),
    ("a usage that does not add up", "done", with_value("response.usage.total_tokens", 1), "add up"),
    ("a response without a key", "done", without("response.metadata"), "response.metadata is missing"),
    ("a failure without a reason", "done", with_value("response.status", "failed"), "status_details.error.message"),
    ("a wrong reason", "done", with_value("response.status_details", {"type": "cancelled", "reason": "bored"}), "reason"),
    ("a modality too many", "done", with_value("response.output_modalities", ["video"]), "output_modalities"),
    ("no logs of nothing", "transcribed", without("usage"), "usage"),
]


@pytest.mark.parametrize("name", GOOD)
def test_what_we_build_is_official(name: str) -> None:
    validate_event(stamped(GOOD[name]))


@pytest.mark.parametrize(("name", "change", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_is_not_official_is_refused(name: str, change: Callable[[Event], None], says: str) -> None:
    event = stamped(GOOD[name])
    change(event)
    with pytest.raises(Unofficial, match=says):
        validate_event(event)


def test_the_tools_of_a_client_may_have_keys_of_their_own() -> None:
    event = stamped(GOOD["session"])
    event["session"]["tools"] = [{"type": "function", "name": "f", "strict": True}]
    validate_event(event)

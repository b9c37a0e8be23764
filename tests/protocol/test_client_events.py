"""Parsing of client frames: never an exception, always an event or a reason."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.protocol import client_events as client
from vivavoce.protocol.client_events import MAX_DEPTH, SUPPORTED, Refused, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*"abc", "type", "id", "item", "role"]), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = (
    "session",
    "audio",
    "item",
    "item_id",
    "previous_item_id",
    "content_index",
    "audio_end_ms",
    "response",
    "response_id",
    "event_id",
)


@given(frame=st.binary(max_size=200))
def test_any_bytes_are_an_event_or_refused(frame: bytes) -> None:
    assert parse(frame) is not None


@given(kind=st.sampled_from(SUPPORTED), fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_any_fields_make_an_event_or_an_official_reason(kind: str, fields: dict[str, Any]) -> None:
    event = parse(json.dumps({"type": kind, **fields}))
    if isinstance(event, Refused):
        wire = event.fault.wire(event.event_id)
        assert wire["type"] == "invalid_request_error"
        assert wire["code"] and wire["message"]
        assert wire["param"] is None or isinstance(wire["param"], str)
        json.dumps(wire)


@given(event_id=st.text(max_size=520), kind=st.sampled_from(["response.cancel", "response.crate"]))
def test_the_id_is_kept_whatever_is_wrong(event_id: str, kind: str) -> None:
    event = parse(json.dumps({"type": kind, "event_id": event_id}))
    assert event.event_id == (event_id if len(event_id) <= 512 else None)
    assert isinstance(event, Refused) == (kind == "response.crate" or len(event_id) > 512)


@given(audio=st.binary(max_size=300))
def test_audio_is_decoded(audio: bytes) -> None:
    event = parse(json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}))
    assert event == client.AudioAppend(None, audio)


@pytest.mark.parametrize("text", ["*", "A", "AA", "AAA", "AA=A", "AAAA AAAA", "AAA\n", "é"])
def test_what_is_nearly_base64_is_refused(text: str) -> None:
    event = parse(json.dumps({"type": "input_audio_buffer.append", "audio": text, "event_id": "mine"}))
    assert isinstance(event, Refused)
    assert (event.event_id, event.fault.code, event.fault.param) == ("mine", "invalid_value", "audio")


def test_an_append_may_hold_15_mib_and_no_more() -> None:
    most = 15 * 1024 * 1024
    assert isinstance(parse(_append(most)), client.AudioAppend)
    refused = parse(_append(most + 4))
    assert isinstance(refused, Refused)
    assert (refused.fault.code, refused.fault.param) == ("string_above_max_length", "audio")
    assert str(most) in refused.fault.message and str(most + 4) in refused.fault.message


def _append(characters: int) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": "A" * characters})


@pytest.mark.parametrize("nested", ["dict", "list"])
@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, 400])
def test_nesting_is_limited(nested: str, depth: int) -> None:
    deep: Any = 1
    for _ in range(depth):
        deep = {"a": deep} if nested == "dict" else [deep]
    event = parse(json.dumps({"type": "session.update", "session": deep, "event_id": "mine"}))
    assert isinstance(event, Refused) == (depth >= MAX_DEPTH)
    assert event.event_id == "mine"


def test_floats_without_a_fraction_are_integers() -> None:
    frame = {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0.0, "audio_end_ms": 100.0}
    assert parse(json.dumps(frame)) == client.ItemTruncate(None, "a", 0, 100)


def test_null_stands_for_nothing_given_where_the_service_allows_it() -> None:
    assert parse('{"type":"response.create","response":null}') == client.ResponseCreate(None, {})
    assert parse('{"type":"response.cancel","response_id":null,"event_id":null}') == client.ResponseCancel(None, None)

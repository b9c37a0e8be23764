"""The beta dialect: each name both ways, errors in the client's own names, and nothing of today's spelling on the wire."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.realtime import RealtimeServerEvent

from vivavoce.protocol import client_events as client
from vivavoce.protocol import server_events as events
from vivavoce.protocol.beta import NAMES, UNSPOKEN, BetaDialect
from vivavoce.protocol.beta_session import path_given
from vivavoce.protocol.client_events import Refused, parse
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.session import SessionDefaults, initial, updated
from vivavoce.testing.official_beta import beta_event_types, validate_beta_event

Event = dict[str, Any]
DEFAULTS = SessionDefaults("gpt-4o-realtime-preview", "alloy", 200, reasoning=False)
TOOLS = [{"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}]


def dialect() -> BetaDialect:
    return BetaDialect(IdSource(1))


def session(**fields: Any) -> Event:
    return {"type": "session.update", "event_id": "mine", "session": fields}


def taken(**fields: Any) -> Event:
    """What a flat session update becomes."""
    found: Event = dialect().take(session(**fields))["session"]
    return found


def fault(frame: Event) -> ClientFault:
    """The fault of a frame that the translation or the schema refuses."""
    event = parse(json.dumps(frame), dialect().take)
    assert isinstance(event, Refused), event
    return event.fault


def said(speaker: BetaDialect, event: Event) -> Event:
    """What the client is told for an event that has exactly one translation."""
    (found,) = speaker.give(event)
    return found


# --- what clients send ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flat", "nested"),
    [
        ({"modalities": ["text", "audio"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["audio", "text"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["text"]}, {"output_modalities": ["text"]}),
        ({"instructions": "Be brief."}, {"instructions": "Be brief."}),
        ({"voice": "sage"}, {"audio": {"output": {"voice": "sage"}}}),
        ({"speed": 1.2}, {"audio": {"output": {"speed": 1.2}}}),
        ({"input_audio_format": "pcm16"}, {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24_000}}}}),
        ({"input_audio_format": "g711_ulaw"}, {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
        ({"output_audio_format": "g711_alaw"}, {"audio": {"output": {"format": {"type": "audio/pcma"}}}}),
        ({"input_audio_transcription": {"model": "whisper-1"}}, {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}),
        ({"input_audio_transcription": None}, {"audio": {"input": {"transcription": None}}}),
        ({"turn_detection": {"type": "server_vad"}}, {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}),
        ({"turn_detection": None}, {"audio": {"input": {"turn_detection": None}}}),
        ({"input_audio_noise_reduction": None}, {"audio": {"input": {"noise_reduction": None}}}),
        ({"max_response_output_tokens": "inf"}, {"max_output_tokens": "inf"}),
        ({"tools": TOOLS, "tool_choice": "auto"}, {"tools": TOOLS, "tool_choice": "auto"}),
        ({"temperature": 0.8}, {}),
        ({"client_secret": None}, {}),
        ({}, {}),
    ],
)
def test_a_flat_session_becomes_the_nested_one(flat: Event, nested: Event) -> None:
    assert taken(**flat) == {"type": "realtime", **nested}
    updated(initial(DEFAULTS, "sess_1", 0), taken(**flat), DEFAULTS, spoken=False)


def test_fields_that_share_a_place_do_not_push_each_other_out() -> None:
    nested = taken(voice="ash", speed=1.1, output_audio_format="g711_ulaw", input_audio_format="g711_ulaw", turn_detection=None)
    assert nested["audio"] == {
        "output": {"voice": "ash", "speed": 1.1, "format": {"type": "audio/pcmu"}},
        "input": {"format": {"type": "audio/pcmu"}, "turn_detection": None},
    }


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"modalities": ["audio"]}, "session.modalities", "invalid_value"),
        ({"modalities": []}, "session.modalities", "invalid_value"),
        ({"modalities": ["text", "text"]}, "session.modalities", "invalid_value"),
        ({"modalities": ["smell"]}, "session.modalities[0]", "invalid_value"),
        ({"modalities": "text"}, "session.modalities", "invalid_type"),
        ({"input_audio_format": "opus"}, "session.input_audio_format", "invalid_value"),
        ({"output_audio_format": {"type": "audio/pcm"}}, "session.output_audio_format", "invalid_type"),
        ({"temperature": 0.5}, "session.temperature", "decimal_below_min_value"),
        ({"temperature": 1.3}, "session.temperature", "decimal_above_max_value"),
        ({"temperature": "warm"}, "session.temperature", "invalid_type"),
        ({"client_secret": {"expires_after": {"seconds": 60}}}, "session.client_secret", "invalid_value"),
        ({"colour": "blue"}, "session.colour", "unknown_parameter"),
        # Today's names, on a connection that asked for the beta's.
        ({"type": "realtime"}, "session.type", "unknown_parameter"),
        ({"output_modalities": ["audio"]}, "session.output_modalities", "unknown_parameter"),
        ({"audio": {"output": {"voice": "ash"}}}, "session.audio", "unknown_parameter"),
        ({"max_output_tokens": 100}, "session.max_output_tokens", "unknown_parameter"),
        ({"truncation": "auto"}, "session.truncation", "unknown_parameter"),
    ],
)
def test_what_the_beta_did_not_have_is_refused_by_its_own_name(fields: Event, param: str, code: str) -> None:
    refused = fault(session(**fields))
    assert (refused.param, refused.code) == (param, code)


def test_the_refusal_of_audio_alone_has_the_words_clients_know() -> None:
    message = "Invalid modalities: ['audio']. Supported combinations are: ['text'] and ['audio', 'text']."
    assert fault(session(modalities=["audio"])).message == message


def test_the_overrides_of_a_response_are_translated() -> None:
    flat = {
        "modalities": ["text", "audio"],
        "voice": "echo",
        "output_audio_format": "pcm16",
        "max_response_output_tokens": 100,
        "temperature": 0.7,
        "conversation": "none",
        "metadata": {"topic": "tea"},
        "input": [{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi."}]}],
        "instructions": "Say hi.",
        "tools": TOOLS,
        "tool_choice": "none",
    }
    event = parse(json.dumps({"type": "response.create", "response": flat}), dialect().take)
    assert isinstance(event, client.ResponseCreate)
    assert event.response == {
        "output_modalities": ["audio"],
        "audio": {"output": {"voice": "echo", "format": {"type": "audio/pcm", "rate": 24_000}}},
        "max_output_tokens": 100,
        "conversation": "none",
        "metadata": {"topic": "tea"},
        "input": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}],
        "instructions": "Say hi.",
        "tools": TOOLS,
        "tool_choice": "none",
    }
    other = dialect().take({"type": "response.create", "response": {"max_output_tokens": 5}})
    assert other["response"] == {"max_output_tokens": 5}, "the beta's reference and its types disagreed; clients have both"


@pytest.mark.parametrize(
    ("item", "param", "allowed"),
    [
        ({"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}, "item.content[0].type", "'text'"),
        ({"role": "assistant", "content": [{"type": "audio", "audio": ""}]}, "item.content[0].type", "'text'"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": ""}]}, "item.content[0].type", "'input_audio'"),
        ({"role": "user", "content": [{"text": "x"}]}, "item.content[0].type", ""),
        ({"role": "user", "content": "x"}, "item.content", ""),
        ({"role": "martian", "content": []}, "item.role", ""),
        ({"role": ["user"], "content": []}, "item.role", ""),
    ],
)
def test_items_hold_what_the_beta_could_hold(item: Event, param: str, allowed: str) -> None:
    refused = fault({"type": "conversation.item.create", "item": {"type": "message", **item}})
    assert refused.param == param
    assert allowed in refused.message


def test_the_items_of_a_response_are_held_to_the_same() -> None:
    items = [{"type": "item_reference", "id": "item_1"}, {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]
    refused = fault({"type": "response.create", "response": {"input": items}})
    assert (refused.code, refused.param) == ("invalid_value", "response.input[1].content[0].type")


@pytest.mark.parametrize("frame", ["[]", "{", '"x"', '{"type": 1}', '{"type": "transcription_session.update", "session": {}}'])
def test_what_is_no_event_is_refused_as_ever(frame: str) -> None:
    ours, today = parse(frame, dialect().take), parse(frame)
    assert isinstance(ours, Refused)
    assert isinstance(today, Refused)
    assert (ours.fault.code, ours.fault.param) == (today.fault.code, today.fault.param)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
@settings(max_examples=150, deadline=None)
def test_nothing_a_client_may_send_breaks_the_translation(value: Any) -> None:
    for frame in (
        {"type": "session.update", "session": value},
        {"type": "response.create", "response": value},
        {"type": "response.create", "response": {"input": value}},
        {"type": "conversation.item.create", "item": value},
        {"type": "conversation.item.create", "item": {"type": "message", "role": value, "content": value}},
        {"type": "session.update", "session": {"modalities": value, "temperature": value}},
        {"type": "session.update", "session": {"input_audio_format": value, "turn_detection": value}},
        {"type": value},
    ):
        with contextlib.suppress(ClientFault):
            dialect().take(frame)


# --- what clients are told ------------------------------------------------------------------------------------------------------


def test_every_event_of_today_has_a_name_in_the_beta_or_is_listed_as_unspoken() -> None:
    union = get_args(RealtimeServerEvent)[0]
    today = {name for each in get_args(union) for name in get_args(each.model_fields["type"].annotation)}
    # Two names of the beta that its successor's types still list and the service does not send.
    today -= {"conversation.created", "conversation.item.created"}
    assert set(NAMES) | set(UNSPOKEN) == today
    assert not set(NAMES) & set(UNSPOKEN)
    assert set(NAMES.values()) < beta_event_types()
    assert len(set(NAMES.values())) == len(NAMES)


def test_a_session_is_told_flat_with_every_key_and_followed_by_its_conversation() -> None:
    before = initial(DEFAULTS, "sess_1", 1_700_000_000)
    kept = copy.deepcopy(before)
    created, conversation = dialect().give(events.stamp(events.session_created(before), "event_1"))
    for event in (created, conversation):
        validate_beta_event(event)
    assert before == kept, "the session's own state is not touched"
    assert (created["type"], conversation["type"]) == ("session.created", "conversation.created")
    assert created["session"] == {
        "id": "sess_1",
        "object": "realtime.session",
        "model": "gpt-4o-realtime-preview",
        "expires_at": 1_700_000_000,
        "modalities": ["text", "audio"],
        "instructions": before["instructions"],
        "voice": "alloy",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": None,
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 200,
            "create_response": True,
            "interrupt_response": True,
        },
        "input_audio_noise_reduction": None,
        "tools": [],
        "tool_choice": "auto",
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
        "client_secret": None,
        "include": None,
        "speed": 1.0,
        "tracing": None,
        "prompt": None,
    }


def test_what_a_client_is_told_it_may_send_back() -> None:
    told = dialect().give(events.stamp(events.session_created(initial(DEFAULTS, "sess_1", 0)), "event_1"))[0]["session"]
    event = parse(json.dumps(session(**told)), dialect().take)
    assert isinstance(event, client.SessionUpdate)
    after = updated(initial(DEFAULTS, "sess_1", 0), event.session, DEFAULTS, spoken=False)
    assert after == initial(DEFAULTS, "sess_1", 0)


def test_a_temperature_is_told_once_its_update_is_accepted() -> None:
    speaker = dialect()
    answer = events.stamp(events.session_updated(initial(DEFAULTS, "sess_1", 0)), "event_1")
    speaker.take(session(temperature=1.1, voice="nobody"))  # the core refuses this one: no session.updated follows
    speaker.take(session(instructions="x"))
    assert said(speaker, answer)["session"]["temperature"] == 0.8
    speaker.take(session(temperature=1.1))
    assert said(speaker, answer)["session"]["temperature"] == 1.1
    speaker.take(session())
    assert said(speaker, answer)["session"]["temperature"] == 1.1


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("session.audio.output.voice", "session.voice"),
        ("session.audio.output.format", "session.output_audio_format"),
        ("session.audio.output.speed", "session.speed"),
        ("session.audio.input.format", "session.input_audio_format"),
        ("session.audio.input.transcription.model", "session.input_audio_transcription.model"),
        ("session.audio.input.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.audio.input.noise_reduction", "session.input_audio_noise_reduction"),
        ("session.output_modalities", "session.modalities"),
        ("session.max_output_tokens", "session.max_response_output_tokens"),
        ("session.tools[2].name", "session.tools[2].name"),
        ("response.audio.output.voice", "response.voice"),
        ("response.max_output_tokens", "response.max_response_output_tokens"),
        ("response.input[0].content[1].text", "response.input[0].content[1].text"),
        ("item.content[0].text", "item.content[0].text"),
        ("audio", "audio"),
        ("session.audio.output.voices", "session.audio.output.voices"),
    ],
)
def test_the_path_of_an_error_is_the_one_the_client_wrote(now: str, before: str) -> None:
    assert path_given(now) == before


def test_the_name_of_today_that_a_client_should_not_have_used_is_not_taken_for_ours() -> None:
    speaker = dialect()
    event = parse(json.dumps(session(output_modalities=["audio"])), speaker.take)
    assert isinstance(event, Refused)
    told = said(speaker, events.stamp(events.error(event.fault.wire("mine")), "event_1"))
    assert told["error"]["param"] == "session.output_modalities"
    assert told["error"]["message"] == "Unknown parameter: 'session.output_modalities'."


def test_an_error_names_the_client_s_field_in_its_message_too() -> None:
    error = ClientFault(
        "Invalid type for 'session.audio.output.voice': expected a string.", "invalid_type", "session.audio.output.voice"
    )
    told = said(dialect(), events.stamp(events.error(error.wire("mine")), "event_1"))
    validate_beta_event(told)
    assert told["error"]["message"] == "Invalid type for 'session.voice': expected a string."
    assert (told["error"]["param"], told["error"]["event_id"]) == ("session.voice", "mine")
    bare = ClientFault("No.", "invalid_json").wire(None)
    assert said(dialect(), events.stamp(events.error(bare), "event_2"))["error"] == bare


def test_items_get_their_object_and_the_beta_s_content() -> None:
    item = {
        "id": "item_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "a"},
            {"type": "output_audio", "transcript": "b", "format": {"type": "audio/pcmu"}},
        ],
        "phase": "commentary",
    }
    told = said(dialect(), events.stamp(events.item_added(None, item), "event_1"))
    validate_beta_event(told)
    assert told["type"] == "conversation.item.created"
    assert told["previous_item_id"] is None
    assert told["item"] == {
        "id": "item_1",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "audio", "transcript": "b", "format": "g711_ulaw"}],
    }
    assert dialect().give(events.stamp(events.item_done(None, item), "event_2")) == []

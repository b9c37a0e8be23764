"""Whole sessions in the beta dialect: whatever a session core says, a beta client can read, in the order the beta had."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.core.inputs import Received
from vivavoce.protocol.beta import BetaDialect
from vivavoce.protocol.client_events import parse
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.session import SessionDefaults
from vivavoce.testing.official_beta import validate_beta_event
from vivavoce.testing.simulator import Break, Call, Say, Simulator

Event = dict[str, Any]
DEFAULTS = SessionDefaults("gpt-4o-realtime-preview", "alloy", 200, reasoning=False)
TOOLS = [{"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}]


def dialect() -> BetaDialect:
    return BetaDialect(IdSource(1))


def session(**fields: Any) -> Event:
    return {"type": "session.update", "event_id": "mine", "session": fields}


def talk(simulator: Simulator, frames: list[Event], speaker: BetaDialect) -> list[Event]:
    """Play a beta client against a session core; return what it is told."""
    told: list[Event] = []
    read = 0

    def listen() -> None:
        nonlocal read
        told.extend(beta for event in simulator.events[read:] for beta in speaker.give(event))
        read = len(simulator.events)

    listen()
    for frame in frames:
        simulator.give(Received(parse(json.dumps(frame), speaker.take)))
        listen()
        if frame["type"] in ("response.create", "input_audio_buffer.append"):
            simulator.settle()
            listen()
    return told


ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
HISTORY = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hello"}]}
AUDIO = base64.b64encode(b"\1\0" * 24_000).decode()
MOVES: list[Event] = [
    session(modalities=["text"], tools=TOOLS, temperature=0.6),
    session(modalities=["audio", "text"], voice="echo", input_audio_transcription={"model": "gpt-4o-transcribe"}),
    session(turn_detection=None, input_audio_format="g711_ulaw", output_audio_format="g711_alaw"),
    session(turn_detection={"type": "semantic_vad", "eagerness": "low"}, max_response_output_tokens=64),
    session(turn_detection={"type": "server_vad", "idle_timeout_ms": 5_000}, include=["item.input_audio_transcription.logprobs"]),
    session(voice="nobody"),
    {"type": "input_audio_buffer.append", "audio": AUDIO},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": ITEM},
    {"type": "conversation.item.create", "item": {**HISTORY, "id": "mine"}},
    {"type": "conversation.item.retrieve", "item_id": "mine"},
    {"type": "conversation.item.truncate", "item_id": "mine", "content_index": 0, "audio_end_ms": 10},
    {"type": "conversation.item.delete", "item_id": "mine"},
    {"type": "response.create"},
    {"type": "response.create", "response": {"conversation": "none", "modalities": ["text"], "metadata": {"a": "b"}}},
    {"type": "response.cancel"},
    {"type": "response.crate"},
]
REPLIES = [
    (Say("one two three"),),
    (Say("I will look.", "commentary"), Call("look", '{"a": 1}', "call_1")),
    (Call("look", "{}"), Say("and then")),
    (Say("half"), Break()),
    (Break(),),
    (),
]


@given(
    moves=st.lists(st.sampled_from(MOVES), min_size=2, max_size=14),
    replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=4),
    reasoning=st.booleans(),
    loud=st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_whatever_a_session_says_a_beta_client_can_read(moves: list[Event], replies: Any, reasoning: bool, loud: bool) -> None:
    defaults = SessionDefaults("gpt-4o-realtime-preview", "alloy", 200, reasoning=reasoning)
    simulator = Simulator(replies=replies, transcripts=["first words", "", "more"], defaults=defaults)
    simulator.loudness = lambda at_ms: 0.9 if loud and at_ms % 1000 < 600 else 0.0
    told = talk(simulator, moves, dialect())
    for event in told:
        validate_beta_event(event)
    assert [event["type"] for event in told[:2]] == ["session.created", "conversation.created"]
    conversations = {e["response"]["conversation_id"] for e in told if "response" in e} - {None}
    assert conversations <= {told[1]["conversation"]["id"]}


def test_a_call_and_its_answer_are_told_in_the_order_the_beta_had() -> None:
    simulator = Simulator(replies=[(Say("I will look."), Call("look", '{"a": 1}', "call_1"))], defaults=DEFAULTS)
    told = talk(simulator, [session(tools=TOOLS), {"type": "response.create"}], dialect())
    kinds = [event["type"] for event in told]
    order = [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]
    assert order[:5] == [
        "session.created",
        "conversation.created",
        "session.updated",
        "response.created",
        "response.output_item.added",
    ]
    assert [kind for kind in order if "delta" not in kind][5:] == [
        "conversation.item.created",
        "response.content_part.added",
        "response.output_item.added",
        "conversation.item.created",
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.done",
    ]
    done = told[-1]["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call"]
    assert done["output"][0]["content"] == [{"type": "audio", "transcript": "I will look."}]
    assert (done["voice"], done["modalities"], done["output_audio_format"]) == ("alloy", ["text", "audio"], "pcm16")
    assert set(done["usage"]["input_token_details"]) == {"text_tokens", "audio_tokens", "cached_tokens", "cached_tokens_details"}

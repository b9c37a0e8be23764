"""The client's hand on the conversation, in virtual time: order, truncation across items, and late results."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vivavoce.core import inputs
from vivavoce.protocol.session import SessionDefaults
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.simulator import Call, Reply, Say, Simulator, Timings

PLACES = st.lists(st.tuples(st.sampled_from(["end", "root", "after"]), st.integers(0, 20), st.booleans()), max_size=20)
SOUND = {"type": "input_audio", "audio": base64.b64encode(b"\0\0" * 12_000).decode()}


def user(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


def create(sim: Simulator, item: dict[str, Any], after: str | None = None) -> None:
    sim.client({"type": "conversation.item.create", "item": item, "previous_item_id": after})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=PLACES)
def test_the_brain_sees_the_items_in_the_order_the_client_built(steps: list[tuple[str, int, bool]]) -> None:
    sim = Simulator()
    model: list[str] = []
    for number, (where, pick, remove) in enumerate(steps):
        name = f"n{number}"
        place = len(model) if where == "end" or not model else 0 if where == "root" else pick % len(model) + 1
        after = None if where == "end" or not model else "root" if where == "root" else model[place - 1]
        create(sim, user(name, id=name), after)
        model.insert(place, name)
        added = sim.of("conversation.item.added")[-1]
        assert added["previous_item_id"] == (model[place - 1] if place else None)
        if remove:
            gone = model.pop(pick % len(model))
            sim.client({"type": "conversation.item.delete", "item_id": gone})
    sim.client({"type": "response.create"})
    sim.settle()
    assert [item.text for item in sim.contexts[0].context.items] == model
    check_stream(sim.events, ended=True)


def test_truncating_an_item_cuts_the_ones_spoken_after_it_too() -> None:
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
    reply: Reply = (Say("one two three"), Call("look"), Say("four five six"))
    defaults = SessionDefaults("gpt-realtime-2", reasoning=True)
    sim = Simulator(replies=[reply, (Say("ok"),)], defaults=defaults, timings=Timings(synthesis=1))
    sim.update(tools=tools)
    sim.client({"type": "response.create"})
    sim.settle()
    first, _, later = (item["id"] for item in sim.of("response.done")[0]["response"]["output"])
    sim.client({"type": "conversation.item.truncate", "item_id": first, "content_index": 0, "audio_end_ms": 650})
    sim.client({"type": "response.create"})
    sim.settle()
    assert [item.text for item in sim.contexts[1].context.items if item.kind == "assistant"] == ["one two"]
    sim.client({"type": "conversation.item.retrieve", "item_id": later})
    part = sim.of("conversation.item.retrieved")[-1]["item"]["content"][0]
    assert (part["transcript"], part["audio"]) == ("", "")


def test_a_result_that_comes_before_its_turn_has_ended_waits_for_it() -> None:
    sim = Simulator(timings=Timings(recognition=60_000))
    sim.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    sim.loudness = lambda ms: 0.9 if 320 < ms <= 1_280 else 0.05
    sim.stream(800)
    job = next(iter(sim.core._transcribing.jobs))
    sim.give(inputs.Recognized(job, "heard early"))
    assert not sim.of("conversation.item.input_audio_transcription.completed")
    sim.stream(1_500)
    assert sim.of("conversation.item.input_audio_transcription.completed")[0]["transcript"] == "heard early"
    assert [item.text for item in sim.contexts[0].context.items] == ["heard early"]


def test_a_recognition_that_fails_before_its_turn_has_ended_fails_the_turns_response() -> None:
    sim = Simulator(timings=Timings(recognition=60_000))
    sim.loudness = lambda ms: 0.9 if 320 < ms <= 1_280 else 0.05
    sim.stream(800)
    sim.give(inputs.RecognitionFailed(next(iter(sim.core._transcribing.jobs)), "server_error", "The worker died."))
    sim.stream(1_500)
    response = sim.of("response.done")[0]["response"]
    assert (response["status"], response["status_details"]["error"]["message"]) == ("failed", "The worker died.")
    check_stream(sim.events, ended=True)


def test_abandoned_turns_leave_no_recognition_behind() -> None:
    sim = Simulator()
    for step in range(6):
        start = step * 1_000
        sim.loudness = lambda ms, start=start: 0.9 if ms > start + 300 else 0.05  # type: ignore[misc]
        sim.stream(1_000)
        if step % 3 == 0:
            sim.client({"type": "input_audio_buffer.clear"})
        elif step % 3 == 1:
            sim.update(audio={"input": {"turn_detection": None}})
            sim.client({"type": "input_audio_buffer.clear"})
            sim.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
        else:
            sim.give(inputs.ListeningFailed(sim.core._hearing._epoch, "The detector died."))
            sim.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
            sim.client({"type": "input_audio_buffer.clear"})
        sim.settle(100)
        assert not sim.core._transcribing.jobs


def test_what_can_be_retrieved_fits_the_frame_that_clients_accept() -> None:
    """A longer frame would close the socket of a client that looks at every turn."""
    sim = Simulator()
    sim.update(audio={"input": {"turn_detection": None}})
    for seconds in (30, 43, 44, 300):
        for _ in range(seconds):
            sim.append(1_000)
        sim.client({"type": "input_audio_buffer.commit"})
        item = sim.of("input_audio_buffer.committed")[-1]["item_id"]
        sim.client({"type": "conversation.item.retrieve", "item_id": item})
        retrieved = sim.of("conversation.item.retrieved")[-1]
        assert len(json.dumps(retrieved)) <= 8 * 1024 * 1024
        assert ("audio" in retrieved["item"]["content"][0]) == (seconds <= 43)


def test_items_named_by_a_response_never_reach_the_conversation_or_the_wire() -> None:
    sim = Simulator()
    sim.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    named = [{**user("hi"), "content": [{"type": "input_text", "text": "hi"}, SOUND], "id": "mine"}]
    create(sim, user("kept", id="mine"))
    sim.client({"type": "response.create", "response": {"input": named + named}})
    sim.settle()
    assert [item.text for item in sim.contexts[0].context.items] == ["hi\nhello"] * 2
    assert not [kind for kind in sim.types() if "transcription" in kind]
    sim.client({"type": "conversation.item.retrieve", "item_id": "mine"})
    assert sim.of("conversation.item.retrieved")[-1]["item"]["content"] == [{"type": "input_text", "text": "kept"}]


# --- several messages of one response ---------------------------------------------------------------------------------------------

IN_TWO = (Say("one two three", "commentary"), Say("four five six", "final_answer"))


def in_two_messages(run_ms: float, **timings: int) -> tuple[Simulator, list[str]]:
    """A response that speaks two messages, some time into it; and their ids."""
    sim = Simulator(replies=[IN_TWO], defaults=SessionDefaults("gpt-realtime-2.1"), timings=Timings(**timings))
    sim.client({"type": "response.create"})
    sim.run(run_ms)
    return sim, [event["item"]["id"] for event in sim.of("response.output_item.added")]


def next_context(sim: Simulator) -> list[str]:
    sim.client({"type": "response.create"})
    sim.run(5_000)
    check_stream(sim.events)
    return [entry.text for entry in sim.contexts[-1].context.items]


def truncate(sim: Simulator, item_id: str, at_ms: int) -> None:
    sim.client({"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": at_ms})
    assert sim.events[-1]["type"] == "conversation.item.truncated"


def test_who_heard_of_a_later_message_heard_the_earlier_one() -> None:
    """I5: the estimate at the cancel cut the first message; the client's player was ahead of it."""
    sim, (first, second) = in_two_messages(300, synthesis=40, speech_per_word=1_000)
    sim.client({"type": "response.cancel"})
    sim.client({"type": "conversation.item.retrieve", "item_id": first})
    assert sim.events[-1]["item"]["content"][0]["transcript"] == ""
    truncate(sim, second, 1_000)
    assert next_context(sim) == ["one two three", "four"]


def test_of_the_messages_after_the_cut_nothing_was_heard_even_while_the_response_goes_on() -> None:
    sim, (first, _) = in_two_messages(200, synthesis=30)
    assert not sim.of("response.done")
    truncate(sim, first, 350)
    sim.run(5_000)
    assert next_context(sim) == ["one"]

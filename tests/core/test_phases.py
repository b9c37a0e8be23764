"""Phases on reasoning models: commentary before calls, the final answer after them, and several messages in one response."""

from __future__ import annotations

from typing import Any

from vivavoce.protocol.session import SessionDefaults
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.simulator import Call, Reply, Say, Simulator

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
REASONING = SessionDefaults("gpt-realtime-2.1")
PLAIN = SessionDefaults("gpt-realtime", reasoning=False)


def answered(reply: Reply, defaults: SessionDefaults = REASONING, **session: Any) -> Simulator:
    talk = Simulator(replies=[reply], defaults=defaults)
    talk.update(tools=[TOOL], **session)
    talk.client({"type": "response.create"})
    talk.settle()
    check_stream(talk.events)
    return talk


def phases(talk: Simulator, kind: str) -> list[str | None]:
    return [event["item"].get("phase") for event in talk.of(kind) if event["item"]["type"] == "message"]


def test_what_is_said_before_a_call_is_commentary_even_if_the_brain_does_not_say_so() -> None:
    talk = answered((Say("Let me look."), Call("look")))
    assert phases(talk, "response.output_item.done") == ["commentary"]
    assert phases(talk, "conversation.item.done") == ["commentary"]


def test_what_is_said_without_a_call_is_the_final_answer() -> None:
    talk = answered((Say("It is noon."),))
    assert phases(talk, "response.output_item.done") == ["final_answer"]


def test_a_phase_that_is_not_known_yet_is_left_out_rather_than_guessed() -> None:
    talk = answered((Say("It is noon."),))
    assert "phase" not in talk.of("response.output_item.added")[0]["item"]


def test_without_functions_to_call_the_phase_is_known_from_the_first_word() -> None:
    for session in ({"tools": []}, {"tool_choice": "none"}):
        talk = Simulator(replies=[(Say("It is noon."),)], defaults=REASONING)
        talk.update(**{"tools": [TOOL], **session})
        talk.client({"type": "response.create"})
        talk.settle()
        assert phases(talk, "response.output_item.added") == ["final_answer"]


def test_a_brain_that_names_its_phases_is_taken_at_its_word() -> None:
    talk = answered((Say("Let me look.", "commentary"), Call("look")))
    assert phases(talk, "response.output_item.added") == ["commentary"]


def test_each_phase_is_a_message_of_its_own() -> None:
    talk = answered((Say("Let me think.", "commentary"), Say("It is noon.", "final_answer")))
    (done,) = talk.of("response.done")
    assert [(item["phase"], item["content"][0]["transcript"]) for item in done["response"]["output"]] == [
        ("commentary", "Let me think."),
        ("final_answer", "It is noon."),
    ]
    audio = [event["output_index"] for event in talk.of("response.output_audio.delta")]
    assert audio == sorted(audio) and set(audio) == {0, 1}


def test_both_messages_are_in_the_next_context() -> None:
    talk = answered((Say("Let me think.", "commentary"), Say("It is noon.", "final_answer")))
    talk.client({"type": "response.create"})
    talk.settle()
    assert [entry.text for entry in talk.contexts[-1].context.items] == ["Let me think.", "It is noon."]


def test_models_that_do_not_reason_have_no_phases() -> None:
    talk = answered((Say("Let me look.", "commentary"), Call("look")), PLAIN)
    for event in talk.events:
        assert "phase" not in event.get("item", {})


def test_models_that_do_not_reason_say_it_all_in_one_message() -> None:
    talk = answered((Say("Let me think. ", "commentary"), Say("It is noon.", "final_answer")), PLAIN)
    assert len(talk.of("response.output_item.added")) == 1


def test_an_assistant_item_keeps_the_phase_it_is_replayed_with() -> None:
    session = Simulator()
    content = [{"type": "output_text", "text": "Let me look."}]
    item = {"id": "a", "type": "message", "role": "assistant", "phase": "commentary", "content": content}
    session.client({"type": "conversation.item.create", "item": item})
    assert session.of("conversation.item.added")[0]["item"]["phase"] == "commentary"
    session.client({"type": "conversation.item.create", "item": {**item, "id": "b", "phase": "preamble"}})
    assert session.events[-1]["error"]["param"] == "item.phase"

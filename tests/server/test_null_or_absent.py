"""Keys that must be null, keys that must be absent, and keys that must be neither: where clients break, row by row.

`kit.Client` validates every event already; here each rule is looked at once by name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from kit import MODEL, REASONING_MODEL, TURN, Client, Event, scripted, serving, text, user
from vivavoce.engines.ports import EngineFault
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Fail, Say

PIXEL = "data:image/png;base64,iVBORw0KGgo="
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
BY_TYPE = {
    "message": {"id", "type", "status", "role", "content"},
    "function_call": {"id", "type", "status", "name", "call_id", "arguments"},
    "function_call_output": {"id", "type", "call_id", "output"},
}
COUNTS = {
    "input_token_details": ("text_tokens", "audio_tokens", "image_tokens", "cached_tokens"),
    "output_token_details": ("text_tokens", "audio_tokens"),
}


@asynccontextmanager
async def a_call(model: str) -> AsyncGenerator[Client]:
    """A call in which everything happens once: a spoken turn, a tool, images, a failure, text and audio, out of band and not."""
    brain = ScriptedBrain([Say("Let me look."), CallTool("look", {"a": 1}, "call_1")], "Found it.", "Text.", [Fail("broken")])
    async with serving(scripted(brain)) as server, server.connect(model) as client:
        await client.update(tools=[TOOL], audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(TURN)
        await client.done()
        await client.create({"type": "function_call_output", "call_id": "call_1", "output": "there"})
        await client.create(user(text("See:"), {"type": "input_image", "image_url": PIXEL}))
        await client.create({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hm."}]})
        await client.respond()
        await client.respond(conversation="none", output_modalities=["text"], metadata={"topic": "x"})
        await client.respond()
        yield client


def items(client: Client) -> Iterator[Event]:
    for event in client.events:
        if "item" in event:
            yield event["item"]
        yield from event.get("response", {}).get("output", ())


def parts(client: Client) -> list[Event]:
    return [event["part"] for event in client.events if "part" in event]


async def test_previous_item_id_is_always_there_and_null_for_the_first() -> None:
    async with a_call(MODEL) as client:
        placed = [
            event for event in client.events if event["type"].startswith(("conversation.item.added", "conversation.item.d"))
        ]
        committed = client.of("input_audio_buffer.committed")
        assert all("previous_item_id" in event for event in [*placed, *committed])
        assert [event["previous_item_id"] for event in placed[:2]] == [None, None]
        assert committed[0]["previous_item_id"] is None
        assert all(event["previous_item_id"] for event in placed[2:])
        told = {event["item"]["id"]: event["previous_item_id"] for event in client.of("conversation.item.added")}
        assert {event["item"]["id"]: event["previous_item_id"] for event in client.of("conversation.item.done")} == told


async def test_a_response_has_all_its_keys_and_a_usage_once_it_is_done() -> None:
    async with a_call(MODEL) as client:
        created = [event["response"] for event in client.of("response.created")]
        done = [event["response"] for event in client.of("response.done")]
    for response in created + done:
        assert {"status_details", "usage", "metadata", "conversation_id"} <= set(response)
    assert [response["usage"] for response in created] == [None] * 4
    assert all(isinstance(response["usage"], dict) for response in done)
    assert [response["conversation_id"] is None for response in done] == [False, False, True, False]
    assert [response["metadata"] for response in done] == [None, None, {"topic": "x"}, None]
    assert [response["status_details"] for response in done[:3]] == [None] * 3
    assert done[3]["status_details"]["error"]["message"] == "broken"


async def test_token_details_are_objects_of_whole_numbers() -> None:
    async with a_call(REASONING_MODEL) as client:
        for usage in (event["response"]["usage"] for event in client.of("response.done")):
            for details, names in COUNTS.items():
                assert all(type(usage[details][name]) is int for name in names)
            assert all(type(count) is int for count in usage["input_token_details"]["cached_tokens_details"].values())


@pytest.mark.parametrize("model", [MODEL, REASONING_MODEL])
async def test_items_have_the_keys_of_their_type_and_none_of_them_is_null(model: str) -> None:
    phased = set()
    async with a_call(model) as client:
        for item in items(client):
            assert set(item) - {"phase"} == BY_TYPE[item["type"]]
            assert all(value is not None for value in item.values())
            if "phase" in item:
                phased.add((item["type"], item["role"]))
    assert phased == ({("message", "assistant")} if model == REASONING_MODEL else set())


async def test_parts_say_text_or_transcript_never_both_and_begin_with_the_empty_one() -> None:
    async with a_call(MODEL) as client:
        opened = [event["part"] for event in client.of("response.content_part.added")]
        spoken, written = {"type": "audio", "transcript": ""}, {"type": "text", "text": ""}
        assert opened == [spoken, spoken, written]
        closed = [event["part"] for event in client.of("response.content_part.done")]
        assert [set(part) for part in closed] == [set(part) for part in opened]
        assert all(value is not None for part in parts(client) for value in part.values())


async def test_the_transcript_of_what_the_user_said_is_null_until_it_is_known() -> None:
    async with serving(scripted(recognizer=ScriptedRecognizer("well known"))) as server, server.connect() as client:
        await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(TURN)
        await client.done()
        for event in (client.of("conversation.item.added")[0], client.of("conversation.item.done")[0]):
            assert event["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        item = client.of("input_audio_buffer.committed")[0]["item_id"]
        await client.send("conversation.item.retrieve", item_id=item)
        assert (await client.until("conversation.item.retrieved"))["item"]["content"][0]["transcript"] == "well known"


async def test_a_transcription_that_failed_has_a_param_that_is_a_string() -> None:
    fault = EngineFault("too noisy", code="audio_unintelligible")
    async with serving(scripted(recognizer=ScriptedRecognizer(Heard("", fault=fault)))) as server, server.connect() as client:
        await client.update(
            audio={"input": {"transcription": {"model": "whisper-1"}, "turn_detection": {"create_response": False}}}
        )
        await client.append(TURN)
        failed = await client.until("conversation.item.input_audio_transcription.failed")
    assert failed["error"] == {
        "type": "transcription_error",
        "code": "audio_unintelligible",
        "message": "too noisy",
        "param": "",
    }


async def test_the_usage_of_a_transcription_is_whole() -> None:
    async with a_call(MODEL) as client:
        for event in client.of("conversation.item.input_audio_transcription.completed"):
            assert event["usage"] == {"type": "duration", "seconds": 2}


async def test_tool_choice_and_voice_are_echoed_as_plain_strings() -> None:
    async with serving() as server, server.connect() as client:
        for choice in ("none", "required", "auto"):
            updated = await client.update(tools=[TOOL], tool_choice=choice, audio={"output": {"voice": "echo"}})
            assert updated["tool_choice"] == choice
            assert updated["audio"]["output"]["voice"] == "echo"
        assert (await client.respond())["audio"]["output"]["voice"] == "echo"


async def test_assistant_items_hold_output_and_no_event_of_the_beta_is_sent() -> None:
    async with a_call(REASONING_MODEL) as client:
        said = [part["type"] for item in items(client) if item.get("role") == "assistant" for part in item["content"]]
        assert set(said) == {"output_audio", "output_text"}
        assert not {"conversation.created", "conversation.item.created"} & set(client.types())

"""Things clients rely on that are easily lost: large outputs, images as images, logprobs, tracing, several messages in one answer."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kit import REASONING_MODEL, TURN, scripted, serving, session, text, user
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleLlm
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Say

LOGPROBS = "item.input_audio_transcription.logprobs"
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


async def test_a_function_output_of_200_kb_reaches_the_brain_whole() -> None:
    page = "".join(f"row {row:06}; " for row in range(17_100))
    assert len(page) > 200 * 1024
    brain = ScriptedBrain([CallTool("look", {}, "call_1")], "A long table.")
    async with serving(scripted(brain)) as server, server.official(REASONING_MODEL) as client:
        await client.update(tools=[TOOL])
        await client.say("look")
        await client.respond()
        await client.create({"type": "function_call_output", "call_id": "call_1", "output": page})
        assert client.events[-1]["item"]["output"] == page
        assert (await client.respond())["status"] == "completed"
    assert [message.text for message in brain.requests[1].messages if message.role == "tool"] == [page]


@pytest.mark.parametrize("kind", ["png", "jpeg"])
async def test_images_reach_the_model_behind_the_brain_as_images(kind: str) -> None:
    pixel = f"data:image/{kind};base64,iVBORw0KGgo="
    async with (
        ChatServer("A pixel.") as chat,
        serving(scripted(OpenAICompatibleLlm(chat.base_url))) as server,
        server.official(REASONING_MODEL) as client,
    ):
        await client.create(user(text("What is this?"), {"type": "input_image", "image_url": pixel, "detail": "low"}))
        response = await client.respond(output_modalities=["text"])
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "A pixel."}]
    assert response["usage"]["input_token_details"]["image_tokens"] > 0
    shown = chat.requests[0]["messages"][-1]["content"]
    assert shown[0] == {"type": "text", "text": "What is this?"}
    assert (shown[1]["type"], shown[1]["image_url"]["url"]) == ("image_url", pixel)


@pytest.mark.parametrize("wanted", [[LOGPROBS], None])
async def test_logprobs_come_with_the_transcript_where_they_are_included(wanted: Any) -> None:
    recognizer = ScriptedRecognizer(Heard("a large latte", confidence=0.5))
    async with serving(scripted(recognizer=recognizer)) as server, server.official() as client:
        await client.update(include=[LOGPROBS])
        updated = await client.update(include=wanted, audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
        assert updated["include"] == wanted
        await client.append(TURN)
        completed = await client.until("conversation.item.input_audio_transcription.completed")
        if not client.of("response.done"):
            await client.done()
    if wanted is None:
        assert "logprobs" not in completed
        return
    assert [entry["token"] for entry in completed["logprobs"]] == ["a", "large", "latte"]
    for entry in completed["logprobs"]:
        assert entry["logprob"] == pytest.approx(math.log(0.5))
        assert bytes(entry["bytes"]).decode() == entry["token"]


async def test_tracing_is_echoed_as_an_object_and_fixed_from_then_on() -> None:
    tracing = {"workflow_name": "support", "group_id": "group_1", "metadata": {"tenant": "acme"}}
    async with serving() as server, server.official() as client:
        assert (await client.session())["tracing"] is None
        for _ in range(2):
            assert (await client.update(tracing=tracing))["tracing"] == tracing
        error = await client.refused(session(tracing="auto"))
        assert (error["code"], error["param"]) == ("invalid_value", "session.tracing")
        assert (await client.session())["tracing"] == tracing


async def test_a_call_without_arguments_may_be_replayed_and_is_an_empty_object_to_the_model() -> None:
    async with (
        ChatServer("Ok.") as chat,
        serving(scripted(OpenAICompatibleLlm(chat.base_url))) as server,
        server.official() as client,
    ):
        await client.create({"type": "function_call", "name": "look", "call_id": "call_1", "arguments": ""})
        assert client.events[-1]["item"]["arguments"] == ""
        await client.create({"type": "function_call_output", "call_id": "call_1", "output": "there"})
        assert (await client.respond(output_modalities=["text"]))["status"] == "completed"
    calls = [call["function"] for message in chat.requests[0]["messages"] for call in message.get("tool_calls", ())]
    assert calls == [{"name": "look", "arguments": "{}"}]


async def test_every_message_of_an_answer_is_written_spoken_and_remembered() -> None:
    brain = ScriptedBrain([Say("one two."), CallTool("look", {}, "call_1"), Say("three four five.")], "Done.")
    async with serving(scripted(brain)) as server, server.official() as client:
        await client.update(tools=[TOOL])
        response = await client.respond()
        said = {event["item_id"]: event["transcript"] for event in client.of("response.output_audio_transcript.done")}
        first, call, second = response["output"]
        assert [said[item["id"]] for item in (first, second)] == ["one two.", "three four five."]
        assert len(client.audio(response["id"])) == 5 * 300 * 48
        places = {event["item_id"]: event["output_index"] for event in client.of("response.output_audio.delta")}
        assert places == {first["id"]: 0, second["id"]: 2}
        await client.create({"type": "function_call_output", "call_id": call["call_id"], "output": "ok"})
        await client.respond()
    told = [message.text for message in brain.requests[1].messages if message.role == "assistant" and message.text]
    assert told == ["one two.", "three four five."]

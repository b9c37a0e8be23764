"""Responses: calls and their outputs, metadata, modalities, limits, and a usage that is never null."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kit import REASONING_MODEL, TURN, Client, Event, Serving, respond, scripted, serving, silence, speech, text, user
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Count, Fail, Finish, Hang, Say, Think, Together, Wait
from vivavoce.testing.synthesizer import ScriptedSynthesizer

TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}} for name in ("look", "book")]


def answer(call_id: str, output: str) -> Event:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


@pytest.mark.parametrize("order", [("call_1", "call_2"), ("call_2", "call_1")])
@pytest.mark.parametrize("early", [True, False])
async def test_outputs_come_in_any_order_before_or_after_response_done(order: tuple[str, str], early: bool) -> None:
    calls = [CallTool("look", {"a": 1}, "call_1"), CallTool("book", {"b": 2}, "call_2")]
    brain = ScriptedBrain([*calls, Wait(0.1)], "Done.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.update(tools=TOOLS)
        await client.send("response.create")
        if early:
            await client.until("conversation.item.added", lambda event: event["item"].get("call_id") == "call_2")
        else:
            await client.done()
        for call_id in order:
            await client.create(answer(call_id, f"output of {call_id}"))
        if early:
            await client.done()
        final = await client.respond()
    assert final["output"][0]["content"][0]["transcript"] == "Done."
    messages = brain.requests[1].messages[1:]
    assert [call.call_id for call in messages[0].tool_calls] == ["call_1", "call_2"]
    assert [(m.call_id, m.text) for m in messages[1:]] == [("call_1", "output of call_1"), ("call_2", "output of call_2")]


async def test_a_call_is_told_as_soon_as_it_is_complete() -> None:
    """The client can run the first tool while the brain is still at the second."""
    brain = ScriptedBrain([CallTool("look", {"a": 1}, "call_1"), CallTool("book", "{", "call_2"), Hang()])
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.update(tools=TOOLS)
        await client.send("response.create")
        done = await client.until("response.output_item.done")
        assert (done["item"]["call_id"], done["item"]["status"], done["item"]["arguments"]) == ("call_1", "completed", '{"a": 1}')
        await client.send("response.cancel")
        cancelled = await client.done()
    assert [item["status"] for item in cancelled["output"]] == ["completed", "incomplete"]
    told = [event["call_id"] for event in client.of("response.function_call_arguments.done")]
    assert told == ["call_1"], "clients run a tool on its arguments.done: one cut short gets none"


async def test_interleaved_calls_are_kept_apart() -> None:
    calls = (CallTool("look", {"city": "Oslo"}, "call_1", pieces=5), CallTool("book", {"city": "Rome"}, "call_2", pieces=5))
    async with serving(scripted(ScriptedBrain([Together(calls)]))) as server, server.connect() as client:
        await client.update(tools=TOOLS)
        response = await client.respond()
    assert [item["arguments"] for item in response["output"]] == ['{"city": "Oslo"}', '{"city": "Rome"}']


async def test_a_spoken_preamble_comes_before_its_call_and_both_are_whole() -> None:
    brain = ScriptedBrain([Say("Let me look."), CallTool("look", {"a": 1}, "call_1")])
    async with serving(scripted(brain)) as server, server.connect(REASONING_MODEL) as client:
        await client.update(tools=TOOLS)
        response = await client.respond()
    assert [item["type"] for item in response["output"]] == ["message", "function_call"]
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "Let me look."}]
    assert len(client.audio(response["id"])) == 3 * 300 * 48


async def test_a_function_the_session_does_not_have_is_kept_from_the_client() -> None:
    brain = ScriptedBrain([CallTool("burn_it_down")], [Say("Sorry."), CallTool("burn_it_down")])
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.update(tools=TOOLS)
        first, second = await client.respond(), await client.respond()
    assert (first["status"], first["output"]) == ("failed", [])
    assert "burn_it_down" in first["status_details"]["error"]["message"]
    assert (second["status"], len(second["output"])) == ("completed", 1)


async def test_a_call_without_an_id_gets_one() -> None:
    async with serving(scripted(_Nameless())) as server, server.connect() as client:
        await client.update(tools=TOOLS)
        response = await client.respond()
    call = response["output"][0]
    assert call["call_id"].startswith("call_") and len(call["call_id"]) == len("call_") + 16


class _Nameless(ScriptedBrain):
    async def generate(self, request: Any) -> Any:
        from vivavoce.engines.ports import LlmFinish, ToolCallDelta

        yield ToolCallDelta(0, "look", "", "{}")
        yield LlmFinish("tool_calls")


async def test_metadata_is_echoed_when_created_and_when_done() -> None:
    metadata = {"client_event_id": "response_create_1", "topic": ""}
    async with serving() as server, server.connect() as client:
        response = await client.respond(metadata=metadata)
        assert response["metadata"] == client.of("response.created")[0]["response"]["metadata"] == metadata
        assert (await client.respond())["metadata"] is None
        assert (await client.respond(metadata=None))["metadata"] is None


async def test_what_a_response_overrides_is_shown_in_it() -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(synthesizer=voice)) as server, server.connect() as client:
        response = await client.respond(
            audio={"output": {"voice": "sage", "format": {"type": "audio/pcmu"}}},
            max_output_tokens=77,
            output_modalities=["audio"],
        )
        session = await client.session()
    assert response["audio"] == {"output": {"format": {"type": "audio/pcmu"}, "voice": "sage"}}
    assert response["max_output_tokens"] == 77
    assert voice.styles[0].voice == "sage"
    assert session["audio"]["output"]["voice"] == "alloy"


async def test_an_explicit_empty_input_is_an_empty_context() -> None:
    brain = ScriptedBrain("ok.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.say("not this")
        await client.respond(input=[], instructions="Greet.")
    assert [message.text for message in brain.requests[0].messages] == ["Greet."]


async def test_input_mixes_references_and_new_items_in_order() -> None:
    brain = ScriptedBrain("ok.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        first, second = await client.say("a"), await client.say("b")
        refer = [{"type": "item_reference", "id": item} for item in (second, first)]
        await client.frame(respond(conversation="none", input=[refer[0], user(text("c")), refer[1]], output_modalities=["text"]))
        await client.done()
        assert await client.say("d")
        assert client.of("conversation.item.done")[-1]["previous_item_id"] == second, "new input items join no conversation"
    assert [message.text for message in brain.requests[0].messages[1:]] == ["b", "c", "a"]


async def test_audio_in_a_responses_input_is_recognized_and_not_announced() -> None:
    import base64

    brain = ScriptedBrain("ok.")
    sound = {"type": "input_audio", "audio": base64.b64encode(speech(400)).decode()}
    async with serving(scripted(brain, ScriptedRecognizer("heard"))) as server, server.connect() as client:
        await client.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
        await client.respond(input=[user(sound)])
    assert brain.requests[0].messages[1].text == "heard"
    assert not [kind for kind in client.types() if "transcription" in kind], "the client knows no such item"


async def test_several_out_of_band_responses_run_at_once_and_are_told_apart() -> None:
    brain = ScriptedBrain(*([Say(f"answer {n}", delay_s=0.01)] for n in range(4)))
    async with serving(scripted(brain)) as server, server.connect() as client:
        for number in range(4):
            await client.frame(respond(conversation="none", output_modalities=["text"], metadata={"n": str(number)}))
        done = [await client.done() for _ in range(4)]
    assert {r["metadata"]["n"]: r["output"][0]["content"][0]["text"] for r in done} == {str(n): f"answer {n}" for n in range(4)}
    assert not client.of("conversation.item.added")


# --- usage and endings ----------------------------------------------------------------------------------------------------------


async def completed(server: Serving, client: Client) -> Event:
    return await client.respond()


async def cancelled(server: Serving, client: Client) -> Event:
    await client.send("response.create")
    await client.until("response.created")
    await client.until("response.output_audio.delta")
    await client.send("response.cancel")
    return await client.done()


async def interrupted(server: Serving, client: Client) -> Event:
    await client.send("response.create")
    await client.until("response.output_audio.delta")
    await client.append(speech(500))
    return await client.done()


ENDINGS: list[Any] = [
    ("completed", "one two three four.", completed, "completed", None),
    ("cancelled by the client", [Say("one two. three"), Hang()], cancelled, "cancelled", "client_cancelled"),
    ("cancelled by the user", [Say("one two. three"), Hang()], interrupted, "cancelled", "turn_detected"),
    ("out of tokens", [Say("one two."), Finish("length")], completed, "incomplete", "max_output_tokens"),
    ("filtered", [Say("one two."), Finish("content_filter")], completed, "incomplete", "content_filter"),
    ("failed", [Say("one two."), Fail("no capacity", code="rate_limit_exceeded")], completed, "failed", None),
    ("failed at once", [Fail("no capacity")], completed, "failed", None),
    ("nothing to say", [Finish("stop")], completed, "completed", None),
]


@pytest.mark.parametrize(("script", "act", "status", "reason"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS])
@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_every_ending_has_a_usage_that_adds_up(
    script: Any, act: Any, status: str, reason: str | None, modality: str
) -> None:
    if modality == "text" and act is not completed:
        pytest.skip("the audio is what is waited for")
    async with serving(scripted(ScriptedBrain(script, "ok."))) as server, server.connect() as client:
        await client.update(output_modalities=[modality])
        await client.say("hello there")
        response = await act(server, client)
        usage = response["usage"]
        assert response["status"] == status
        if status == "completed":
            assert response["status_details"] is None
        elif status == "failed":
            assert response["status_details"]["error"]["message"] == "no capacity"
        else:
            assert response["status_details"] == {"type": status, "reason": reason}
        assert usage["input_tokens"] > 0
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["output_tokens"] == sum(usage["output_token_details"][kind] for kind in ("text_tokens", "audio_tokens"))
        details = usage["input_token_details"]
        assert usage["input_tokens"] == sum(details[kind] for kind in ("text_tokens", "audio_tokens", "image_tokens"))
        assert usage["output_token_details"]["audio_tokens"] == len(client.audio(response["id"])) // 48 // 50
        for item in response["output"]:
            assert item["status"] == ("completed" if status == "completed" else "incomplete")
        await client.append(silence(1_200))
        if act is not interrupted:
            assert (await client.respond())["status"] == "completed"


async def test_a_call_cut_off_by_the_limit_is_not_to_be_run() -> None:
    brain = ScriptedBrain([CallTool("look", {"a": 1}, "call_1"), CallTool("book", '{"cit', "call_2"), Finish("length")])
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.update(tools=TOOLS)
        response = await client.respond()
    assert response["status"] == "incomplete"
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]
    assert [event["call_id"] for event in client.of("response.function_call_arguments.done")] == ["call_1"]


async def test_the_backends_own_count_is_used_and_reasoning_shown() -> None:
    brain = ScriptedBrain([Think("a secret thought"), Say("ok."), Count(0, 33, cached_tokens=130, reasoning_tokens=17)])
    async with serving(scripted(brain)) as server, server.connect(REASONING_MODEL) as client:
        await client.update(output_modalities=["text"], instructions="x" * 4_000)
        usage = (await client.respond())["usage"]
    assert usage["output_token_details"] == {"text_tokens": 33, "audio_tokens": 0, "reasoning_tokens": 17}
    assert usage["input_token_details"]["cached_tokens"] == 128, "in steps of 64"
    assert not any("secret" in str(event) for event in client.events), "reasoning is counted, never sent"


async def test_user_audio_is_counted_by_its_length() -> None:
    async with serving() as server, server.connect() as client:
        await client.append(TURN)
        usage = (await client.done())["usage"]
        started = client.of("input_audio_buffer.speech_started")[0]["audio_start_ms"]
        stopped = client.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert usage["input_token_details"]["audio_tokens"] == (stopped - started) // 100


async def test_what_is_too_long_fails_the_response_when_truncation_is_disabled_and_is_cut_otherwise() -> None:
    brain = ScriptedBrain("ok.", repeat=True)
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.update(truncation="disabled")
        for letter in "ab":
            await client.say(letter * 80_000)
        failed = await client.respond()
        assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "context_length_exceeded")
        await client.update(truncation="auto")
        assert (await client.respond())["status"] == "completed"
    assert [message.text[0] for message in brain.requests[0].messages[1:]] == ["b"], "the oldest goes first"


async def test_a_response_waits_for_what_the_user_is_still_being_heard_to_say() -> None:
    recognizer = ScriptedRecognizer(Heard("slowly understood", delay_s=0.2))
    brain = ScriptedBrain("ok.")
    async with serving(scripted(brain, recognizer)) as server, server.connect() as client:
        await client.append(TURN)
        await client.until("response.created")
        await client.settled()
        assert not brain.requests
        assert (await client.done())["status"] == "completed"
    assert brain.requests[0].messages[-1].text == "slowly understood"


async def test_a_turn_that_ends_while_an_answer_must_not_be_interrupted_is_told_so() -> None:
    async with serving(scripted(ScriptedBrain([Say("one two. three"), Hang()]))) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": {"type": "server_vad", "interrupt_response": False}}})
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(TURN)
        error = (await client.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", None)
        await client.send("response.cancel")
        assert (await client.done())["status"] == "cancelled"


async def test_sessions_do_not_hear_each_other() -> None:
    async with serving() as server, server.connect() as first, server.connect() as second:
        await asyncio.gather(*(client.append(TURN) for client in (first, second)))
        responses = await asyncio.gather(first.done(), second.done())
        assert responses[0]["conversation_id"] != responses[1]["conversation_id"]
        ids = [{event["event_id"] for event in client.events} for client in (first, second)]
        assert not ids[0] & ids[1]


async def test_a_backend_that_ignores_the_limit_of_the_answer_is_cut_off() -> None:
    brain = ScriptedBrain(" ".join(["word"] * 400))
    async with serving(scripted(brain)) as server, server.connect() as client:
        response = await client.respond(max_output_tokens=40)
        assert (response["status"], response["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
        assert 40 <= len(response["output"][0]["content"][0]["transcript"].split()) <= 50
        assert brain.cancelled == 1

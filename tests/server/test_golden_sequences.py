"""The canonical sequences of the protocol, through the official client, of which only the base URL is changed."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

import kit
from kit import MODEL, REASONING_MODEL, TURN, collapsed, scripted, serving, silence, speech, streams, text
from vivavoce.core import effects
from vivavoce.sessions.runner import SessionRunner
from vivavoce.settings import LimitSettings
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Hang, Say, Together

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Look up the weather for a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
HEARD = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
TRANSCRIBED = [f"conversation.item.input_audio_transcription.{end}" for end in ("delta", "completed")]
OPENED = ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
CLOSED = ["response.content_part.done", "conversation.item.done", "response.output_item.done"]
TRANSCRIPT = ["response.output_audio_transcript.delta", "response.output_audio_transcript.done"]
AUDIO = ["response.output_audio.delta", "response.output_audio.done"]
TEXT = ["response.output_text.delta", "response.output_text.done"]
RESPONSE_KEYS = [
    *("object", "id", "status", "status_details", "output", "conversation_id", "output_modalities", "max_output_tokens"),
    *("audio", "usage", "metadata"),
]
CALLED = [
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]


@pytest.mark.parametrize("transcriber", ["gpt-realtime-whisper", "gpt-4o-mini-transcribe"])
async def test_1_a_spoken_turn_with_transcription_and_spoken_reply(transcriber: str) -> None:
    recognizer = ScriptedRecognizer(Heard("a large latte please", partials=("a large", "a large latte")))
    brain = ScriptedBrain("One large latte. Anything else?")
    async with serving(scripted(brain, recognizer)) as server, server.official() as client:
        created = await client.until("session.created")
        await client.update(audio={"input": {"transcription": {"model": transcriber}}})
        await client.append(TURN)
        response = await client.done()

    by_stream = streams(client.types())
    assert by_stream["main"] == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        *HEARD,
        "response.created",
        *OPENED,
        *CLOSED,
        "response.done",
    ]
    assert by_stream["transcription"] == TRANSCRIBED
    assert by_stream["transcript"] == TRANSCRIPT
    assert by_stream["audio"] == AUDIO
    kinds = client.types()
    assert kinds.index(AUDIO[1]) < kinds.index(TRANSCRIPT[1]) < kinds.index("response.content_part.done")

    started, stopped = client.of("input_audio_buffer.speech_started")[0], client.of("input_audio_buffer.speech_stopped")[0]
    silence_ms = created["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"]
    assert abs(started["audio_start_ms"] - (400 - 300)) <= 32
    assert abs(stopped["audio_end_ms"] - (1_300 + silence_ms)) <= 32
    turn = started["item_id"]
    assert stopped["item_id"] == turn
    committed, added = client.of("input_audio_buffer.committed")[0], client.of("conversation.item.added")
    assert (committed["item_id"], committed["previous_item_id"]) == (turn, None)
    assert added[0]["item"] == {
        "id": turn,
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    assert added[1]["previous_item_id"] == turn
    assert (added[1]["item"]["status"], added[1]["item"]["content"]) == ("in_progress", [])
    completed = client.of(TRANSCRIBED[1])[0]
    assert (completed["item_id"], completed["transcript"]) == (turn, "a large latte please")
    seconds = {"type": "duration", "seconds": 2}
    assert completed["usage"] == seconds if transcriber == "gpt-realtime-whisper" else completed["usage"]["type"] == "tokens"
    deltas = [event["delta"] for event in client.of(TRANSCRIBED[0])]
    assert "".join(deltas) == completed["transcript"]
    assert (len(deltas) > 1) == (transcriber == "gpt-realtime-whisper"), "only streaming models stream"

    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "One large latte. Anything else?"}]
    assert (
        response["usage"]["input_token_details"]["audio_tokens"] == (stopped["audio_end_ms"] - started["audio_start_ms"]) // 100
    )
    assert response["usage"]["output_token_details"]["audio_tokens"] == 5 * 300 // 50
    assert len(client.audio(response["id"])) == 5 * 300 * 48


async def test_1_streaming_transcription_starts_before_the_turn_ends() -> None:
    recognizer = ScriptedRecognizer(Heard("one two three", partials=("one", "one two")))
    async with serving(scripted(recognizer=recognizer)) as server, server.official() as client:
        await client.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
        await client.append(silence(400) + speech(900))
        delta = await client.until(TRANSCRIBED[0])
        assert delta["item_id"] == client.of("input_audio_buffer.speech_started")[0]["item_id"]
        await client.append(silence(1_000))
        await client.done()
        assert client.of(TRANSCRIBED[1])[0]["transcript"] == "one two three"


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_2_a_text_message_and_its_answer(modality: str) -> None:
    async with serving(scripted(ScriptedBrain("Hello to you."))) as server, server.official() as client:
        await client.update(output_modalities=[modality])
        user = await client.say("Say hello.")
        response = await client.respond()

    by_stream = streams(client.types(2))
    texts = TEXT if modality == "text" else []
    assert by_stream["main"] == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        *OPENED,
        *texts,
        *CLOSED,
        "response.done",
    ]
    assert by_stream["transcript"] == (TRANSCRIPT if modality == "audio" else [])
    assert by_stream["audio"] == (AUDIO if modality == "audio" else [])
    part = {"audio": {"type": "audio", "transcript": ""}, "text": {"type": "text", "text": ""}}[modality]
    assert client.of("response.content_part.added")[0]["part"] == part
    assert client.of("conversation.item.added")[1]["previous_item_id"] == user
    assert client.of("conversation.item.done")[1]["previous_item_id"] == user
    assert response["output_modalities"] == [modality]
    created = client.of("response.created")[0]["response"]
    assert list(created) == list(response) == RESPONSE_KEYS
    assert created == {**response, "status": "in_progress", "output": [], "usage": None}
    assert response["conversation_id"].startswith("conv_")
    assert (response["status_details"], response["metadata"], response["max_output_tokens"]) == (None, None, "inf")
    assert list(response["usage"]) == [
        *("total_tokens", "input_tokens", "output_tokens", "input_token_details", "output_token_details"),
    ]
    content = {
        "audio": {"type": "output_audio", "transcript": "Hello to you."},
        "text": {"type": "output_text", "text": "Hello to you."},
    }
    assert response["output"][0]["content"] == [content[modality]]


async def test_3_parallel_function_calls_and_their_outputs() -> None:
    calls = (
        CallTool("get_weather", {"city": "Oslo"}, "call_oslo", pieces=3),
        CallTool("get_weather", {"city": "Rome"}, "call_rome", pieces=3),
    )
    brain = ScriptedBrain([Together(calls)], "Snow in Oslo, sun in Rome.")
    async with serving(scripted(brain)) as server, server.official() as client:
        await client.update(output_modalities=["text"], tools=[WEATHER])
        await client.say("Weather in Oslo and Rome?")
        start = len(client.events)
        first = await client.respond()
        calling = client.events[start:]
        for call_id, output in (("call_rome", "sun"), ("call_oslo", "snow")):
            await client.create({"type": "function_call_output", "call_id": call_id, "output": output})
        second = await client.respond()

    # The two calls overlap: each has its own stream of events, told apart by its item.
    assert [event["type"] for event in calling if event["type"] in ("response.created", "response.done")] == [
        "response.created",
        "response.done",
    ]
    for index, call_id in enumerate(("call_oslo", "call_rome")):
        item = first["output"][index]
        assert (item["type"], item["status"], item["call_id"], item["name"]) == (
            "function_call",
            "completed",
            call_id,
            "get_weather",
        )
        own = [event for event in calling if item["id"] in (event.get("item_id"), event.get("item", {}).get("id"))]
        assert collapsed([event["type"] for event in own]) == CALLED
        assert {event["output_index"] for event in own if "output_index" in event} == {index}
        assert own[0]["item"] == {**item, "status": "in_progress", "arguments": ""}
        done = next(event for event in own if event["type"].endswith("arguments.done"))
        assert (done["call_id"], done["name"], done["arguments"]) == (call_id, "get_weather", item["arguments"])
        assert "".join(event["delta"] for event in own if "delta" in event) == item["arguments"]
    assert [item["content"][0]["text"] for item in second["output"]] == ["Snow in Oslo, sun in Rome."]
    asked = brain.requests[1].messages
    assert [(message.role, message.text) for message in asked if message.role == "tool"] == [("tool", "snow"), ("tool", "sun")]


async def test_4_a_preamble_a_call_and_the_final_answer_carry_their_phases() -> None:
    brain = ScriptedBrain(
        [Say("Let me look."), CallTool("get_weather", {"city": "Oslo"}, "call_1", pieces=2)], [Say("Snow.", "final_answer")]
    )
    async with serving(scripted(brain)) as server, server.official(REASONING_MODEL) as client:
        await client.update(tools=[WEATHER])
        await client.say("Weather in Oslo?")
        first = await client.respond()
        await client.create({"type": "function_call_output", "call_id": "call_1", "output": "snow"})
        second = await client.respond()
    assert [(item["type"], item.get("phase")) for item in first["output"]] == [("message", "commentary"), ("function_call", None)]
    assert "phase" not in first["output"][1]
    assert [item.get("phase") for item in second["output"]] == ["final_answer"]
    kinds = client.types()
    call_opened = next(place for place, event in enumerate(client.events) if event.get("output_index") == 1)
    assert call_opened < kinds.index("response.content_part.done"), "the call is opened before the preamble is spoken to its end"


async def test_5_barge_in_cancels_what_is_said_and_the_client_truncates_it() -> None:
    brain = ScriptedBrain([Say("one two three four. five"), Hang()], "Yes?")
    async with serving(scripted(brain)) as server, server.official() as client:
        await client.append(TURN)
        await client.until("response.output_audio.delta")
        speaking = client.of("response.output_item.added")[0]["item"]["id"]
        start = len(client.events)
        await client.append(speech(600))
        await client.until("response.done")
        during = client.events[start:]
        await client.send("conversation.item.truncate", item_id=speaking, content_index=0, audio_end_ms=650)
        truncated = await client.until("conversation.item.truncated")
        await client.send("response.cancel", event_id="too_late")
        late = (await client.until("error"))["error"]
        await client.append(silence(1_000))
        answer = await client.done()
        await client.send("conversation.item.retrieve", item_id=speaking)
        heard = (await client.until("conversation.item.retrieved"))["item"]["content"][0]

    place = next(place for place, event in enumerate(during) if event["type"] == "input_audio_buffer.speech_started")
    assert [event["type"] for event in during[place:]] == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        *CLOSED,
        "response.done",
    ]
    assert during[-2]["item"]["status"] == "incomplete"
    done = during[-1]["response"]
    assert (done["status"], done["status_details"]) == ("cancelled", {"type": "cancelled", "reason": "turn_detected"})
    assert done["usage"]["output_token_details"]["audio_tokens"] > 0
    assert (truncated["item_id"], truncated["content_index"], truncated["audio_end_ms"]) == (speaking, 0, 650)
    assert (late["code"], late["event_id"]) == ("response_cancel_not_active", "too_late")
    assert late["message"].startswith("Cancellation failed")
    assert answer["status"] == "completed"
    assert heard["transcript"] == "one two"
    said = [message.text for message in brain.requests[1].messages if message.role == "assistant"]
    assert said == ["one two"], "what was not heard is not in the history"


async def test_5_barge_in_after_the_answer_was_generated_only_truncates() -> None:
    async with serving(scripted(ScriptedBrain("one two three four.", "Yes?"))) as server, server.official() as client:
        await client.append(TURN)
        first = await client.done()
        item = first["output"][0]["id"]
        await client.append(speech(600))
        await client.until("input_audio_buffer.speech_started")
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=300)
        await client.until("conversation.item.truncated")
        await client.append(silence(1_000))
        second = await client.done()
    assert [response["status"] for response in (first, second)] == ["completed", "completed"]


async def test_6_out_of_band_responses_run_beside_and_leave_no_trace() -> None:
    brain = ScriptedBrain([Say("one two. three"), Hang()], "billing")
    async with serving(scripted(brain)) as server, server.official() as client:
        user = await client.say("My invoice is wrong.")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        active = client.of("response.created")[0]["response"]["id"]
        await client.send(
            "response.create",
            response={
                "conversation": "none",
                "metadata": {"topic": "classification"},
                "output_modalities": ["text"],
                "input": [{"type": "item_reference", "id": user}],
                "instructions": "Classify.",
            },
        )
        beside = (await client.until("response.done"))["response"]
        await client.send("response.cancel")
        cancelled = await client.done()
    assert beside["conversation_id"] is None
    assert beside["metadata"] == {"topic": "classification"}
    assert beside["output"][0]["content"] == [{"type": "output_text", "text": "billing"}]
    assert (cancelled["id"], cancelled["status"]) == (active, "cancelled")
    created = next(e["response"] for e in client.of("response.created") if e["response"]["id"] == beside["id"])
    assert created["metadata"] == {"topic": "classification"}
    in_conversation = {event["item"]["id"] for event in client.of("conversation.item.added")}
    assert beside["output"][0]["id"] not in in_conversation
    assert [message.text for message in brain.requests[1].messages] == ["Classify.", "My invoice is wrong."]


async def test_7_manual_turns() -> None:
    recognizer = ScriptedRecognizer("yes please")
    async with serving(scripted(recognizer=recognizer)) as server, server.official() as client:
        await client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "gpt-4o-mini-transcribe"}}})
        await client.append(speech(300))
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        start = len(client.events)
        await client.append(speech(700))
        await client.send("input_audio_buffer.commit")
        await client.until(TRANSCRIBED[1])
        assert client.types(start) == [*HEARD, *TRANSCRIBED]
        assert recognizer.segments[0].duration_ms == pytest.approx(700, abs=5)
        await client.settled()
        assert not client.of("response.created"), "a commit makes no response"
        response = await client.respond()
        assert response["status"] == "completed"
        by_stream = streams(client.types(start + 6))
        assert by_stream["main"] == ["response.created", *OPENED, *CLOSED, "response.done"]


async def test_7_a_turn_committed_while_vad_listens_ends_there() -> None:
    async with serving() as server, server.official() as client:
        await client.append(silence(200) + speech(800))
        started = await client.until("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.commit")
        committed = await client.until("input_audio_buffer.committed")
        assert committed["item_id"] == started["item_id"]


async def test_a_conversation_with_the_official_clients_own_methods() -> None:
    async with serving(scripted(ScriptedBrain("Hello.", [Say("one two. three"), Hang()]))) as server, server.official() as client:
        openai = client.socket
        await openai.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await openai.input_audio_buffer.append(audio=base64.b64encode(speech(500)).decode())
        await openai.input_audio_buffer.commit()
        await openai.conversation.item.create(item={"type": "message", "role": "user", "content": [text("hi")], "id": "mine"})
        await openai.conversation.item.retrieve(item_id="mine")
        await openai.response.create()
        spoken = ""
        async for event in openai:
            if event.type == "response.output_audio_transcript.delta":
                spoken += event.delta
            if event.type == "response.done":
                assert event.response.status == "completed"
                break
        assert spoken == "Hello."
        await openai.response.create(response={"metadata": {"topic": "x"}})
        await client.until("response.output_audio.delta")
        await openai.response.cancel()
        assert (await client.done())["status"] == "cancelled"
        await openai.conversation.item.delete(item_id="mine")
        await client.until("conversation.item.deleted")
        client.events.clear()


async def test_12_an_idle_timeout_after_the_answer_has_been_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """The idle timer is made to hurry; how long it was to wait is what is looked at."""
    waits: list[int] = []
    set_timer = SessionRunner._set_timer

    def hurry(runner: SessionRunner, effect: effects.SetTimer) -> None:
        if effect.name == "idle":
            waits.append(effect.delay_ms)
            effect = replace(effect, delay_ms=effect.delay_ms // 100)
        set_timer(runner, effect)

    monkeypatch.setattr(SessionRunner, "_set_timer", hurry)
    brain = ScriptedBrain("one two three four.", "Are you still there?", repeat=True)
    async with serving(scripted(brain)) as server, server.official() as client:
        detection = {"type": "server_vad", "idle_timeout_ms": 5_000}
        await client.update(audio={"input": {"turn_detection": detection, "transcription": {"model": "whisper-1"}}})
        await client.settled()
        assert not waits, "before the first answer there is nothing to wait for"
        await client.append(TURN)
        first = await client.done()
        start = len(client.events)
        await client.done()
        idle = client.events[start:]

    assert 5_000 + 300 < waits[0] <= 5_000 + len(client.audio(first["id"])) // 48, "counted from the end of playback"
    assert streams([event["type"] for event in idle])["main"] == [
        "input_audio_buffer.timeout_triggered",
        *HEARD,
        "response.created",
        *OPENED,
        *CLOSED,
        "response.done",
    ]
    triggered, committed, added, done = idle[:4]
    assert set(triggered) == {"type", "event_id", "audio_start_ms", "audio_end_ms", "item_id"}
    assert 0 <= triggered["audio_start_ms"] <= triggered["audio_end_ms"] <= len(TURN) // 48
    assert {triggered["item_id"], committed["item_id"], added["item"]["id"], done["item"]["id"]} == {triggered["item_id"]}
    assert committed["previous_item_id"] == first["output"][0]["id"]
    told = next(event for event in idle if event["type"] == TRANSCRIBED[1])
    assert (told["item_id"], told["transcript"]) == (triggered["item_id"], "")


async def test_13_rate_limits_are_told_right_after_each_response(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = kit.settings
    limits = LimitSettings(tokens_per_minute=100_000)
    monkeypatch.setattr(kit, "settings", lambda **server: replace(settings(**server), limits=limits))
    async with serving() as server, server.official() as client:
        for _ in range(2):
            await client.respond()
            told = await client.read()
            assert told["type"] == "rate_limits.updated"
            (entry,) = told["rate_limits"]
            assert list(entry) == ["name", "limit", "remaining", "reset_seconds"]
            assert (entry["name"], entry["limit"]) == ("tokens", 100_000)
            assert 0 < entry["remaining"] < 100_000
            assert entry["reset_seconds"] > 0
        used = [event["rate_limits"][0]["remaining"] for event in client.of("rate_limits.updated")]
        assert used[1] < used[0], "what was used is not there any more"


async def test_14_an_error_says_what_is_wrong_and_whose() -> None:
    async with serving() as server, server.connect(MODEL) as client:
        await client.frame({"type": "response.crate", "event_id": "evt_from_client"})
        event = await client.until("error")
    assert set(event) == {"type", "event_id", "error"}
    assert event["event_id"].startswith("event_")
    assert {name: event["error"][name] for name in ("type", "code", "param", "event_id")} == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "param": "type",
        "event_id": "evt_from_client",
    }
    for supported in ("session.update", "response.create", "conversation.item.truncate"):
        assert supported in event["error"]["message"]

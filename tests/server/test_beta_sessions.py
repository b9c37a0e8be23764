"""Clients of the beta, on a server whose operator lets them in: whole calls in the beta's shapes, over a real socket."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from beta_kit import HEADER, MODEL, SUBPROTOCOL, beta_client
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kit import TURN, collapsed, scripted, serving, silence, speech, truncate, user
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.official_beta import validate_beta_event
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.script import CallTool, Say
from vivavoce.testing.synthesizer import ScriptedSynthesizer

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
RATE = 24_000


@pytest.mark.parametrize("way", [HEADER, SUBPROTOCOL], ids=["header", "subprotocol"])
async def test_a_spoken_turn_with_a_tool_call_is_told_in_the_beta_s_shapes(way: Any) -> None:
    brain = ScriptedBrain([Say("Let me look."), CallTool("get_weather", {"city": "Oslo"}, "call_1")], "It snows in Oslo.")
    async with serving(scripted(brain, ScriptedRecognizer("the weather in Oslo")), beta=True) as server:
        async with beta_client(server, **way) as client:
            assert client.socket.subprotocol == ("realtime" if way is SUBPROTOCOL else None)
            session = await client.update(
                modalities=["text", "audio"],
                instructions="Answer about the weather.",
                voice="verse",
                input_audio_transcription={"model": "whisper-1"},
                turn_detection={"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500},
                tools=[WEATHER],
                tool_choice="auto",
                temperature=0.9,
                max_response_output_tokens=512,
            )
            start = len(client.events)
            await client.append(TURN)
            first = await client.done()
            call = first["output"][1]
            await client.create({"type": "function_call_output", "call_id": call["call_id"], "output": '{"sky": "snow"}'})
            second = await client.respond()
            conversation = client.of("conversation.created")[0]["conversation"]["id"]
        await server.empty()
    assert (session["voice"], session["temperature"], session["max_response_output_tokens"]) == ("verse", 0.9, 512)
    assert (session["modalities"], session["tools"]) == (["text", "audio"], [WEATHER])
    assert session["input_audio_transcription"]["model"] == "whisper-1"
    assert (call["name"], json.loads(call["arguments"])) == ("get_weather", {"city": "Oslo"})
    assert client.of("response.function_call_arguments.done")[0]["arguments"] == call["arguments"]
    assert first["output"][0]["content"] == [{"type": "audio", "transcript": "Let me look."}]
    assert second["output"][0]["content"] == [{"type": "audio", "transcript": "It snows in Oslo."}]
    assert (second["voice"], second["temperature"], second["max_output_tokens"]) == ("verse", 0.9, 512)
    assert {first["conversation_id"], second["conversation_id"]} == {conversation}
    assert len(client.audio(second["id"])) == 4 * 300 * RATE // 1000 * 2
    heard = client.of("conversation.item.input_audio_transcription.completed")
    assert [event["transcript"] for event in heard] == ["the weather in Oslo"]
    started = [kind for kind in client.types(start) if "transcription" not in kind]
    assert collapsed(started)[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
    ]


async def test_a_telephone_bridge_of_the_beta_talks_g711_and_truncates_what_was_not_heard() -> None:
    """The frames of openai-realtime-twilio-demo: its one update, u-law both ways, a truncate when the caller speaks."""
    brain = ScriptedBrain("one two three four five six seven eight", "Yes?", repeat=False)
    voice = ScriptedSynthesizer(word_ms=400)
    stack = scripted(brain, ScriptedRecognizer("count", "stop", repeat=False), voice)
    first_frame = {
        "modalities": ["text", "audio"],
        "turn_detection": {"type": "server_vad"},
        "voice": "ash",
        "input_audio_transcription": {"model": "whisper-1"},
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_ulaw",
        "tools": [WEATHER],
    }
    quiet, loud = silence(900, "audio/pcmu"), speech(900, "audio/pcmu")
    async with serving(stack, beta=True) as server, beta_client(server) as client:
        session = await client.update(**first_frame)
        assert (session["input_audio_format"], session["output_audio_format"]) == ("g711_ulaw", "g711_ulaw")
        await client.append(quiet + loud + quiet, step=160)
        delta = await client.until("response.audio.delta")
        spoken = delta["item_id"]
        await client.append(loud, step=160)
        await client.until("input_audio_buffer.speech_started", lambda event: event is not client.of(event["type"])[0])
        await client.frame(truncate(spoken, 0, 1_000))
        told = await client.until("conversation.item.truncated")
        await client.append(quiet, step=160)
        again = await client.done()
        await client.send("conversation.item.retrieve", item_id=spoken)
        kept = (await client.until("conversation.item.retrieved"))["item"]
    assert (told["item_id"], told["audio_end_ms"]) == (spoken, 1_000)
    assert again["output"][0]["content"] == [{"type": "audio", "transcript": "Yes?"}]
    assert kept["content"][0]["transcript"] == "one two"
    assert kept["content"][0].get("format", "g711_ulaw") == "g711_ulaw"
    assert len(client.audio(again["id"])) == 400 * 8, "one byte per sample at 8 kHz"
    assert brain.requests[1].messages[-2].text == "one two", "what was not heard is not in the history"


async def test_errors_name_the_fields_the_client_wrote_and_leave_the_session_as_it_was() -> None:
    async with serving(beta=True) as server, beta_client(server) as client:
        before = await client.update(temperature=0.7)
        for session, param, code in (
            ({"voice": "nobody"}, "session.voice", "invalid_value"),
            ({"voice": "nobody", "temperature": 1.2}, "session.voice", "invalid_value"),
            (
                {"turn_detection": {"type": "server_vad", "threshold": 2}},
                "session.turn_detection.threshold",
                "decimal_above_max_value",
            ),
            ({"input_audio_transcription": {}}, "session.input_audio_transcription.model", "missing_required_parameter"),
            ({"max_response_output_tokens": 0}, "session.max_response_output_tokens", "integer_below_min_value"),
            ({"modalities": ["audio"]}, "session.modalities", "invalid_value"),
            ({"output_modalities": ["audio"]}, "session.output_modalities", "unknown_parameter"),
            ({"type": "realtime"}, "session.type", "unknown_parameter"),
        ):
            error = await client.refused({"type": "session.update", "event_id": "mine", "session": session})
            assert (error["param"], error["code"], error["event_id"]) == (param, code, "mine")
            assert "session.audio" not in error["message"]
        assert await client.update() == before
        error = await client.refused({"type": "response.cancel"})
        assert error["code"] == "response_cancel_not_active"
        await client.respond()
        assert (await client.refused({"type": "session.update", "session": {"voice": "echo"}}))["code"] == "cannot_update_voice"
        assert (await client.refused("{"))["code"] == "invalid_json"


async def test_text_items_history_and_out_of_band_responses_are_told_in_beta_names() -> None:
    brain = ScriptedBrain("Plain text.", "Beside it.")
    async with serving(scripted(brain), beta=True) as server, beta_client(server) as client:
        await client.update(modalities=["text"])
        await client.create({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]})
        await client.create(user({"type": "input_text", "text": "Hi."}))
        history = [event["item"]["content"][0]["type"] for event in client.of("conversation.item.created")]
        first = await client.respond()
        beside = await client.respond(conversation="none", input=[], metadata={"topic": "tea"})
    assert history == ["text", "input_text"]
    assert first["output"][0]["content"] == [{"type": "text", "text": "Plain text."}]
    assert client.of("response.text.done")[0]["text"] == "Plain text."
    assert (beside["conversation_id"], beside["metadata"], beside["modalities"]) == (None, {"topic": "tea"}, ["text"])
    assert brain.requests[0].messages[-2].text == "Hello."


async def test_a_client_of_today_on_the_same_server_sees_nothing_of_it() -> None:
    async with serving(beta=True) as server, beta_client(server) as old, server.connect() as new:
        await old.append(TURN)
        await new.append(TURN)
        told, today = await old.done(), await new.done()
        assert "modalities" in told
        assert "output_modalities" in today
        error = await new.refused({"type": "session.update", "session": {"modalities": ["text"]}})
        assert (error["code"], error["param"]) == ("missing_required_parameter", "session.type")


async def test_without_the_switch_both_ways_are_refused_with_4000() -> None:
    async with serving() as server:
        for way in (HEADER, SUBPROTOCOL):
            async with connect(server.realtime(), **way) as socket:
                assert json.loads(await socket.recv())["error"]["code"] == "beta_api_shape_disabled"
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4000


async def test_the_official_beta_client_holds_a_conversation(tmp_path: Path) -> None:
    """It insists on wss, so the server shows a certificate of its own making."""
    pytest.importorskip("cryptography")
    from vivavoce.api.tls import self_signed

    certificate, key = self_signed(tmp_path, "127.0.0.1")
    trust = ssl.create_default_context(cafile=str(certificate))
    async with (
        serving(beta=True, tls_cert=certificate, tls_key=key) as server,
        httpx.AsyncClient(verify=trust) as http,
        openai.AsyncOpenAI(base_url=f"https://127.0.0.1:{server.port}/v1", api_key="sk-unused", http_client=http) as official,
        official.beta.realtime.connect(model=MODEL, websocket_connection_options={"ssl": trust}) as connection,
    ):
        kinds, words = [], []
        await connection.session.update(session={"modalities": ["text", "audio"], "voice": "sage", "temperature": 0.8})
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello!"}]}
        )
        await connection.response.create()
        async for event in connection:
            validate_beta_event(json.loads(event.to_json()))
            kinds.append(event.type)
            if event.type == "response.audio_transcript.delta":
                words.append(event.delta)
            if event.type == "response.done":
                assert event.response.status == "completed"
                break
    assert kinds[:3] == ["session.created", "conversation.created", "session.updated"]
    assert "".join(words) == "Hello there."

"""Transcription sessions on the wire: how they open, what they echo, both sequences of D.8 (8), and what they refuse."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.exceptions import InvalidStatus

from kit import PATIENCE_S, TURN, Client, Serving, collapsed, scripted, serving, silence, speech
from vivavoce.engines.ports import EngineFault, Hypothesis, RecognitionOptions, RecognizedWord
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer

TRANSCRIPTION = "conversation.item.input_audio_transcription"


@asynccontextmanager
async def transcriber(server: Serving, query: str = "intent=transcription", **options: Any) -> AsyncGenerator[Client]:
    """Open a transcription session and read its `session.created`."""
    async with server.open(server.realtime(query), **options) as client:
        yield client


def listening(**fields: object) -> dict[str, Any]:
    """A transcription session object with these fields of its input."""
    return {"type": "transcription", "audio": {"input": fields}}


async def update(client: Client, **fields: object) -> dict[str, Any]:
    """Update the input, and return what is in force then."""
    await client.send("session.update", session=listening(**fields))
    session: dict[str, Any] = (await client.until("session.updated"))["session"]
    found: dict[str, Any] = session["audio"]["input"]
    return found


# --- opening --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "model", "detected"),
    [
        ("intent=transcription", "gpt-4o-mini-transcribe", True),
        ("intent=transcription&model=gpt-4o-transcribe", "gpt-4o-transcribe", True),
        ("model=whisper-1", "whisper-1", True),
        ("intent=transcription&model=gpt-realtime-whisper", "gpt-realtime-whisper", False),
        ("model=gpt-live-transcribe", "gpt-live-transcribe", False),
    ],
)
async def test_intent_or_a_transcription_model_opens_one(query: str, model: str, detected: bool) -> None:
    async with serving() as server, transcriber(server, query) as client:
        session = client.events[0]["session"]
        assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
        heard = session["audio"]["input"]
        assert heard["transcription"] == {"model": model, "language": None, "prompt": None}
        assert (heard["turn_detection"] is not None) is detected, "models that stream leave turns to the client"
        assert set(session) == {"type", "object", "id", "expires_at", "audio", "include"}


async def test_a_client_secret_of_type_transcription_needs_no_intent() -> None:
    async with serving() as server, AsyncOpenAI(base_url=server.url + "/v1", api_key="any") as openai:
        wanted = {"transcription": {"model": "gpt-realtime-whisper", "language": "en"}}
        made = await openai.realtime.client_secrets.create(session={"type": "transcription", "audio": {"input": wanted}})
        assert made.session.type == "transcription"
        headers = {"Authorization": f"Bearer {made.value}"}
        async with transcriber(server, "", additional_headers=headers) as client:
            heard = client.events[0]["session"]["audio"]["input"]
            assert heard["transcription"] == {"model": "gpt-realtime-whisper", "language": "en", "prompt": None}
            assert heard["turn_detection"] is None


async def test_a_secret_for_one_kind_of_session_opens_no_other() -> None:
    async with serving() as server, AsyncOpenAI(base_url=server.url + "/v1", api_key="any") as openai:
        made = await openai.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-realtime"})
        with pytest.raises(Exception, match="HTTP 400"):
            async with transcriber(server, "intent=transcription", additional_headers={"Authorization": f"Bearer {made.value}"}):
                pass


async def test_until_the_client_says_how_turns_end_the_model_does() -> None:
    async with serving() as server, transcriber(server) as client:
        assert (await update(client, transcription={"model": "gpt-realtime-whisper"}))["turn_detection"] is None
        assert (await update(client, transcription={"model": "whisper-1"}))["turn_detection"]["type"] == "server_vad"
        chosen = await update(client, turn_detection={"type": "semantic_vad"})
        assert chosen["turn_detection"]["type"] == "semantic_vad"
        kept = await update(client, transcription={"model": "gpt-realtime-whisper", "delay": "high"})
        assert kept["turn_detection"]["type"] == "semantic_vad"
        assert kept["transcription"]["delay"] == "high"


# --- sequences ------------------------------------------------------------------------------------------------------------------

TURN_EVENTS = [
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    f"{TRANSCRIPTION}.delta",
    f"{TRANSCRIPTION}.completed",
]


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "whisper-1", "gpt-transcribe"])
@pytest.mark.parametrize("detection", ["server_vad", "semantic_vad"])
async def test_8_turns_under_voice_activity_detection(model: str, detection: str) -> None:
    recognizer = ScriptedRecognizer("a large latte please", "and a muffin")
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server) as client:
        await update(client, transcription={"model": model}, turn_detection={"type": detection})
        await client.append(TURN)
        first = await client.until(f"{TRANSCRIPTION}.completed")
        assert client.types() == TURN_EVENTS, "one delta holds the whole text"
        assert first["transcript"] == "a large latte please"
        assert first["usage"]["type"] == ("duration" if model == "whisper-1" else "tokens")
        await client.append(TURN)
        second = await client.until(f"{TRANSCRIPTION}.completed")
        committed = client.of("input_audio_buffer.committed")
        assert [event["previous_item_id"] for event in committed] == [None, first["item_id"]]
        assert committed[1]["item_id"] == second["item_id"]


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe"])
async def test_8_a_model_that_streams_tells_what_is_said_before_the_client_commits(model: str) -> None:
    recognizer = ScriptedRecognizer(Heard("a large latte please", partials=("a large", "a large latte")))
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server) as client:
        await update(client, transcription={"model": model}, turn_detection=None)
        await client.append(speech(1_600))
        await client.until(f"{TRANSCRIPTION}.delta", lambda event: "latte" in event["delta"])
        await client.send("input_audio_buffer.commit")
        done = await client.until(f"{TRANSCRIPTION}.completed")
        assert collapsed(client.types()) == [
            "session.created",
            "session.updated",
            f"{TRANSCRIPTION}.delta",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            f"{TRANSCRIPTION}.delta",
            f"{TRANSCRIPTION}.completed",
        ]
        told = client.of(f"{TRANSCRIPTION}.delta")
        assert "".join(event["delta"] for event in told) == done["transcript"] == "a large latte please"
        assert {event["item_id"] for event in told} == {done["item_id"], client.of("input_audio_buffer.committed")[0]["item_id"]}
        assert done["usage"] == {"type": "duration", "seconds": 2}


async def test_one_item_may_hold_several_segments_and_a_model_that_does_not_stream_tells_them_at_the_commit() -> None:
    recognizer = ScriptedRecognizer("first sentence", "second sentence")
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server) as client:
        await update(client, transcription={"model": "gpt-4o-transcribe"}, turn_detection=None)
        await client.append(TURN + TURN)
        await client.send("input_audio_buffer.commit")
        done = await client.until(f"{TRANSCRIPTION}.completed")
        assert done["transcript"] == "first sentence second sentence"
        assert [event["delta"] for event in client.of(f"{TRANSCRIPTION}.delta")] == [done["transcript"]]
        assert client.types()[2] == "input_audio_buffer.committed"


async def test_what_is_too_soft_for_the_detector_is_heard_when_the_client_commits_it() -> None:
    async with serving(scripted(recognizer=ScriptedRecognizer("mhm"))) as server, transcriber(server) as client:
        await update(client, turn_detection=None)
        await client.append(silence(700))
        await client.send("input_audio_buffer.commit")
        assert (await client.until(f"{TRANSCRIPTION}.completed"))["transcript"] == "mhm"


async def test_segments_tell_who_speaks_where_the_engine_can() -> None:
    class Two(ScriptedRecognizer):
        async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
            async for _ in audio:
                pass
            words = (RecognizedWord("hi", 0, 200, 1.0, "A"), RecognizedWord("hello", 300, 600, 1.0, "B"))
            yield Hypothesis("hi hello", final=True, words=words)

    async with serving(scripted(recognizer=Two())) as server, transcriber(server, "model=gpt-4o-transcribe-diarize") as client:
        await client.append(TURN)
        done = await client.until(f"{TRANSCRIPTION}.completed")
        told = client.of(f"{TRANSCRIPTION}.segment")
        assert [(each["speaker"], each["text"], each["start"], each["end"]) for each in told] == [
            ("A", "hi", 0.0, 0.2),
            ("B", "hello", 0.3, 0.6),
        ]
        assert {each["item_id"] for each in told} == {done["item_id"]}


@pytest.mark.parametrize(("model", "told"), [("gpt-transcribe", [{"code": "es"}, {"code": "en"}]), ("gpt-4o-transcribe", None)])
async def test_the_model_that_detects_languages_tells_those_of_an_item(model: str, told: list[dict[str, str]] | None) -> None:
    class Polyglot(ScriptedRecognizer):
        languages = iter(("es", "en", "es"))

        async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
            async for _ in audio:
                pass
            yield Hypothesis("si", final=True, language=next(self.languages))

    async with serving(scripted(recognizer=Polyglot())) as server, transcriber(server, f"model={model}") as client:
        await update(client, turn_detection=None)
        await client.append(TURN * 3)
        await client.send("input_audio_buffer.commit")
        assert (await client.until(f"{TRANSCRIPTION}.completed")).get("languages") == told


async def test_no_language_is_told_where_none_is_known() -> None:
    async with serving() as server, transcriber(server, "model=gpt-transcribe") as client:
        await client.append(TURN)
        assert (await client.until(f"{TRANSCRIPTION}.completed"))["languages"] == []


async def test_logprobs_come_with_the_delta_that_tells_all_and_with_the_end() -> None:
    recognizer = ScriptedRecognizer(Heard("yes", confidence=0.5))
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server, "model=gpt-4o-transcribe") as client:
        session = {"type": "transcription", "include": ["item.input_audio_transcription.logprobs"]}
        await client.send("session.update", session=session)
        await client.append(TURN)
        done = await client.until(f"{TRANSCRIPTION}.completed")
        assert [each["token"] for each in done["logprobs"]] == ["yes"]
        assert client.of(f"{TRANSCRIPTION}.delta")[0]["logprobs"] == done["logprobs"]


async def test_the_delay_reaches_the_recognizer() -> None:
    recognizer = ScriptedRecognizer("one", repeat=True)
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server) as client:
        for delay in ("minimal", "xhigh"):
            await update(client, transcription={"model": "gpt-realtime-whisper", "delay": delay})
            await client.append(speech(600))
            await client.send("input_audio_buffer.commit")
            await client.until(f"{TRANSCRIPTION}.completed")
        assert [segment.options.delay for segment in recognizer.segments] == ["minimal", "xhigh"]
        assert all(segment.options.partials for segment in recognizer.segments)


# --- changing over --------------------------------------------------------------------------------------------------------------


async def test_audio_sent_before_the_client_takes_turns_over_is_not_lost() -> None:
    recognizer = ScriptedRecognizer("all of it", repeat=True)
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server) as client:
        await client.append(speech(1_000))
        await update(client, transcription={"model": "gpt-realtime-whisper"}, turn_detection=None)
        await client.append(speech(1_000))
        await client.send("input_audio_buffer.commit")
        done = await client.until(f"{TRANSCRIPTION}.completed")
        assert done["usage"]["seconds"] == 2


async def test_what_was_told_becomes_an_item_when_detection_takes_turns_over() -> None:
    recognizer = ScriptedRecognizer(Heard("spoken first", partials=("spoken",)), "then this")
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server, "model=gpt-realtime-whisper") as client:
        await client.append(speech(1_000))
        await client.until(f"{TRANSCRIPTION}.delta")
        await update(client, turn_detection={"type": "server_vad"})
        await client.append(TURN)
        done = [await client.until(f"{TRANSCRIPTION}.completed") for _ in range(2)]
        assert [event["transcript"] for event in done] == ["spoken first", "then this"]
        started = client.of("input_audio_buffer.speech_started")[0]
        assert started["audio_start_ms"] >= 1_000, "times count all the audio there was"


# --- errors ---------------------------------------------------------------------------------------------------------------------


async def test_committing_nothing_names_the_commit_and_the_session_goes_on() -> None:
    async with serving() as server, transcriber(server, "model=gpt-realtime-whisper") as client:
        error = await client.refused({"type": "input_audio_buffer.commit", "event_id": "c1"})
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "c1")
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "response.create"},
        {"type": "response.cancel"},
        {"type": "conversation.item.create", "item": {}},
        {"type": "conversation.item.retrieve", "item_id": "x"},
        {"type": "output_audio_buffer.clear"},
        {"type": "session.close"},
    ],
)
async def test_there_is_no_conversation(frame: dict[str, Any]) -> None:
    async with serving() as server, transcriber(server) as client:
        error = await client.refused({**frame, "event_id": "e1"})
        assert (error["code"], error["param"], error["event_id"]) == ("invalid_value", "type", "e1")


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"audio": {}}, "missing_required_parameter", "session.type"),
        ({"type": "realtime"}, "invalid_value", "session.type"),
        ({"type": "transcription", "instructions": "x"}, "unknown_parameter", "session.instructions"),
        ({"type": "transcription", "audio": {"output": {"voice": "ash"}}}, "unknown_parameter", "session.audio.output"),
        (listening(transcription={"model": "gpt-9"}), "model_not_found", "session.audio.input.transcription.model"),
        (listening(transcription={"model": "gpt-realtime"}), "model_not_found", "session.audio.input.transcription.model"),
        (
            listening(transcription={"model": "whisper-1", "delay": "low"}),
            "invalid_value",
            "session.audio.input.transcription.delay",
        ),
        (
            listening(transcription={"model": "gpt-realtime-whisper", "delay": "soon"}),
            "invalid_value",
            "session.audio.input.transcription.delay",
        ),
        (
            listening(turn_detection={"type": "server_vad", "idle_timeout_ms": 6_000}),
            "invalid_value",
            "session.audio.input.turn_detection.idle_timeout_ms",
        ),
        (listening(noise_reduction={"type": "near_field"}), "invalid_value", "session.audio.input.noise_reduction"),
    ],
)
async def test_a_wrong_update_is_refused_whole(session: dict[str, Any], code: str, param: str) -> None:
    async with serving() as server, transcriber(server) as client:
        error = await client.refused({"type": "session.update", "session": session})
        assert (error["code"], error["param"]) == (code, param)
        await client.send("session.update", session={"type": "transcription"})
        assert (await client.until("session.updated"))["session"] == client.events[0]["session"]


@pytest.mark.parametrize("commits", [False, True])
async def test_a_recognition_that_breaks_fails_its_item_and_the_next_is_heard(commits: bool) -> None:
    recognizer = ScriptedRecognizer(Heard("", fault=EngineFault("The decoder died.")), "better")
    async with serving(scripted(recognizer=recognizer)) as server, transcriber(server) as client:
        await update(client, turn_detection=None if commits else {"type": "server_vad"})
        for ending in ("failed", "completed"):
            await client.append(TURN)
            if commits:
                await client.send("input_audio_buffer.commit")
            last = await client.until(f"{TRANSCRIPTION}.{ending}")
        assert last["transcript"] == "better"


# --- long and fast --------------------------------------------------------------------------------------------------------------


async def test_ten_minutes_sent_at_once_are_all_heard_in_order() -> None:
    class Counting(ScriptedRecognizer):
        number = 0

        async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
            Counting.number += 1
            text = f"number {Counting.number}"
            async for _ in audio:
                await asyncio.sleep(0)
            yield Hypothesis(text, final=True)

    async with serving(scripted(recognizer=Counting())) as server, transcriber(server, "model=gpt-realtime-whisper") as client:
        minute = base64.b64encode((speech(3_000) + silence(2_000)) * 12).decode()
        for _ in range(10):
            await client.send("input_audio_buffer.append", audio=minute)
        await client.send("input_audio_buffer.commit")
        async with asyncio.timeout(3 * PATIENCE_S):
            done = await client.until(f"{TRANSCRIPTION}.completed")
        assert done["transcript"] == " ".join(f"number {number + 1}" for number in range(120))


async def test_the_session_is_in_the_books() -> None:
    async with serving() as server, transcriber(server, "model=gpt-realtime-whisper") as client:
        await client.append(speech(1_500))
        await client.send("input_audio_buffer.commit")
        await client.until(f"{TRANSCRIPTION}.completed")
        record = server.service.records.find(client.events[0]["session"]["id"])
        assert record is not None
        assert (record.kind, record.transcribed_seconds) == ("transcription", 2)
        assert record.cost == pytest.approx(2 / 60 * 0.017)


# --- not in the beta ------------------------------------------------------------------------------------------------------------


async def test_it_is_not_held_in_the_shapes_of_the_beta_and_says_so() -> None:
    async with serving(beta=True) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with transcriber(server, additional_headers={"OpenAI-Beta": "realtime=v1"}):
                pass
        assert refused.value.response.status_code == 400
        assert b"POST /v1/realtime/client_secrets" in refused.value.response.body

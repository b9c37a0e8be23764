"""Transcripts as they are heard: server-sent events, through the official client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
from audio_files_kit import TWO, KnowingRecognizer, form, official, places, post, two

from kit import PATIENCE_S, eventually, scripted, serving
from vivavoce.api.audio.events import told
from vivavoce.engines.ports import EngineFault
from vivavoce.protocol import errors
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer

FILE = ("speech.wav", TWO)
MODEL = "gpt-4o-transcribe"


async def streamed(client: Any, model: str = MODEL, **options: Any) -> list[Any]:
    stream = await client.audio.transcriptions.create(file=FILE, model=model, stream=True, **options)
    return [event async for event in stream]


@pytest.mark.parametrize("format", ["json", "text"])
async def test_deltas_concatenate_to_the_text_and_the_end_has_the_usage(format: str) -> None:
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        *deltas, done = await streamed(client, response_format=format)
    assert [event.type for event in deltas] == ["transcript.text.delta"] * len(deltas)
    assert deltas[0].delta == "hello", "what is stable is told before the utterance is over"
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas) == done.text == "hello there how are you"
    assert done.usage.input_token_details.audio_tokens == 50
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens


async def test_logprobs_come_with_the_words_they_are_about() -> None:
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        *deltas, done = await streamed(client, include=["logprobs"])
    told_words = [[each.token for each in event.logprobs] for event in deltas]
    assert told_words == [event.delta.split() for event in deltas]
    assert [each.token for each in done.logprobs] == done.text.split()


async def test_gpt_transcribe_tells_the_languages_in_the_end() -> None:
    recognizer = KnowingRecognizer("hola", told=("es",))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        *_, done = await streamed(client, "gpt-transcribe")
    assert [language.code for language in done.languages] == ["es"]


async def test_diarized_streams_tell_each_part_after_its_text() -> None:
    recognizer = KnowingRecognizer("good morning Ann", "hi", speakers=("x", "x", "y"))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        *events, done = await streamed(
            client, "gpt-4o-transcribe-diarize", response_format="diarized_json", chunking_strategy="auto"
        )
    deltas, parts = events[0::2], events[1::2]
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert {event.type for event in parts} == {"transcript.text.segment"}
    assert [event.segment_id for event in deltas] == [event.id for event in parts]
    assert [(event.speaker, event.text) for event in parts] == [("A", "good morning"), ("B", "Ann"), ("A", "hi")]
    assert "".join(event.delta for event in deltas) == done.text


async def test_whisper_does_not_stream() -> None:
    async with serving(scripted(recognizer=two())) as server:
        answer = await post(server, [("model", "whisper-1"), ("stream", "true")])
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["text"] == "hello there how are you"


async def test_a_fault_after_the_beginning_is_raised_by_the_official_client() -> None:
    recognizer = two("hello there", Heard("", fault=EngineFault("the decoder died")))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        stream = await client.audio.transcriptions.create(file=FILE, model=MODEL, stream=True)
        heard: list[Any] = []

        async def read() -> None:
            async for event in stream:
                heard.append(event)  # noqa: PERF401 - what came before the fault counts too

        with pytest.raises(openai.APIError, match=r"The decoder died\.") as caught:
            await read()
    assert "".join(event.delta for event in heard) == "hello there"
    assert caught.value.type == "server_error"


async def test_a_fault_before_the_beginning_has_a_status_of_its_own() -> None:
    recognizer = two(Heard("", fault=EngineFault("the decoder died")))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        with pytest.raises(openai.InternalServerError, match=r"The decoder died\.") as caught:
            await streamed(client)
    assert caught.value.status_code == 503


async def test_a_client_that_goes_away_stops_the_work() -> None:
    recognizer = ScriptedRecognizer(Heard("hello there", partials=("hello",), delay_s=3_600), repeat=True)
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        stream = await client.audio.transcriptions.create(file=FILE, model=MODEL, stream=True)
        async for event in stream:
            assert event.type == "transcript.text.delta"
            break
        await stream.close()
        await eventually(lambda: not places(server).taken)


async def test_a_client_that_goes_away_before_the_answer_stops_the_work() -> None:
    recognizer = ScriptedRecognizer(Heard("hello", delay_s=3_600), repeat=True)
    async with serving(scripted(recognizer=recognizer)) as server:
        body, content_type = form([("model", "whisper-1")])
        async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
            asking = asyncio.create_task(
                client.post("/v1/audio/transcriptions", content=body, headers={"Content-Type": content_type})
            )
            await eventually(lambda: recognizer.segments)
            asking.cancel()
        await eventually(lambda: not places(server).taken)
        value = server.service.metrics.registry.get_sample_value
        labels = {"route": "/v1/audio/transcriptions", "model": "whisper-1", "status": "499"}
        assert value("vivavoce_requests_total", labels) == 1


async def test_silence_is_filled_with_comments() -> None:
    gate = asyncio.Event()

    async def events() -> AsyncIterator[dict[str, Any]]:
        await gate.wait()
        yield {"type": "transcript.text.done"}

    pieces = told(events(), quiet_s=0.001)  # type: ignore[arg-type]
    assert await anext(pieces) == b":\n\n"
    gate.set()
    rest = [piece async for piece in pieces]
    assert rest[-1] == b'data: {"type":"transcript.text.done"}\n\n'
    assert set(rest[:-1]) <= {b":\n\n"}


async def test_a_crash_in_the_middle_is_told_without_its_cause(log: list[Any]) -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "transcript.text.delta", "delta": "hello"}
        raise RuntimeError("a secret")

    first, last = [piece async for piece in told(events())]  # type: ignore[arg-type]
    assert b"hello" in first
    assert b"a secret" not in last
    assert errors.internal().message.encode() in last
    log.clear()

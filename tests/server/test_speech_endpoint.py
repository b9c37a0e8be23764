"""`POST /v1/audio/speech` with the official client: formats, streaming, hanging up, languages, and every refusal."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray

from kit import Serving, eventually, scripted, serving
from vivavoce.api.audio.places import Places
from vivavoce.api.audio.speech import CONTENT_TYPES
from vivavoce.audio.codec import convert
from vivavoce.audio.media import MediaWorkers
from vivavoce.config import LimitSettings
from vivavoce.engines.ports import Capabilities, EngineFault, RecognitionOptions, SpeechSpan, VoiceStyle
from vivavoce.testing.synthesizer import ScriptedSynthesizer

MODEL = "gpt-4o-mini-tts"
TEXT = "The first sentence is short. The second one follows it at once."
KEY = "sk-test-1234567890"
Body = dict[str, Any]


@asynccontextmanager
async def client_of(server: Serving) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key or "sk-unused", max_retries=0) as client:
        yield client


def body(**fields: Any) -> Body:
    return {"model": MODEL, "input": TEXT, "voice": "alloy", **fields}


async def post(server: Serving, **fields: Any) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(f"{server.url}/v1/audio/speech", json=body(**fields))


def samples(pcm: bytes) -> NDArray[np.int16]:
    return np.frombuffer(pcm, "<i2")


async def decoded_ms(audio: bytes, fmt: str, folder: Path) -> float:
    path = folder / f"speech.{fmt}"
    path.write_bytes(audio)
    media = MediaWorkers()
    try:
        return sum([len(chunk) / 48 async for chunk in media.decode(path, 24_000)])
    finally:
        await media.close()


class Polyglot(ScriptedSynthesizer):
    """A voice that speaks some languages."""

    def __init__(self, *languages: str, **options: Any) -> None:
        super().__init__(**options)
        self._languages = languages

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, languages=self._languages)


# --- what is said ---------------------------------------------------------------------------------------------------------------


async def test_pcm_is_what_the_voice_said_sample_by_sample() -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(synthesizer=voice)) as server, client_of(server) as client:
        answer = await client.audio.speech.create(**body(response_format="pcm"))
    said = np.concatenate([voice.span(clause).pcm for clause in voice.clauses])
    assert "".join(voice.clauses) == TEXT
    assert np.array_equal(samples(answer.content), said)
    assert voice.finished == 1


@pytest.mark.parametrize("fmt", ["mp3", "opus", "aac", "flac", "wav"])
async def test_every_format_is_sent_as_what_it_is_and_lasts_as_long_as_was_spoken(fmt: str, tmp_path: Path) -> None:
    voice = ScriptedSynthesizer(rate_hz=16_000)
    async with serving(scripted(synthesizer=voice)) as server, client_of(server) as client:
        answer = await client.audio.speech.create(**body(response_format=fmt))
    assert answer.response.headers["content-type"] == CONTENT_TYPES[fmt]
    ms = await decoded_ms(answer.content, {"opus": "ogg"}.get(fmt, fmt), tmp_path)
    assert ms == pytest.approx(300 * len(TEXT.split()), abs=120)


async def test_mp3_is_the_default_and_null_means_the_default() -> None:
    async with serving() as server:
        for fields in ({}, {"response_format": None, "speed": None, "stream_format": None, "instructions": None}):
            answer = await post(server, **fields)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")


@pytest.mark.parametrize(("speed", "own"), [(0.25, 0.5), (0.5, 0.5), (1.25, 1.25), (4.0, 1.5)])
async def test_the_voice_speaks_as_fast_as_it_can_and_the_rest_is_stretched(speed: float, own: float) -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(synthesizer=voice)) as server:
        answer = await post(server, response_format="pcm", speed=speed)
    assert voice.styles[0].speed == own
    assert len(samples(answer.content)) / 24 == pytest.approx(300 * len(TEXT.split()) / speed, rel=0.05)


async def test_instructions_are_the_tone_of_the_voice_but_for_the_old_models() -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(synthesizer=voice)) as server:
        for model in (MODEL, "tts-1"):
            assert (await post(server, model=model, voice="fable", instructions="Whisper.")).status_code == 200
    assert [style.tone for style in voice.styles] == ["Whisper.", ""]
    assert {style.voice for style in voice.styles} == {"fable"}


# --- as it is said --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["pcm", "wav", "mp3"])
async def test_the_first_clause_is_heard_before_the_second_is_made_and_a_hang_up_stops_the_voice(fmt: str) -> None:
    voice = ScriptedSynthesizer(word_ms=1_000, hang_at=1)
    async with serving(scripted(synthesizer=voice)) as server, client_of(server) as client:
        wanted = body(response_format=fmt)
        async with client.audio.speech.with_streaming_response.create(**wanted) as answer:
            heard = await anext(answer.iter_bytes(1_024))
            assert heard
            assert voice.cancelled == 0
        await eventually(lambda: voice.cancelled == 1)


async def test_a_client_that_hangs_up_before_anything_is_said_stops_the_voice() -> None:
    voice = ScriptedSynthesizer(hang_at=0)
    async with serving(scripted(synthesizer=voice)) as server:
        asking = asyncio.create_task(post(server))
        await eventually(lambda: voice.clauses)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await eventually(lambda: voice.cancelled == 1)


async def test_events_carry_the_audio_and_end_with_the_usage() -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(synthesizer=voice)) as server:
        answer = await post(server, response_format="pcm", stream_format="sse")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    pcm = samples(b"".join(base64.b64decode(event["audio"]) for event in deltas))
    assert np.array_equal(pcm, np.concatenate([voice.span(clause).pcm for clause in voice.clauses]))
    seconds = 0.3 * len(TEXT.split())
    cost = server.service.metrics.cost.labels(MODEL)._value.get()
    assert cost == pytest.approx((16 * 0.6 + round(seconds * 20) * 12) / 1_000_000)
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 16, "output_tokens": round(seconds * 20), "total_tokens": 16 + round(seconds * 20)},
    }


async def test_many_texts_are_read_in_turn_for_sessions_need_the_voice_too() -> None:
    voice = _CountingSynthesizer(delay_s=0.005)
    async with serving(scripted(synthesizer=voice)) as server:
        app: Any = server.server.config.app
        app.state.files = Places(at_once=2)
        answers = await asyncio.gather(*(post(server, response_format="pcm") for _ in range(6)))
        assert [answer.status_code for answer in answers] == [200] * 6
    assert voice.most == 2


class _CountingSynthesizer(ScriptedSynthesizer):
    """A voice that knows how many clauses it has made at once."""

    most = now = 0

    async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncIterator[SpeechSpan]:
        async def counted() -> AsyncIterator[str]:
            async for clause in clauses:
                self.now += 1
                self.most = max(self.most, self.now)
                yield clause

        async for span in super().synthesize(counted(), style):
            self.now -= 1
            yield span


async def test_an_official_client_reads_the_events(server: Serving) -> None:
    async with client_of(server) as client:
        wanted = body(stream_format="sse", response_format="pcm")
        async with client.audio.speech.with_streaming_response.create(**wanted) as answer:
            lines = [line async for line in answer.iter_lines()]
    assert json.loads(lines[-2].removeprefix("data: "))["type"] == "speech.audio.done"


# --- what cannot be said --------------------------------------------------------------------------------------------------------

_WRONG: list[tuple[Body, str, str | None]] = [
    ({"input": None}, "input", "invalid_type"),
    ({"input": ""}, "input", "string_below_min_length"),
    ({"input": "a" * 4_097}, "input", "string_above_max_length"),
    ({"instructions": "a" * 4_097}, "instructions", "string_above_max_length"),
    ({"voice": "elvis"}, "voice", "invalid_value"),
    ({"voice": {"id": "voice_123"}}, "voice", "invalid_value"),
    ({"response_format": "midi"}, "response_format", "invalid_value"),
    ({"speed": 4.5}, "speed", "decimal_above_max_value"),
    ({"speed": 0.2}, "speed", "decimal_below_min_value"),
    ({"stream_format": "smoke"}, "stream_format", "invalid_value"),
    ({"model": "tts-1", "stream_format": "sse"}, "stream_format", "invalid_value"),
    ({"model": "gpt-realtime"}, "model", "invalid_model"),
    ({"pitch": 1}, "pitch", "unknown_parameter"),
]


@pytest.mark.parametrize(("wrong", "param", "code"), _WRONG)
async def test_a_wrong_field_is_refused_by_name(wrong: Body, param: str, code: str | None, server: Serving) -> None:
    answer = await post(server, **wrong)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("name", ["model", "input", "voice"])
async def test_what_must_be_there_is_missed_by_name(name: str, server: Serving) -> None:
    wanted = body()
    del wanted[name]
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{server.url}/v1/audio/speech", json=wanted)
    assert answer.json()["error"]["code"] == "missing_required_parameter"
    assert answer.json()["error"]["param"] == name


async def test_unknown_models_and_unknown_keys_are_refused_as_everywhere() -> None:
    async with serving(keys=(KEY,)) as server, client_of(server) as client:
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.audio.speech.create(**body(model="tts-9"))
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="sk-wrong").audio.speech.create(**body())
    assert unknown.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Good morning, how are you?", "en"),
        ("Guten Morgen, wie geht es dir und den Kindern?", "de"),
        ("Привет, как дела?", "ru"),
        ("123", "en"),
    ],
)
async def test_a_text_is_said_in_the_language_it_is_written_in(text: str, language: str) -> None:
    voice = Polyglot("en", "de", "ru")
    async with serving(scripted(synthesizer=voice)) as server:
        assert (await post(server, input=text)).status_code == 200
    assert [style.language for style in voice.styles] == [language]


async def test_a_change_of_script_is_a_change_of_language() -> None:
    voice = Polyglot("en", "zh")
    async with serving(scripted(synthesizer=voice)) as server:
        assert (await post(server, input="In Chinese that is this. 你好，世界。 And back again it goes.")).status_code == 200
    assert [style.language for style in voice.styles] == ["en", "zh", "en"]
    assert "".join(voice.clauses) == "In Chinese that is this. 你好，世界。 And back again it goes."


@pytest.mark.parametrize("text", ["こんにちは世界", "This is English. 你好，世界。", "Привет"])
async def test_what_the_voice_would_turn_into_noise_is_refused_before_anything_is_said(text: str) -> None:
    voice = Polyglot("en")
    async with serving(scripted(synthesizer=voice)) as server:
        answer = await post(server, input=text)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
    assert answer.json()["error"]["code"] == "unsupported_language"
    assert voice.clauses == []


# --- what goes wrong ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["pcm", "wav", "mp3"])
async def test_a_voice_that_fails_at_once_is_an_error_with_a_status(fmt: str) -> None:
    voice = ScriptedSynthesizer(fault=EngineFault("the voice is hoarse"))
    async with serving(scripted(synthesizer=voice)) as server, client_of(server) as client:
        with pytest.raises(openai.InternalServerError) as failed:
            await client.audio.speech.create(**body(response_format=fmt))
    assert (failed.value.status_code, failed.value.type) == (503, "server_error")
    assert "hoarse" in failed.value.message


async def test_a_voice_that_fails_later_breaks_the_connection_off_so_that_nothing_looks_complete() -> None:
    voice = ScriptedSynthesizer(fault=EngineFault("the voice is hoarse"), fault_at=1)
    async with serving(scripted(synthesizer=voice)) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await post(server, response_format="pcm")


async def test_a_voice_that_fails_later_ends_the_events_with_the_error() -> None:
    voice = ScriptedSynthesizer(fault=EngineFault("the voice is hoarse", temporary=False), fault_at=1)
    async with serving(scripted(synthesizer=voice)) as server:
        answer = await post(server, response_format="pcm", stream_format="sse")
    last = json.loads(answer.text.split("\n\n")[-2].removeprefix("data: "))
    assert last["error"]["message"] == "the voice is hoarse"
    assert last["error"]["type"] == "server_error"


async def test_a_voice_that_crashes_is_an_error_of_ours(log: list[Any]) -> None:
    class Broken(ScriptedSynthesizer):
        async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncGenerator[SpeechSpan, None]:
            raise RuntimeError("bug")
            yield

    async with serving(scripted(synthesizer=Broken())) as server:
        answer = await post(server)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert log.pop()["event"] == "engine crashed"


async def test_requests_are_counted_and_what_is_said_is_charged() -> None:
    limits = LimitSettings(requests_per_minute=2, tokens_per_minute=80)
    async with serving(limits=limits) as server:
        first = await post(server)
        assert first.status_code == 200
        refused = await post(server)
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "tokens"  # twelve words are 72 tokens of speech, and 16 of text
    assert int(refused.headers["retry-after"]) >= 1


# --- the real thing -------------------------------------------------------------------------------------------------------------


async def test_what_the_real_voice_says_is_what_the_real_recognizer_hears() -> None:
    available = pytest.importorskip("vivavoce.engines.tts.available", exc_type=ImportError)
    pocketsphinx = pytest.importorskip("vivavoce.engines.asr.pocketsphinx.recognizer", exc_type=ImportError)
    try:
        voice = available.default_synthesizer()
    except EngineFault as fault:
        pytest.skip(fault.message)
    text = "Please turn on the lights in the kitchen, and close the window in the living room."
    async with serving(scripted(synthesizer=voice)) as server:
        answer = await post(server, input=text, response_format="pcm")
    pcm = convert(samples(answer.content), 24_000, 16_000)
    recognizer = pocketsphinx.PocketsphinxRecognizer(workers=1)
    try:
        await recognizer.warm()

        async def audio() -> AsyncIterator[bytes]:
            yield pcm.astype("<i2").tobytes()

        said = [hypothesis async for hypothesis in recognizer.recognize(audio(), RecognitionOptions())]
    finally:
        await recognizer.close()
    spoken, understood = (set(re.findall(r"[a-z]+", words.lower())) for words in (text, said[-1].text))
    assert len(spoken & understood) >= 0.7 * len(spoken), understood

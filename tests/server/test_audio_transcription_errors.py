"""Every refusal of a file in the official shape."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from audio_files_kit import (
    TRANSCRIPTIONS,
    TRANSLATIONS,
    TWO,
    KnowingRecognizer,
    error_of,
    hum,
    hush,
    official,
    places,
    post,
    two,
    wav,
)

from kit import scripted, serving
from vivavoce.api.audio.places import Places
from vivavoce.config import LimitSettings

WHISPER = ("model", "whisper-1")
GPT_4O = ("model", "gpt-4o-transcribe")
DIARIZE = ("model", "gpt-4o-transcribe-diarize")
VAD = ("chunking_strategy[type]", "server_vad")
INVALID = "invalid_request_error"

REFUSED: list[tuple[list[tuple[str, str]], int, str | None, str | None]] = [
    ([], 400, "missing_required_parameter", "model"),
    ([("model", "")], 400, "missing_required_parameter", "model"),
    ([("model", "nobody")], 404, "model_not_found", "model"),
    ([("model", "gpt-realtime")], 400, "invalid_model", "model"),
    ([("model", "gpt-realtime-whisper")], 400, "invalid_model", "model"),
    ([WHISPER, WHISPER], 400, "invalid_value", "model"),
    ([WHISPER, ("colour", "red")], 400, "unknown_parameter", "colour"),
    ([WHISPER, ("response_format", "yaml")], 400, "invalid_value", "response_format"),
    ([WHISPER, ("response_format", "diarized_json")], 400, "unsupported_value", "response_format"),
    ([GPT_4O, ("response_format", "verbose_json")], 400, "unsupported_value", "response_format"),
    ([GPT_4O, ("response_format", "srt")], 400, "unsupported_value", "response_format"),
    ([DIARIZE, ("response_format", "vtt")], 400, "unsupported_value", "response_format"),
    ([DIARIZE, ("response_format", "diarized_json")], 400, "unsupported_value", "response_format"),
    ([DIARIZE, ("prompt", "Ann and Bob")], 400, "unsupported_parameter", "prompt"),
    ([DIARIZE, ("known_speaker_names[]", "Ann")], 400, "unsupported_value", "known_speaker_names"),
    ([DIARIZE, ("known_speaker_references[]", "data:audio/wav;base64,")], 400, "unsupported_value", "known_speaker_references"),
    ([GPT_4O, ("keywords[]", "viola")], 400, "unsupported_parameter", "keywords"),
    ([WHISPER, ("languages[]", "en")], 400, "unsupported_parameter", "languages"),
    ([WHISPER, ("include[]", "logprobs")], 400, "unsupported_parameter", "include"),
    ([GPT_4O, ("include[]", "everything")], 400, "invalid_value", "include[0]"),
    ([GPT_4O, ("include[]", "logprobs"), ("response_format", "text")], 400, "invalid_value", "include"),
    ([WHISPER, ("timestamp_granularities[]", "word")], 400, "invalid_value", "timestamp_granularities"),
    ([WHISPER, ("timestamp_granularities[]", "page")], 400, "invalid_value", "timestamp_granularities[0]"),
    ([WHISPER, ("temperature", "1.5")], 400, "decimal_above_max_value", "temperature"),
    ([WHISPER, ("temperature", "-0.1")], 400, "decimal_below_min_value", "temperature"),
    ([WHISPER, ("temperature", "warm")], 400, "invalid_type", "temperature"),
    ([WHISPER, ("temperature", "nan")], 400, "invalid_value", "temperature"),
    ([GPT_4O, ("stream", "perhaps")], 400, "invalid_type", "stream"),
    ([WHISPER, ("language", "english please")], 400, "invalid_language_format", "language"),
    ([WHISPER, ("language", "fr")], 400, "invalid_value", "language"),
    ([GPT_4O, ("chunking_strategy", "never")], 400, "invalid_value", "chunking_strategy"),
    ([GPT_4O, ("chunking_strategy", "{}")], 400, "missing_required_parameter", "chunking_strategy.type"),
    ([GPT_4O, ("chunking_strategy", '{"type": "magic"}')], 400, "invalid_value", "chunking_strategy.type"),
    ([GPT_4O, VAD, ("chunking_strategy[threshold]", "2")], 400, "decimal_above_max_value", "chunking_strategy.threshold"),
    ([GPT_4O, VAD, ("chunking_strategy[speed]", "2")], 400, "unknown_parameter", "chunking_strategy.speed"),
    ([WHISPER, ("prompt", "a" * 20_000)], 400, "string_above_max_length", "prompt"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "status", "code", "param"), REFUSED, ids=lambda value: str(value)[:60])
async def test_a_wrong_field_is_refused(fields: list[tuple[str, str]], status: int, code: str | None, param: str | None) -> None:
    recognizer = KnowingRecognizer("hello", languages=("en",))
    async with serving(scripted(recognizer=recognizer)) as server:
        error = error_of(await post(server, fields), status)
    assert (error["code"], error["param"], error["type"]) == (code, param, INVALID)
    assert not recognizer.segments, "nothing was transcribed"


async def test_the_words_of_a_format_that_does_not_fit_are_the_services() -> None:
    async with serving() as server:
        error = error_of(await post(server, [GPT_4O, ("response_format", "verbose_json")]), 400)
    assert error["message"] == (
        "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'. Use 'json' or 'text' instead."
    )


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, TRANSLATIONS])
async def test_a_form_without_a_file_is_refused(path: str) -> None:
    async with serving() as server:
        error = error_of(await post(server, [WHISPER], path, file=None), 400)
    assert (error["code"], error["param"]) == ("missing_required_parameter", "file")


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, TRANSLATIONS])
async def test_only_forms_are_taken(path: str) -> None:
    async with serving() as server, httpx.AsyncClient(base_url=server.url) as client:
        error = error_of(await client.post(path, json={"model": "whisper-1"}), 400)
        bare = error_of(await client.post(path), 400)
        wrong = await client.get(path)
    assert error["code"] == bare["code"] == "unsupported_content_type"
    assert "multipart/form-data" in error["message"]
    assert error_of(wrong, 405)["type"] == INVALID


@pytest.mark.parametrize(
    "file",
    [b"", b"just some text", b"RIFF\xff\xff\xff\xffWAVEfmt ", wav(hum(50))[:60]],
    ids=["empty", "text", "half a header", "hardly any audio"],
)
async def test_what_is_no_audio_is_refused(file: bytes) -> None:
    async with serving() as server:
        error = error_of(await post(server, [WHISPER], file=file), 400)
    assert error["param"] == "file"
    assert error["type"] == INVALID


async def test_audio_of_less_than_a_tenth_of_a_second_is_refused() -> None:
    async with serving() as server:
        error = error_of(await post(server, [WHISPER], file=wav(hum(60))), 400)
    assert error["code"] == "audio_too_short"


async def test_diarizing_long_audio_needs_a_strategy() -> None:
    file = wav(hush(31_000))
    recognizer = KnowingRecognizer("hello", speakers=("x",))
    async with serving(scripted(recognizer=recognizer)) as server:
        error = error_of(await post(server, [DIARIZE], file=file), 400)
        chunked = await post(server, [DIARIZE, ("chunking_strategy", "auto")], file=file)
    assert (error["param"], error["code"]) == ("chunking_strategy", "invalid_value")
    assert error["message"] == "chunking_strategy is required for diarization models"
    assert chunked.status_code == 200


async def test_the_official_client_raises_what_it_knows() -> None:
    async with serving(keys=("sk-right",)) as server, official(server) as client:
        ask: Any = {"file": ("a.wav", TWO), "model": "whisper-1"}
        await client.audio.transcriptions.create(**ask)
        with pytest.raises(openai.NotFoundError):
            await client.audio.transcriptions.create(**{**ask, "model": "nobody"})
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="sk-wrong").audio.transcriptions.create(**ask)


async def test_a_client_secret_is_no_key_for_files() -> None:
    async with serving(keys=("sk-right",)) as server, official(server) as client:
        secret = await client.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-realtime"})
        with pytest.raises(openai.PermissionDeniedError):
            await client.with_options(api_key=secret.value).audio.transcriptions.create(file=("a.wav", TWO), model="whisper-1")


async def test_a_request_counts_against_the_limits_of_its_key() -> None:
    limits = LimitSettings(requests_per_minute=1)
    async with serving(limits=limits) as server:
        first = await post(server, [WHISPER])
        second = await post(server, [WHISPER])
    assert first.status_code == 200
    assert error_of(second, 429)["code"] == "rate_limit_exceeded"
    assert int(second.headers["retry-after"]) >= 1


async def test_the_tokens_of_a_transcript_are_charged() -> None:
    async with serving(scripted(recognizer=two()), limits=LimitSettings(tokens_per_minute=50)) as server:
        assert (await post(server, [GPT_4O])).status_code == 200
        error = error_of(await post(server, [GPT_4O]), 429)
    assert error["type"] == "tokens"


async def test_a_server_with_no_room_for_another_file_says_so() -> None:
    async with serving() as server:
        app: Any = server.server.config.app
        app.state.files = Places(uploads=1)
        with places(server).upload():
            answer = await post(server, [WHISPER])
    assert error_of(answer, 503)["code"] == "server_is_overloaded"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["type"] == "server_error"

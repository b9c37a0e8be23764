"""Transcripts of files in every format, through the official client."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from audio_files_kit import TWO, KnowingRecognizer, hum, hush, official, post, two, wav
from numpy.typing import NDArray

from kit import scripted, serving
from vivavoce.audio.media import MediaWorkers
from vivavoce.engines.ports import EngineFault
from vivavoce.testing.recognizer import Heard

FILE = ("speech.wav", TWO)
TEXT = "hello there how are you"


async def test_json_is_the_text_and_what_it_cost() -> None:
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(file=FILE, model="gpt-4o-transcribe", prompt="a greeting")
    assert answer.text == TEXT
    assert answer.usage is not None
    assert answer.usage.model_dump() == {
        "type": "tokens",
        "input_tokens": 53,
        "input_token_details": {"audio_tokens": 50, "text_tokens": 3},
        "output_tokens": 6,
        "total_tokens": 59,
    }


async def test_whisper_is_billed_by_duration_rounded_up() -> None:
    file = wav(hush(500), hum(1_500), hush(800))
    async with serving(scripted(recognizer=two("hello"))) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(file=("a.wav", file), model="whisper-1")
    assert answer.usage is not None
    assert answer.usage.model_dump() == {"type": "duration", "seconds": 3}


async def test_text_is_the_bare_transcript() -> None:
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        answer: Any = await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="text")
    assert answer == TEXT


async def test_subtitles_have_a_cue_for_each_utterance() -> None:
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        srt: Any = await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="srt")
        vtt: Any = await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="vtt")
    first, second, end = srt.split("\n\n")
    assert first.splitlines()[0::2] == ["1", "hello there"]
    assert second.splitlines()[0::2] == ["2", "how are you"]
    assert end == ""
    assert vtt.startswith("WEBVTT\n\n00:00:00.")
    assert [block.splitlines()[-1] for block in vtt.strip().split("\n\n")] == ["WEBVTT", "hello there", "how are you"]


async def test_verbose_json_has_every_key_of_a_segment() -> None:
    recognizer = two(Heard("hello there", confidence=0.5), "how are you")
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="verbose_json")
    assert (answer.text, answer.duration, answer.words) == (TEXT, 5.0, None)
    assert answer.segments is not None
    first, second = answer.segments
    assert first.text + second.text == TEXT
    assert (first.id, second.id) == (0, 1)
    assert 0 <= first.start < first.end <= second.start < second.end <= 5.0
    assert first.seek == int(first.start * 100)
    assert first.avg_logprob == pytest.approx(-0.6931, abs=1e-3)
    assert second.avg_logprob == 0
    assert first.compression_ratio == pytest.approx(len("hello there") / len(zlib.compress(b"hello there")))
    assert (first.tokens, first.temperature, first.no_speech_prob) == ([], 0, 0)
    assert answer.usage is not None
    assert answer.usage.seconds == 5


async def test_granularities_choose_words_and_segments() -> None:
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        ask: Any = {"file": FILE, "model": "whisper-1", "response_format": "verbose_json"}
        words = await client.audio.transcriptions.create(**ask, timestamp_granularities=["word"])
        both = await client.audio.transcriptions.create(**ask, timestamp_granularities=["word", "segment"])
    assert words.segments is None
    assert [word.word for word in words.words] == TEXT.split()
    assert all(word.start < word.end for word in words.words)
    assert all(one.end <= next.start for one, next in zip(words.words, words.words[1:], strict=False))
    assert len(both.segments) == 2
    assert both.words == words.words


@pytest.mark.parametrize(
    ("recognizer", "asked", "name"),
    [
        (KnowingRecognizer("hola", languages=("en", "es"), told=("es",)), None, "spanish"),
        (KnowingRecognizer("hello", languages=("en",)), None, "english"),
        (KnowingRecognizer("bonjour"), "fr-CA", "french"),
        (KnowingRecognizer("hm"), None, "unknown"),
    ],
    ids=["told", "the only one", "asked for", "nobody knows"],
)
async def test_the_language_is_what_is_known_of_it(recognizer: KnowingRecognizer, asked: str | None, name: str) -> None:
    options: Any = {"language": asked} if asked else {}
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="verbose_json", **options)
    assert answer.language == name


async def test_logprobs_are_how_sure_the_recognizer_is_of_each_word() -> None:
    recognizer = two(Heard("hello there", confidence=0.5), "you")
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(file=FILE, model="gpt-4o-mini-transcribe", include=["logprobs"])
    assert answer.logprobs is not None
    assert [(each.token, round(each.logprob or 0, 3)) for each in answer.logprobs] == [
        ("hello", -0.693),
        ("there", -0.693),
        ("you", 0),
    ]
    assert bytes(map(int, answer.logprobs[0].bytes or [])) == b"hello"


async def test_gpt_transcribe_tells_the_languages_it_was_told() -> None:
    recognizer = KnowingRecognizer("hola", "hello", told=("es", "en"))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(
            file=FILE, model="gpt-transcribe", languages=["en", "es"], keywords=["vivavoce"]
        )
        silent = await client.audio.transcriptions.create(file=("a.wav", wav(hush(1_000))), model="gpt-transcribe")
    assert [language.code for language in answer.languages or []] == ["es", "en"]
    assert (silent.text, silent.languages) == ("", [])
    options = recognizer.segments[0].options
    assert options.language == ""
    assert options.vocabulary.keywords == ("vivavoce",)


async def test_diarized_json_names_speakers_in_the_order_they_are_heard() -> None:
    recognizer = KnowingRecognizer("good morning Ann", "hi", speakers=("spk7", "spk7", "spk2"))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(
            file=FILE, model="gpt-4o-transcribe-diarize", response_format="diarized_json", chunking_strategy="auto"
        )
    assert [(part.speaker, part.text, part.type) for part in answer.segments] == [
        ("A", "good morning", "transcript.text.segment"),
        ("B", "Ann", "transcript.text.segment"),
        ("A", "hi", "transcript.text.segment"),
    ]
    assert answer.text == "good morning Ann hi"
    assert (answer.task, answer.duration) == ("transcribe", 5.0)
    assert len({part.id for part in answer.segments}) == 3


async def test_hints_reach_the_recognizer() -> None:
    recognizer = KnowingRecognizer("hello", languages=("en", "de"))
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        await client.audio.transcriptions.create(
            file=FILE, model="whisper-1", language="DE", prompt="Vivavoce, Realtime", temperature=0.4
        )
    options = recognizer.segments[0].options
    assert (options.language, options.vocabulary.prompt, options.partials) == ("de", "Vivavoce, Realtime", False)


@pytest.mark.parametrize("silence_ms", [200, 1_500])
async def test_server_vad_says_how_long_a_pause_ends_an_utterance(silence_ms: int) -> None:
    recognizer = two()
    async with serving(scripted(recognizer=recognizer)) as server, official(server) as client:
        strategy: Any = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": silence_ms}
        await client.audio.transcriptions.create(file=FILE, model="gpt-4o-transcribe", chunking_strategy=strategy)
    assert len(recognizer.segments) == (2 if silence_ms == 200 else 1)


@pytest.mark.parametrize(
    "spelling",
    [
        [("chunking_strategy", json.dumps({"type": "server_vad", "silence_duration_ms": 1_500}))],
        [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[silence_duration_ms]", "1500")],
    ],
    ids=["as JSON", "as members"],
)
async def test_an_object_may_be_spelled_either_way(spelling: list[tuple[str, str]]) -> None:
    recognizer = two()
    async with serving(scripted(recognizer=recognizer)) as server:
        answer = await post(server, [("model", "gpt-4o-transcribe"), *spelling])
    assert answer.status_code == 200, answer.text
    assert len(recognizer.segments) == 1


@pytest.mark.parametrize("name", ["timestamp_granularities", "timestamp_granularities[]", "timestamp_granularities[0]"])
async def test_an_array_may_be_spelled_with_or_without_brackets(name: str) -> None:
    async with serving(scripted(recognizer=two())) as server:
        answer = await post(
            server, [("model", "whisper-1"), ("response_format", "verbose_json"), (name, "word"), (name, "segment")]
        )
    assert answer.status_code == 200, answer.text
    assert {"words", "segments"} <= set(answer.json())


async def test_empty_fields_are_as_good_as_none() -> None:
    empty = [(name, "") for name in ("language", "prompt", "temperature", "response_format", "chunking_strategy", "stream")]
    async with serving(scripted(recognizer=two())) as server:
        answer = await post(server, [("model", "whisper-1"), *empty])
    assert answer.json()["text"] == TEXT


@pytest.mark.parametrize("ending", ["mp3", "opus", "aac", "flac", "wav"])
async def test_compressed_files_are_heard_as_wave_files_are(ending: str) -> None:
    pytest.importorskip("av", reason="FFmpeg is not installed")
    media = MediaWorkers()

    async def speech() -> AsyncIterator[NDArray[np.int16]]:
        yield np.concatenate((hush(500), hum(1_500), hush(1_000), hum(1_000), hush(1_000)))

    try:
        file = b"".join([piece async for piece in media.encode(speech(), 16_000, ending)])
    finally:
        await media.close()
    async with serving(scripted(recognizer=two())) as server, official(server) as client:
        answer = await client.audio.transcriptions.create(
            file=(f"speech.{ending}", file), model="whisper-1", response_format="verbose_json"
        )
    assert answer.text == TEXT
    assert answer.duration == pytest.approx(5.0, abs=0.2)


async def test_a_failing_recognizer_is_a_503_that_may_be_tried_again() -> None:
    fault = EngineFault("every recognizer is busy; try again in a moment", code="server_is_overloaded")
    async with serving(scripted(recognizer=two(Heard("", fault=fault)))) as server:
        answer = await post(server, [("model", "whisper-1")])
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_is_overloaded")
    assert int(answer.headers["retry-after"]) >= 1


async def test_requests_are_counted_by_route_model_and_status() -> None:
    async with serving(scripted(recognizer=two())) as server:
        await post(server, [("model", "whisper-1")])
        await post(server, [("model", "whisper-1"), ("response_format", "nonsense")])
        value = server.service.metrics.registry.get_sample_value
        labels = {"route": "/v1/audio/transcriptions", "model": "whisper-1", "status": "200"}
        assert value("vivavoce_requests_total", labels) == 1
        assert value("vivavoce_requests_total", {**labels, "model": "", "status": "400"}) == 1

"""Files told in English, through the official client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import openai
import pytest
from audio_files_kit import TRANSLATIONS, TWO, KnowingRecognizer, error_of, official, post

from kit import scripted, serving
from vivavoce.engines.ports import EngineFault
from vivavoce.models.stack import Stack
from vivavoce.testing.translator import ScriptedTranslator

FILE = ("speech.wav", TWO)
WORDS = {"hola a todos": "hello everybody", "qué tal": "how are you"}

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")


def bilingual(*told: str, translator: Any = None) -> Stack:
    """Return a stack that hears Spanish, or what it is told to."""
    recognizer = KnowingRecognizer(*WORDS, languages=("en", "es"), told=told or ("es",))
    return replace(scripted(recognizer=recognizer), translator=translator)


def english_only() -> Stack:
    return scripted(recognizer=KnowingRecognizer("hello there", "you", languages=("en",)))


async def test_speech_is_told_in_english() -> None:
    translator = ScriptedTranslator(WORDS)
    async with serving(bilingual(translator=translator)) as server, official(server) as client:
        answer = await client.audio.translations.create(file=FILE, model="whisper-1")
    assert answer.text == "hello everybody how are you"
    assert [(request.source, request.target) for request in translator.requests] == [("es", "en")] * 2
    assert translator.requests[1].context == (("hola a todos", "hello everybody"),)


async def test_what_is_said_in_english_is_told_as_it_is() -> None:
    translator = ScriptedTranslator(WORDS)
    async with serving(bilingual("es", "en", translator=translator)) as server, official(server) as client:
        answer = await client.audio.translations.create(file=FILE, model="whisper-1")
    assert answer.text == "hello everybody qué tal"
    assert len(translator.requests) == 1


async def test_verbose_json_and_subtitles_are_in_english() -> None:
    async with serving(bilingual(translator=ScriptedTranslator(WORDS))) as server, official(server) as client:
        verbose: Any = await client.audio.translations.create(file=FILE, model="whisper-1", response_format="verbose_json")
        srt: Any = await client.audio.translations.create(file=FILE, model="whisper-1", response_format="srt")
        vtt: Any = await client.audio.translations.create(file=FILE, model="whisper-1", response_format="vtt")
        text: Any = await client.audio.translations.create(file=FILE, model="whisper-1", response_format="text")
    assert (verbose.language, verbose.duration) == ("english", 5.0)
    assert [segment.text for segment in verbose.segments] == ["hello everybody", " how are you"]
    assert [block.splitlines()[-1] for block in srt.strip().split("\n\n")] == ["hello everybody", "how are you"]
    assert "how are you" in vtt
    assert text == "hello everybody how are you"


async def test_a_recognizer_of_english_alone_needs_no_translator() -> None:
    async with serving(english_only()) as server, official(server) as client:
        answer = await client.audio.translations.create(file=FILE, model="whisper-1")
    assert answer.text == "hello there you"


@pytest.mark.parametrize(
    ("stack", "heard"),
    [
        (bilingual(), "'es'"),
        (bilingual(translator=ScriptedTranslator(WORDS, pairs=(("fr", "en"), ("es", "de")))), "'es'"),
        (scripted(recognizer=KnowingRecognizer("hm")), "another language"),
        (scripted(recognizer=KnowingRecognizer("hm", languages=("es",))), "'es'"),
    ],
    ids=["no translator", "not this pair", "nobody knows what", "never english"],
)
async def test_what_nobody_can_translate_is_refused(stack: Stack, heard: str) -> None:
    async with serving(stack) as server:
        error = error_of(await post(server, [("model", "whisper-1")], TRANSLATIONS), 400)
    assert (error["code"], error["param"]) == ("unsupported_value", "file")
    assert heard in error["message"]


async def test_a_failing_translator_is_a_503() -> None:
    translator = ScriptedTranslator(fault=EngineFault("the translator broke off"))
    async with serving(bilingual(translator=translator)) as server, official(server) as client:
        with pytest.raises(openai.InternalServerError, match=r"The translator broke off\."):
            await client.audio.translations.create(file=FILE, model="whisper-1")


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (("response_format", "diarized_json"), "invalid_value"),
        (("temperature", "2"), "decimal_above_max_value"),
        (("language", "es"), "unknown_parameter"),
        (("stream", "true"), "unknown_parameter"),
    ],
)
async def test_fields_of_transcriptions_are_not_those_of_translations(field: tuple[str, str], code: str) -> None:
    async with serving(english_only()) as server:
        error = error_of(await post(server, [("model", "whisper-1"), field], TRANSLATIONS), 400)
    assert (error["code"], error["param"]) == (code, field[0])

"""`POST /v1/chat/completions` with audio in and out: recordings heard, answers spoken, and what refers to them later."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from chat_kit import ALOUD, MODEL, WEATHER, audio_part, chunks, client_of, completion, deltas, post, recording, said, wav_file
from numpy.typing import NDArray

from kit import Serving, eventually, scripted, serving
from vivavoce.api.chat import hearing
from vivavoce.api.chat.memory import KEPT_ANSWERS, KEPT_CHARACTERS, SpokenAnswer, SpokenAnswers
from vivavoce.audio.codec import convert
from vivavoce.audio.media import MediaWorkers
from vivavoce.config import KeySettings, LimitSettings, Secret
from vivavoce.dialogue.request import UNCLEAR_RULE
from vivavoce.engines.ports import UNCLEAR_AUDIO, EngineFault, Message, RecognitionOptions
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Count, Fail, Hang, Say
from vivavoce.testing.synthesizer import ScriptedSynthesizer

ANSWER = "Good morning to you. It is a fine day."


def samples(audio: bytes) -> NDArray[np.int16]:
    return np.frombuffer(audio, "<i2")


def user(*parts: dict[str, Any]) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


def audio_of(raw: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = raw["choices"][0]["message"]["audio"]
    return found


class Clock:
    """Unix seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def remember_by(clock: Clock, server: Serving) -> None:
    server.server.config.app.state.spoken_answers = SpokenAnswers(clock)  # type: ignore[union-attr]


# --- spoken answers -------------------------------------------------------------------------------------------------------------


async def test_a_spoken_answer_has_exactly_the_official_shape() -> None:
    voice, clock = ScriptedSynthesizer(), Clock()
    brain = ScriptedBrain([Say(ANSWER), Count(12, 9)])
    async with serving(scripted(brain, synthesizer=voice)) as server:
        remember_by(clock, server)
        raw = await completion(server, **ALOUD)
    message = raw["choices"][0]["message"]
    audio = message.pop("audio")
    assert message == {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    assert re.fullmatch(r"audio_\w{20,}", audio.pop("id"))
    pcm = samples(base64.b64decode(audio.pop("data")))
    assert np.array_equal(pcm, np.concatenate([voice.span(clause).pcm for clause in voice.clauses]))
    assert audio == {"expires_at": 1_800_003_600, "transcript": ANSWER}
    assert raw["created"] == 1_800_000_000
    audio_tokens = round(0.3 * len(ANSWER.split()) * 20)
    assert raw["usage"]["completion_tokens"] == 9 + audio_tokens
    assert raw["usage"]["completion_tokens_details"]["text_tokens"] == 9
    assert raw["usage"]["completion_tokens_details"]["audio_tokens"] == audio_tokens
    assert brain.requests[0].spoken


@pytest.mark.parametrize("fmt", ["wav", "mp3", "aac", "flac", "opus"])
async def test_answers_are_spoken_in_every_format(fmt: str, tmp_path: Path) -> None:
    async with serving(scripted(ScriptedBrain(ANSWER))) as server:
        raw = await completion(server, modalities=["text", "audio"], audio={"voice": "nova", "format": fmt})
    path = tmp_path / f"answer.{ {'opus': 'ogg'}.get(fmt, fmt) }"
    path.write_bytes(base64.b64decode(audio_of(raw)["data"]))
    media = MediaWorkers()
    try:
        ms = sum([len(chunk) / 48 async for chunk in media.decode(path, 24_000)])
    finally:
        await media.close()
    assert ms == pytest.approx(300 * len(ANSWER.split()), abs=120)


async def test_a_stream_tells_the_words_with_their_sound_and_then_until_when_it_is_kept() -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(ScriptedBrain(ANSWER), synthesizer=voice)) as server:
        raw = await chunks(server, **ALOUD, stream_options={"include_usage": True})
    first, *pieces, expiry, last = deltas(raw)
    assert first["role"] == "assistant"
    assert set(first["audio"]) == {"id"}
    assert [set(delta["audio"]) for delta in pieces] == [{"transcript"}, {"data"}] * 2
    for (words, sound), clause in zip(zip(pieces[::2], pieces[1::2], strict=True), voice.clauses, strict=True):
        assert words["audio"]["transcript"] == clause
        assert np.array_equal(samples(base64.b64decode(sound["audio"]["data"])), voice.span(clause).pcm)
    assert set(expiry["audio"]) == {"expires_at"}
    assert last == {}
    with_choices = [chunk["choices"][0] for chunk in raw if chunk["choices"]]
    assert "finish_reason" not in with_choices[-2]
    assert with_choices[-1]["finish_reason"] == "stop"
    assert raw[-1]["usage"]["completion_tokens_details"]["audio_tokens"] > 0


async def test_the_first_sentence_is_heard_while_the_brain_still_thinks_and_a_hang_up_stops_both() -> None:
    brain, voice = ScriptedBrain([Say("Good morning to you. And then"), Hang()]), ScriptedSynthesizer()
    async with serving(scripted(brain, synthesizer=voice)) as server, client_of(server) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=said(), stream=True, **ALOUD)
        told = [await anext(stream) for _ in range(3)]
        audio = [getattr(chunk.choices[0].delta, "audio", None) for chunk in told]
        assert audio[1].transcript == "Good morning to you. "
        assert audio[2].data
        await stream.close()
        await eventually(lambda: brain.cancelled == voice.cancelled == 1)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_of_a_spoken_answer_is_no_speech(stream: bool) -> None:
    brain = ScriptedBrain([Say("One moment."), CallTool("get_weather", {"city": "Oslo"}, "call_9")])
    async with serving(scripted(brain)) as server:
        if stream:
            raw = await chunks(server, **ALOUD, tools=[WEATHER])
            told = deltas(raw)
            words = "".join(delta.get("audio", {}).get("transcript", "") for delta in told)
            names = [call["function"]["name"] for delta in told for call in delta.get("tool_calls", ()) if "id" in call]
            finish = raw[-1]["choices"][0]["finish_reason"]
        else:
            choice = (await completion(server, **ALOUD, tools=[WEATHER]))["choices"][0]
            words, finish = choice["message"]["audio"]["transcript"], choice["finish_reason"]
            names = [call["function"]["name"] for call in choice["message"]["tool_calls"]]
    assert (words, names, finish) == ("One moment.", ["get_weather"], "tool_calls")


async def test_an_answer_of_nothing_but_a_call_has_no_audio() -> None:
    async with serving(scripted(ScriptedBrain([CallTool("get_weather", {"city": "Oslo"})]))) as server:
        message = (await completion(server, **ALOUD, tools=[WEATHER]))["choices"][0]["message"]
    assert (message["content"], "audio" in message, len(message["tool_calls"])) == (None, False, 1)


async def test_the_voice_speaks_the_language_of_the_answer() -> None:
    voice = ScriptedSynthesizer()
    async with serving(scripted(ScriptedBrain("Guten Morgen, wie geht es dir und den Kindern?"), synthesizer=voice)) as server:
        await completion(server, modalities=["text", "audio"], audio={"voice": "coral", "format": "pcm16"})
    assert [(style.voice, style.language) for style in voice.styles] == [("coral", "de")]


async def test_a_language_that_shows_late_is_spoken_from_there_on_and_then_kept() -> None:
    voice = ScriptedSynthesizer()
    text = "Hm. Guten Morgen, wie geht es dir und den Kindern? Okay! 你好，世界。 Ja."
    async with serving(scripted(ScriptedBrain(text), synthesizer=voice)) as server:
        raw = await completion(server, **ALOUD)
    assert audio_of(raw)["transcript"] == text
    assert [style.language for style in voice.styles] == ["en", "de", "zh", "en"]


# --- what was said earlier ------------------------------------------------------------------------------------------------------


async def test_an_earlier_answer_is_known_by_its_id_until_it_expires() -> None:
    brain, clock = ScriptedBrain(ANSWER, "Yes.", repeat=True), Clock()
    async with serving(scripted(brain)) as server, client_of(server) as client:
        remember_by(clock, server)
        first = await client.chat.completions.create(model=MODEL, messages=said(), **ALOUD)
        audio = first.choices[0].message.audio
        assert audio is not None
        follow_up = [*said(), {"role": "assistant", "audio": {"id": audio.id}}, *said("Are you sure?")]
        second = await completion(server, messages=follow_up)
        # The whole message will do as well.
        third = await completion(server, messages=[*said(), first.choices[0].message.model_dump(), *said("Are you sure?")])
        clock.now_s = audio.expires_at
        with pytest.raises(openai.NotFoundError) as expired:
            await client.chat.completions.create(model=MODEL, messages=follow_up)  # type: ignore[arg-type]
    assert brain.requests[1].messages == (
        Message("user", "Hello?"),
        Message("assistant", ANSWER),
        Message("user", "Are you sure?"),
    )
    assert brain.requests[2].messages == brain.requests[1].messages
    for raw in (second, third):
        assert raw["usage"]["prompt_tokens_details"]["audio_tokens"] == round(0.3 * len(ANSWER.split()) * 20)
    assert expired.value.param == "messages[1].audio.id"
    assert expired.value.type == "invalid_request_error"


async def test_a_streamed_answer_is_known_by_its_id_too() -> None:
    brain = ScriptedBrain(ANSWER, "Yes.")
    async with serving(scripted(brain)) as server:
        audio_id = deltas(await chunks(server, **ALOUD))[0]["audio"]["id"]
        await completion(server, messages=[*said(), {"role": "assistant", "audio": {"id": audio_id}}, *said("Sure?")])
    assert brain.requests[1].messages[1] == Message("assistant", ANSWER)


async def test_an_answer_is_known_to_the_key_that_got_it_and_to_no_other() -> None:
    keys = {name: KeySettings(Secret(f"sk-{name}-1234567890"), LimitSettings()) for name in ("ann", "bob")}
    async with serving(scripted(ScriptedBrain(ANSWER, repeat=True)), named=keys) as server, client_of(server) as client:
        ann = client.with_options(api_key="sk-ann-1234567890")
        answer = await ann.chat.completions.create(model=MODEL, messages=said(), **ALOUD)
        assert answer.choices[0].message.audio is not None
        messages: list[Any] = [*said(), {"role": "assistant", "audio": {"id": answer.choices[0].message.audio.id}}, *said()]
        await ann.chat.completions.create(model=MODEL, messages=messages)
        with pytest.raises(openai.NotFoundError):
            await client.with_options(api_key="sk-bob-1234567890").chat.completions.create(model=MODEL, messages=messages)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    clock = Clock()
    answers = SpokenAnswers(clock)
    for number in range(KEPT_ANSWERS + 5):
        answers.keep("key", f"audio_{number}", SpokenAnswer("word", 300, answers.expiry()))
    assert answers.find("key", "audio_4") is None
    assert answers.find("key", "audio_5") is not None
    answers.keep("key", "long", SpokenAnswer("a" * KEPT_CHARACTERS, 300, answers.expiry()))
    assert answers.find("key", f"audio_{KEPT_ANSWERS + 4}") is None
    assert answers.find("key", "long") is not None
    clock.now_s += 3_600
    assert answers.find("key", "long") is None
    answers.keep("key", "new", SpokenAnswer("word", 300, answers.expiry()))
    assert answers.find("key", "new") is not None


# --- recordings -----------------------------------------------------------------------------------------------------------------


async def test_a_recording_is_heard_and_the_brain_reads_what_it_says() -> None:
    brain, recognizer = ScriptedBrain("Fine."), ScriptedRecognizer("a large latte please")
    system = {"role": "system", "content": "You sell coffee."}
    parts = ({"type": "text", "text": "Listen:"}, recording(), {"type": "text", "text": "What do I want?"})
    async with serving(scripted(brain, recognizer)) as server:
        raw = await completion(server, messages=[system, *user(*parts)], tools=[WEATHER])
    assert brain.requests[0].messages[1] == Message("user", "Listen:\na large latte please\nWhat do I want?")
    vocabulary = recognizer.segments[0].options.vocabulary
    assert vocabulary.instructions == "You sell coffee."
    assert [tool["name"] for tool in vocabulary.tools] == ["get_weather"]
    details = raw["usage"]["prompt_tokens_details"]
    assert details["audio_tokens"] == 25  # two and a half seconds
    assert raw["usage"]["prompt_tokens"] == details["text_tokens"] + details["audio_tokens"]


async def test_mp3_is_heard_as_wav_is() -> None:
    brain, media = ScriptedBrain("Fine."), MediaWorkers()
    part = recording()
    pcm = samples(base64.b64decode(part["input_audio"]["data"])[44:])

    async def hum() -> AsyncIterator[NDArray[np.int16]]:
        yield pcm

    try:
        file = b"".join([piece async for piece in media.encode(hum(), 16_000, "mp3")])
    finally:
        await media.close()
    async with serving(scripted(brain, ScriptedRecognizer("a large latte"))) as server:
        await completion(server, messages=user(audio_part(file, "mp3")))
    assert brain.requests[0].messages == (Message("user", "a large latte"),)


@pytest.mark.parametrize("loud", [True, False])
async def test_a_recording_in_which_nothing_is_understood_says_so(loud: bool) -> None:
    brain = ScriptedBrain("Pardon?", repeat=True)
    part = recording(level=8_000 if loud else 0)
    async with serving(scripted(brain, ScriptedRecognizer("", repeat=True))) as server:
        await completion(server, messages=user(part))
        system = {"role": "system", "content": "Be kind."}
        await completion(server, messages=[system, *user(part, {"type": "text", "text": "Well?"})])
    assert brain.requests[0].messages == (Message("system", UNCLEAR_RULE), Message("user", UNCLEAR_AUDIO))
    assert brain.requests[1].messages == (
        Message("system", f"Be kind.\n\n{UNCLEAR_RULE}"),
        Message("user", f"{UNCLEAR_AUDIO}\nWell?"),
    )


async def test_a_recording_that_comes_again_with_the_next_turn_is_not_heard_again() -> None:
    brain, recognizer = ScriptedBrain("Fine.", repeat=True), ScriptedRecognizer("one", "two")
    first, second = recording(1_000), recording(2_000)
    async with serving(scripted(brain, recognizer)) as server:
        await completion(server, messages=user(first))
        answered = [*user(first), {"role": "assistant", "content": "Fine."}, *user(second)]
        raw = await completion(server, messages=answered)
    assert [message.text for message in brain.requests[1].messages] == ["one", "Fine.", "two"]
    assert raw["usage"]["prompt_tokens_details"]["audio_tokens"] == 20 + 30


async def test_a_hang_up_while_a_recording_is_heard_stops_the_recognizer() -> None:
    recognizer = ScriptedRecognizer(Heard("late", delay_s=3_600))
    brain = ScriptedBrain("Fine.")
    async with serving(scripted(brain, recognizer)) as server:
        asking = asyncio.create_task(post(server, messages=user(recording())))
        await eventually(lambda: recognizer.segments and recognizer.segments[0].ended)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        places = server.server.config.app.state.files  # type: ignore[union-attr]
        async with asyncio.timeout(10):
            for _ in range(64):  # every place is free again
                async with places.work():
                    pass
    assert brain.requests == []


# --- refusals and faults --------------------------------------------------------------------------------------------------------

_WAV = wav_file(np.zeros(1_600, np.int16))
_WHERE = "messages[0].content[0].input_audio"
_REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    ({"modalities": ["text", "audio"]}, "audio", "missing_required_parameter"),
    ({"audio": ALOUD["audio"]}, "audio", "invalid_value"),
    ({"modalities": []}, "modalities", "empty_array"),
    ({"modalities": ["smell"]}, "modalities[0]", "invalid_value"),
    ({**ALOUD, "audio": {"voice": "alloy"}}, "audio.format", "missing_required_parameter"),
    ({**ALOUD, "audio": {"voice": "elvis", "format": "wav"}}, "audio.voice", "invalid_value"),
    ({**ALOUD, "audio": {"voice": {"id": "voice_1"}, "format": "wav"}}, "audio.voice", "invalid_value"),
    ({**ALOUD, "audio": {"voice": "alloy", "format": "midi"}}, "audio.format", "invalid_value"),
    ({**ALOUD, "audio": {"voice": "alloy", "format": "wav"}, "stream": True}, "audio.format", "unsupported_value"),
    ({"messages": user({"type": "input_audio"})}, _WHERE, "missing_required_parameter"),
    (
        {"messages": user({"type": "input_audio", "input_audio": {"data": "====", "format": "wav"}})},
        f"{_WHERE}.data",
        "invalid_value",
    ),
    ({"messages": user(audio_part(_WAV, "ogg"))}, f"{_WHERE}.format", "invalid_value"),
    ({"messages": user(audio_part(_WAV, "mp3"))}, f"{_WHERE}.data", "invalid_value"),
    ({"messages": user(audio_part(b"no audio at all", "wav"))}, f"{_WHERE}.data", "invalid_value"),
    ({"messages": user(audio_part(b"no audio at all" * 99, "mp3"))}, f"{_WHERE}.data", "invalid_value"),
]


@pytest.mark.parametrize(("wrong", "param", "code"), _REFUSED)
async def test_what_cannot_be_heard_or_said_is_refused_by_name(
    wrong: dict[str, Any], param: str, code: str | None, server: Serving
) -> None:
    answer = await post(server, **wrong)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"], error["code"]) == (400, "invalid_request_error", param, code)


async def test_a_recording_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "LONGEST_MS", 2_000)
    async with serving() as server:
        answer = await post(server, messages=user(recording(3_000)))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, f"{_WHERE}.data")


async def test_a_body_that_is_too_large_is_refused(server: Serving) -> None:
    answer = await post(server, messages=user(audio_part(bytes(25 * 1024 * 1024))))
    assert answer.status_code == 413


@pytest.mark.parametrize("stream", [True, False])
async def test_a_recognizer_that_fails_is_an_error_with_a_status(stream: bool) -> None:
    recognizer = ScriptedRecognizer(Heard("", fault=EngineFault("the recognizer is deaf")))
    brain = ScriptedBrain("Fine.")
    async with serving(scripted(brain, recognizer)) as server:
        answer = await post(server, messages=user(recording()), stream=stream, **ALOUD)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "The recognizer is deaf.")
    assert brain.requests == []


@pytest.mark.parametrize("stream", [True, False])
async def test_a_voice_that_fails_at_once_is_an_error_with_a_status(stream: bool) -> None:
    voice = ScriptedSynthesizer(fault=EngineFault("the voice is hoarse"))
    async with serving(scripted(ScriptedBrain(ANSWER), synthesizer=voice)) as server:
        answer = await post(server, stream=stream, **ALOUD)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "the voice is hoarse")


@pytest.mark.parametrize("whose", ["brain", "voice"])
async def test_what_fails_later_ends_the_stream_with_the_error(whose: str) -> None:
    voice = ScriptedSynthesizer(fault=EngineFault("it broke") if whose == "voice" else None, fault_at=1)
    brain = ScriptedBrain([Say(ANSWER), Fail("it broke", 503)] if whose == "brain" else ANSWER)
    async with serving(scripted(brain, synthesizer=voice)) as server, client_of(server) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=said(), stream=True, **ALOUD)
        told = [await anext(stream) for _ in range(3)]
        assert all(chunk.choices for chunk in told)
        with pytest.raises(openai.APIError, match="it broke"):
            await anext(stream)


async def test_a_brain_that_fails_while_it_is_read_aloud_fails_the_whole_answer() -> None:
    async with serving(scripted(ScriptedBrain([Say(ANSWER), Fail("it broke", 503)]))) as server:
        answer = await post(server, **ALOUD)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "it broke")


# --- the real thing -------------------------------------------------------------------------------------------------------------


async def test_a_spoken_question_gets_a_spoken_answer_from_the_embedded_engines() -> None:
    available = pytest.importorskip("vivavoce.engines.tts.available", exc_type=ImportError)
    batched = pytest.importorskip("vivavoce.engines.vad.batched", exc_type=ImportError)
    sphinx = pytest.importorskip("vivavoce.engines.asr.pocketsphinx.recognizer", exc_type=ImportError)
    frames = pytest.importorskip("vivavoce.engines.llm.frames.brain", exc_type=ImportError)
    try:
        voice = available.default_synthesizer()
    except EngineFault as fault:
        pytest.skip(fault.message)
    recognizer = sphinx.PocketsphinxRecognizer(workers=2)
    tool = {
        "type": "function",
        "function": {
            "name": "check_order_status",
            "description": "Check the status of an order.",
            "parameters": {"type": "object", "properties": {"order_number": {"type": "integer"}}, "required": ["order_number"]},
        },
    }
    async with serving(scripted(frames.FramesBrain(), recognizer, voice, vad=batched.BatchedVad())) as server:
        async with client_of(server) as client:
            question = await client.audio.speech.create(
                model="tts-1", voice="alloy", input="Check the status of my order.", response_format="wav"
            )
            quiet = np.zeros(12_000, np.int16)
            asked = wav_file(np.concatenate([quiet, samples(question.content[44:]), quiet]), 24_000)
            raw = await completion(server, messages=user(audio_part(asked)), tools=[tool], **ALOUD)
        audio = audio_of(raw)
        pcm = convert(samples(base64.b64decode(audio["data"])), 24_000, 16_000)

        async def spoken() -> AsyncIterator[bytes]:
            yield pcm.astype("<i2").tobytes()

        heard = [said async for said in recognizer.recognize(spoken(), RecognitionOptions())][-1].text
    assert "order number" in audio["transcript"].lower(), audio["transcript"]
    assert "order" in heard.lower(), heard

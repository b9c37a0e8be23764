"""The public fakes do what their scripts say, no more and no less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from vivavoce.engines.asr.instant import InstantRecognizer
from vivavoce.engines.llm.echo import EchoBrain
from vivavoce.engines.ports import (
    Endpointer,
    EngineFault,
    Hypothesis,
    LanguageModel,
    LlmDelta,
    LlmFinish,
    LlmRequest,
    LlmUsage,
    Message,
    RecognitionOptions,
    RecognizedWord,
    Recognizer,
    SpeechSpan,
    Synthesizer,
    TextDelta,
    ToolCallDelta,
    Vocabulary,
    VoiceActivityDetector,
    VoiceStyle,
    WordTime,
)
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.endpointer import EndpointCall, ScriptedEndpointer
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Answer, CallTool, Cut, Fail, Garbage, Hang, Say, Script, Step, Wait
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.vad import EnergyVad

MS = 16 * 2
"""Bytes in a millisecond of recognizer audio."""


def asking(text: str) -> LlmRequest:
    return LlmRequest((Message("user", text),))


async def answer(brain: LanguageModel, text: str = "hello") -> list[LlmDelta]:
    return [delta async for delta in brain.generate(asking(text))]


async def chunks(*pieces: Any) -> AsyncGenerator[Any, None]:
    for piece in pieces:
        yield piece


async def heard(recognizer: Recognizer, *lengths_ms: int, **options: Any) -> list[Hypothesis]:
    audio: AsyncIterator[bytes] = chunks(*(bytes(ms * MS) for ms in lengths_ms))
    return [hypothesis async for hypothesis in recognizer.recognize(audio, RecognitionOptions(**options))]


class Pauses(list[float]):
    """A `sleep` that takes no time and notes how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        if seconds:
            self.append(seconds)


def test_every_fake_satisfies_its_port() -> None:
    brains: list[LanguageModel] = [ScriptedBrain(), EchoBrain()]
    ears: list[Recognizer] = [ScriptedRecognizer(), InstantRecognizer()]
    voice: Synthesizer = ScriptedSynthesizer()
    vad: VoiceActivityDetector = EnergyVad()
    endpointer: Endpointer = ScriptedEndpointer()
    assert all(engine.capabilities.quality == "null" for engine in [*brains, *ears, voice, vad, endpointer])


# --- brain ------------------------------------------------------------------------------------------------------------------------


async def test_answers_come_in_order_and_requests_are_kept() -> None:
    brain = ScriptedBrain("Good day.", [Say("Bye", phase="final_answer")])
    assert await answer(brain, "one") == [TextDelta("Good "), TextDelta("day."), LlmUsage(1, 2), LlmFinish("stop")]
    assert (await answer(brain, "two"))[0] == TextDelta("Bye", "final_answer")
    assert brain.requests == [asking("one"), asking("two")]
    assert (brain.finished, brain.cancelled) == (2, 0)


async def test_calls_are_numbered_over_the_whole_script() -> None:
    brain = ScriptedBrain([CallTool("f", {"a": 1})], [CallTool("f", "not json")])
    deltas = await answer(brain) + await answer(brain)
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert calls == [ToolCallDelta(0, "f", "call_1", '{"a": 1}'), ToolCallDelta(0, "f", "call_2", "not json")]
    assert deltas[-1] == LlmFinish("tool_calls")


async def test_a_rule_answers_whenever_it_matches() -> None:
    brain = ScriptedBrain("First.", Answer([Say("Sunny.")], when="WEATHER|sky"), "Second.")
    said = [(await answer(brain, text))[0] for text in ("hello", "the weather?", "and the sky?", "bye")]
    assert said == [TextDelta("First."), TextDelta("Sunny."), TextDelta("Sunny."), TextDelta("Second.")]


async def test_a_script_that_has_run_out_is_a_fault() -> None:
    brain = ScriptedBrain("Only this.")
    await answer(brain)
    with pytest.raises(EngineFault, match="no answer left for 'more'"):
        await answer(brain, "more")


async def test_a_repeating_script_begins_again() -> None:
    brain = ScriptedBrain("A", "B", repeat=True)
    assert [(await answer(brain))[0] for _ in range(3)] == [TextDelta("A"), TextDelta("B"), TextDelta("A")]


async def test_delays_come_before_each_token() -> None:
    pauses = Pauses()
    await answer(ScriptedBrain([Wait(2), Say("a b", delay_s=0.5), CallTool("f", {"k": 1}, pieces=2, delay_s=0.1)], sleep=pauses))
    assert pauses == [2, 0.5, 0.5, 0.1, 0.1]


@pytest.mark.parametrize(
    ("incident", "code", "temporary"),
    [
        (Fail("no", status=429, code="rate_limit_exceeded"), "rate_limit_exceeded", True),
        (Fail("no", status=401), "server_error", False),
        (Garbage(), "server_error", True),
        (Cut(), "server_error", True),
    ],
)
async def test_incidents_are_faults(incident: Step, code: str, temporary: bool) -> None:
    with pytest.raises(EngineFault) as caught:
        await answer(ScriptedBrain([Say("So"), incident]))
    assert (caught.value.code, caught.value.temporary) == (code, temporary)


async def test_a_hanging_brain_can_be_closed() -> None:
    brain = ScriptedBrain([Say("So"), Hang()])
    async with aclosing(brain.generate(asking("?"))) as deltas:
        assert await anext(deltas) == TextDelta("So")
        waiting = asyncio.ensure_future(anext(deltas))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert (brain.finished, brain.cancelled) == (0, 1)


async def test_closing_early_is_counted() -> None:
    brain = ScriptedBrain("One two three.")
    async with aclosing(brain.generate(asking("?"))) as deltas:
        await anext(deltas)
    assert (brain.finished, brain.cancelled) == (0, 1)


async def test_a_brain_may_share_a_script() -> None:
    script = Script("A", "B")
    assert (await answer(ScriptedBrain(script=script)))[0] == TextDelta("A")
    assert (await answer(ScriptedBrain(script=script)))[0] == TextDelta("B")


# --- recognizer -------------------------------------------------------------------------------------------------------------------


async def test_segments_are_heard_in_order_and_measured() -> None:
    recognizer = ScriptedRecognizer("a big tea", Heard("yes", confidence=0.5))
    first = await heard(recognizer, 300, 400, language="en")
    assert first == [
        Hypothesis(
            "a big tea",
            final=True,
            words=(RecognizedWord("a", 0, 100), RecognizedWord("big", 100, 400), RecognizedWord("tea", 400, 700)),
        )
    ]
    assert (await heard(recognizer, 20))[-1].confidence == 0.5
    assert [(s.duration_ms, s.options.language, s.ended) for s in recognizer.segments] == [(700, "en", True), (20, "", True)]


async def test_partials_come_with_the_audio_if_wanted() -> None:
    script = Heard("one two three", partials=("one", "one two", "one two"))
    wanted = await heard(ScriptedRecognizer(script), 100, 100, partials=True)
    assert [h.text for h in wanted] == ["one", "one two", "one two", "one two three"]
    assert [h.final for h in wanted] == [False, False, False, True]
    assert [h.final for h in await heard(ScriptedRecognizer(script), 100, 100)] == [True]


async def test_a_recognizer_waits_and_fails_as_told() -> None:
    pauses = Pauses()
    recognizer = ScriptedRecognizer(Heard("", delay_s=0.3, fault=EngineFault("the decoder died")), sleep=pauses)
    with pytest.raises(EngineFault, match="decoder died"):
        await heard(recognizer, 10)
    with pytest.raises(EngineFault, match="no text for segment 2"):
        await heard(recognizer, 10)
    assert pauses == [0.3]


async def test_vocabularies_are_kept() -> None:
    recognizer = ScriptedRecognizer()
    await recognizer.prepare(Vocabulary(keywords=("latte",)))
    assert recognizer.vocabularies == [Vocabulary(keywords=("latte",))]


# --- synthesizer ------------------------------------------------------------------------------------------------------------------


async def spoken(synthesizer: Synthesizer, *clauses: str, style: VoiceStyle | None = None) -> list[SpeechSpan]:
    return [span async for span in synthesizer.synthesize(chunks(*clauses), style or VoiceStyle())]


async def test_words_last_exactly_as_long_as_told() -> None:
    voice = ScriptedSynthesizer(word_ms=250, durations_ms={"hello": 500})
    first, second = await spoken(voice, "Hello, you. ", "Bye!", style=VoiceStyle("cedar"))
    assert first.words == (WordTime("Hello,", 0, 500), WordTime("you.", 500, 750))
    assert first.pcm.dtype == np.int16
    assert (len(first.pcm), first.rate_hz) == (18_000, 24_000)
    assert (first.text + second.text, len(second.pcm)) == ("Hello, you. Bye!", 6_000)
    assert voice.clauses == ["Hello, you. ", "Bye!"]
    assert (voice.styles, voice.finished) == ([VoiceStyle("cedar")], 1)


async def test_speed_divides_the_durations() -> None:
    (span,) = await spoken(ScriptedSynthesizer(word_ms=300), "one two", style=VoiceStyle(speed=1.5))
    assert span.words[-1].end_ms == 400


async def test_a_clause_without_words_is_an_empty_span() -> None:
    (span,) = await spoken(ScriptedSynthesizer(), " ")
    assert (span.text, len(span.pcm), span.words) == (" ", 0, ())


async def test_a_voice_fails_and_hangs_at_the_clause_told() -> None:
    with pytest.raises(EngineFault, match="hoarse"):
        await spoken(ScriptedSynthesizer(fault=EngineFault("hoarse"), fault_at=1), "one", "two")
    voice = ScriptedSynthesizer(hang_at=0)
    speaking = asyncio.create_task(spoken(voice, "one"))
    await asyncio.sleep(0)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert voice.cancelled == 1


# --- voice activity and end of turn -----------------------------------------------------------------------------------------------


def frame(level: float) -> Any:
    return np.full(512, level, dtype=np.float32)


def test_loud_frames_are_speech() -> None:
    vad = EnergyVad(threshold_dbfs=-40, immediate=True)
    probabilities: list[float] = []
    stream = vad.open(probabilities.append)
    for level in (0.0, 0.0099, 0.0101, 1.0):
        stream.push(frame(level))
    assert probabilities == [0.0, 0.0, 1.0, 1.0]


async def test_probabilities_come_from_the_loop_in_order_and_none_after_close() -> None:
    vad = EnergyVad()
    probabilities: list[float] = []
    stream = vad.open(probabilities.append)
    stream.push(frame(1))
    stream.push(frame(0))
    assert probabilities == []
    await asyncio.sleep(0)
    assert probabilities == [1.0, 0.0]
    stream.push(frame(1))
    stream.close()
    stream.close()
    await asyncio.sleep(0)
    assert probabilities == [1.0, 0.0]
    assert (vad.frames, vad.open_streams) == (3, 0)


def test_a_dying_detector_says_so_once() -> None:
    probabilities: list[float] = []
    faults: list[EngineFault] = []
    stream = EnergyVad(immediate=True, fault_after=1).open(probabilities.append, faults.append)
    for _ in range(3):
        stream.push(frame(1))
    assert (len(probabilities), len(faults)) == (1, 1)


def test_a_frame_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="512"):
        EnergyVad(immediate=True).open(print).push(np.zeros(160, dtype=np.float32))


async def test_verdicts_come_in_order_and_the_last_stays() -> None:
    endpointer = ScriptedEndpointer(0.1, 0.9)
    pcm = np.zeros(16_000, dtype=np.float32)
    assert [await endpointer.complete_probability(pcm, text) for text in "abc"] == [0.1, 0.9, 0.9]
    assert endpointer.calls[0] == EndpointCall(1000, "a")


async def test_an_endpointer_fails_as_told() -> None:
    with pytest.raises(EngineFault):
        await ScriptedEndpointer(EngineFault("no model")).complete_probability(np.zeros(1, dtype=np.float32))


# --- the null profile -------------------------------------------------------------------------------------------------------------


async def test_the_instant_recognizer_consumes_the_segment_and_answers() -> None:
    hypotheses = await heard(InstantRecognizer("hello there"), 100, 100, partials=True)
    assert hypotheses == [
        Hypothesis("hello there"),
        Hypothesis("hello there", final=True, words=(RecognizedWord("hello", 0, 100), RecognizedWord("there", 100, 200))),
    ]


async def test_the_echo_brain_answers_at_once() -> None:
    assert await answer(EchoBrain("Fine, thanks.")) == [TextDelta("Fine, thanks."), LlmFinish()]
    assert (await answer(EchoBrain(None), "a latte"))[0] == TextDelta("a latte")
    assert (await answer(EchoBrain(None), ""))[0] == TextDelta("I heard you.")

"""Local agreement: a recognizer of whole segments streams, shows nothing twice, loses nothing, and costs what it says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest
from agreement_kit import ScriptedHearing, Spoken, audio_of, spoken
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.engines.asr.agreement.pace import PACES
from vivavoce.engines.asr.agreement.recognizer import LONGEST_S, LocalAgreement
from vivavoce.engines.ports import Delay, EngineFault, Hypothesis, RecognitionOptions, Recognizer, Vocabulary

STREAMED = RecognitionOptions(partials=True)
VOCABULARY = ("yes", "no", "very", "ice", "cream", "two", "please")
DELAYS = sorted(PACES)


@st.composite
def scripts(draw: st.DrawFn, most: int = 60) -> tuple[Spoken, ...]:
    """Words of few kinds, so that repetitions abound; fluent, with a pause here and there."""
    now, script = draw(st.integers(0, 400)), []
    for _ in range(draw(st.integers(0, most))):
        length, pause = draw(st.integers(120, 500)), draw(st.sampled_from((0, 0, 20, 60, 250, 900)))
        script.append(Spoken(draw(st.sampled_from(VOCABULARY)), now, now + length))
        now += length + pause
    return tuple(script)


def paused(count: int, word_ms: int = 300, pause_ms: int = 200) -> tuple[Spoken, ...]:
    step = word_ms + pause_ms
    return tuple(Spoken(f"w{n}", n * step + 100, n * step + 100 + word_ms) for n in range(count))


def text_of(script: Sequence[Spoken]) -> str:
    return " ".join(word.text for word in script)


async def stream(recognizer: Recognizer, script: Sequence[Spoken], options: RecognitionOptions = STREAMED) -> list[Hypothesis]:
    """Return what is shown, having checked that it only ever grows and ends once."""
    heard = [hypothesis async for hypothesis in recognizer.recognize(spoken(audio_of(script)), options)]
    assert [hypothesis.final for hypothesis in heard] == [False] * (len(heard) - 1) + [True]
    for before, after in itertools.pairwise(heard):
        assert after.text.startswith(before.text)
        assert after.final or len(after.text) > len(before.text)
    return heard


@settings(max_examples=40, deadline=None)
@given(scripts(), st.booleans(), st.sampled_from(DELAYS))
def test_nothing_is_lost_and_nothing_said_twice(script: tuple[Spoken, ...], timed: bool, delay: Delay) -> None:
    inner = ScriptedHearing(script, timed=timed)
    heard = asyncio.run(stream(LocalAgreement(inner), script, replace(STREAMED, delay=delay)))
    if timed or not _cut_within_words(inner, script):
        assert heard[-1].text == text_of(script)
    assert len(heard[-1].words) == len(heard[-1].text.split())


def _cut_within_words(inner: ScriptedHearing, script: Sequence[Spoken]) -> bool:
    """Whether a window began within a word: nobody pauses there, so there is no right way to part the audio."""
    return any(word.start_ms < begin < word.end_ms for begin, _ in inner.heard for word in script)


@settings(max_examples=40, deadline=None)
@given(scripts(), st.booleans(), st.sampled_from(DELAYS), st.integers(0, 5))
def test_what_is_shown_is_never_taken_back_whatever_is_misheard(
    script: tuple[Spoken, ...], timed: bool, delay: Delay, seed: int
) -> None:
    def mishear(word: Spoken, distance_ms: int) -> str:
        salt = hash((word.start_ms, distance_ms // 700, seed)) % 7
        return ("", "what", "no very", word.text, word.text, word.text, word.text)[salt] if distance_ms < 3_000 else word.text

    inner = ScriptedHearing(script, timed=timed, mishear=mishear)
    asyncio.run(stream(LocalAgreement(inner), script, replace(STREAMED, delay=delay)))


@pytest.mark.parametrize("timed", [True, False])
async def test_errors_at_the_edge_do_not_reach_what_is_agreed_on(timed: bool) -> None:
    script = paused(60)
    inner = ScriptedHearing(
        script, timed=timed, mishear=lambda word, left_ms: word.text if left_ms > 400 else f"{word.text}?{left_ms}"
    )
    heard = await stream(LocalAgreement(inner), script, replace(STREAMED, delay="medium"))
    assert [word.partition("?")[0] for word in heard[-1].text.split()] == text_of(script).split()
    assert all("?" not in hypothesis.text for hypothesis in heard[:-1])


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("pause_ms", [0, 200])
async def test_each_second_is_decoded_a_bounded_number_of_times(delay: Delay, timed: bool, pause_ms: int) -> None:
    script = paused(200, pause_ms=pause_ms)
    inner = ScriptedHearing(script, timed=timed)
    await stream(LocalAgreement(inner), script, replace(STREAMED, delay=delay))
    assert max(inner.times_heard.values()) <= LONGEST_S * 1000 / PACES[delay].chunk_ms + 3
    assert max(end - begin for begin, end in inner.heard) <= LONGEST_S * 1000


@pytest.mark.parametrize("timed", [True, False])
async def test_what_nobody_understands_is_decoded_no_oftener(timed: bool) -> None:
    script = paused(120)
    numbers = itertools.count()
    inner = ScriptedHearing(script, timed=timed, mishear=lambda word, left_ms: f"noise{next(numbers)}")
    await stream(LocalAgreement(inner), script)
    assert max(inner.times_heard.values()) <= LONGEST_S * 1000 / PACES["medium"].chunk_ms + 3
    assert max(end - begin for begin, end in inner.heard) <= LONGEST_S * 1000


async def test_a_slow_recognizer_skips_steps_and_never_queues() -> None:
    script = paused(60)
    quick, slow = ScriptedHearing(script), ScriptedHearing(script, slow=400)
    at_once = await stream(LocalAgreement(quick), script)
    late = await stream(LocalAgreement(slow), script)
    assert slow.most_open == quick.most_open == 1
    assert len(slow.heard) < len(quick.heard) / 2
    assert late[-1].text == at_once[-1].text == text_of(script)


async def test_audio_that_comes_all_at_once_is_heard_window_by_window() -> None:
    script = paused(150)
    inner = ScriptedHearing(script)

    async def at_once() -> AsyncGenerator[bytes, None]:
        yield audio_of(script).tobytes()

    heard = [hypothesis async for hypothesis in LocalAgreement(inner).recognize(at_once(), STREAMED)]
    assert heard[-1].text == text_of(script)
    assert max(end - begin for begin, end in inner.heard) <= LONGEST_S * 1000


@pytest.mark.parametrize("timed", [True, False])
async def test_marks_at_the_end_of_a_window_are_no_words(timed: bool) -> None:
    script = paused(12)
    heard = await stream(LocalAgreement(ScriptedHearing(script, timed=timed, marks=True)), script)
    assert len(heard) > 3
    assert all(not hypothesis.text.endswith(".") for hypothesis in heard[:-1])
    assert heard[-1].text.lower() == text_of(script) + "."


async def test_word_times_are_those_of_the_segment() -> None:
    script = paused(80)
    heard = await stream(LocalAgreement(ScriptedHearing(script)), script)
    assert [(word.text, word.start_ms, word.end_ms) for word in heard[-1].words] == [
        (word.text, word.start_ms, word.end_ms) for word in script
    ]
    for partial in heard[:-1]:
        assert " ".join(word.text for word in partial.words) == partial.text


async def test_without_word_times_partials_have_none_and_the_final_has_estimates() -> None:
    script = paused(80)
    heard = await stream(LocalAgreement(ScriptedHearing(script, timed=False)), script)
    assert not any(partial.words for partial in heard[:-1])
    starts = [word.start_ms for word in heard[-1].words]
    assert starts == sorted(starts)
    assert all(abs(found.start_ms - said.start_ms) < 3_000 for found, said in zip(heard[-1].words, script, strict=True))


async def test_without_partials_the_segment_is_heard_once_as_it_is() -> None:
    script = paused(80)
    inner = ScriptedHearing(script)
    assert len(await stream(LocalAgreement(inner), script, RecognitionOptions())) == 1
    assert inner.heard == [(0, script[-1].end_ms + 300)]


async def test_the_recognizer_within_gets_the_sessions_options() -> None:
    options = RecognitionOptions("de", Vocabulary(keywords=("Kaffee",)), True, "low", True, "someone")
    inner = ScriptedHearing(paused(8))
    await stream(LocalAgreement(inner), paused(8), options)
    assert set(map(repr, inner.options)) == {repr(replace(options, partials=False))}


async def test_a_hypothesis_that_covers_everything_is_not_made_again() -> None:
    script = (Spoken("yes", 100, 400),)
    inner = ScriptedHearing(script)
    gate = asyncio.Event()

    async def audio() -> AsyncGenerator[bytes, None]:
        yield audio_of(script).tobytes()
        await gate.wait()

    stream_ = LocalAgreement(inner, paces={"medium": replace(PACES["medium"], steps=1, chunk_ms=700)}).recognize(
        audio(), STREAMED
    )
    assert (await anext(stream_)).text == "yes"
    gate.set()
    assert (await anext(stream_)).final
    assert len(inner.heard) == 1


async def test_a_step_that_fails_for_the_time_being_is_left_out() -> None:
    script = paused(40)
    inner = ScriptedHearing(script, failing=frozenset({1, 2, 5}))
    assert (await stream(LocalAgreement(inner), script))[-1].text == text_of(script)


async def test_a_recognizer_that_goes_on_failing_fails_the_segment() -> None:
    script = paused(40)
    inner = ScriptedHearing(script, failing=frozenset(range(1, 1_000)))
    with pytest.raises(EngineFault):
        await stream(LocalAgreement(inner), script)
    assert inner.open == 0


async def test_a_broken_source_is_told_and_leaves_nothing_behind() -> None:
    inner = ScriptedHearing(paused(40))

    async def broken() -> AsyncGenerator[bytes, None]:
        yield audio_of(paused(4)).tobytes()
        raise ConnectionResetError("the caller is gone")

    with pytest.raises(ConnectionResetError):
        async for _ in LocalAgreement(inner).recognize(broken(), STREAMED):
            pass
    assert inner.open == 0


async def test_closing_lets_go_of_the_recognizer_and_of_the_audio() -> None:
    script, ended = paused(40), asyncio.Event()
    inner = ScriptedHearing(script)

    async def audio() -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in spoken(audio_of(script)):
                yield chunk
            await asyncio.Event().wait()
        finally:
            ended.set()

    hypotheses = LocalAgreement(inner).recognize(audio(), STREAMED)
    await anext(hypotheses)
    await hypotheses.aclose()
    assert inner.open == 0
    assert ended.is_set()


async def test_cancelling_in_the_middle_of_a_decoding_closes_it() -> None:
    script = paused(40)
    inner = ScriptedHearing(script, slow=1_000_000)
    reading = asyncio.create_task(stream(LocalAgreement(inner), script))
    await inner.begun.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert inner.open == 0


async def test_no_audio_is_an_empty_final() -> None:
    async def nothing() -> AsyncGenerator[bytes, None]:
        for chunk in ():
            yield chunk

    heard = [hypothesis async for hypothesis in LocalAgreement(ScriptedHearing(())).recognize(nothing(), STREAMED)]
    assert [(hypothesis.text, hypothesis.final) for hypothesis in heard] == [("", True)]


async def test_it_is_the_recognizer_within_that_streams() -> None:
    inner = ScriptedHearing(())
    wrapped: Recognizer = LocalAgreement(inner)
    assert wrapped.capabilities == replace(inner.capabilities, streaming=True)
    await wrapped.warm()
    await wrapped.prepare(Vocabulary())
    await wrapped.close()
    assert inner.closed


def test_windows_that_hold_no_two_chunks_are_refused() -> None:
    with pytest.raises(ValueError, match="two chunks"):
        LocalAgreement(ScriptedHearing(()), longest_s=1.5, trim_s=1)

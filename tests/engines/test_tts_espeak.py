"""espeak-ng in its own process: the contract, and what happens when the process dies, hangs or is given up on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tts_kit import AWKWARD_CLAUSES, assert_contract, duration_ms, say, stream

from vivavoce.engines.ports import EngineFault, VoiceStyle
from vivavoce.engines.tts import espeak_process
from vivavoce.engines.tts.espeak import LANGUAGES, EspeakSynthesizer, espeak_language
from vivavoce.engines.tts.espeak_library import EspeakLibrary, find_espeak
from vivavoce.engines.tts.voices import VOICE_NAMES

needs_espeak = pytest.mark.skipif(find_espeak() is None, reason="no espeak-ng: pip install 'vivavoce[espeak]'")


@pytest.fixture
async def espeak() -> AsyncIterator[EspeakSynthesizer]:
    synthesizer = EspeakSynthesizer()
    yield synthesizer
    await synthesizer.close()


def _loaded_libraries() -> str:
    """What the system says is mapped into this process; nothing where it does not say."""
    maps = Path("/proc/self/maps")
    return maps.read_text() if maps.is_file() else ""


async def _until_pending(synthesizer: EspeakSynthesizer) -> None:
    """Wait until a request has been sent."""
    for _ in range(5000):
        if any(child.pending for child in synthesizer._children):
            return
        await asyncio.sleep(0.001)
    pytest.fail("no request was sent")


@needs_espeak
async def test_espeak_keeps_the_contract(espeak: EspeakSynthesizer) -> None:
    assert_contract(await say(espeak, *AWKWARD_CLAUSES), AWKWARD_CLAUSES)


@needs_espeak
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "今天天气很好，我们去公园。"),
        ("ru", "Привет, как дела?"),
        ("hi", "आप कैसे हैं? मैं ठीक हूँ।"),
        ("ko", "안녕하세요, 반갑습니다."),
        ("pt-BR", "Olá, tudo bem?"),
    ],
)
async def test_other_scripts_have_word_times_too(espeak: EspeakSynthesizer, language: str, text: str) -> None:
    spans = await say(espeak, text, style=VoiceStyle(language=language))
    assert_contract(spans, [text])
    assert all(word.end_ms > word.start_ms for word in spans[0].words)


@needs_espeak
async def test_every_listed_language_and_voice_can_be_spoken(espeak: EspeakSynthesizer) -> None:
    for language in LANGUAGES:
        assert duration_ms(await say(espeak, "A 1 2 3", style=VoiceStyle(language=language))) > 300
    heard = [await say(espeak, "Good morning.", style=VoiceStyle(voice=voice)) for voice in VOICE_NAMES]
    assert len({spans[0].pcm.tobytes() for spans in heard}) == len(VOICE_NAMES)


@needs_espeak
async def test_words_are_timed_by_the_engine(espeak: EspeakSynthesizer) -> None:
    (span,) = await say(espeak, "Some of the extraordinary tigers, 42.")
    assert all(word.end_ms - word.start_ms > 20 for word in span.words)
    assert span.words[0].start_ms <= 10
    assert span.words[5].start_ms - span.words[4].end_ms > 50, "the comma is a pause, not part of the word before it"


@needs_espeak
@pytest.mark.parametrize("speed", [0.7, 1.5])
async def test_speed_changes_the_duration(espeak: EspeakSynthesizer, speed: float) -> None:
    plain = duration_ms(await say(espeak, "Where is my order?"))
    assert duration_ms(await say(espeak, "Where is my order?", style=VoiceStyle(speed=speed))) == pytest.approx(
        plain / speed, rel=0.2
    )


@needs_espeak
async def test_the_library_is_never_in_this_process(espeak: EspeakSynthesizer) -> None:
    await espeak.warm()
    assert "espeakng_loader" not in sys.modules
    assert "espeak" not in _loaded_libraries()


@needs_espeak
async def test_streams_share_a_bounded_pool(espeak: EspeakSynthesizer) -> None:
    clauses = ("One thing. ", "Another thing, ", "and the last.")
    alone = await say(espeak, *clauses)
    together = await asyncio.gather(*(say(espeak, *clauses) for _ in range(6)))
    for spans in together:
        assert_contract(spans, clauses)
        assert [len(span.pcm) for span in spans] == [len(span.pcm) for span in alone]
    assert 1 <= len(espeak.pids) <= 2


@needs_espeak
async def test_closing_a_stream_leaves_the_process_usable(espeak: EspeakSynthesizer) -> None:
    stopped = espeak.synthesize(stream("One.", "Two.", "Three."), VoiceStyle())
    await anext(stopped)
    pids = espeak.pids
    await stopped.aclose()  # type: ignore[attr-defined]
    assert_contract(await say(espeak, "Still here."), ["Still here."])
    assert espeak.pids == pids


@needs_espeak
async def test_a_request_given_up_midway_is_dropped_and_the_process_stays(espeak: EspeakSynthesizer) -> None:
    (expected,) = await say(espeak, "Second.")
    (pid,) = espeak.pids
    os.kill(pid, signal.SIGSTOP)
    given_up = asyncio.create_task(say(espeak, "First, and rather long at that."))
    await _until_pending(espeak)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    os.kill(pid, signal.SIGCONT)
    (span,) = await say(espeak, "Second.")
    assert (len(span.pcm), span.words) == (len(expected.pcm), expected.words)
    assert espeak.pids == (pid,)


@needs_espeak
async def test_a_killed_process_fails_its_stream_only(espeak: EspeakSynthesizer) -> None:
    await espeak.warm()
    (pid,) = espeak.pids
    os.kill(pid, signal.SIGSTOP)
    failing = asyncio.create_task(say(espeak, "Never heard."))
    await _until_pending(espeak)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EngineFault, match="died"):
        await failing
    assert_contract(await say(espeak, "A new one."), ["A new one."])
    assert pid not in espeak.pids


@needs_espeak
async def test_a_hanging_process_is_ended_and_replaced(espeak: EspeakSynthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    await espeak.warm()
    (pid,) = espeak.pids
    monkeypatch.setattr(espeak_process, "_ANSWER_LIMIT_S", 0.05)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineFault, match="hangs"):
        await say(espeak, "Never heard.")
    monkeypatch.undo()
    assert_contract(await say(espeak, "A new one."), ["A new one."])
    assert pid not in espeak.pids


@needs_espeak
async def test_closing_ends_the_processes_and_further_speech_is_a_fault(espeak: EspeakSynthesizer) -> None:
    await espeak.warm()
    (pid,) = espeak.pids
    await espeak.close()
    await espeak.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EngineFault, match="closed"):
        await say(espeak, "Hello.")


async def test_a_library_that_cannot_be_loaded_is_a_fault(tmp_path: Path) -> None:
    broken = tmp_path / "libespeak-ng.so"
    broken.write_bytes(b"not a library")
    synthesizer = EspeakSynthesizer(find=lambda: EspeakLibrary(str(broken), str(tmp_path), "test"))
    with pytest.raises(EngineFault, match="cannot be loaded"):
        await synthesizer.warm()
    await synthesizer.close()


async def test_without_espeak_the_fault_says_how_to_get_it() -> None:
    synthesizer = EspeakSynthesizer(find=lambda: None)
    with pytest.raises(EngineFault, match=r"pip install 'vivavoce\[espeak\]'"):
        await say(synthesizer, "Hello.")
    await synthesizer.close()


@pytest.mark.parametrize(
    ("tag", "voice"),
    [
        ("en", "en-us"),
        ("", "en-us"),
        ("en-AU", "en-us"),
        ("en_GB", "en-gb-x-rp"),
        ("zh-CN", "cmn"),
        ("pt-BR", "pt-br"),
        ("de-AT", "de"),
        ("no", "nb"),
    ],
)
def test_language_tags_become_voices(tag: str, voice: str) -> None:
    assert espeak_language(tag) == voice


@pytest.mark.parametrize("tag", ["ja", "ja-JP", "xx", "../../x"])
def test_languages_it_cannot_speak_are_refused(tag: str) -> None:
    with pytest.raises(EngineFault, match="does not speak"):
        espeak_language(tag)

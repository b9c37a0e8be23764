"""Flite, where the system has it: word times of its own, threads, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tts_kit import AWKWARD_CLAUSES, assert_contract, duration_ms, say, stream

from vivavoce.engines.ports import EngineFault, VoiceStyle
from vivavoce.engines.tts.flite import FliteSynthesizer
from vivavoce.engines.tts.flite_library import find_flite
from vivavoce.engines.tts.voices import VOICE_NAMES

needs_flite = pytest.mark.skipif(
    find_flite() is None, reason="no libflite: apt install libflite1, or VIVAVOCE_FLITE_DIR=folder that holds libflite.so.1"
)


@pytest.fixture
async def flite() -> AsyncIterator[FliteSynthesizer]:
    synthesizer = FliteSynthesizer()
    yield synthesizer
    await synthesizer.close()


@needs_flite
async def test_flite_keeps_the_contract(flite: FliteSynthesizer) -> None:
    assert_contract(await say(flite, *AWKWARD_CLAUSES), AWKWARD_CLAUSES)


@needs_flite
async def test_every_pronounced_word_takes_time_and_starts_at_once(flite: FliteSynthesizer) -> None:
    (span,) = await say(flite, "That's $3.50 for Dr. Smith's order number 42, e.g. a latte.")
    assert all(word.end_ms - word.start_ms > 40 for word in span.words)
    assert span.words[0].start_ms <= 10, "flite's own leading silence must be gone"


@needs_flite
async def test_words_are_where_the_sound_is(flite: FliteSynthesizer) -> None:
    (span,) = await say(flite, "Yes... no.")
    yes, no = span.words
    pause = span.pcm[(yes.end_ms + 60) * span.rate_hz // 1000 : (no.start_ms - 40) * span.rate_hz // 1000].astype(float)
    speech = span.pcm[yes.start_ms * span.rate_hz // 1000 : yes.end_ms * span.rate_hz // 1000].astype(float)
    assert no.start_ms - yes.end_ms >= 300
    assert np.sqrt((pause**2).mean()) < 0.1 * np.sqrt((speech**2).mean())


@needs_flite
@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5])
async def test_speed_scales_the_duration(flite: FliteSynthesizer, speed: float) -> None:
    plain = duration_ms(await say(flite, "Where is my order?"))
    assert duration_ms(await say(flite, "Where is my order?", style=VoiceStyle(speed=speed))) == pytest.approx(
        plain / speed, rel=0.1
    )


@needs_flite
async def test_all_voices_speak_and_sound_different(flite: FliteSynthesizer) -> None:
    heard = {voice: await say(flite, "Good morning.", style=VoiceStyle(voice=voice)) for voice in VOICE_NAMES}
    assert len({spans[0].pcm.tobytes() for spans in heard.values()}) == len(VOICE_NAMES)
    pace = [duration_ms(spans) for spans in heard.values()]
    assert max(pace) < 1.7 * min(pace)


@needs_flite
async def test_streams_run_beside_each_other(flite: FliteSynthesizer) -> None:
    clauses = ("One thing. ", "Another thing, ", "and the last.")
    alone = await say(flite, *clauses)
    together = await asyncio.gather(*(say(flite, *clauses) for _ in range(4)))
    for spans in together:
        assert_contract(spans, clauses)
        assert [len(span.pcm) for span in spans] == [len(span.pcm) for span in alone]


@needs_flite
async def test_a_cancelled_stream_leaves_the_voice_usable(flite: FliteSynthesizer) -> None:
    stopped = flite.synthesize(stream("One.", "Two.", "Three."), VoiceStyle())
    await anext(stopped)
    await stopped.aclose()  # type: ignore[attr-defined]
    task = asyncio.create_task(say(flite, "A rather long sentence that is given up while it is being spoken."))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert_contract(await say(flite, "Still here."), ["Still here."])


@needs_flite
async def test_flite_refuses_languages_it_does_not_speak(flite: FliteSynthesizer) -> None:
    with pytest.raises(EngineFault, match="English only"):
        await say(flite, "Guten Tag", style=VoiceStyle(language="de"))


@needs_flite
async def test_a_closed_synthesizer_says_so(flite: FliteSynthesizer) -> None:
    await flite.warm()
    await flite.close()
    await flite.close()
    with pytest.raises(EngineFault, match="closed"):
        await say(flite, "Hello.")


async def test_a_missing_library_is_a_fault_with_the_way_out(tmp_path: Path) -> None:
    synthesizer = FliteSynthesizer(library_dir=tmp_path)
    with pytest.raises(EngineFault, match="apt install libflite1"):
        await synthesizer.warm()
    await synthesizer.close()


async def test_a_broken_library_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "libflite.so.1").write_bytes(b"not a library")
    synthesizer = FliteSynthesizer(library_dir=tmp_path)
    with pytest.raises(EngineFault, match="cannot be loaded"):
        await synthesizer.warm()
    await synthesizer.close()

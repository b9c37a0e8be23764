"""A reader interpreted by the embedded engines: real detector, recognizer and translator, and the same text however the audio is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from translation_kit import TRANSCRIBED, Listener, listening

from kit import Serving, scripted, serving, silence, wire_audio
from vivavoce.audio.wav import read_wav
from vivavoce.engines.mt.apertium import ApertiumTranslator
from vivavoce.engines.ports import translates
from vivavoce.testing.synthesizer import ScriptedSynthesizer

pytestmark = pytest.mark.speech


@asynccontextmanager
async def embedded() -> AsyncGenerator[Serving]:
    """A server that really listens and translates, and hums."""
    translator = ApertiumTranslator()
    if not translates(translator.capabilities.pairs, "en", "es"):
        pytest.skip("no apertium-eng-spa here")
    batched = pytest.importorskip("vivavoce.engines.vad.batched", reason="the detector does not import", exc_type=ImportError)
    module = "vivavoce.engines.asr.pocketsphinx.recognizer"
    pocketsphinx = pytest.importorskip(module, reason="the recognizer does not import", exc_type=ImportError)
    stack = scripted(None, pocketsphinx.PocketsphinxRecognizer(workers=1), ScriptedSynthesizer(), batched.BatchedVad())
    async with serving(replace(stack, translator=translator)) as server:
        assert server.service.ready, server.service.failure
        yield server


async def interpreted(server: Serving, audio: bytes, step_ms: int) -> Listener:
    async with listening(server) as client:
        await client.change(**TRANSCRIBED, output={"language": "es"})
        await client.append(audio, step_ms * 48)
        await client.finish()
        return client


async def test_a_reader_is_interpreted_and_the_text_is_the_same_for_pieces_of_any_length(speech: Path) -> None:
    recordings = [read_wav(speech / "dictation" / f"LJ001-000{number}.wav") for number in (5, 2)]
    audio = b"".join(silence(700) + wire_audio(*recording) for recording in recordings) + silence(900)
    async with embedded() as server:
        small, large = await interpreted(server, audio, 20), await interpreted(server, audio, 5_000)
    assert "century" in small.text("input")
    assert "siglo" in small.text()
    assert small.audio_said
    assert small.text() == large.text()
    assert small.text("input") == large.text("input")

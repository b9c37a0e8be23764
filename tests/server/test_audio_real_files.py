"""Recordings of people through the embedded engines and the official client."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from audio_files_kit import hush, official, wav
from numpy.typing import NDArray

from kit import Serving, scripted, serving
from vivavoce.audio.codec import convert
from vivavoce.audio.wav import read_wav

pytestmark = pytest.mark.speech
RATE_HZ = 16_000


@asynccontextmanager
async def embedded() -> AsyncGenerator[Serving]:
    """A server that really listens."""
    batched = pytest.importorskip("vivavoce.engines.vad.batched", reason="the detector does not import", exc_type=ImportError)
    module = "vivavoce.engines.asr.pocketsphinx.recognizer"
    pocketsphinx = pytest.importorskip(module, reason="the recognizer does not import", exc_type=ImportError)
    stack = scripted(recognizer=pocketsphinx.PocketsphinxRecognizer(workers=2), vad=batched.BatchedVad())
    async with serving(stack) as server:
        assert server.service.ready, server.service.failure
        yield server


def clip(speech: Path, name: str) -> NDArray[np.int16]:
    """Return a caller's words at 16 kHz."""
    samples, rate_hz = read_wav(speech / "caller" / f"{name}.wav")
    return convert(samples, rate_hz, RATE_HZ)


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


async def test_two_sentences_are_two_segments_where_they_were_said(speech: Path) -> None:
    first, second = clip(speech, "help_me"), clip(speech, "hi_how_are_you")
    file = wav(hush(600), first, hush(1_200), second, hush(600))
    second_s = (600 + 1_200) / 1000 + len(first) / RATE_HZ
    async with embedded() as server, official(server) as client:
        answer = await client.audio.transcriptions.create(
            file=("call.wav", file),
            model="whisper-1",
            language="en",
            prompt="can you help me with something, hi, how are you",
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
    assert answer.language == "english"
    assert len({"help", "me", "with", "something", "how", "are", "you"} & words(answer.text)) >= 5, answer.text
    assert answer.segments is not None
    assert len(answer.segments) == 2
    assert answer.segments[1].start == pytest.approx(second_s, abs=0.5)
    assert answer.words is not None
    times = [time for word in answer.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(-20 < segment.avg_logprob <= 0 for segment in answer.segments)


async def test_a_stream_ends_with_what_its_deltas_said(speech: Path) -> None:
    file = wav(hush(500), clip(speech, "help_me"), hush(900), clip(speech, "hi_how_are_you"), hush(500))
    async with embedded() as server, official(server) as client:
        stream = await client.audio.transcriptions.create(file=("call.wav", file), model="gpt-4o-transcribe", stream=True)
        *deltas, done = [event async for event in stream]
    assert "".join(event.delta for event in deltas if event.type == "transcript.text.delta") == done.text  # type: ignore[union-attr]
    assert len(words(done.text)) >= 3  # type: ignore[union-attr]


async def test_silence_says_nothing(speech: Path) -> None:
    async with embedded() as server, official(server) as client:
        answer = await client.audio.transcriptions.create(file=("call.wav", wav(hush(2_000))), model="whisper-1")
    assert answer.text == ""

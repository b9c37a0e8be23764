"""Dictation of whole recordings: everything in order, no more audio read than can be recognized, nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest

from vivavoce.engines.ports import EngineFault, Hypothesis, RecognitionOptions
from vivavoce.models.stack import Stack
from vivavoce.sessions.closing import closing
from vivavoce.sessions.dictation import Said, dictate
from vivavoce.sessions.listening import AHEAD_MS
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.vad import EnergyVad

SECOND = 16_000


def stack(recognizer: ScriptedRecognizer) -> Stack:
    return Stack(EnergyVad(), recognizer, ScriptedBrain(), ScriptedSynthesizer())


def hum(seconds: float) -> bytes:
    time = np.arange(round(seconds * SECOND))
    return (8_000 * np.sin(2 * np.pi * 220 / SECOND * time)).astype("<i2").tobytes()


def hush(seconds: float) -> bytes:
    return bytes(2 * round(seconds * SECOND))


async def paced(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Give audio slowly: whoever closes it finds it being read."""
    async with closing(audio):
        async for chunk in audio:
            await asyncio.sleep(0.001)
            yield chunk


class Recording:
    """Audio that counts how much of it has been read, and knows when it was let go."""

    def __init__(self, *pieces: bytes, chunk: int = 6_400) -> None:
        self.audio = b"".join(pieces)
        self.chunk = chunk
        self.read = 0
        self.closed = False

    async def stream(self) -> AsyncGenerator[bytes, None]:
        try:
            for start in range(0, len(self.audio), self.chunk):
                self.read += self.chunk
                yield self.audio[start : start + self.chunk]
        finally:
            self.closed = True


async def said(recording: Recording, recognizer: ScriptedRecognizer, options: RecognitionOptions | None = None) -> list[Said]:
    return [each async for each in dictate(recording.stream(), stack(recognizer), options or RecognitionOptions())]


async def test_each_stretch_of_speech_is_an_utterance_with_its_times() -> None:
    recording = Recording(hush(0.5), hum(1.0), hush(1.0), hum(2.0), hush(1.0))
    pieces = await said(recording, ScriptedRecognizer("the first one", "and the second"))
    assert "".join(piece.text for piece in pieces) == "the first one and the second"
    first, second = (piece.utterance for piece in pieces if piece.utterance)
    assert (first.text, second.text) == ("the first one", "and the second")
    assert abs(first.start_ms - 200) <= 40 and abs(second.start_ms - 2_200) <= 40
    assert second.start_ms <= second.words[0].start_ms < second.words[-1].end_ms <= second.end_ms
    assert recording.closed


async def test_with_partials_what_is_stable_is_said_before_its_utterance_ends() -> None:
    recognizer = ScriptedRecognizer(Heard("one two three", partials=("one", "one two")))
    pieces = await said(Recording(hum(2.0), hush(1.0)), recognizer, RecognitionOptions(partials=True))
    assert [piece.text for piece in pieces] == ["one", " two", " three"]
    assert [piece.utterance is not None for piece in pieces] == [False, False, True]


async def test_speech_at_the_very_end_is_heard() -> None:
    assert [piece.text for piece in await said(Recording(hush(1.0), hum(1.0)), ScriptedRecognizer("last"))] == ["last"]


@pytest.mark.parametrize("recording", [Recording(), Recording(hush(3.0)), Recording(b"\0")])
async def test_silence_says_nothing(recording: Recording) -> None:
    assert await said(recording, ScriptedRecognizer()) == []


@pytest.mark.parametrize("chunk", [1, 333, 64_000])
async def test_the_chunks_the_audio_comes_in_do_not_matter(chunk: int) -> None:
    recording = Recording(hum(0.5), hush(1.2), hum(0.5), hush(0.7), chunk=chunk)
    pieces = await said(recording, ScriptedRecognizer("one", "two"))
    assert [(piece.text, piece.utterance and piece.utterance.start_ms) for piece in pieces] == [("one", 0), (" two", 1_396)]


async def test_a_slow_recognizer_is_not_read_ahead_of() -> None:
    class Slow(ScriptedRecognizer):
        async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
            await gate.wait()
            async for _ in audio:
                pass
            yield Hypothesis("x", final=True)

    gate = asyncio.Event()
    recording = Recording(*[hum(2.0) + hush(1.0)] * 40)
    hearing = asyncio.create_task(said(recording, Slow()))
    before = -1
    while recording.read != before:
        before = recording.read
        await asyncio.sleep(0.2)
    assert recording.read / 2 / SECOND * 1000 < AHEAD_MS + 4_000
    gate.set()
    assert len(await hearing) == 40


async def test_a_failed_recognition_ends_it_and_lets_the_recording_go() -> None:
    recording = Recording(*[hum(1.0) + hush(1.0)] * 5)
    with pytest.raises(EngineFault, match="It died"):
        await said(recording, ScriptedRecognizer("one", Heard("", fault=EngineFault("It died."))))
    assert recording.closed


async def test_a_recording_that_breaks_breaks_it() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield hum(1.0)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        async for _ in dictate(broken(), stack(ScriptedRecognizer("one", repeat=True)), RecognitionOptions()):
            pass


async def test_who_stops_listening_leaves_nothing_behind() -> None:
    recording = Recording(*[hum(1.0) + hush(1.0)] * 50)
    before = asyncio.all_tasks()
    stream = dictate(paced(recording.stream()), stack(ScriptedRecognizer("one", repeat=True)), RecognitionOptions())
    await anext(stream)
    await stream.aclose()
    assert recording.closed and asyncio.all_tasks() == before

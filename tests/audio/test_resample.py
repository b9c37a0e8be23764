"""The streaming resamplers: hardly any delay, the same samples however the audio is cut, and no ghosts of other frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vivavoce.audio.resample import to_speech_rate

OUT_HZ = 16_000
RATES = [24_000, 16_000, 8_000]
Floats = NDArray[np.float32]


def tone(hz: float, rate_hz: int, seconds: float = 1.0) -> Floats:
    wave: Floats = (0.5 * np.sin(2 * np.pi * hz / rate_hz * np.arange(round(seconds * rate_hz)))).astype(np.float32)
    return wave


def level_db(samples: Floats) -> float:
    """The level of the middle, in dB relative to a tone of the input's loudness."""
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    return float(20 * np.log10(np.sqrt(np.mean(middle.astype(np.float64) ** 2)) / (0.5 / np.sqrt(2)) + 1e-12))


def resampled(samples: Floats, rate_hz: int) -> Floats:
    return to_speech_rate(rate_hz).feed(samples)


@pytest.mark.parametrize("rate_hz", RATES)
def test_the_delay_is_less_than_two_milliseconds(rate_hz: int) -> None:
    impulse = np.zeros(rate_hz, dtype=np.float32)
    impulse[rate_hz // 2] = 1.0
    peak = int(np.argmax(np.abs(resampled(impulse, rate_hz))))
    assert 0 <= peak / OUT_HZ - 0.5 < 0.002


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("hz", [100, 440, 1_000, 3_000])
def test_speech_passes_with_its_loudness_and_its_pitch(rate_hz: int, hz: int) -> None:
    out = resampled(tone(hz, rate_hz), rate_hz)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    assert abs(np.argmax(spectrum) * OUT_HZ / len(out) - hz) < 3
    assert abs(level_db(out)) < (0.1 if rate_hz > 8_000 else 0.5)


@pytest.mark.parametrize("hz", [9_500, 10_500, 11_500])
def test_what_16_khz_cannot_hold_does_not_come_back_as_something_else(hz: int) -> None:
    assert level_db(resampled(tone(hz, 24_000), 24_000)) < -40


@pytest.mark.parametrize("hz", [1_000, 2_000, 3_000])
def test_the_mirror_image_of_telephone_audio_is_kept_low(hz: int) -> None:
    out = resampled(tone(hz, 8_000), 8_000)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    image, voice = (spectrum[round(frequency * len(out) / OUT_HZ)] for frequency in (8_000 - hz, hz))
    assert 20 * np.log10(image / voice) < -20, "only the little that is wanted"


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_level_stays_a_level(rate_hz: int) -> None:
    out = resampled(np.full(rate_hz // 2, 0.25, dtype=np.float32), rate_hz)[200:]
    # From 8 kHz a little of the mirror image is left in, which of a level is an alternation about it.
    assert np.allclose((out[1:] + out[:-1]) / 2, 0.25, atol=0.002)


@pytest.mark.parametrize("rate_hz", RATES)
@given(cuts=st.lists(st.integers(0, 997), max_size=30), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_samples_do_not_depend_on_how_the_audio_was_cut(rate_hz: int, cuts: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, 4_000).astype(np.float32)
    whole = resampled(samples, rate_hz)
    resampler = to_speech_rate(rate_hz)
    pieces, at = [], 0
    for cut in [*cuts, len(samples)]:
        pieces.append(resampler.feed(samples[at : at + cut]))
        at = min(at + cut, len(samples))
    pieces.append(resampler.feed(samples[at:]))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("rate_hz", RATES)
def test_no_sample_is_lost_over_a_long_call(rate_hz: int) -> None:
    resampler = to_speech_rate(rate_hz)
    chunk = np.zeros(rate_hz // 50, dtype=np.float32)
    made = sum(len(resampler.feed(chunk)) for _ in range(50 * 60))
    assert 0 <= 60 * OUT_HZ - made <= OUT_HZ // 500


@pytest.mark.parametrize("rate_hz", [0, 44_100, 48_000])
def test_other_rates_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="16 kHz"):
        to_speech_rate(rate_hz)

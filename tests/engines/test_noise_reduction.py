"""Noise reduction by WebRTC's audio processing: nothing is shifted, nothing shared, and as much is taken out as was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from vivavoce.audio.codec import to_float
from vivavoce.audio.wav import read_wav
from vivavoce.engines.noise import webrtc
from vivavoce.engines.noise.webrtc import DEPTHS_DB, WebRtcNoiseReducer
from vivavoce.engines.ports import SPEECH_RATE_HZ, EngineFault, NoiseField

Floats = NDArray[np.float32]
FIELDS: tuple[NoiseField, ...] = get_args(NoiseField)
SECOND = SPEECH_RATE_HZ

needs_library = pytest.mark.skipif(not webrtc.installed(), reason="the extra 'noise' is not installed")


def hiss(seconds: float, level: float = 0.01) -> Floats:
    return (np.random.default_rng(7).standard_normal(round(seconds * SECOND)) * level).astype(np.float32)


def reduced(sound: Floats, field: NoiseField = "near_field", strength: float = 1.0, chunk: int = 320) -> Floats:
    stream = WebRtcNoiseReducer().open(field, strength)
    parts = [stream.feed(sound[start : start + chunk]) for start in range(0, len(sound), chunk)]
    return np.concatenate([*parts, stream.finish()])


def level_db(sound: Floats) -> float:
    return 10 * float(np.log10(np.square(sound).mean()))


def lateness(sound: Floats, later: Floats) -> int:
    size = 1 << 19
    match = np.fft.irfft(np.fft.rfft(later, size) * np.conj(np.fft.rfft(sound, size)), size)
    best = int(match.argmax())
    return best if best < size // 2 else best - size


@needs_library
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("length", [0, 1, 95, 159, 160, 161, 4_000, 16_001])
def test_as_many_samples_come_out_as_went_in(field: NoiseField, length: int) -> None:
    assert len(reduced(hiss(2)[:length], field)) == length


@needs_library
@pytest.mark.parametrize("chunk", [1, 37, 160, 511, 5_000])
def test_no_more_than_sixteen_milliseconds_are_held_back(chunk: int) -> None:
    stream, came = WebRtcNoiseReducer().open("near_field", 1.0), 0
    for start in range(0, 4_000, chunk):
        fed = hiss(1)[start : min(4_000, start + chunk)]
        came += len(stream.feed(fed))
        assert 0 <= start + len(fed) - came <= 0.016 * SECOND


@needs_library
@pytest.mark.parametrize("field", FIELDS)
def test_chunks_make_no_difference(field: NoiseField) -> None:
    sound = hiss(1)
    assert np.array_equal(reduced(sound, field, chunk=160), reduced(sound, field, chunk=411))


@needs_library
@pytest.mark.parametrize("field", FIELDS)
def test_speech_stays_where_it_was(speech: Path, field: NoiseField) -> None:
    sound = to_float(read_wav(speech / "dictation" / "LJ001-0002.wav", SPEECH_RATE_HZ)[0])
    assert abs(lateness(sound, reduced(sound, field))) <= 1


@needs_library
def test_a_voice_close_to_the_microphone_keeps_its_level(speech: Path) -> None:
    sound = to_float(read_wav(speech / "dictation" / "LJ001-0001.wav", SPEECH_RATE_HZ)[0])
    assert abs(level_db(reduced(sound)) - level_db(sound)) < 1.0


@needs_library
@pytest.mark.parametrize(("strength", "off_db"), [(0.25, 3.0), (0.5, 6.0), (1.0, 12.0), (1.25, 15.0), (2.0, 21.0)])
def test_strength_says_how_much_steady_noise_goes(strength: float, off_db: float) -> None:
    sound = hiss(5)
    left = reduced(sound, "near_field", strength)[3 * SECOND :]
    assert level_db(sound) - level_db(left) == pytest.approx(off_db, abs=1.0)


@needs_library
def test_a_strength_of_one_is_the_depth_that_is_documented() -> None:
    assert DEPTHS_DB == {"near_field": 12.0, "far_field": 18.0}


@needs_library
def test_a_strength_of_zero_changes_nothing_near_the_mouth() -> None:
    sound = hiss(1)
    assert np.array_equal(reduced(sound, "near_field", 0.0), sound)


@needs_library
def test_far_from_the_microphone_rumble_goes_as_well() -> None:
    hum = (0.05 * np.sin(2 * np.pi * 25 / SECOND * np.arange(3 * SECOND))).astype(np.float32)
    assert level_db(hum) - level_db(reduced(hum, "far_field", 0.0)[SECOND:]) > 12


@needs_library
def test_streams_share_nothing() -> None:
    sound, reducer = hiss(1), WebRtcNoiseReducer()
    alone = reduced(sound)
    one, other = reducer.open("near_field", 1.0), reducer.open("near_field", 1.0)
    loud = hiss(1, 0.3)
    heard = []
    for start in range(0, len(sound), 320):
        heard.append(one.feed(sound[start : start + 320]))
        other.feed(loud[start : start + 320])
    assert np.array_equal(np.concatenate([*heard, one.finish()]), alone)


async def test_without_the_library_it_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "_PACKAGE", "no_such_package_anywhere")
    assert not webrtc.installed()
    with pytest.raises(EngineFault, match=r"vivavoce\[noise\]"):
        await WebRtcNoiseReducer().warm()

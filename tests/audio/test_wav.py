"""WAV files in and out, and one line for every reason a file cannot be read."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from vivavoce.audio.wav import WavError, read_wav, write_wav

SAMPLES = np.arange(-500, 500).astype(np.int16)


def made(samples: bytes, channels: int = 1, width: int = 2, rate_hz: int = 16_000) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(samples)
    return target.getvalue()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", SAMPLES, 22_050)
    samples, rate_hz = read_wav(tmp_path / "a.wav")
    assert rate_hz == 22_050
    np.testing.assert_array_equal(samples, SAMPLES)


def test_channels_are_averaged() -> None:
    stereo = np.stack([SAMPLES, np.zeros_like(SAMPLES)], axis=1)
    samples, _ = read_wav(made(stereo.tobytes(), channels=2))
    np.testing.assert_array_equal(samples, (SAMPLES / 2).astype(np.int16))


def test_two_channels_are_written(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.stack([SAMPLES, SAMPLES], axis=1), 8_000)
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav")[0], SAMPLES)


def test_the_rate_can_be_asked_for() -> None:
    samples, rate_hz = read_wav(made(np.zeros(8_000, dtype=np.int16).tobytes(), rate_hz=8_000), 24_000)
    assert (len(samples), rate_hz) == (24_000, 24_000)


def test_an_empty_file_has_no_samples() -> None:
    assert len(read_wav(made(b""), 24_000)[0]) == 0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cannot be read as a WAV file"),
        (b"RIFF", "cannot be read as a WAV file"),
        (b"ID3" + b"\0" * 100, "cannot be read as a WAV file"),
        (made(b"\0" * 30, width=3), "24-bit samples; 16-bit PCM is needed"),
        (made(b"\0" * 10, width=1), "8-bit samples"),
        (made(SAMPLES.tobytes())[:30], "cannot be read as a WAV file"),
    ],
    ids=["nothing", "a beginning", "an MP3", "24 bit", "8 bit", "cut off"],
)
def test_what_is_no_16_bit_wav_is_refused_in_one_line(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(data)
    for source, name in ((path, "speech.wav"), (data, "the audio")):
        with pytest.raises(WavError, match=why) as refused:
            read_wav(source)
        assert str(refused.value).startswith(name)
        assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WavError, match=r"^nowhere\.wav cannot be read"):
        read_wav(tmp_path / "nowhere.wav")


def test_a_file_cut_off_in_its_samples_gives_what_there_is() -> None:
    samples, _ = read_wav(made(SAMPLES.tobytes())[:-100])
    np.testing.assert_array_equal(samples, SAMPLES[:-50])


def test_a_file_cut_off_in_the_middle_of_a_sample_gives_the_whole_ones() -> None:
    samples, _ = read_wav(made(SAMPLES.tobytes())[:-101])
    np.testing.assert_array_equal(samples, SAMPLES[:-51])

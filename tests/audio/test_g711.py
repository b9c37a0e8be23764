"""G.711 against the values of the recommendation, and against the rule that the nearest code is taken."""

from __future__ import annotations

import numpy as np
import pytest

from vivavoce.audio import g711
from vivavoce.audio.codec import convert, decode, encode, to_float, to_int16

LAWS = {"audio/pcmu": (g711.encode_mulaw, g711.decode_mulaw), "audio/pcma": (g711.encode_alaw, g711.decode_alaw)}
EVERY_SAMPLE = np.arange(-32_768, 32_768).astype(np.int16)
EVERY_CODE = bytes(range(256))

# Source: ITU-T G.711 tables 1a/1b and 2a/2b (decoder outputs, scaled to 16 bits) and its public test sequences.
MU_LAW = {0x80: 32_124, 0x00: -32_124, 0xFF: 0, 0x7F: 0, 0xFE: 8, 0x7E: -8, 0xEF: 132, 0xF0: 120, 0x8F: 16_764, 0x0F: -16_764}
A_LAW = {0xD5: 8, 0x55: -8, 0xAA: 32_256, 0x2A: -32_256, 0xD4: 24, 0x54: -24, 0x80: 5_504, 0x00: -5_504, 0xC5: 264}


@pytest.mark.parametrize(("code", "sample"), MU_LAW.items())
def test_known_values_of_mu_law(code: int, sample: int) -> None:
    assert g711.decode_mulaw(bytes([code]))[0] == sample


@pytest.mark.parametrize(("code", "sample"), A_LAW.items())
def test_known_values_of_a_law(code: int, sample: int) -> None:
    assert g711.decode_alaw(bytes([code]))[0] == sample


@pytest.mark.parametrize("law", LAWS)
def test_every_code_comes_back_as_itself(law: str) -> None:
    encoder, decoder = LAWS[law]
    again = np.frombuffer(encoder(decoder(EVERY_CODE)), dtype=np.uint8)
    assert (decoder(again.tobytes()) == decoder(EVERY_CODE)).all()
    differing = {code for code in range(256) if again[code] != code}
    assert differing <= {0x7F, 0xFF}, "only the two zeros of mu-law are one sample"


@pytest.mark.parametrize("law", LAWS)
def test_every_sample_gets_its_nearest_code(law: str) -> None:
    encoder, decoder = LAWS[law]
    got = decoder(encoder(EVERY_SAMPLE)).astype(np.int32)
    levels = np.unique(decoder(EVERY_CODE)).astype(np.int32)
    place = np.searchsorted(levels, EVERY_SAMPLE).clip(1, len(levels) - 1)
    samples = EVERY_SAMPLE.astype(np.int32)
    nearest = np.minimum(np.abs(levels[place] - samples), np.abs(levels[place - 1] - samples))
    assert (np.abs(got - samples) == nearest).all()


@pytest.mark.parametrize("law", LAWS)
def test_speech_levels_keep_the_recommended_signal_to_noise_ratio(law: str) -> None:
    encoder, decoder = LAWS[law]
    for dbfs in (-6, -20, -30):
        tone = (10 ** (dbfs / 20) * 32_767 * np.sin(2 * np.pi * 1_004 / 8_000 * np.arange(8_000))).astype(np.int16)
        noise = decoder(encoder(tone)).astype(np.float64) - tone
        assert 10 * np.log10(np.mean(tone.astype(np.float64) ** 2) / np.mean(noise**2)) > 33


@pytest.mark.parametrize("fmt", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_formats_go_both_ways(fmt: str) -> None:
    pcm = decode(encode(np.array([0, 1_000, -1_000, 32_767, -32_768], dtype=np.int16), fmt), fmt)
    np.testing.assert_allclose(pcm, [0, 1_000, -1_000, 32_767, -32_768], rtol=0.04, atol=9)


def test_pcm_is_little_endian() -> None:
    assert encode(np.array([0x0102], dtype=np.int16), "audio/pcm") == b"\x02\x01"
    assert decode(b"\x02\x01", "audio/pcm")[0] == 0x0102


def test_an_unknown_format_is_refused() -> None:
    for work in (lambda: decode(b"", "audio/mp3"), lambda: encode(EVERY_SAMPLE, "audio/mp3")):
        with pytest.raises(ValueError, match="audio/mp3"):
            work()


def test_floats_are_clipped_and_every_sample_survives_the_way_there_and_back() -> None:
    assert (to_int16(to_float(EVERY_SAMPLE)) == EVERY_SAMPLE).all()
    assert to_int16(np.array([2.0, -2.0], dtype=np.float32)).tolist() == [32_767, -32_768]


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 24_000), (16_000, 24_000), (24_000, 8_000), (48_000, 8_000)])
def test_whole_audio_is_converted_without_delay_or_aliases(from_hz: int, to_hz: int) -> None:
    tone = (8_000 * np.sin(2 * np.pi * 500 / from_hz * np.arange(from_hz))).astype(np.int16)
    out = convert(tone, from_hz, to_hz)
    assert abs(len(out) - to_hz) <= 1
    expected = 8_000 * np.sin(2 * np.pi * 500 / to_hz * np.arange(len(out)))
    assert np.abs(out[to_hz // 10 : -to_hz // 10] - expected[to_hz // 10 : -to_hz // 10]).max() < 40
    high = (8_000 * np.sin(2 * np.pi * 0.48 * from_hz / from_hz * np.arange(from_hz))).astype(np.int16)
    if to_hz < from_hz:
        assert np.abs(convert(high, from_hz, to_hz)[1_000:-1_000]).max() < 20


def test_converting_nothing_gives_nothing() -> None:
    assert len(convert(np.empty(0, dtype=np.int16), 16_000, 24_000)) == 0
    assert convert(EVERY_SAMPLE, 8_000, 8_000) is EVERY_SAMPLE

"""Codecs and rates: exact counts, little delay, the voice unharmed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from webrtc_kit import loudest_hz, tone

from vivavoce.transports.webrtc.edge.codecs import FRAME, OpusDecoder, Undecodable, decoder, encoder, opus_samples
from vivavoce.transports.webrtc.edge.concealment import Concealer
from vivavoce.transports.webrtc.edge.echo_reference import EchoReference
from vivavoce.transports.webrtc.edge.rates import Rate


@pytest.mark.parametrize(("name", "step"), [("opus", 960), ("pcmu", 160), ("pcma", 160)])
def test_a_voice_survives_its_codec(name: str, step: int) -> None:
    speak, hear = encoder(name), decoder(name)  # type: ignore[arg-type]
    voice = tone(500, 1.0)
    payloads = [speak.encode(voice[at : at + FRAME]) for at in range(0, len(voice), FRAME)]
    assert speak.step == step
    assert {hear.samples(payload) for payload in payloads} == {step}
    heard = np.concatenate([hear.decode(payload) for payload in payloads])
    assert len(heard) == len(voice)
    assert loudest_hz(heard[4_800:], 24_000) == pytest.approx(500, abs=2)
    # Noise shows the delay, which a tone hides: 7 ms for Opus, nearly all of it the encoder's look-ahead.
    noise = np.convolve(np.random.default_rng(1).normal(0, 4_000, 24_000), np.ones(12) / 12, "same").astype(np.int16)
    speak, hear = encoder(name), decoder(name)  # type: ignore[arg-type]
    heard = np.concatenate([hear.decode(speak.encode(noise[at : at + FRAME])) for at in range(0, len(noise), FRAME)])
    likeness = [np.corrcoef(heard[9_600 + lag : 19_200 + lag], noise[9_600:19_200])[0, 1] for lag in range(240)]
    assert max(likeness) > 0.8
    assert int(np.argmax(likeness)) < 8 * 24


def test_silence_is_encoded_once_and_speech_after_it_is_whole() -> None:
    speak, hear = encoder("opus"), OpusDecoder()
    voice = tone(500, 0.4)
    silence = np.zeros(FRAME, dtype=np.int16)
    for at in range(0, len(voice), FRAME):
        hear.decode(speak.encode(voice[at : at + FRAME]))
    payloads = [speak.encode(silence) for _ in range(100)]
    assert len(set(payloads[30:])) == 1
    quiet = np.concatenate([hear.decode(payload) for payload in payloads])
    assert np.abs(quiet[5 * FRAME :]).max() < 20
    again = np.concatenate([hear.decode(speak.encode(voice[at : at + FRAME])) for at in range(0, len(voice), FRAME)])
    assert np.abs(again[FRAME:]).max() == pytest.approx(8_000, rel=0.15)


@given(st.binary(max_size=400))
def test_damaged_opus_is_refused_or_decoded_never_more(payload: bytes) -> None:
    hear = OpusDecoder()
    try:
        pcm = hear.decode(payload)
    except Undecodable:
        return
    assert len(pcm) <= 2_880


@pytest.mark.parametrize(
    ("toc", "samples"), [(b"\x00", 480), (b"\x18", 2_880), (b"\x60", 480), (b"\x80", 120), (b"\xf8", 960), (b"\xf9", 1_920)]
)
def test_the_duration_of_an_opus_packet_is_in_its_first_byte(toc: bytes, samples: int) -> None:
    assert opus_samples(toc + b"xx") == samples


def test_an_opus_packet_of_no_length_is_none() -> None:
    assert [opus_samples(data) for data in (b"", b"\x03", b"\x03\x00", b"\x1b\x3f")] == [0, 0, 0, 0]


@pytest.mark.parametrize(("up", "down"), [(1, 2), (3, 1), (1, 3)])
def test_a_rate_is_changed_exactly_however_the_samples_come(up: int, down: int) -> None:
    rate_hz = {(1, 2): 48_000, (3, 1): 8_000, (1, 3): 24_000}[up, down]
    voice = tone(700, 0.5, rate_hz)
    whole = Rate(up, down).feed(voice)
    assert len(whole) == len(voice) * up // down
    assert loudest_hz(whole[1_000:], rate_hz * up // down) == pytest.approx(700, abs=3)
    pieces, at = Rate(up, down), 0
    parts = []
    for size in [1, 2, 7, 160, 333, 960] * 20:
        parts.append(pieces.feed(voice[at : at + size]))
        at += size
    assert np.array_equal(np.concatenate(parts)[: len(whole)], whole)


def test_what_is_above_the_lower_rate_does_not_fold_back() -> None:
    aliased = Rate(1, 3).feed(tone(6_000, 0.5))
    assert np.abs(aliased[100:]).max() < 80


def test_a_lost_frame_goes_on_as_the_voice_was_and_fades() -> None:
    voice = tone(200, 0.5)
    concealer = Concealer()
    concealer.heard(voice[:-FRAME])
    made = concealer.conceal(240)
    assert np.abs(made.astype(int) - voice[-FRAME : -FRAME + 240]).max() < 400
    later = np.concatenate([concealer.conceal(480) for _ in range(4)])
    assert not later[-480:].any()
    assert np.abs(np.diff(np.concatenate([voice[:-FRAME][-10:], made, later]).astype(int))).max() < 900


def test_silence_is_concealed_as_silence() -> None:
    concealer = Concealer()
    concealer.heard(tone(200, 0.5))
    concealer.heard(np.zeros(12_000, dtype=np.int16))
    assert not concealer.conceal(480).any()


def frame(number: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.full(FRAME, number, dtype=np.int16)


def test_frames_played_and_heard_are_paired_in_step() -> None:
    reference = EchoReference()
    for number in range(200):
        reference.played(frame(number))
        assert reference.heard()[0] == number


def test_a_burst_after_a_stall_finds_its_frames() -> None:
    reference = EchoReference()
    for number in range(10):
        reference.played(frame(number))
    assert [int(reference.heard()[0]) for _ in range(10)] == list(range(10))
    assert not reference.heard().any()


def test_a_lasting_lag_is_given_up_within_two_seconds() -> None:
    reference = EchoReference()
    for number in range(10):
        reference.played(frame(number))
    for number in range(10, 200):
        reference.played(frame(number))
        paired = int(reference.heard()[0])
    assert 198 <= paired <= 199


def test_what_is_played_to_nobody_is_not_kept() -> None:
    reference = EchoReference()
    for number in range(1_000):
        reference.played(frame(number))
    assert int(reference.heard()[0]) == 975

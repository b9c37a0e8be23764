"""The echo canceller: what was played does not come back, who talks over it does, and nothing is touched while nothing is played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vivavoce.audio.echo import BLOCK_MS, EchoCanceller
from vivavoce.audio.wav import read_wav

RATE = 24_000
BLOCK = RATE * BLOCK_MS // 1000

Samples = NDArray[np.int16]
Signal = NDArray[np.float64]


def whole(signal: Signal) -> Samples:
    return np.clip(np.rint(signal[: len(signal) // BLOCK * BLOCK]), -32_768, 32_767).astype(np.int16)


def hiss(seconds: float, level_dbfs: float, seed: int = 0) -> Signal:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * 10 ** (level_dbfs / 20) * 32_768


def babble(seconds: float, level_dbfs: float = -23, seed: int = 0) -> Signal:
    """Noise that comes and goes in syllables."""
    time = np.arange(round(seconds * RATE)) / RATE
    return hiss(seconds, level_dbfs, seed) * np.clip(np.sin(2 * np.pi * 2.1 * time + seed) + 0.3, 0, None)


def late(signal: Signal, delay_ms: float, level_db: float) -> Signal:
    lead = np.zeros(round(delay_ms * RATE / 1000))
    return np.concatenate([lead, signal])[: len(signal)] * 10 ** (level_db / 20)


def through(near: Samples, far: Samples, canceller: EchoCanceller | None = None) -> Samples:
    canceller = canceller or EchoCanceller(RATE)
    places = range(0, len(near), BLOCK)
    return np.concatenate([canceller.process(near[at : at + BLOCK], far[at : at + BLOCK]) for at in places])


def db(samples: Samples | Signal, begin_s: float, end_s: float) -> float:
    part = np.asarray(samples[round(begin_s * RATE) : round(end_s * RATE)], dtype=np.float64)
    return 10 * float(np.log10(np.square(part).mean() + 1e-3))


# --- nothing played -------------------------------------------------------------------------------------------------------------


def test_what_comes_in_goes_out_bit_by_bit_while_nothing_is_played() -> None:
    near = whole(hiss(3, -20))
    assert np.array_equal(through(near, np.zeros_like(near)), near)


@pytest.mark.parametrize("far", [10, -10])
def test_the_faintest_hiss_counts_as_nothing(far: int) -> None:
    near = whole(hiss(1, -20))
    assert np.array_equal(through(near, np.full_like(near, far)), near)


def test_a_while_after_an_answer_it_is_bit_by_bit_again() -> None:
    far = np.concatenate([babble(2), np.zeros(3 * RATE)])
    near = whole(late(far, 180, -15) + hiss(5, -50, seed=3))
    out = through(near, whole(far))
    assert np.array_equal(out[3 * RATE :], near[3 * RATE :])
    assert not np.array_equal(out[: 2 * RATE], near[: 2 * RATE])


def test_nothing_is_delayed() -> None:
    far = whole(babble(3))
    near = whole(hiss(3, -20, seed=9))
    out = through(near, far)
    size = 1 << 18
    match = np.fft.irfft(np.fft.rfft(out[RATE:], size) * np.conj(np.fft.rfft(near[RATE:], size)), size)
    assert abs(int(match.argmax() + size // 2) % size - size // 2) <= 2


# --- echo alone -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay_ms", [0, 45, 180, 333, 500])
@pytest.mark.parametrize("level_db", [-6, -25])
def test_the_delay_is_found_to_within_a_block(delay_ms: int, level_db: int) -> None:
    far = whole(babble(3))
    canceller = EchoCanceller(RATE)
    through(whole(late(far.astype(float), delay_ms, level_db) + hiss(3, -65, seed=5)), far, canceller)
    assert canceller.delay_ms is not None
    assert 0 <= delay_ms - canceller.delay_ms <= 2 * BLOCK_MS


@pytest.mark.parametrize("level_db", [0, -6, -15, -25])
def test_an_echo_is_gone_from_its_first_moment_on(level_db: int) -> None:
    far = whole(babble(6))
    near = whole(late(far.astype(float), 180, level_db))
    out = through(near, far)
    for second in range(6):
        assert db(near, second + 0.2, second + 1) - db(out, second + 0.2, second + 1) > 30


def test_an_echo_that_moves_is_found_again() -> None:
    far = whole(babble(12))
    one, other = late(far.astype(float), 100, -10), late(far.astype(float), 330, -10)
    near = whole(np.concatenate([one[: 5 * RATE], other[5 * RATE :]]))
    canceller = EchoCanceller(RATE)
    out = through(near, far, canceller)
    assert canceller.delay_ms in (300, 320)
    assert db(near, 9, 12) - db(out, 9, 12) > 30


def test_no_echo_no_delay() -> None:
    far = whole(babble(10))
    near = whole(babble(10, -23, seed=4) + hiss(10, -60, seed=2))
    canceller = EchoCanceller(RATE)
    through(near, far, canceller)
    assert canceller.delay_ms is None


# --- somebody talks over it -----------------------------------------------------------------------------------------------------


def talked_over(level_db: float | None) -> tuple[Signal, Samples, Samples]:
    """Six seconds of echo, in the fifth of which somebody talks: the talker alone, what the microphone hears, what is left."""
    far = whole(babble(6))
    talker = np.zeros(len(far))
    talker[4 * RATE : 5 * RATE] = babble(1, -20, seed=8)
    echo = np.zeros(len(far)) if level_db is None else late(far.astype(float), 180, level_db)
    near = whole(talker + echo + hiss(6, -70, seed=1))
    return talker, near, through(near, far)


@pytest.mark.parametrize("level_db", [None, -25.0, -15.0, -6.0])
def test_who_talks_over_an_echo_is_let_through_and_the_echo_is_not(level_db: float | None) -> None:
    talker, _, out = talked_over(level_db)
    assert abs(db(talker, 4.1, 5) - db(out, 4.1, 5)) < 2
    assert db(talker, 4.1, 5) - db(out, 3, 3.9) > 40


def test_whoever_talks_is_told_of() -> None:
    far = whole(babble(5))
    quiet = late(far.astype(float), 180, -15)
    loud = quiet + np.concatenate([np.zeros(4 * RATE), babble(1, -18, seed=8)])
    canceller = EchoCanceller(RATE)
    through(whole(quiet), far, canceller)
    assert not canceller.talking
    canceller = EchoCanceller(RATE)
    heard = []
    near = whole(loud)
    for at in range(0, len(near), BLOCK):
        canceller.process(near[at : at + BLOCK], far[at : at + BLOCK])
        heard.append(canceller.talking)
    first = heard.index(True) * BLOCK_MS
    assert 4_000 <= first <= 4_300


# --- its terms ------------------------------------------------------------------------------------------------------------------


def test_several_blocks_at_once_are_as_good_as_one_by_one() -> None:
    far = whole(babble(2))
    near = whole(late(far.astype(float), 60, -10))
    assert np.array_equal(EchoCanceller(RATE).process(near, far), through(near, far))


def test_loud_samples_do_not_wrap_around() -> None:
    far = np.full(20 * BLOCK, -32_768, np.int16)
    out = through(np.full_like(far, 32_767), far)
    assert out.dtype == np.int16
    assert np.abs(out.astype(int)).max() <= 32_768


@pytest.mark.parametrize(("near", "far"), [(480, 960), (479, 479), (0, 480)])
def test_blocks_that_do_not_fit_are_refused(near: int, far: int) -> None:
    with pytest.raises(ValueError, match="480"):
        EchoCanceller(RATE).process(np.zeros(near, np.int16), np.zeros(far, np.int16))


def test_nothing_in_nothing_out() -> None:
    assert len(EchoCanceller(RATE).process(np.zeros(0, np.int16), np.zeros(0, np.int16))) == 0


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_other_rates_work_too(rate: int) -> None:
    canceller = EchoCanceller(rate)
    assert canceller.block == rate // 50
    far = (np.random.default_rng(0).standard_normal(rate * 3) * 2_000).astype(np.int16)
    near = np.concatenate([np.zeros(rate // 10, np.int16), far])[: len(far)] // 4
    out = canceller.process(near, far)
    assert np.square(out[rate:].astype(float)).mean() < np.square(near[rate:].astype(float)).mean() / 1000


@pytest.mark.parametrize("rate", [4_000, 22_030])
def test_rates_without_whole_blocks_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=str(rate)):
        EchoCanceller(rate)


def test_calls_share_nothing() -> None:
    far = whole(babble(2))
    near = whole(late(far.astype(float), 60, -10))
    alone = through(near, far)
    through(whole(hiss(2, -10)), whole(hiss(2, -10, seed=6)))
    assert np.array_equal(through(near, far), alone)


def test_a_recorded_voice_does_not_come_back(speech: Path) -> None:
    far = read_wav(speech / "dictation" / "LJ001-0001.wav", RATE)[0]
    far = far[: len(far) // BLOCK * BLOCK]
    near = whole(late(far.astype(float), 180, -15))
    out = through(near, far)
    assert db(near, 0, 9) - db(out, 0, 9) > 40

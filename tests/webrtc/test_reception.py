"""Reception: packets in any order and however late, audio in order, every sample of the sender's clock accounted for."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.transports.webrtc.edge.reception import (
    LONGEST_GAP_S,
    MOST_AHEAD_S,
    PATIENCE_S,
    QUIET_S,
    Heard,
    Lost,
    Packet,
    Reception,
    Silence,
    Step,
)

HZ = 48_000
FRAME = 960
TICK_S = 0.02


def packet(number: int, *, first: int = 65_500, time: int | None = None) -> Packet:
    """Packet `number` of a stream whose sequence numbers and timestamps are about to wrap."""
    clock = number * FRAME if time is None else time
    return Packet((first + number) & 0xFFFF, (2**32 - 5 * FRAME + clock) & 0xFFFFFFFF, number.to_bytes(4, "big"), FRAME)


def numbers(steps: list[Step]) -> list[int]:
    return [int.from_bytes(step.payload, "big") for step in steps if isinstance(step, Heard)]


def total(steps: list[Step]) -> int:
    return sum(step.samples for step in steps)


def listen(arrivals: list[tuple[float, Packet]], until_s: float) -> list[Step]:
    """Play arrivals, ordered by time, to a reception that is ticked every 20 ms."""
    reception = Reception(HZ)
    steps: list[Step] = []
    tick = 0.0
    for at, arrived in sorted(arrivals, key=lambda arrival: arrival[0]):
        while tick <= at:
            steps += reception.wait(tick)
            tick += TICK_S
        steps += reception.receive(arrived, at)
    while tick <= until_s:
        steps += reception.wait(tick)
        tick += TICK_S
    return steps + reception.end()


def test_a_packet_in_order_is_handed_on_at_once() -> None:
    reception = Reception(HZ)
    for number in range(200):
        assert reception.receive(packet(number), number * TICK_S) == [Heard(number.to_bytes(4, "big"), FRAME)]


def test_packets_out_of_order_wait_for_the_missing_one_and_no_longer() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    assert reception.receive(packet(2), 0.03) == []
    assert numbers(reception.receive(packet(1), 0.04)) == [1, 2]


def test_a_missing_packet_is_given_up_after_its_time() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    assert reception.receive(packet(2), 0.04) == []
    assert reception.wait(0.04 + PATIENCE_S - 0.001) == []
    assert reception.wait(0.04 + PATIENCE_S) == [Lost(FRAME), Heard((2).to_bytes(4, "big"), FRAME)]
    assert reception.receive(packet(1), 0.12) == []
    assert (reception.late, reception.lost) == (1, 1)


def test_a_gap_behind_a_gap_gets_its_own_time() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    reception.receive(packet(2), 0.04)
    reception.receive(packet(4), 0.08)
    assert numbers(reception.receive(packet(1), 0.09)) == [1, 2]
    assert reception.wait(0.09 + PATIENCE_S - 0.001) == []
    assert numbers(reception.wait(0.09 + PATIENCE_S)) == [4]


def test_a_pause_of_the_sender_becomes_silence() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    assert reception.receive(packet(1, time=4 * FRAME), 0.08) == [Silence(3 * FRAME), Heard((1).to_bytes(4, "big"), FRAME)]


def test_silence_goes_on_when_nothing_comes() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    assert reception.wait(QUIET_S) == []
    steps: list[Step] = []
    for tick in range(11, 61):
        steps += reception.wait(tick * TICK_S)
    assert set(map(type, steps)) == {Silence}
    assert total(steps) == pytest.approx((1.2 - QUIET_S) * HZ, abs=FRAME)


def test_silence_that_went_on_counts_against_the_senders_pause() -> None:
    arrivals = [(0.0, packet(0)), (0.4, packet(1, time=20 * FRAME)), (0.8, packet(2, time=40 * FRAME))]
    steps = listen(arrivals, 0.8)
    assert total(steps) == 41 * FRAME
    assert numbers(steps) == [0, 1, 2]


def test_a_sender_whose_clock_stood_still_loses_nothing_and_the_silence_stays() -> None:
    steps = listen([(0.0, packet(0)), (1.0, packet(1)), (1.02, packet(2))], 1.02)
    assert numbers(steps) == [0, 1, 2]
    assert total(steps) == pytest.approx(3 * FRAME + (1.0 - QUIET_S) * HZ, abs=2 * FRAME)


def test_another_numbering_is_taken_up_without_a_gap() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    other = Packet(20_000, 123_456_789, b"x", FRAME)
    assert reception.receive(other, 0.02) == [Heard(b"x", FRAME)]
    assert reception.receive(Packet(20_001, 123_456_789 + FRAME, b"y", FRAME), 0.04) == [Heard(b"y", FRAME)]


def test_a_step_of_the_clock_that_is_no_pause_adds_nothing() -> None:
    reception = Reception(HZ)
    reception.receive(packet(0), 0.0)
    far = packet(1, time=int((LONGEST_GAP_S + 3600) * HZ))
    assert total(reception.receive(far, 0.02)) == FRAME


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=300))
def test_no_clock_of_a_sender_makes_time_run_away(times: list[int]) -> None:
    """A hostile sender that jumps about in time, as fast as it likes."""
    reception = Reception(HZ)
    steps: list[Step] = []
    for number, time in enumerate(times):
        steps += reception.receive(Packet(number & 0xFFFF, time, b"x", FRAME), number / 1_000)
    assert total(steps) <= (len(times) / 1_000 + MOST_AHEAD_S) * HZ + FRAME


@given(
    st.lists(st.booleans(), min_size=1, max_size=150),
    st.integers(0, 65_535),
    st.randoms(use_true_random=False),
)
def test_whatever_is_lost_every_sample_is_accounted_for(came: list[bool], first: int, chance: random.Random) -> None:
    """Lost packets and jitter up to the patience: all that came is heard once and in order, and the time is the sender's."""
    arrivals = [
        (number * TICK_S + chance.uniform(0, PATIENCE_S * 0.9), packet(number, first=first))
        for number, is_here in enumerate(came)
        if is_here
    ]
    steps = listen(arrivals, len(came) * TICK_S + 0.06)
    present = [number for number, is_here in enumerate(came) if is_here]
    # What comes before the first packet to arrive came before the beginning.
    begun = min(arrivals, key=lambda arrival: arrival[0])[1] if arrivals else None
    if begun is None:
        assert steps == []
        return
    start = int.from_bytes(begun.payload, "big")
    assert numbers(steps) == [number for number in present if number >= start]
    heard_to = (present[-1] + 1 - start) * FRAME
    trailing = (len(came) - 1 - present[-1]) * FRAME
    assert heard_to <= total(steps) <= heard_to + trailing + 3 * FRAME


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 0.5)), min_size=1, max_size=80))
def test_nothing_is_heard_twice_or_backwards(sent: list[tuple[int, float]]) -> None:
    """Any packets, doubled and late at will."""
    arrivals, now = [], 0.0
    for number, pause in sent:
        now += pause
        arrivals.append((now, packet(number)))
    heard = numbers(listen(arrivals, now + 1))
    assert heard == sorted(set(heard))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 50)), min_size=1, max_size=20))
def test_the_time_heard_is_the_senders_time_where_it_pauses(spurts: list[tuple[int, int]]) -> None:
    """Talk spurts and pauses up to a second, packets on time: discontinuous transmission changes nothing about the clock."""
    arrivals, clock, number = [], 0, 0
    for frames, pause in spurts:
        for _ in range(frames):
            arrivals.append((clock * TICK_S + 0.001, packet(number, time=clock * FRAME)))
            clock, number = clock + 1, number + 1
        clock += pause
    end = clock - spurts[-1][1]
    steps = listen(arrivals, end * TICK_S)
    assert total(steps) == end * FRAME
    assert numbers(steps) == list(range(number))

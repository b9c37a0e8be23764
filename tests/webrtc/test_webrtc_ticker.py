"""Twenty milliseconds, again and again: what a loop does that stood still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from vivavoce.transports.webrtc.edge import ticker
from vivavoce.transports.webrtc.edge.ticker import Ticker


class Loop:
    """A loop whose time is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None], Timer]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer()
        self.timers.append((when, callback, timer))
        return timer

    def run_until(self, now: float) -> None:
        self.now = now
        while due := [entry for entry in self.timers if entry[0] <= now]:
            entry = min(due, key=lambda each: each[0])
            self.timers.remove(entry)
            if not entry[2].cancelled:
                entry[1]()


class Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    assert ticker.asyncio is asyncio
    return made


def test_it_ticks_every_20_ms(loop: Loop) -> None:
    ticks: list[int] = []
    Ticker(ticks.append)
    loop.run_until(0.0)
    loop.run_until(0.105)
    assert ticks == [0] * 6


def test_what_is_due_is_done_before_a_packet_that_came_meanwhile_and_only_once(loop: Loop) -> None:
    ticks: list[int] = []
    clock = Ticker(ticks.append)
    loop.run_until(0.0)
    loop.now = 0.105  # the loop stood still; a packet is looked at first
    clock.catch_up()
    assert ticks == [0] * 6
    loop.run_until(0.105)
    assert ticks == [0] * 6
    loop.run_until(0.125)
    assert ticks == [0] * 7


def test_what_is_too_late_to_be_made_up_for_is_left_out_and_told(loop: Loop) -> None:
    ticks: list[int] = []
    clock = Ticker(ticks.append)
    loop.run_until(0.0)
    loop.now = 0.5
    clock.catch_up()
    assert len(ticks) < 8
    assert sum(1 + left_out for left_out in ticks) == 26


def test_a_stopped_one_has_nothing_to_catch_up_with(loop: Loop) -> None:
    ticks: list[int] = []
    clock = Ticker(ticks.append)
    clock.stop()
    loop.now = 1.0
    clock.catch_up()
    assert not ticks

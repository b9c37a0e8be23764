"""Playout: every sample once and in order, reports exact to a frame."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vivavoce.transports.webrtc.edge.playout import FRAME, Cut, Playout, Report, Samples, Started, Stopped


def ramp(start: int, count: int) -> Samples:
    """Return samples that say which ones they are, none of them zero."""
    return (np.arange(start, start + count) % 30_000 + 1).astype(np.int16)


def run(playout: Playout, ticks: int) -> tuple[Samples, list[Report]]:
    frames, reports = [], []
    for _ in range(ticks):
        frame, more = playout.tick()
        frames.append(frame)
        reports += more
    return np.concatenate(frames), reports


def test_an_empty_playout_is_silent() -> None:
    frame, reports = Playout().tick()
    assert len(frame) == FRAME
    assert not frame.any()
    assert reports == []


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=20))
def test_what_is_queued_is_played_once_and_in_order(sizes: list[int]) -> None:
    playout = Playout()
    at = 0
    for index, size in enumerate(sizes):
        playout.play("r", f"i{index % 3}", ramp(at, size))
        at += size
    playout.end("r")
    pcm, reports = run(playout, at // FRAME + 2)
    assert np.array_equal(pcm[:at], ramp(0, at))
    assert not pcm[at:].any()
    assert reports == [Started("r"), Stopped("r")]


def test_a_response_has_stopped_when_its_last_frame_is_over() -> None:
    playout = Playout()
    playout.play("r", "i", ramp(0, 2 * FRAME))
    playout.end("r")
    assert playout.tick()[1] == [Started("r")]
    assert playout.tick()[1] == []
    assert playout.tick()[1] == [Stopped("r")]


def test_a_response_without_its_end_has_not_stopped() -> None:
    playout = Playout()
    playout.play("r", "i", ramp(0, FRAME))
    assert run(playout, 5)[1] == [Started("r")]
    playout.play("r", "i", ramp(FRAME, FRAME))
    playout.end("r")
    assert run(playout, 5)[1] == [Stopped("r")]


def test_responses_that_speak_at_once_are_each_reported() -> None:
    playout = Playout()
    for name in ("a", "b", "a"):
        playout.play(name, "i" + name, ramp(0, FRAME))
    playout.end("b")
    playout.end("a")
    assert run(playout, 5)[1] == [Started("a"), Started("b"), Stopped("b"), Stopped("a")]


def test_the_end_of_a_response_that_never_spoke_is_no_event() -> None:
    playout = Playout()
    playout.end("r")
    playout.play("r", "i", np.empty(0, dtype=np.int16))
    assert run(playout, 3)[1] == []


def test_a_flush_cuts_each_item_that_waits_where_it_was() -> None:
    playout = Playout()
    playout.play("r", "gone", ramp(0, FRAME))
    playout.play("r", "half", ramp(0, 10 * FRAME))
    playout.play("r", "never", ramp(0, FRAME))
    run(playout, 4)
    assert playout.flush(3) == [Cut(3, (("r", "half", 60.0), ("r", "never", 0.0)))]
    assert run(playout, 5)[1] == []


def test_a_flush_of_nothing_cuts_nothing() -> None:
    playout = Playout()
    assert playout.flush(1) == [Cut(1, ())]
    playout.play("r", "i", ramp(0, FRAME))
    playout.end("r")
    playout.tick()
    assert playout.flush(2) == [Stopped("r"), Cut(2, ())]


def test_what_is_cut_fades_within_a_frame() -> None:
    playout = Playout()
    playout.play("r", "i", np.full(10 * FRAME, 10_000, dtype=np.int16))
    playout.tick()
    playout.flush(1)
    frame, _ = playout.tick()
    steps = np.abs(np.diff(np.concatenate([[10_000], frame]).astype(int)))
    assert steps.max() < 200
    assert frame[0] > 9_000
    assert not frame[240:].any()
    assert not playout.tick()[0].any()


def test_what_never_sounded_does_not_fade() -> None:
    playout = Playout()
    playout.play("r", "i", np.full(FRAME, 10_000, dtype=np.int16))
    playout.flush(1)
    assert not playout.tick()[0].any()


class AnyOrder(RuleBasedStateMachine):
    """Any order of orders, against a plain list of what should sound."""

    def __init__(self) -> None:
        super().__init__()
        self.playout = Playout()
        self.expected: list[tuple[str, str, int]] = []
        """Samples that wait: response, item, value."""
        self.heard: dict[tuple[str, str], int] = {}
        self.begun: set[str] = set()
        self.ended: set[str] = set()
        self.reports: list[Report] = []
        self.at = 0
        self.token = 0
        self.sounding: tuple[str, str] | None = None
        self.fading = False

    @rule(response=st.sampled_from("abc"), item=st.sampled_from("xy"), count=st.integers(1, 3 * FRAME))
    def play(self, response: str, item: str, count: int) -> None:
        pcm = ramp(self.at, count)
        self.at += count
        self.playout.play(response, item, pcm)
        self.expected += [(response, item, int(value)) for value in pcm]

    @rule(response=st.sampled_from("abc"))
    def end(self, response: str) -> None:
        self.playout.end(response)
        if response in self.begun or any(waiting[0] == response for waiting in self.expected):
            self.ended.add(response)

    @rule()
    def flush(self) -> None:
        self.token += 1
        reports = self.playout.flush(self.token)
        self._stops(reports[:-1])
        items = list(dict.fromkeys((response, item) for response, item, _ in self.expected))
        cuts = tuple((response, item, self.heard.get((response, item), 0) / 24) for response, item in items)
        assert reports[-1] == Cut(self.token, cuts)
        for response in {response for response, _ in items}:
            self._forget(response)
        self.fading |= bool(items) and items[0] == self.sounding
        self.sounding = None
        self.expected.clear()

    @rule()
    def tick(self) -> None:
        frame, reports = self.playout.tick()
        if self.fading:
            self.fading = False
            self._stops(reports)
            assert not frame[240:].any()
            return
        played = self.expected[: int(np.count_nonzero(frame))]
        assert [value for *_, value in played] == [int(value) for value in frame[: len(played)]]
        assert not frame[len(played) :].any()
        assert len(played) == min(FRAME, len(self.expected))
        self._stops([report for report in reports if isinstance(report, Stopped)])
        del self.expected[: len(played)]
        self.sounding = (played[-1][0], played[-1][1]) if played else None
        started = []
        for response, item, _ in played:
            self.heard[response, item] = self.heard.get((response, item), 0) + 1
            if response not in self.begun:
                self.begun.add(response)
                started.append(Started(response))
        assert [report for report in reports if isinstance(report, Started)] == started

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.playout.waiting == len(self.expected)

    def _stops(self, reports: list[Report]) -> None:
        waiting = {response for response, *_ in self.expected}
        over = {response for response in self.ended if response not in waiting}
        assert {report.response_id for report in reports if isinstance(report, Stopped)} == over
        for response in over:
            self._forget(response)

    def _forget(self, response: str) -> None:
        self.begun.discard(response)
        self.ended.discard(response)
        self.heard = {item: count for item, count in self.heard.items() if item[0] != response}


TestAnyOrder = AnyOrder.TestCase

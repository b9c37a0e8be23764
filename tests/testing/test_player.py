"""The player model: what has been heard follows from what was received and the clock, and from nothing else."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from vivavoce.testing.player import GATHER_MS, Cut, PlayerModel

PCM_MS = 48
"""Bytes of a millisecond of PCM."""


class Hall:
    """A player, its clock, and the server events that it is given."""

    def __init__(self, **options: Any) -> None:
        self.ms = 0.0
        self.player = PlayerModel(lambda: self.ms / 1000, **options)

    def delta(
        self, ms: float, item: str = "item_1", response: str = "resp_1", fill: bytes = b"\1", per_ms: int = PCM_MS
    ) -> bytes:
        audio = fill * round(ms * per_ms)
        data = base64.b64encode(audio).decode()
        kind = "response.output_audio.delta"
        self.player.take({"type": kind, "response_id": response, "item_id": item, "content_index": 0, "delta": data})
        return audio

    def done(self, item: str = "item_1", response: str = "resp_1") -> None:
        self.player.take({"type": "response.output_audio.done", "response_id": response, "item_id": item, "content_index": 0})

    def pass_ms(self, ms: float) -> None:
        self.ms += ms


def test_audio_is_heard_in_real_time_and_no_faster() -> None:
    hall = Hall()
    audio = hall.delta(1_000)
    for ms, heard in ((0, 0), (300, 300), (650, 950), (40, 990), (500, 1_000)):
        hall.pass_ms(ms)
        assert hall.player.heard_ms("item_1") == heard
        assert hall.player.heard("item_1") == audio[: heard * PCM_MS]
    assert hall.player.now() is None
    assert hall.player.left_ms() == 0


def test_it_gathers_a_little_before_it_starts() -> None:
    hall = Hall()
    hall.delta(GATHER_MS - 20)
    hall.pass_ms(500)
    assert hall.player.heard_ms("item_1") == 0
    hall.delta(20)
    hall.pass_ms(50)
    assert hall.player.now() == Cut("item_1", 0, 50)


def test_what_is_short_and_whole_is_played_at_once() -> None:
    hall = Hall()
    hall.delta(60)
    hall.done()
    hall.pass_ms(40)
    assert hall.player.heard_ms("item_1") == 40


def test_it_gathers_again_where_it_has_run_dry() -> None:
    hall = Hall()
    hall.delta(200)
    hall.pass_ms(1_000)
    hall.delta(50)
    hall.pass_ms(100)
    assert hall.player.heard_ms("item_1") == 200
    hall.delta(100)
    hall.pass_ms(100)
    assert hall.player.heard_ms("item_1") == 300


def test_items_are_played_one_after_the_other_whenever_they_come() -> None:
    hall = Hall()
    hall.delta(400)
    hall.delta(400, "item_2")
    hall.pass_ms(500)
    assert hall.player.now() == Cut("item_2", 0, 100)
    assert hall.player.heard_ms("item_1") == 400
    assert hall.player.left_ms() == pytest.approx(300)


def test_interrupted_it_says_what_was_heard_and_plays_no_more_of_that_response() -> None:
    hall = Hall()
    first = hall.delta(400)
    hall.delta(400, "item_2")
    hall.pass_ms(250.7)
    assert hall.player.interrupt() == (Cut("item_1", 0, 250), Cut("item_2", 0, 0))
    hall.delta(400, "item_2")
    hall.delta(400, "item_3")
    hall.pass_ms(2_000)
    assert [hall.player.heard_ms(item) for item in ("item_1", "item_2", "item_3")] == [250, 0, 0]
    assert hall.player.heard("item_1") == first[: 250 * PCM_MS]
    hall.delta(400, "item_4", "resp_2")
    hall.pass_ms(100)
    assert hall.player.now() == Cut("item_4", 0, 100)


def test_what_was_heard_to_its_end_is_not_cut() -> None:
    hall = Hall()
    hall.delta(400)
    hall.pass_ms(401)
    assert hall.player.interrupt() == ()
    assert hall.player.heard_ms("item_1") == 400


def test_what_was_still_gathered_was_not_heard() -> None:
    hall = Hall()
    hall.delta(50)
    hall.pass_ms(400)
    assert hall.player.interrupt() == (Cut("item_1", 0, 0),)


@pytest.mark.parametrize("named", ["session.created", "session.updated", "response.created"])
def test_the_format_is_the_sessions_or_the_responses_own(named: str) -> None:
    hall = Hall()
    output = {"audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "alloy"}}, "id": "resp_1"}
    hall.player.take({"type": named, named.partition(".")[0]: output})
    hall.delta(1_000, per_ms=8)
    hall.pass_ms(300)
    assert hall.player.heard_ms("item_1") == 300
    assert len(hall.player.heard("item_1")) == 300 * 8


def test_a_cut_is_the_client_event_that_tells_the_server() -> None:
    assert Cut("item_1", 0, 250).truncate() == {
        "type": "conversation.item.truncate",
        "item_id": "item_1",
        "content_index": 0,
        "audio_end_ms": 250,
    }


def test_events_without_audio_are_ignored() -> None:
    hall = Hall()
    for kind in ("input_audio_buffer.speech_started", "response.done", "rate_limits.updated"):
        hall.player.take({"type": kind})
    assert (hall.player.now(), hall.player.interrupt()) == (None, ())

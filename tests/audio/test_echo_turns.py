"""Echo and turn-taking together, as on a call: canceller, Silero, and the session's own table decide what is somebody's turn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.echo_room import Path as EchoPath
from bench.echo_room import call, cancelled, echo, loud, microphone, turns
from bench.speech import RATE_HZ, load

HARD = EchoPath("-6 dB, room, loudspeaker", -6, room_ms=150, loudspeaker=True)
PATHS = [
    EchoPath("-15 dB, 180 ms", -15),
    EchoPath("-6 dB, 180 ms", -6),
    EchoPath("-15 dB, room", -15, room_ms=150),
    HARD,
    EchoPath("telephone", -12, 220, room_ms=150, loudspeaker=True, telephone=True),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_an_agent_does_not_interrupt_itself_not_even_in_its_first_answer(speech: Path, path: EchoPath) -> None:
    played = call(2)
    near = microphone(echo(played, path), path.noise_dbfs)
    assert len(turns(near)) >= 2, "without a canceller it answers itself"
    assert turns(cancelled(near, played.far)) == []


@pytest.mark.parametrize("path", [EchoPath("headset", None), PATHS[0], HARD], ids=lambda path: path.name)
def test_a_caller_who_talks_over_an_answer_is_heard_as_soon_as_without_echo(speech: Path, path: EchoPath) -> None:
    played = call(2)
    near = np.zeros(len(played.far))
    said = loud(load("caller/check_order_12345.wav"))
    begin = played.answers[1][0] + 3 * RATE_HZ
    near[begin : begin + len(said)] += said
    expected = turns(microphone(near, path.noise_dbfs))
    found = turns(cancelled(microphone(near + echo(played, path), path.noise_dbfs), played.far))
    assert len(found) == len(expected) == 1
    assert found[0].told_s - expected[0].told_s <= 0.1

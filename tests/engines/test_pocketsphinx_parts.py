"""The small parts: stable prefixes, cepstral means, the judgement of fit, messages on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.asr.pocketsphinx import protocol
from vivavoce.engines.asr.pocketsphinx.cepstral_mean import CEPSTRA, CepstralMean, heard
from vivavoce.engines.asr.pocketsphinx.fit import Evidence, fit
from vivavoce.engines.asr.pocketsphinx.protocol import Word
from vivavoce.engines.asr.pocketsphinx.stability import DELAYS, StablePrefix
from vivavoce.engines.asr.pocketsphinx.topic import Topic
from vivavoce.engines.ports import Delay

hypotheses = st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=5), max_size=30)
STEP_MS = 100


def timed(texts: Sequence[str], length_ms: int = 80) -> tuple[Word, ...]:
    return tuple(Word(text, n * STEP_MS, n * STEP_MS + length_ms, 1.0) for n, text in enumerate(texts))


@given(hypotheses, st.sampled_from(sorted(DELAYS)))
def test_a_shown_prefix_is_never_taken_back(steps: list[list[str]], delay: str) -> None:
    prefix, shown = StablePrefix(delay), ""
    for now, step in enumerate(steps):
        grown = prefix.advance(timed(step), 5_000 + now * STEP_MS)
        if grown is not None:
            text = " ".join(word.text for word in grown)
            assert text.startswith(shown)
            assert len(text) > len(shown)
            shown = text


@pytest.mark.parametrize("delay", DELAYS)
def test_a_word_is_shown_once_it_has_survived(delay: str) -> None:
    prefix, (steps, hold_ms) = StablePrefix(delay), DELAYS[delay]
    now = 80 + hold_ms
    for _ in range(steps - 1):
        assert prefix.advance(timed(["yes"]), now) is None
    assert prefix.advance(timed(["yes", "please"]), now) == timed(["yes"])
    assert prefix.advance(timed(["yes", "please"]), now) is None


def test_a_word_that_has_just_ended_is_held() -> None:
    steps, hold_ms = DELAYS["xhigh"]
    prefix = StablePrefix("xhigh")
    for _ in range(steps):
        assert prefix.advance(timed(["yes"]), 80 + hold_ms - 1) is None
    assert prefix.advance(timed(["yes"]), 80 + hold_ms) == timed(["yes"])


def test_a_word_revised_after_it_was_shown_holds_back_none_that_follow() -> None:
    prefix, steps = StablePrefix("minimal"), DELAYS["minimal"][0]
    for _ in range(steps):
        shown = prefix.advance(timed(["ice", "cream"]), 1_000)
    assert shown == timed(["ice", "cream"])
    revised = (Word("i", 0, 60, 1.0), Word("scream", 70, 180, 1.0), *timed(["a", "b", "for", "ice"])[2:])
    for _ in range(steps):
        shown = prefix.advance(revised, 1_000)
    assert shown is not None
    assert [word.text for word in shown] == ["ice", "cream", "for", "ice"]


def test_the_later_a_delay_the_more_it_asks() -> None:
    asked = [DELAYS[delay] for delay in get_args(Delay)]
    assert asked == sorted(asked)
    assert len(set(asked)) == len(asked)
    assert set(DELAYS) == set(get_args(Delay))


def test_a_mean_survives_its_text() -> None:
    mean = CepstralMean(250, tuple(float(n) for n in range(CEPSTRA)))
    assert CepstralMean.parse(str(mean)) == mean
    assert CepstralMean.parse("") is None
    assert CepstralMean.parse("5:1,2") is None
    assert CepstralMean.parse("junk:1,2") is None


def test_a_segments_own_mean_is_read_from_the_running_one() -> None:
    start, own, frames = 40.0, 52.0, 200
    running = (500 * start + frames * own) / (500 + frames)
    learnt = heard(f"{start}", f"{running}", frames)
    assert learnt.frames == frames
    assert learnt.values[0] == pytest.approx(own)


def test_what_is_heard_first_does_not_outweigh_a_new_room() -> None:
    old, new = CepstralMean(100_000, (40.0,) * CEPSTRA), CepstralMean(1_000, (60.0,) * CEPSTRA)
    assert old.joined(new).values[0] > 50


def test_little_speech_is_held_to_the_default() -> None:
    brief = CepstralMean(1, (90.0,) * CEPSTRA)
    assert float(brief.start.split(",")[0]) < 45


def test_fit_rises_with_each_piece_of_evidence() -> None:
    base = fit(Evidence(3.0, lag=0.4, gain=1.0, confidence=0.7))
    assert fit(Evidence(3.0, lag=0.4, gain=1.0, confidence=0.9)) > base
    assert fit(Evidence(3.0, lag=0.3, gain=1.0, confidence=0.7)) > base
    assert fit(Evidence(3.0, lag=0.4, gain=1.5, confidence=0.7)) > base


@pytest.mark.parametrize(
    "message",
    [
        protocol.Start(1, "a.lm", "3:1,2", partials=True, delay="low"),
        protocol.Audio(1, b"\x00\xff\x80"),
        protocol.Finish(1),
        protocol.Abort(1),
        protocol.Build(1, "a.lm", Topic("i", ({"name": "x", "parameters": {"n": [1, None, 2.5]}},), ("k",), "p")),
    ],
)
def test_requests_survive_the_wire(message: protocol.Request) -> None:
    wire = protocol.encode(message)
    assert protocol.length_of(wire[:4]) == len(wire) - 4
    assert protocol.decode_request(wire[4:]) == message


def test_a_stream_out_of_step_is_noticed() -> None:
    with pytest.raises(protocol.GarbledStream):
        protocol.length_of(b"\xff\xff\xff\xff")
    with pytest.raises(protocol.GarbledStream):
        protocol.decode_reply(b"\x93\xa4Nope\x01\x02")

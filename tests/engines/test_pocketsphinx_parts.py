"""The small parts: stable prefixes, cepstral means, the judgement of fit, messages on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.asr.pocketsphinx import protocol
from vivavoce.engines.asr.pocketsphinx.cepstral_mean import CEPSTRA, CepstralMean, heard
from vivavoce.engines.asr.pocketsphinx.fit import Evidence, fit
from vivavoce.engines.asr.pocketsphinx.stability import STEPS, StablePrefix
from vivavoce.engines.asr.pocketsphinx.topic import Topic

hypotheses = st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=5).map(tuple), max_size=30)


@given(hypotheses)
def test_a_shown_prefix_is_never_taken_back(steps: list[tuple[str, ...]]) -> None:
    prefix, shown = StablePrefix(), ""
    for step in steps:
        grown = prefix.advance(step)
        if grown is not None:
            assert grown.startswith(shown)
            assert len(grown) > len(shown)
            shown = grown


def test_a_word_is_shown_once_it_has_survived() -> None:
    prefix = StablePrefix()
    for _ in range(STEPS - 1):
        assert prefix.advance(("yes",)) is None
    assert prefix.advance(("yes", "please")) == "yes"
    assert prefix.advance(("yes", "please")) is None


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
        protocol.Start(1, "a.lm", "3:1,2", partials=True),
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

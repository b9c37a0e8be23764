"""`audio.input.noise_reduction`: what updates merge to, in every kind of session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vivavoce.protocol import session, transcription_session, translation_session
from vivavoce.protocol.faults import ClientFault
from vivavoce.protocol.noise import NoiseReduction
from vivavoce.protocol.session import SessionDefaults
from vivavoce.protocol.transcription_session import TranscriptionDefaults
from vivavoce.protocol.translation_session import TranslationDefaults

Wire = dict[str, Any]
Update = Callable[[Wire | None, Any, bool], Wire]
NEAR = {"type": "near_field"}


def agent(before: Wire | None, noise: Any, denoises: bool) -> Wire:
    defaults = SessionDefaults("gpt-realtime", denoises=denoises)
    before = before or session.initial(defaults, "sess_1", 0)
    update = {"type": "realtime", "audio": {"input": {"noise_reduction": noise}}}
    return session.updated(before, update, defaults, spoken=False)


def transcriber(before: Wire | None, noise: Any, denoises: bool) -> Wire:
    defaults = TranscriptionDefaults("whisper-1", {"whisper-1": ()}, denoises=denoises)
    before = before or transcription_session.initial(defaults, "sess_1", 0)
    update = {"type": "transcription", "audio": {"input": {"noise_reduction": noise}}}
    return transcription_session.updated(before, update, defaults, chosen=False)


def interpreter(before: Wire | None, noise: Any, denoises: bool) -> Wire:
    defaults = TranslationDefaults("gpt-realtime-translate", (("en", "es"),), denoises=denoises)
    before = before or translation_session.initial(defaults, "sess_1", 0)
    return translation_session.updated(before, {"audio": {"input": {"noise_reduction": noise}}}, defaults)


everywhere = pytest.mark.parametrize("update", [agent, transcriber, interpreter])


def noise_of(wire: Wire) -> Any:
    return wire["audio"]["input"]["noise_reduction"]


@everywhere
def test_a_strength_of_one_is_what_it_begins_with(update: Update) -> None:
    assert noise_of(update(None, NEAR, True)) == {"type": "near_field", "strength": 1.0}


@everywhere
def test_what_an_update_leaves_out_keeps_its_value(update: Update) -> None:
    first = update(None, {"type": "near_field", "strength": 0.5}, True)
    assert noise_of(update(first, {"type": "far_field"}, True)) == {"type": "far_field", "strength": 0.5}
    assert noise_of(update(first, {"strength": 1.5}, True)) == {"type": "near_field", "strength": 1.5}
    assert noise_of(first) == {"type": "near_field", "strength": 0.5}


@everywhere
def test_null_turns_it_off_and_its_strength_is_forgotten(update: Update) -> None:
    off = update(update(None, {"type": "far_field", "strength": 0.5}, True), None, True)
    assert noise_of(off) is None
    assert noise_of(update(off, NEAR, True)) == {"type": "near_field", "strength": 1.0}


@everywhere
@pytest.mark.parametrize(
    ("wrong", "code", "below"),
    [
        ({"strength": 0.5}, "missing_required_parameter", ".type"),
        ({"type": "mid_field"}, "invalid_value", ".type"),
        ({"type": "near_field", "strength": -0.1}, "decimal_below_min_value", ".strength"),
        ({"type": "near_field", "strength": 2.1}, "decimal_above_max_value", ".strength"),
        ({"type": "near_field", "strength": "1"}, "invalid_type", ".strength"),
        ({"type": "near_field", "depth": 3}, "unknown_parameter", ".depth"),
        ("near_field", "invalid_type", ""),
    ],
)
def test_what_is_wrong_is_refused_by_name(update: Update, wrong: Any, code: str, below: str) -> None:
    with pytest.raises(ClientFault) as refused:
        update(None, wrong, True)
    assert (refused.value.code, refused.value.param) == (code, f"session.audio.input.noise_reduction{below}")


@everywhere
def test_a_server_without_it_names_the_extra_and_takes_null(update: Update) -> None:
    with pytest.raises(ClientFault) as refused:
        update(None, NEAR, False)
    assert (refused.value.code, refused.value.param) == ("invalid_value", "session.audio.input.noise_reduction")
    assert "vivavoce[noise]" in refused.value.message
    assert noise_of(update(None, None, False)) is None


def test_the_core_reads_field_and_strength() -> None:
    assert session.view(agent(None, NEAR, True)).noise == NoiseReduction("near_field", 1.0)
    assert transcription_session.view(transcriber(None, {"type": "far_field", "strength": 2}, True)).noise == NoiseReduction(
        "far_field", 2.0
    )
    assert translation_session.view(interpreter(None, NEAR, True)).noise == NoiseReduction("near_field", 1.0)
    assert session.view(agent(None, None, True)).noise is None

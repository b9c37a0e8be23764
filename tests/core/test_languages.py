"""A transcription language the recognizer does not understand is refused, not transcribed into nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from vivavoce.protocol.session import SessionDefaults
from vivavoce.testing.simulator import Simulator

ENGLISH = SessionDefaults("gpt-realtime", "alloy", 500, reasoning=False, languages=("en",))


def ask(defaults: SessionDefaults, **transcription: Any) -> dict[str, Any]:
    sim = Simulator(defaults=defaults)
    sim.update(audio={"input": {"transcription": {"model": "whisper-1", **transcription}}})
    return sim.events[-1]


@pytest.mark.parametrize("language", ["en", "en-GB", "EN", None, ""])
def test_a_language_that_is_understood_is_accepted(language: str | None) -> None:
    assert ask(ENGLISH, language=language)["type"] == "session.updated"


def test_another_language_is_refused_by_name_and_nothing_changes() -> None:
    sim = Simulator(defaults=ENGLISH)
    sim.update(audio={"input": {"transcription": {"model": "whisper-1", "language": "de"}}})
    error = sim.events[-1]["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "session.audio.input.transcription.language")
    assert "'de'" in error["message"]
    assert "'en'" in error["message"]
    sim.update()
    assert sim.events[-1]["session"]["audio"]["input"]["transcription"] is None


def test_of_several_possible_languages_one_must_be_understood() -> None:
    assert ask(ENGLISH, languages=["de", "en"])["type"] == "session.updated"
    assert ask(ENGLISH, languages=["de", "fr"])["type"] == "error"


def test_a_recognizer_of_any_language_takes_any() -> None:
    assert ask(SessionDefaults("gpt-realtime"), language="de")["type"] == "session.updated"

"""Every recognizer on the shelf streams: those that do not by themselves are made to."""

from __future__ import annotations

from pathlib import Path

import pytest

from vivavoce.config import load_settings
from vivavoce.engines.asr.agreement.recognizer import LocalAgreement
from vivavoce.engines.asr.instant import InstantRecognizer
from vivavoce.engines.ports import Capabilities
from vivavoce.models import shelf as shelves


class WholeOnly(InstantRecognizer):
    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("whole only", "Apache-2.0")


def recognizer(tmp_path: Path) -> object:
    settings = load_settings({"VIVAVOCE_PROFILE": "null", "VIVAVOCE_HOME": str(tmp_path)})
    return shelves.EngineShelf(settings).stack("gpt-realtime").recognizer


def test_a_recognizer_that_streams_is_taken_as_it_is(tmp_path: Path) -> None:
    assert isinstance(recognizer(tmp_path), InstantRecognizer)


def test_a_recognizer_that_does_not_is_wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "InstantRecognizer", WholeOnly)
    made = recognizer(tmp_path)
    assert isinstance(made, LocalAgreement)
    assert made.capabilities.streaming
    assert made.capabilities.name == "whole only"

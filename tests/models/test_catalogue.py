"""Public model names: the built-in ones, the configured ones, and their aliases."""

from __future__ import annotations

import pytest

from vivavoce.config import ConfigError, ModelSettings
from vivavoce.models.catalogue import catalogue


def test_families_start_with_their_recorded_defaults() -> None:
    models = catalogue({})
    old, new = models["gpt-realtime"].defaults, models["gpt-realtime-2"].defaults
    assert (old.voice, old.silence_duration_ms, old.reasoning, old.context_tokens) == ("alloy", 200, False, 32_320)
    assert (new.voice, new.silence_duration_ms, new.reasoning, new.context_tokens) == ("marin", 500, True, 128_000)


def test_a_configured_model_and_its_aliases_are_served_under_their_own_names() -> None:
    models = catalogue({"mine": ModelSettings("agent", aliases=("yours",))})
    assert [models[name].defaults.model for name in ("mine", "yours")] == ["mine", "yours"]


def test_models_of_other_kinds_are_known_so_that_they_are_refused_rightly() -> None:
    assert catalogue({})["whisper-1"].kind == "transcription"
    assert catalogue({})["gpt-realtime-translate"].kind == "translation"


def test_a_kind_that_is_not_served_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="not served"):
        catalogue({"mine": ModelSettings("poetry")})

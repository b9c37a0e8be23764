"""What works from ear to mouth, and what is said where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vivavoce.engines.mt.languages import TARGETS
from vivavoce.models.languages import model_details, way_out, working_pairs
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator
from vivavoce.testing.vad import EnergyVad


class Hearing(ScriptedRecognizer):
    def __init__(self, *languages: str) -> None:
        super().__init__()
        self.languages = languages

    @property
    def capabilities(self) -> Any:
        return replace(super().capabilities, languages=self.languages)


class Speaking(ScriptedSynthesizer):
    def __init__(self, *languages: str) -> None:
        super().__init__()
        self.languages = languages

    @property
    def capabilities(self) -> Any:
        return replace(super().capabilities, languages=self.languages)


def stack(pairs: str | None, heard: str = "", spoken: str = "") -> Stack:
    """A stack of languages: pairs as `en-es *-fr`, None for no translator; nothing heard or spoken is everything."""
    translator = None
    if pairs is not None:
        each = [pair.partition("-") for pair in pairs.split()]
        translator = ScriptedTranslator({}, pairs=tuple((source, target) for source, _, target in each))
    return Stack(EnergyVad(), Hearing(*heard.split()), ScriptedBrain(), Speaking(*spoken.split()), None, translator)


def working(*args: str | None) -> str:
    return " ".join(f"{source}-{target}" for source, target in working_pairs(stack(*args)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pairs", "heard", "spoken", "expected"),
    [
        (None, "", "", ""),
        ("en-es es-en", "", "", "es-en en-es"),
        ("en-es es-en fr-es", "en fr", "es", "en-es fr-es"),
        ("*-es *-de", "", "", "*-es *-de"),
        ("*-es *-de", "en fr", "de", "en-de fr-de"),
        ("*-en *-es", "en", "", "en-es"),
        ("*-ja", "en", "en es", ""),
        ("en-es", "de", "es", ""),
        ("*-pt", "en-US en-GB", "pt-BR", "en-pt"),
        ("*-es", "es", "es", ""),
    ],
)
def test_a_pair_works_if_it_is_heard_translated_and_spoken(pairs: str | None, heard: str, spoken: str, expected: str) -> None:
    assert working(pairs, heard, spoken) == expected


def test_targets_come_in_the_order_of_the_thirteen() -> None:
    pairs = working_pairs(stack(" ".join(f"*-{target}" for target in reversed(TARGETS))))
    assert [target for _, target in pairs] == list(TARGETS)


@pytest.mark.parametrize(
    ("pairs", "heard", "spoken", "target", "said"),
    [
        (None, "", "", "es", "VIVAVOCE_LLM_BASE_URL"),
        (None, "", "", "", "apt install apertium"),
        ("en-es", "en", "es", "ja", "does not translate into Japanese"),
        ("fr-es", "en", "es", "es", "understood here (en)"),
        ("*-ja", "en", "en es", "ja", "no voice speaks Japanese; there is en, es"),
        ("*-ja", "en", "en", "", "no voice speaks what it translates into"),
        ("*-en", "en", "en", "en", "only en is understood"),
        ("en-es", "en", "es", "es", ""),
        ("en-es", "en", "es", "", ""),
    ],
)
def test_what_does_not_work_says_what_to_do(pairs: str | None, heard: str, spoken: str, target: str, said: str) -> None:
    told = way_out(stack(pairs, heard, spoken), target)
    assert said in told and bool(said) == bool(told)
    assert "\n" not in told


def test_a_language_nobody_speaks_is_refused_with_what_works_and_what_is_missing() -> None:
    silent = stack("*-es *-ja", "en", "es")
    param = "session.audio.output.language"
    fault = errors.language_not_spoken(param, "ja", ("es",), way_out(silent, "ja"))
    assert (fault.code, fault.param) == ("invalid_value", param)
    assert "'ja'" in fault.message and "'es'" in fault.message and "no voice speaks Japanese" in fault.message
    nothing = errors.language_not_spoken(param, "es", (), way_out(stack(None), "es"))
    assert "into no language" in nothing.message and "VIVAVOCE_LLM_BASE_URL" in nothing.message


def test_models_tell_their_languages() -> None:
    able = stack("*-es en-fr", "en de", "es fr")
    assert model_details("translation", able) == {
        "translation": {"sources": ["en", "de"], "targets": ["es", "fr"], "pairs": [["en", "es"], ["de", "es"], ["en", "fr"]]}
    }
    assert model_details("translation", stack(None)) == {"translation": {"sources": [], "targets": [], "pairs": []}}
    assert model_details("transcription", able) == {"languages": ["en", "de"]}
    assert model_details("agent", able) == {}

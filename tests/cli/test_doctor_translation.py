"""`doctor` tells between which languages translation works, and what to do where it does not."""

from __future__ import annotations

from dataclasses import replace

from vivavoce.cli.checks import _translation
from vivavoce.engines.asr.instant import InstantRecognizer
from vivavoce.engines.mt.instant import InstantTranslator
from vivavoce.engines.ports import Translator
from vivavoce.engines.tts.flite import FliteSynthesizer
from vivavoce.models.stack import Stack
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator
from vivavoce.testing.vad import EnergyVad


class Good(ScriptedTranslator):
    @property
    def capabilities(self):  # type: ignore[no-untyped-def]
        return replace(super().capabilities, quality="good")


def stack(translator: Translator | None, *, english: bool = False) -> Stack:
    voice = FliteSynthesizer() if english else ScriptedSynthesizer()
    return Stack(EnergyVad(), InstantRecognizer(), ScriptedBrain(), voice, None, translator)


def test_pairs_that_work_are_listed() -> None:
    check = _translation(stack(Good(pairs=(("en", "es"), ("en", "fr"), ("*", "de")))))
    assert (check.status, check.way_out) == ("ok", "")
    assert check.detail == "en to es, fr; any language to de"


def test_without_a_translator_it_says_how_to_get_one() -> None:
    check = _translation(stack(None))
    assert check.status == "warn"
    assert "VIVAVOCE_LLM_BASE_URL" in check.way_out and "apt install apertium" in check.way_out


def test_without_a_voice_for_any_target_it_says_how_to_get_one() -> None:
    check = _translation(stack(Good(pairs=(("en", "es"),)), english=True))
    assert check.status == "warn" and "vivavoce[espeak]" in check.way_out


def test_a_translator_that_does_not_translate_is_no_good_news() -> None:
    check = _translation(stack(InstantTranslator()))
    assert check.status == "warn" and "translates nothing" in check.detail

"""The choice of a default voice, and what `doctor` is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tts_kit import say

from vivavoce.engines.ports import EngineFault, Synthesizer, VoiceStyle
from vivavoce.engines.tts import available
from vivavoce.engines.tts.available import default_synthesizer, describe
from vivavoce.engines.tts.by_language import ByLanguageSynthesizer
from vivavoce.engines.tts.espeak_library import EspeakLibrary
from vivavoce.engines.tts.tone import ToneSynthesizer


def _install(monkeypatch: pytest.MonkeyPatch, *, flite: bool, espeak: bool) -> None:
    monkeypatch.setattr(available, "find_flite", lambda: "libflite.so.1" if flite else None)
    monkeypatch.setattr(available, "find_espeak", lambda: EspeakLibrary("libespeak-ng.so.1", "", "system") if espeak else None)


@pytest.mark.parametrize(
    ("flite", "espeak", "name"), [(True, False, "flite"), (False, True, "espeak-ng"), (True, True, "flite+espeak-ng")]
)
async def test_the_permissive_voice_comes_first(monkeypatch: pytest.MonkeyPatch, flite: bool, espeak: bool, name: str) -> None:
    _install(monkeypatch, flite=flite, espeak=espeak)
    synthesizer = default_synthesizer()
    assert synthesizer.capabilities.name == name
    assert synthesizer.capabilities.word_times
    await synthesizer.close()


def test_without_any_voice_the_fault_names_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, flite=False, espeak=False)
    with pytest.raises(EngineFault) as fault:
        default_synthesizer()
    assert "apt install libflite1" in fault.value.message and "vivavoce[espeak]" in fault.value.message
    assert "\n" not in fault.value.message
    assert not fault.value.temporary


@pytest.mark.parametrize("installed", [True, False])
def test_description_lists_all_with_licence_and_way_to_get(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    _install(monkeypatch, flite=installed, espeak=installed)
    flite, espeak, tone = describe()
    assert (flite.usable, espeak.usable, tone.usable) == (installed, installed, True)
    assert "BSD" in flite.licence and "GPL" in espeak.licence
    assert all(candidate.detail and candidate.how_to_get for candidate in (flite, espeak, tone))


class _Speaking(ToneSynthesizer):
    def __init__(self, *languages: str) -> None:
        self.languages = languages
        self.heard: list[str] = []

    @property
    def capabilities(self):  # type: ignore[no-untyped-def]
        return replace(super().capabilities, languages=self.languages)

    def synthesize(self, clauses, style):  # type: ignore[no-untyped-def]
        self.heard.append(style.language)
        return super().synthesize(clauses, style)


async def test_each_language_goes_to_the_first_voice_that_speaks_it() -> None:
    english, polyglot = _Speaking("en"), _Speaking("en", "de")
    both: Synthesizer = ByLanguageSynthesizer([english, polyglot])
    for language in ("en", "de-AT", "en-GB", "", "xx"):
        await say(both, "Hello.", style=VoiceStyle(language=language))
    assert english.heard == ["en", "en-GB", "", "xx"]
    assert polyglot.heard == ["de-AT"]
    assert both.capabilities.languages == ("en", "de")
    await both.warm()
    await both.close()


def test_no_synthesizers_make_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ByLanguageSynthesizer([])

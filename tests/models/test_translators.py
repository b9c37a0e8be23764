"""Which translator a model gets: by name, by what is configured, and by what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vivavoce.config import ConfigError, load_settings
from vivavoce.engines.ports import TranslationRequest
from vivavoce.models import translators
from vivavoce.models.roles import engine_names
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.translators import translator_name

ENDPOINT = 'base_url = "http://127.0.0.1:9/v1"'
DEFAULT = f"[llm.default]\n{ENDPOINT}\n"
OTHER = f"[llm.other]\n{ENDPOINT}\n"
MODEL = "gpt-realtime-translate"


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def resolve(toml: str = "", *, profile: str = "embedded", apertium: bool = False) -> str:
        monkeypatch.setattr(translators, "apertium_pairs", lambda: (("en", "es"),) if apertium else ())
        (tmp_path / "v.toml").write_text(toml, encoding="utf-8")
        settings = load_settings({"HOME": str(tmp_path)}, config_file=tmp_path / "v.toml", overrides={"profile": profile})
        return translator_name(settings, engine_names(settings, MODEL))

    return resolve


def test_what_is_there_decides_where_nobody_does(name: Any) -> None:
    assert name() == "none"
    assert name(apertium=True) == "apertium"
    assert name(DEFAULT, apertium=True) == "llm:default"
    assert name(OTHER) == "none", "an endpoint that is not the default one is used where it is named"
    assert name(DEFAULT, profile="null") == "instant"


def test_every_model_may_name_its_own(name: Any) -> None:
    own = f'[models."{MODEL}"]\ntranslator = '
    assert name(f'{DEFAULT}{OTHER}{own}"other"') == "llm:other"
    assert name(f'{DEFAULT}{OTHER}{own}"llm:other"') == "llm:other"
    assert name(f'{DEFAULT}{own}"llm"') == "llm:default"
    assert name(f'{DEFAULT}{OTHER}{own}"llm"\nllm = "other"') == "llm:other"
    assert name(f'{DEFAULT}{own}"llm"\nllm = "frames"') == "llm:default", "the built-in brains translate nothing"
    assert name(f'{DEFAULT}[defaults]\ntranslator = "none"') == "none"
    assert name('[defaults]\ntranslator = "apertium"') == "apertium"


def test_a_translator_without_an_endpoint_is_refused_with_the_way_to_one(name: Any) -> None:
    with pytest.raises(ConfigError, match="VIVAVOCE_LLM_BASE_URL"):
        name('[defaults]\ntranslator = "llm"')


@pytest.mark.parametrize("wrong", ["frames", "echo", "llm:nobody", "deepl"])
def test_an_engine_that_is_no_translator_is_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "v.toml").write_text(f'[defaults]\ntranslator = "{wrong}"', encoding="utf-8")
    settings = load_settings({"HOME": str(tmp_path)}, config_file=tmp_path / "v.toml", overrides={"profile": "null"})
    with pytest.raises(ConfigError, match=wrong):
        EngineShelf(settings).stack(MODEL)


def test_translators_of_one_endpoint_are_one_and_share_its_client(tmp_path: Path) -> None:
    (tmp_path / "v.toml").write_text(f'{DEFAULT}[defaults]\ntranslator = "llm"', encoding="utf-8")
    settings = load_settings({"HOME": str(tmp_path)}, config_file=tmp_path / "v.toml", overrides={"profile": "null"})
    shelf = EngineShelf(settings)
    one, two = shelf.stack(MODEL), shelf.stack("gpt-realtime")
    assert one.translator is two.translator
    assert one.translator is not None and one.translator._llm is one.llm  # type: ignore[attr-defined]
    assert one.translator in one.engines()


async def test_the_null_profile_repeats_and_says_that_it_is_no_translation(tmp_path: Path) -> None:
    settings = load_settings({"HOME": str(tmp_path)}, overrides={"profile": "null"})
    translator = EngineShelf(settings).stack(MODEL).translator
    assert translator is not None
    assert translator.capabilities.quality == "null" and "no translation" in translator.capabilities.name
    assert [piece async for piece in translator.translate(TranslationRequest(" Hello. ", "en", "vi"))] == ["Hello."]
    assert [piece async for piece in translator.translate(TranslationRequest(" ", "en", "vi"))] == []

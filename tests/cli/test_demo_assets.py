"""What the demo does about models that are not installed: pull them, or go on and say what is lost."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from rich.console import Console

from vivavoce.cli.demo.assets import pull_missing
from vivavoce.models.assets import Asset, AssetFile
from vivavoce.models.store import ModelStore

ENGINES = {"frames", "smart-turn", "pocketsphinx"}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def store(tmp_path: Path, weights: Path) -> ModelStore:
    file = AssetFile("weights.onnx", weights.as_uri(), hashlib.sha256(b"weights").hexdigest(), 7)
    assets = [Asset(name, (file,), "MIT", f"what {name} is for") for name in ("minilm", "smart-turn")]
    return ModelStore(tmp_path / "home", assets)


def pulled(store: ModelStore, engines: set[str] = ENGINES, *, allowed: bool = True) -> str:
    text = io.StringIO()
    pull_missing(store, engines, Console(file=text), allowed=allowed)
    return text.getvalue()


def test_missing_models_are_pulled_with_purpose_size_and_licence_named(store: ModelStore) -> None:
    said = pulled(store)
    assert "Fetching minilm, once: what minilm is for. 7 bytes, licence MIT." in said
    assert store.installed() == ("minilm", "smart-turn")
    assert pulled(store) == ""


def test_only_what_the_engines_use_is_pulled(store: ModelStore) -> None:
    pulled(store, {"default", "smart-turn"})
    assert store.installed() == ("smart-turn",)


def test_a_failed_pull_says_what_is_lost_and_goes_on(store: ModelStore, weights: Path) -> None:
    weights.unlink()
    said = pulled(store)
    assert "minilm could not be fetched" in said
    assert "Going on without it: the agent finds what is meant by shared words only" in said
    assert "smart-turn could not be fetched" in said


def test_nothing_is_fetched_where_that_is_not_wanted(store: ModelStore) -> None:
    said = pulled(store, allowed=False)
    assert "`vivavoce models pull minilm` fetches it" in said
    assert store.installed() == ()

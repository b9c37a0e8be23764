"""`vivavoce models`: what it prints, and how it ends."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vivavoce.cli import models
from vivavoce.models.assets import Asset, AssetFile
from vivavoce.models.store import ModelStore


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"weights")
    return path


@pytest.fixture(autouse=True)
def store(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """A store of two assets: one can be pulled, the address of the other is nonsense."""
    sha256 = hashlib.sha256(b"weights").hexdigest()
    good = Asset("ear", (AssetFile("weights.onnx", source.as_uri(), sha256, 7),), "MIT", "hears [everything]")
    bad = Asset("nonsense", (AssetFile("weights.onnx", "nowhere", sha256, 7),), "GPL-3.0-only", "hears nothing")
    store = ModelStore(tmp_path / "home", [good, bad])
    monkeypatch.setattr(models, "open_store", lambda: store)
    return store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(models.app, arguments, env={"COLUMNS": "120"})


def test_list_shows_every_asset_and_what_is_installed(store: ModelStore) -> None:
    store.pull("ear")
    result = run("list")
    lines = [line.strip().split(maxsplit=4) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert lines[0] == ["name", "installed", "size", "licence", "purpose"]
    assert lines[1][:2] == ["ear", "yes"]
    assert lines[1][4].startswith("MIT")
    assert lines[1][4].endswith("hears [everything]")
    assert lines[2][:2] == ["nonsense", "no"]


def test_pull_says_the_licence_and_installs(store: ModelStore) -> None:
    result = run("pull", "ear")
    assert result.exit_code == 0
    assert store.installed() == ("ear",)
    assert result.stderr.index("licence MIT") < result.stderr.index("ear is installed.")
    assert "hears [everything]" in result.stderr
    assert "installed already" in run("pull", "ear").stderr


def test_remove_deletes_and_may_be_repeated(store: ModelStore) -> None:
    store.pull("ear")
    assert "ear is removed." in run("remove", "ear").stderr
    again = run("remove", "ear")
    assert again.exit_code == 0
    assert "was not installed" in again.stderr


@pytest.mark.parametrize("command", ["pull", "remove"])
def test_an_unknown_asset_is_misuse_and_stops_before_anything_is_done(store: ModelStore, command: str) -> None:
    result = run(command, "ear", "mouth")
    assert result.exit_code == models.MISUSED
    assert result.stderr == "error: There is no asset 'mouth'. Known assets: ear, nonsense.\n"
    assert store.installed() == ()


def test_a_source_that_is_none_is_misuse(store: ModelStore) -> None:
    result = run("pull", "nonsense")
    assert result.exit_code == models.MISUSED
    assert result.stderr.splitlines()[-1].startswith("error: 'nowhere' is no source.")


def test_a_failed_download_is_one_line_and_a_failure(source: Path) -> None:
    source.write_bytes(b"another")
    result = run("pull", "ear")
    assert result.exit_code == models.FAILED
    assert "is not the file it should be" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


def test_an_interrupted_pull_says_that_it_can_be_taken_up(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelStore, "pull", interrupt)
    result = run("pull", "ear")
    assert result.exit_code == models.INTERRUPTED
    assert "goes on where it stopped" in result.stderr


@pytest.mark.parametrize("arguments", [["pull"], ["remove"], ["fetch"]])
def test_a_command_without_its_arguments_is_misuse(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == models.MISUSED

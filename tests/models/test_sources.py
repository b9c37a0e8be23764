"""Sources: the four forms an address may have, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from vivavoce.models.assets import BUILT_IN, Asset, AssetFile
from vivavoce.models.errors import BadSource
from vivavoce.models.home import data_home
from vivavoce.models.sources import HubFile, LocalFile, Source, WebFile, WheelMember, parse_source


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("hf://org/repo/model.onnx@main", HubFile("org/repo", "model.onnx", "main")),
        ("hf://org/repo/a/b c.onnx@v1.0", HubFile("org/repo", "a/b c.onnx", "v1.0")),
        ("pypi://a-package==1.0.post1/a/b.bin", WheelMember("a-package==1.0.post1", "a/b.bin")),
        ("https://example.org/a?b=c", WebFile("https://example.org/a?b=c")),
        ("file:///a/b%20c", LocalFile(Path("/a/b c"))),
        ("file://localhost/a", LocalFile(Path("/a"))),
    ],
)
def test_each_form_is_read(address: str, source: Source) -> None:
    assert parse_source(address) == source


@pytest.mark.parametrize(
    "address",
    [
        "",
        "model.onnx",
        "hf://",
        "hf://org/repo/file",
        "hf://org/repo@main",
        "hf://../repo/file@main",
        "pypi://package/member",
        "pypi://package==1.0",
        "pypi://--index-url==1.0/member",
        "pypi://package>=1.0/member",
        "file://elsewhere/a",
        "file:relative",
        "https:///a",
        "ftp://example.org/a",
    ],
)
def test_anything_else_is_refused_with_the_forms_there_are(address: str) -> None:
    with pytest.raises(BadSource, match="pypi://package==version/member"):
        parse_source(address)


def test_the_hub_is_the_users_choice_and_paths_are_quoted() -> None:
    source = HubFile("org/repo", "a/b c.onnx", "refs/pr/1")
    assert source.url({"HF_ENDPOINT": "http://hub.test/"}) == "http://hub.test/org/repo/resolve/refs%2Fpr%2F1/a/b%20c.onnx"
    assert source.url({}).startswith("https://")


def test_every_built_in_asset_has_sources_that_can_be_read() -> None:
    for asset in BUILT_IN:
        assert asset.licence
        assert asset.purpose
        for file in asset.files:
            parse_source(file.source)


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a\\b"])
def test_no_name_leaves_its_folder(name: str) -> None:
    good = AssetFile("a", "file:///a", "0" * 64, 1)
    with pytest.raises(ValueError, match="name"):
        AssetFile(name, "file:///a", "0" * 64, 1)
    with pytest.raises(ValueError, match="name"):
        Asset(name, (good,), "MIT", "")


def test_an_asset_has_files_under_names_of_their_own_and_honest_pins() -> None:
    good = AssetFile("a", "file:///a", "0" * 64, 1)
    for files in ((), (good, good)):
        with pytest.raises(ValueError, match="names of their own"):
            Asset("thing", files, "MIT", "")
    with pytest.raises(ValueError, match="SHA-256"):
        AssetFile("a", "file:///a", "ABC", 1)
    with pytest.raises(ValueError, match="negative"):
        AssetFile("a", "file:///a", "0" * 64, -1)


def test_the_data_home_follows_its_variable_then_xdg_then_the_home_folder() -> None:
    assert data_home({"VIVAVOCE_HOME": "/a", "XDG_DATA_HOME": "/b"}) == Path("/a")
    assert data_home({"VIVAVOCE_HOME": "~/a"}) == Path.home() / "a"
    assert data_home({"XDG_DATA_HOME": "/b"}) == Path("/b/vivavoce")
    assert data_home({"XDG_DATA_HOME": "relative"}) == Path.home() / ".local/share/vivavoce"
    assert data_home({}) == Path.home() / ".local/share/vivavoce"

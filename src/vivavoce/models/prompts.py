"""Prompt templates from a folder of files.

    prompts/receptionist.md              the instructions
    prompts/concierge/1.md               instructions, in versions
    prompts/concierge/2.toml             a version with more than instructions: any session fields

`{{name}}` in a text stands for a variable. In a TOML file the keys are those of `session.update`:

    instructions = "You are {{name}}, who answers the telephone."
    [audio.output]
    voice = "cedar"

An edit counts for the sessions that open after it.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import structlog

from vivavoce.config import ConfigError
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.prompts import Prompt, Prompts
from vivavoce.protocol.session_schema import REALTIME_SESSION

_SUFFIXES: Final = (".md", ".txt", ".toml")
_ONLY_VERSION: Final = "1"
_log = structlog.get_logger("vivavoce.prompts")


class PromptFolder:
    """The prompts of a folder, read again when a file of it has changed.

    Args:
        folder: where they lie.

    Raises:
        ConfigError: the folder or one of its files cannot be used; later on, a file that has become useless only leaves the prompts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.is_dir():
            raise ConfigError(f"server.prompts = {str(folder)!r}: is no folder")
        self._seen = self._state()
        self._prompts = _library([_read(path, self._folder) for path in self._seen])

    def prompts(self) -> Prompts:
        """Return the prompts as the files have them now."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            self._prompts = _library([prompt for path in state if (prompt := self._usable(path)) is not None])
        return self._prompts

    def _usable(self, path: Path) -> Prompt | None:
        try:
            return _read(path, self._folder)
        except ConfigError as error:
            _log.error("prompt cannot be used", cause=str(error))
            return None

    def _state(self) -> dict[Path, tuple[int, int]]:
        paths = sorted(path for pattern in ("*", "*/*") for path in self._folder.glob(pattern))
        found = {path: path.stat() for path in paths if path.suffix in _SUFFIXES and path.is_file()}
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def _library(prompts: list[Prompt]) -> Prompts:
    versions: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        versions.setdefault(prompt.id, []).append(prompt)
    return Prompts({id: tuple(sorted(known, key=_age)) for id, known in versions.items()})


def _read(path: Path, folder: Path) -> Prompt:
    try:
        text = path.read_text(encoding="utf-8")
        fields: dict[str, Any] = tomllib.loads(text) if path.suffix == ".toml" else {"instructions": text.strip()}
        checked = REALTIME_SESSION.check({**fields, "type": "realtime"}, "session")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    except ClientFault as fault:
        raise ConfigError(f"{path}: {fault.message}") from fault
    if "prompt" in fields:
        raise ConfigError(f"{path}: a prompt may not name another")
    del checked["type"]
    if path.parent == folder:
        return Prompt(path.stem, _ONLY_VERSION, checked)
    return Prompt(path.parent.name, path.stem, checked)


def _age(prompt: Prompt) -> tuple[tuple[int, ...], str]:
    """Order versions as people do: 10 after 9, 2.1 after 2."""
    return tuple(int(number) for number in re.findall(r"\d+", prompt.version)), prompt.version

"""Find espeak-ng without loading it: the server must never have it in its own process."""

from __future__ import annotations

import ctypes.util
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

_FILE_NAMES = {"win32": ("espeak-ng.dll",), "darwin": ("libespeak-ng.dylib",)}


@dataclass(frozen=True, slots=True)
class EspeakLibrary:
    """Where espeak-ng is: `path` a file or a name the system's loader knows; `data_dir` holds its data, empty for its own place."""

    path: str
    data_dir: str
    origin: str


def find_espeak() -> EspeakLibrary | None:
    """Return the library of the package `espeakng-loader` (extra `espeak`), else the system's, else None."""
    package = importlib.util.find_spec("espeakng_loader")
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent
        for name in _FILE_NAMES.get(sys.platform, ("libespeak-ng.so", "libespeak-ng.so.1")):
            if (folder / name).is_file() and (folder / "espeak-ng-data").is_dir():
                return EspeakLibrary(str(folder / name), str(folder), "espeakng-loader")
    system = ctypes.util.find_library("espeak-ng")
    return EspeakLibrary(system, "", "system") if system is not None else None

"""Which version this is."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def product_version() -> str:
    """Return the installed version, or that of the source tree this runs from."""
    try:
        return version("vivavoce")
    except PackageNotFoundError:
        return _source_version() or "unknown"


def _source_version() -> str:
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    try:
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"]) + "+source"
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return ""

"""Fixtures every test may use: where the shared recordings are, and a skip with the reason where they are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("VIVAVOCE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of human recordings with `manifest.jsonl`."""
    folder = SHARED / "speech"
    if not (folder / "manifest.jsonl").is_file():
        pytest.skip(f"no recordings at {folder}; set VIVAVOCE_SHARED to the folder that holds speech/")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of frames recorded from the original service."""
    folder = SHARED / "golden"
    if not folder.is_dir():
        pytest.skip(f"no recorded frames at {folder}; set VIVAVOCE_SHARED to the folder that holds golden/")
    return folder


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command did to the log: its stream is closed when its test is over, and the next one would write there."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)

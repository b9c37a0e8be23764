"""The page's modules that touch no browser: their own tests, run by node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODULES = Path(__file__).parent / "modules"


@pytest.mark.parametrize("file", sorted(MODULES.glob("*.test.mjs")), ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_the_modules_of_the_page(file: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the page's modules cannot be tested without it")
    done = subprocess.run([node, "--test", str(file)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr

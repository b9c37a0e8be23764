"""The server does not call home, and nothing in it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LISTEN = """
import asyncio
from vivavoce.engines.vad.batched import BatchedVad

async def listen():
    detector = BatchedVad()
    await detector.warm()
    await detector.close()

asyncio.run(listen())
"""


def test_a_listening_process_leaves_no_identifier_and_no_telemetry_behind(tmp_path: Path) -> None:
    environ = {**os.environ, "HOME": str(tmp_path)}
    # Variables by which the runtime knows a build machine keep it quiet as well: the test must not pass because of them.
    for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED", "XDG_CACHE_HOME"):
        environ.pop(name, None)
    subprocess.run([sys.executable, "-c", LISTEN], env=environ, check=True, timeout=60)
    assert not list(tmp_path.rglob("*"))

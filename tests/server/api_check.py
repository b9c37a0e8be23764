"""Everything a document can say is tried on a real server: `python api_check.py` (minutes), `--short` (seconds, the same every time).

schemathesis reads `/openapi.json` and sends what it allows and what it forbids. The server must never answer 500, refuse in the official
shape, and answer as the document says.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"
KEY = "sk-api-check"

SHORT = ["--phases", "examples,coverage"]
FULL = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "150"]


@contextmanager
def serving(log: int | None = None) -> Generator[str]:
    """Run the server in a process of its own; yields its address."""
    settings = json.dumps({"keys": [KEY], "beta": True})
    command = [sys.executable, str(HERE / "api_server.py"), settings]
    child = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert child.stdout is not None
        url = f"http://127.0.0.1:{int(child.stdout.readline())}"
        _wait(url)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(url: str) -> None:
    """Wait until the server's engines are warm."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=10):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server does not become ready")


def environment() -> dict[str, str]:
    """Return the environment of both processes."""
    paths = [str(SOURCE), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "API_CHECK_KEY": KEY, "NO_COLOR": "1"}


def check(url: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Try a server; the result has a report of what went wrong."""
    script = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    command = [
        sys.executable,
        "-c",
        script,
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{url}/openapi.json",
        *options,
    ]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


def main() -> int:
    """Try the server; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="only what is the same every time")
    chosen, more = parser.parse_known_args()
    began = time.monotonic()
    with serving() as url:
        result = check(url, [*(SHORT if chosen.short else FULL), *more])
    # What was sent may be megabytes long; where it went and what came back is not.
    for line in (result.stdout + result.stderr).splitlines():
        print(line[:400])
    print(f"{time.monotonic() - began:.0f} s")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())

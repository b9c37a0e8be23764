"""The processes of a run: the scripted brain, a server for each client, the client itself. Whatever is started here is ended here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vivavoce.cli.child import ServerProcess

API_KEY: Final = "conformance-key"

_CONFIG: Final = f"""\
[server]
api_keys = ["{API_KEY}"]

# Generous, and there so that `rate_limits.updated` is sent.
[limits]
requests_per_minute = 10_000
tokens_per_minute = 10_000_000
"""


def _environment() -> dict[str, str]:
    """Return this process's environment without settings of the server, except for where its data is."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VIVAVOCE_") or name == "VIVAVOCE_HOME"}


@contextmanager
def brain(script: Path) -> Iterator[str]:
    """Serve a script for the length of a `with` block.

    Yields:
        The base address of its API, up to `/v1`.
    """
    command = [sys.executable, "-m", "vivavoce.testing.brain", str(script), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise RuntimeError("the scripted brain did not start")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def server(folder: Path, brain_url: str, *, tls: bool) -> Iterator[str]:
    """Run a server for the length of a `with` block: the embedded engines, and a scripted brain.

    Args:
        folder: where its configuration and its log (`server.log`, a JSON object a line) go.
        brain_url: the address of the brain.
        tls: serve `https`, with a certificate of the server's own making.

    Yields:
        The base address of its API, up to `/v1`.

    Raises:
        Trouble: it did not start.
    """
    config = folder / "server.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    arguments = ["--config", str(config), "--port", "0", "--log-level", "debug", "--drain-seconds", "1"]
    environment = {**_environment(), "VIVAVOCE_LLM_BASE_URL": brain_url, "VIVAVOCE_LLM_MODEL": "scripted"}
    with ServerProcess([*arguments, *(["--tls-self-signed"] if tls else [])], environment, folder / "server.log") as process:
        address = process.start().rstrip("/")
        yield address if address.endswith("/v1") else f"{address}/v1"


def run_client(command: list[str], environment: Mapping[str, str], folder: Path, limit_s: float) -> str:
    """Run a client to its end, its output in `client.log`; end it, and all it started, if it takes too long.

    Returns:
        How it ended: an empty text, or why that is a failure.
    """
    with (folder / "client.log").open("w", encoding="utf-8") as log:
        whole = {**_environment(), **environment}
        process = subprocess.Popen(command, cwd=folder, env=whole, stdout=log, stderr=log, start_new_session=True)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return f"did not end within {limit_s:g} s"
        finally:
            _end_group(process)
    return "" if code in (0, 1) else f"ended with code {code}"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a group of its own, and whoever of that group is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()

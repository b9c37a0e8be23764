"""A server under measurement: a child process of its own, watched through `/proc`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent

_START_S = 60.0
"""The embedded profile loads its models in a few seconds; a cold disk takes longer."""

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class BenchError(RuntimeError):
    """The benchmark cannot be run here; the message says why in one line."""


class ServerProcess:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.http_url = f"http://127.0.0.1:{port}/v1"
        self.realtime_url = f"ws://127.0.0.1:{port}/v1/realtime?model=gpt-realtime"

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    def cpu_s(self) -> float:
        """Return the CPU time it and its children have used, in seconds."""
        return sum(cpu_s(pid) for pid in (self.pid, *descendants(self.pid)))

    def resident_bytes(self) -> int:
        """Return the memory it holds, without its children's."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def machine_busy_s() -> float:
    """Return the CPU time all processes of the machine together have used since it started, in seconds."""
    user, nice, system, _, _, irq, soft = (int(field) for field in Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + soft) * _TICK_S


def process_cpu_s() -> float:
    """Return the CPU time this process, the client, has used, in seconds."""
    return time.process_time()


@contextmanager
def running_server(profile: str, environ: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """Start a server on a free port, wait until it is ready, and stop it in the end.

    Args:
        profile: `null`, `embedded` or a profile file.
        environ: further environment variables.

    Raises:
        BenchError: it does not get ready.
    """
    port = _free_port()
    given = {"VIVAVOCE_PROFILE": profile, "VIVAVOCE_PORT": str(port), "VIVAVOCE_LOG_LEVEL": "warning", **(environ or {})}
    paths = [str(ROOT), *(path for path in sys.path if path)]
    process = subprocess.Popen(
        _command(profile, port, given),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **given},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_ready(process, port)
        yield ServerProcess(process, port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(profile: str, port: int, environ: Mapping[str, str]) -> list[str]:
    """Return how a server is started: as users do, unless it is to be profiled."""
    if "BENCH_PROFILE" not in {**os.environ, **environ}:
        return [sys.executable, "-m", "vivavoce", "serve", "--profile", profile, "--port", str(port)]
    return [sys.executable, "-m", "bench.server"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_S
    said = "it does not answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"the server ended with status {process.returncode} before it was ready")
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2.0)
        except httpx.TransportError:
            pass
        else:
            if answer.status_code == 200:
                return
            said = answer.text.strip()
        time.sleep(0.1)
    raise BenchError(f"the server was not ready within {_START_S:.0f} s: {said}")


def descendants(pid: int) -> list[int]:
    """Return the processes that descend from this one."""
    family = [pid]
    for parent in family:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                family += [int(child) for child in task.read_text().split()]
            except OSError:  # it has just ended
                continue
    return family[1:]


def cpu_s(pid: int) -> float:
    """Return the CPU time a process has used, in seconds; 0 where it has just ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it has just ended
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S

"""Processes of our own: Python modules that run beside the server, each at the other end of a socket."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterable


def launch(module: str, connection: socket.socket, *arguments: str, environment: Iterable[str]) -> subprocess.Popen[bytes]:
    """Start a module with this interpreter and this process's import path. It inherits the socket, whose descriptor is its first argument.

    Args:
        module: its name.
        connection: the end of a socket pair that becomes its own; the caller closes it here.
        arguments: more arguments.
        environment: names of the environment variables it gets, where they are set.

    Raises:
        OSError: no process can be started.
    """
    passed = {name: os.environ[name] for name in environment if name in os.environ}
    passed["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    descriptor = connection.fileno()
    return subprocess.Popen(
        [sys.executable, "-m", module, str(descriptor), *arguments], pass_fds=[descriptor], stdin=subprocess.DEVNULL, env=passed
    )


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process whose socket is closed; kill it if it does not end by itself in so many seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
        return
    process.kill()
    process.wait()

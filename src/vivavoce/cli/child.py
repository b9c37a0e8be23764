"""A server in a process of its own, so that what a client measures is not its own work."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from vivavoce.cli.errors import Trouble

START_S: Final = 90.0
"""How long a server may take to warm its engines on a slow machine."""

STOP_S: Final = 10.0

_READY: Final = re.compile(r"listens at (\S+)")


class ServerProcess:
    """`vivavoce serve` as a child. It stops when its standard input ends, so it does not outlive this process, however that ends.

    Args:
        arguments: flags of `serve`.
        environment: its environment.
        log: the file its log goes to.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._arguments = tuple(arguments)
        self._environment = dict(environment)
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server and wait until it is ready; see `ready`."""
        self.launch()
        return self.ready()

    def launch(self) -> None:
        """Start the server, and do not wait for it."""
        command = [sys.executable, "-m", "vivavoce", "serve", "--stop-with-stdin", *self._arguments]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )

    def ready(self) -> str:
        """Wait until the launched server is ready.

        Returns:
            Its base address.

        Raises:
            Trouble: it did not become ready; the message is the server's own if it said one.
        """
        process = self._process
        if process is None:
            raise ValueError("launch() comes first")
        patience = threading.Timer(START_S, process.kill)
        patience.start()
        try:
            for line in process.stdout or ():
                if found := _READY.search(line):
                    return found[1]
        finally:
            patience.cancel()
        code = process.wait()
        raise Trouble(self._last_words() or f"the server ended with code {code} before it was ready: see {self._log}")

    def wait(self) -> int:
        """Wait until the server ends; return its exit code."""
        return self._process.wait() if self._process is not None else 0

    def stop(self) -> None:
        """End the server in good order, by force if it takes too long. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _last_words(self) -> str:
        """Return the server's one-line error, without its `error: `."""
        lines = self._log.read_text("utf-8", errors="replace").splitlines()
        return next((line.removeprefix("error: ") for line in reversed(lines) if line.startswith("error: ")), "")

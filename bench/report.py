"""What a benchmark prints: the machine, the command, tables and notes; and the same as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_WIDTH = 150
"""Columns where the output is no terminal: wide enough that no figure is cut off."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    cpu: str
    cores: int
    python: str
    system: str
    load_average: float
    """The one-minute load before the benchmark began: anything much above zero is other people's work."""

    @classmethod
    def here(cls) -> Machine:
        """Describe this machine as it is now."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(_cpu_model(), cores, platform.python_version(), platform.system(), round(os.getloadavg()[0], 2))


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def arguments(description: str | None, program: str) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=(description or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser


class Report:
    """Collects what was measured and tells it.

    Args:
        title: what was measured.
        program: the module that was run, as after `python -m`.
        json_file: where the figures go as well; None for nowhere.
    """

    def __init__(self, title: str, program: str, json_file: Path | None) -> None:
        self._console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
        self._json_file = json_file
        machine = Machine.here()
        command = " ".join(["python", "-m", program, *sys.argv[1:]])
        self._figures: dict[str, Any] = {"title": title, "command": command, "machine": asdict(machine)}
        self.say(
            f"[bold]{title}[/bold]\n{machine.cpu}, {machine.cores} cores, {machine.system}, Python {machine.python}, "
            f"load average {machine.load_average} before the run\n$ {command}"
        )

    def say(self, text: str) -> None:
        """Print a line or more; rich markup is understood."""
        self._console.print(text)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, notes: str = "") -> None:
        """Print a table whose first column is text and whose others are figures."""
        table = Table(title=title, title_justify="left", caption=notes or None, caption_justify="left", box=box.SIMPLE_HEAD)
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def add(self, name: str, figures: Any) -> None:
        """Add figures to the JSON file."""
        self._figures[name] = figures

    def finish(self) -> None:
        """Write the JSON file, if one is wanted."""
        if self._json_file is not None:
            self._json_file.write_text(json.dumps(self._figures, indent=2) + "\n", encoding="utf-8")
            self.say(f"figures written to {self._json_file}")

"""A process watched from outside: its memory, open files, threads and children, through `/proc`."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.kit import BenchError, descendants

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Look:
    """What a process and its descendants hold at a moment; memory in MB."""

    own_mb: float
    children_mb: float
    files: int
    sockets: int
    threads: int
    children: int

    @property
    def open(self) -> int:
        """Return how many descriptors are open."""
        return self.files + self.sockets


def look(pid: int) -> Look:
    """Look at a process now.

    Raises:
        BenchError: it is gone.
    """
    family = descendants(pid)
    try:
        kinds = open_kinds(pid)
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError as error:
        raise BenchError(f"the server is gone: {error}") from error
    sockets = kinds.pop("socket", 0)
    return Look(_resident_mb(pid), sum(_share_mb(child) for child in family), kinds.total(), sockets, threads, len(family))


def open_kinds(pid: int) -> Counter[str]:
    """Return what a process has open, by kind: `socket`, `pipe`, `anon_inode`, or a file's path."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:  # it has just been closed
            continue
        kinds[target if target.startswith("/") else target.partition(":")[0]] += 1
    return kinds


def alive(pid: int) -> bool:
    """Tell whether a process still runs; one that has ended and was not asked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6
    except (OSError, IndexError):  # it has just ended
        return 0.0


def written_mb(pid: int) -> float:
    """Return the memory a forked process has written to, what it shares with its family by its share.

    Unlike `Look.children_mb` it does not change with who else on the machine maps the same libraries and models.
    """
    return _rollup_mb(pid, "Pss_Anon")


def _share_mb(pid: int) -> float:
    """Return the memory of a forked process: what it shares with others counts by its share."""
    return _rollup_mb(pid, "Pss")


def _rollup_mb(pid: int, what: str) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1e3
    except OSError:  # it has just ended, or the system does not tell
        pass
    return _resident_mb(pid)

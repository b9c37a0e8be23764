"""What a worker may not do: write files, open anything, outlive its parent, eat the machine.

A worker reads bytes that strangers sent, with decoders written in C. It gets its file as an open descriptor, so it can do without every
one of these.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NICENESS = 5
"""Live sessions go before files."""

_libc = ctypes.CDLL(None, use_errno=True)
"""Loaded before the fork: afterwards nothing can be opened."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use: address space beyond what the parent process had, bytes; processor time, s."""

    memory_bytes: int
    cpu_s: int


def confine(limits: Limits, parent: int) -> None:
    """Confine this process for good. Call it in the forked worker, before the first byte of a file is read.

    Args:
        limits: what the job may use.
        parent: the process whose end ends this one.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked to be told
        os._exit(1)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, it is us the kernel should take
    os.nice(_NICENESS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CPU, limits.cpu_s)
    _limit(resource.RLIMIT_AS, _address_space() + limits.memory_bytes)
    # No descriptor beyond those that are open: no file, no socket, no pipe can be had, whatever a file refers to.
    _limit(resource.RLIMIT_NOFILE, 0)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _address_space() -> int:
    """Return the bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

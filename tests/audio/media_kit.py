"""What the tests of media share: files of every kind, what a tone has become, and the worker processes seen from outside."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.kit import descendants
from numpy.typing import NDArray
from tests.audio import media_files

from vivavoce.audio.media import MediaError, MediaWorkers

SPEECH_HZ = 16_000
PATIENCE_S = 20.0
Samples = NDArray[np.int16]


def make_files(folder: Path, seconds: float, *names: str) -> Path:
    """Make files of these kinds, or of all, in a child process; return the folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run([sys.executable, media_files.__file__, str(folder), str(seconds), *names], check=True, timeout=300)
    return folder


@asynccontextmanager
async def working(workers: int = 4, **limits: Any) -> AsyncIterator[MediaWorkers]:
    """Media workers for the length of a test."""
    media = MediaWorkers(workers, **limits)
    try:
        yield media
    finally:
        await media.close()


async def decoded(media: MediaWorkers, path: Path, rate_hz: int = SPEECH_HZ) -> Samples:
    """Return all of a file's samples."""
    return np.frombuffer(b"".join([piece async for piece in media.decode(path, rate_hz)]), dtype="<i2")


async def refused(media: MediaWorkers, path: Path) -> MediaError:
    """Return the error a file gets, after checking that it is one line."""
    with pytest.raises(MediaError) as refusal:
        await decoded(media, path)
    assert str(refusal.value)
    assert "\n" not in str(refusal.value)
    return refusal.value


def tone(seconds: float, rate_hz: int, hz: float = media_files.TONE_HZ, level: float = media_files.LEVEL) -> Samples:
    """Return a tone, its level a share of full scale."""
    wave = level * 32_767 * np.sin(2 * np.pi * hz / rate_hz * np.arange(round(seconds * rate_hz)))
    return np.asarray(np.rint(wave), dtype=np.int16)


async def in_chunks(pcm: Samples, size: int = 1_600) -> AsyncGenerator[Samples]:
    """Yield samples as a voice does."""
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def pitch_hz(pcm: Samples, rate_hz: int = SPEECH_HZ) -> float:
    """Return the strongest frequency of the middle."""
    middle = _middle(pcm)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(np.argmax(spectrum) * rate_hz / len(middle))


def level(pcm: Samples) -> float:
    """Return the amplitude of the middle if it is a tone, as a share of full scale."""
    return float(np.sqrt(2 * np.mean(_middle(pcm) ** 2)) / 32_768)


def _middle(pcm: Samples) -> NDArray[np.float64]:
    return pcm[len(pcm) // 4 : 3 * len(pcm) // 4].astype(np.float64)


# --- processes ------------------------------------------------------------------------------------------------------------------


def zygotes(parent: int | None = None) -> list[int]:
    """Return the processes that media workers of this one (or of `parent`) are forked from."""
    own = parent or os.getpid()
    return [pid for pid in descendants(own) if _named(pid) and _parent(pid) == own]


def living_workers(parent: int | None = None) -> list[int]:
    """Return the media workers that live."""
    return [pid for zygote in zygotes(parent) for pid in descendants(zygote) if _state(pid) not in ("Z", "")]


async def eventually(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


def resident_mb(pid: int, name: str = "RssAnon") -> float:
    """Return the memory of its own that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    return _state(pid) in ("Z", "")


def _named(pid: int) -> bool:
    try:
        return b"media.worker.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _state(pid: int) -> str:
    fields = _fields(pid)
    return fields[0] if fields else ""

"""An hour of audio costs no more memory than a minute, coming in and going out."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.audio.media_kit import SPEECH_HZ, living_workers, make_files, resident_mb, tone, working

HOUR_S = 3_600
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.webm"])
async def test_an_hour_is_decoded_in_constant_memory(name: str, tmp_path: Path) -> None:
    make_files(tmp_path, HOUR_S, name)
    heard = 0
    server: list[float] = []
    worker: list[float] = []
    async with working() as media:
        began = time.monotonic()
        async for piece in media.decode(tmp_path / name):
            heard += len(piece)
            if heard % (60 * SPEECH_HZ * 2) < len(piece):
                server.append(resident_mb(os.getpid()))
                worker += [resident_mb(pid) for pid in living_workers()]
        took = time.monotonic() - began
    print(
        f"\n{name}: {HOUR_S / took:.0f} x real time; server +{max(server) - server[0]:.1f} MB, worker at most {max(worker):.1f} MB"
    )
    assert abs(heard / 2 / SPEECH_HZ - HOUR_S) < 1
    assert max(server) - server[0] < 10
    assert max(worker) - worker[0] < 10


@pytest.mark.parametrize("fmt", ["mp3", "opus", "flac"])
async def test_an_hour_is_encoded_in_constant_memory(fmt: str) -> None:
    minute = tone(60, 24_000)

    async def voice() -> AsyncGenerator[NDArray[np.int16]]:
        for _ in range(HOUR_S):
            yield minute[:24_000]

    written = 0
    server: list[float] = []
    async with working() as media:
        began = time.monotonic()
        async for piece in media.encode(voice(), 24_000, fmt):
            written += len(piece)
            if written % 1_000_000 < len(piece):
                server.append(resident_mb(os.getpid()))
        took = time.monotonic() - began
    print(f"\n{fmt}: {HOUR_S / took:.0f} x real time; {written / 1e6:.1f} MB; server +{max(server) - server[0]:.1f} MB")
    assert max(server) - server[0] < 10

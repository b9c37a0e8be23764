"""Sound that arrives on standard input as it is made: a WAV stream, or bare samples."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.engines.ports import SPEECH_RATE_HZ
from vivavoce.sessions.closing import closing

_READ_BYTES: Final = 8_192
_MOST_WAITING: Final = 256
"""Reads kept for a slow recognizer, 2 MiB; then the sender has to wait, as with every pipe."""

_PCM, _EXTENSIBLE = 1, 0xFFFE


async def read_pipe(descriptor: int | None = None, *, stop: asyncio.Event | None = None) -> AsyncGenerator[bytes]:
    """Yield what arrives, as it arrives, until it ends or `stop` is set; a descriptor, standard input by default."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(_MOST_WAITING)
    source = sys.stdin.fileno() if descriptor is None else descriptor

    def read() -> None:
        # A thread that may stay in its read for ever: not the loop's, which would wait for it at the end.
        try:
            while room.acquire() and (data := os.read(source, _READ_BYTES)):
                loop.call_soon_threadsafe(arrived.put_nowait, data)
            loop.call_soon_threadsafe(arrived.put_nowait, b"")
        except (RuntimeError, OSError):  # the loop has ended, or the descriptor has: nobody waits for more
            return

    threading.Thread(target=read, daemon=True).start()
    stopped = asyncio.create_task(stop.wait()) if stop is not None else None
    try:
        while True:
            data = await _first(arrived, stopped)
            if not data:
                return
            room.release()
            yield data
    finally:
        if stopped is not None:
            stopped.cancel()


async def _first(arrived: asyncio.Queue[bytes], stopped: asyncio.Task[bool] | None) -> bytes:
    """Return the next data, or nothing if the stop comes first."""
    if stopped is None:
        return await arrived.get()
    getting = asyncio.create_task(arrived.get())
    await asyncio.wait({getting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if getting.done():
        return getting.result()
    getting.cancel()
    return b""


async def samples(data: AsyncIterator[bytes], rate_hz: int | None) -> AsyncGenerator[bytes]:
    """Yield a stream's sound as 16 kHz mono s16le.

    Args:
        data: a WAV stream whose lengths may be unknown; with `rate_hz`, bare mono s16le samples.
        rate_hz: the rate of bare samples; None for WAV.

    Raises:
        Trouble: it is neither.
    """
    async with closing(data) as parts:
        rate_hz, channels, rest = (rate_hz, 1, b"") if rate_hz is not None else await _heading(parts)
        converter = _Converter(rate_hz, channels)
        if out := converter.feed(rest):
            yield out
        async for part in parts:
            if out := converter.feed(part):
                yield out
        if out := converter.end():
            yield out


class _Converter:
    """Makes whatever length of interleaved s16le into 16 kHz mono."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._channels = channels
        self._rest = b""
        self._resampler = None if rate_hz == SPEECH_RATE_HZ else soxr.ResampleStream(rate_hz, SPEECH_RATE_HZ, 1, dtype="int16")

    def feed(self, data: bytes) -> bytes:
        self._rest += data
        whole = len(self._rest) // (2 * self._channels) * 2 * self._channels
        frames = np.frombuffer(self._rest[:whole], "<i2").reshape(-1, self._channels)
        self._rest = self._rest[whole:]
        return self._converted(frames[:, 0] if self._channels == 1 else frames.mean(axis=1).astype(np.int16))

    def end(self) -> bytes:
        return self._converted(np.empty(0, np.int16), last=True)

    def _converted(self, mono: NDArray[np.int16], last: bool = False) -> bytes:
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(np.ascontiguousarray(mono), last=last)
        return mono.astype("<i2").tobytes()


async def _heading(data: AsyncIterator[bytes]) -> tuple[int, int, bytes]:
    """Read up to the samples; return their rate, their channels, and those that have come already."""
    buffer = b""

    async def need(count: int) -> None:
        nonlocal buffer
        while len(buffer) < count:
            more = await anext(data, b"")
            if not more:
                raise Trouble("standard input ends before there is any sound", MISUSED)
            buffer += more

    await need(12)
    if buffer[:4] not in (b"RIFF", b"RF64") or buffer[8:12] != b"WAVE":
        raise Trouble(
            "standard input is no WAV stream: with --live send WAV, or bare 16-bit samples and their --rate "
            "(ffmpeg -i … -f wav -), or leave out --live",
            MISUSED,
        )
    buffer = buffer[12:]
    rate_hz = channels = 0
    while True:
        await need(8)
        name, size = buffer[:4], struct.unpack("<I", buffer[4:8])[0]
        if name == b"data":
            if not rate_hz:
                raise Trouble("the WAV stream does not say what its samples are", MISUSED)
            return rate_hz, channels, buffer[8:]
        await need(8 + min(size + size % 2, 1 << 20))
        if name == b"fmt ":
            rate_hz, channels = _format(buffer[8 : 8 + size])
        buffer = buffer[8 + size + size % 2 :]


def _format(fmt: bytes) -> tuple[int, int]:
    if len(fmt) < 16:
        raise Trouble("the WAV stream is broken", MISUSED)
    kind, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", fmt[:16])
    if kind not in (_PCM, _EXTENSIBLE) or bits != 16 or not 1 <= channels <= 8 or not 4_000 <= rate_hz <= 384_000:
        raise Trouble(
            f"the WAV stream has {bits}-bit samples of kind {kind}; 16-bit PCM is needed (ffmpeg -i … -f wav -)", MISUSED
        )
    return rate_hz, channels

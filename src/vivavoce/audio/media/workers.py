"""Media files for the rest of the house: decode, probe, encode, each job in a process of its own."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.media import jobs
from vivavoce.audio.media.fault import MediaError
from vivavoce.audio.media.formats import OUTPUT_FORMATS, PLAIN, SPEECH_RATE_HZ, SPEEDS
from vivavoce.audio.media.jobs import Decode, Encode, MediaInfo, Probe
from vivavoce.audio.media.link import WorkerLink, WorkerLost
from vivavoce.audio.media.nursery import Nursery
from vivavoce.audio.media.plain import PlainEncoder, pieces, wav_header

_RATES_HZ = (4_000, 192_000)


class MediaWorkers:
    """Decodes and encodes, so many jobs at a time. One for a process; nothing is started before it is needed.

    A worker mostly waits for whoever takes its audio, a recognizer or a listener, and costs a few megabytes while it does: there may be many
    more of them than processors. Each is confined to its limits, ends with its job, and is killed when the job is given up.

    Args:
        workers: jobs at a time.
        wait_s: how long a job waits for its turn before it is refused.
        stall_s: how long a worker may give no sign of life before it is killed.
        longest_s: audio longer than this is refused.
        memory_bytes: what a job may use.
        cpu_s: processor time a job may use.
    """

    def __init__(
        self,
        workers: int = 16,
        *,
        wait_s: float = 60.0,
        stall_s: float = 20.0,
        longest_s: float = 6 * 3_600.0,
        memory_bytes: int = 256 * 1024 * 1024,
        cpu_s: int = 600,
    ) -> None:
        if workers < 1:
            raise ValueError(f"media needs a worker, not {workers}")
        self._places = asyncio.Semaphore(workers)
        self._wait_s = wait_s
        self._longest_s = longest_s
        self._nursery = Nursery(memory_bytes, cpu_s, stall_s)
        self._lost = 0

    @property
    def lost(self) -> int:
        """How many workers died or hung in the middle of their job."""
        return self._lost

    async def close(self) -> None:
        """End every process; jobs that run fail. Idempotent."""
        await self._nursery.close()

    async def decode(self, source: Path, rate_hz: int = SPEECH_RATE_HZ) -> AsyncGenerator[bytes]:
        """Yield a file's audio as mono s16le, at most a second at a time, as fast as it is taken and no faster.

        Channels are mixed down. Of a video the first audio track is heard. Damaged parts are passed over while they are few.

        Args:
            source: the file. Its ending is a hint where its bytes leave it open what it is.
            rate_hz: the rate wanted, 4,000 to 192,000.

        Raises:
            MediaError: see there.
        """
        _check_rate(rate_hz)
        async with self._file(source) as file, self._worker(file) as worker:
            await worker.send(jobs.JOB, jobs.pack_job(Decode(_hint(source), rate_hz, self._longest_s)))
            async for piece in _pieces(worker):
                if piece:
                    yield piece

    async def probe(self, source: Path) -> MediaInfo:
        """Return what a file is, without decoding it.

        Raises:
            MediaError: see there.
        """
        async with self._file(source) as file, self._worker(file) as worker:
            await worker.send(jobs.JOB, jobs.pack_job(Probe(_hint(source))))
            return jobs.unpack_info(await _answer(worker, jobs.INFO))

    def encode(
        self, pcm: AsyncIterator[NDArray[np.int16]], rate_hz: int, format: str, speed: float = 1.0
    ) -> AsyncGenerator[bytes]:
        """Yield speech in a format, mono at 24 kHz, while it is still being spoken.

        Args:
            pcm: the samples; stays the caller's to close.
            rate_hz: their rate, 4,000 to 192,000.
            format: `mp3`, `opus` (in Ogg), `aac` (ADTS), `flac`, `wav` (its header states no length) or `pcm` (s16le without a header).
            speed: 0.25 to 4: faster or slower at the same pitch.

        Raises:
            MediaError: another format, or see there.
            ValueError: a rate or a speed out of range.
        """
        _check_rate(rate_hz)
        if format not in OUTPUT_FORMATS:
            raise MediaError(f"the format {format!r} is not one of {', '.join(OUTPUT_FORMATS)}", "unsupported_format")
        if not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"a speed of {speed} is not between {SPEEDS[0]} and {SPEEDS[1]}")
        head = wav_header() if format == "wav" else b""
        if format in PLAIN and speed == 1:
            return _plainly(pcm, rate_hz, head)
        return self._encode(pcm, Encode(rate_hz, "pcm" if format in PLAIN else format, speed), head)

    async def _encode(self, pcm: AsyncIterator[NDArray[np.int16]], job: Encode, head: bytes) -> AsyncGenerator[bytes]:
        async with self._worker(None) as worker:
            await worker.send(jobs.JOB, jobs.pack_job(job))
            if head:
                yield head
            async for samples in pcm:
                for piece in pieces(samples, job.rate_hz):
                    await worker.send(jobs.AUDIO, piece.astype("<i2", copy=False).tobytes())
                    # One answer for each, so that a worker that hangs is told from a voice that pauses.
                    if encoded := await _answer(worker, jobs.AUDIO):
                        yield encoded
            await worker.send(jobs.END)
            async for encoded in _pieces(worker):
                yield encoded

    @asynccontextmanager
    async def _worker(self, file: int | None) -> AsyncIterator[WorkerLink]:
        """Lend a new worker; on leaving it is dead.

        Raises:
            MediaError: none is free in time, or this one is lost.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise MediaError("too many audio files are being worked on; try again in a moment", "overloaded") from error
        try:
            worker = await self._nursery.worker(file)
            try:
                yield worker
            finally:
                self._nursery.bury(worker)
        except WorkerLost as error:
            self._lost += 1
            raise MediaError(f"the audio could not be processed: its worker failed ({error})", "failed") from error
        finally:
            self._places.release()

    @asynccontextmanager
    async def _file(self, source: Path) -> AsyncIterator[int]:
        """Open a file for reading.

        Raises:
            MediaError: it is none, or cannot be opened.
        """
        try:
            # Without waiting: a pipe would wait for whoever writes to it.
            descriptor = await asyncio.to_thread(os.open, source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise MediaError(f"the file cannot be opened: {error.strerror}", "invalid_file") from error
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise MediaError("that is not a file", "invalid_file")
            yield descriptor
        finally:
            os.close(descriptor)


async def _plainly(pcm: AsyncIterator[NDArray[np.int16]], rate_hz: int, head: bytes) -> AsyncGenerator[bytes]:
    encoder = PlainEncoder(rate_hz)
    if head:
        yield head
    async for samples in pcm:
        for piece in pieces(samples, rate_hz):
            if encoded := encoder.feed(piece):
                yield encoded
    if rest := encoder.feed(np.zeros(0, np.int16), last=True):
        yield rest


async def _pieces(worker: WorkerLink) -> AsyncIterator[bytes]:
    """Yield a worker's audio until it says that that was all."""
    while True:
        kind, body = await worker.receive()
        match kind:
            case jobs.AUDIO:
                yield body
            case jobs.END:
                return
            case jobs.FAULT:
                raise jobs.unpack_fault(body)
            case _:
                raise WorkerLost("it talks nonsense")


async def _answer(worker: WorkerLink, wanted: bytes) -> bytes:
    kind, body = await worker.receive()
    if kind == jobs.FAULT:
        raise jobs.unpack_fault(body)
    if kind != wanted:
        raise WorkerLost("it talks nonsense")
    return body


def _hint(source: Path) -> str:
    return source.suffix[1:].lower()


def _check_rate(rate_hz: int) -> None:
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise ValueError(f"a rate of {rate_hz} Hz is not between {_RATES_HZ[0]} and {_RATES_HZ[1]} Hz")

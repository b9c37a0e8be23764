"""The process's one ear: every session's frames through one thread, a batch at a time.

How it works. A stream's `push` puts the frame into the stream's own queue and, if the stream was idle, the stream into the ready
list. The thread takes the ready streams, one frame of each (the model's state is sequential), judges them in one call and posts
all results to the event loop at once. A stream with more frames queued is ready again.

When to run. An idle system judges each frame as it comes. A busy one waits a few milliseconds for company, because a batch of 16
costs half as much per frame as 16 single runs do: the thread knows the rate at which streams become ready and waits until
about `TARGET_BATCH` have, never longer than `MAX_WAIT_S`, and not at all if fewer than `WORTH_WAITING` are to be expected or
anybody has a backlog.

Who owns what. Slots and model state belong to the thread alone; queues and lists are under one lock, held for microseconds;
callbacks run on the event loop's thread, and so does `close`, which is why nothing can be delivered after it.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import VAD_FRAME_SAMPLES, Capabilities, EngineFault, VadStream
from vivavoce.engines.vad.silero import SileroModel, SileroStreams, find_silero

MAX_BATCH = 64
"""Frames in one model call: a full batch takes 2 to 4 ms; a larger one gets no cheaper per frame, only later."""

TARGET_BATCH = 16
"""Frames worth waiting for: one costs half of what it costs alone, and hardly less in a larger batch (`python -m bench.vad`)."""

WORTH_WAITING = 4
"""Frames to be expected within `MAX_WAIT_S` below which each is judged as it comes."""

MAX_WAIT_S = 0.004
"""Longest wait for company, an eighth of a frame. At 64 paced streams it saves a third of the CPU for 2 ms of median latency."""

MAX_BACKLOG_FRAMES = 65_536
"""Frames one stream may have waiting (35 minutes, 128 MiB): more than one wire event can hold, less than a host's memory."""

_Result = TypeVar("_Result")

_RATE_MEMORY_S = 0.1
"""Time constant of the rate estimate: three frames of every stream."""


@dataclass(frozen=True, slots=True)
class VadLoad:
    """What a detector has done since it was made."""

    frames: int
    batches: int
    open_streams: int


class _Stream:
    """One session's ear; see `ports.VadStream`."""

    __slots__ = ("_detector", "ended", "on_fault", "on_probability", "queue", "ready", "slot")

    def __init__(
        self,
        detector: BatchedVad,
        on_probability: Callable[[float], None],
        on_fault: Callable[[EngineFault], None] | None,
    ) -> None:
        self._detector = detector
        self.on_probability = on_probability
        self.on_fault = on_fault
        self.queue: deque[NDArray[np.float32]] = deque()
        self.slot: int | None = None
        self.ready = False
        self.ended = False

    def push(self, frame: NDArray[np.float32]) -> None:
        """Queue a copy of one frame; after the end of the stream, do nothing.

        Raises:
            ValueError: the frame is not 512 float32 samples.
        """
        if frame.shape != (VAD_FRAME_SAMPLES,) or frame.dtype != np.float32:
            raise ValueError(f"a frame is {VAD_FRAME_SAMPLES} float32 samples, not {frame.shape} of {frame.dtype}")
        self._detector._accept(self, frame.copy())

    def close(self) -> None:
        """Forget the stream; no callback comes afterwards. Idempotent."""
        self._detector._forget(self)


class BatchedVad:
    """Silero for all sessions of the process; satisfies `ports.VoiceActivityDetector`.

    Args:
        model: the ONNX file; None for the one that comes with the installation.
    """

    capabilities = Capabilities(
        name="silero",
        licence="MIT",
        streaming=True,
        quality="good",
        max_batch=MAX_BATCH,
        notes="Calls babble speech at 10 dB, as every detector does.",
    )

    def __init__(self, model: Path | None = None) -> None:
        self._path = model
        self._wakeup = threading.Condition(threading.Lock())
        self._ready: deque[_Stream] = deque()
        self._ended: list[_Stream] = []
        self._open: set[_Stream] = set()
        self._arrivals = 0
        self._wake_at = 1
        self._backlogged = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._streams: SileroStreams | None = None
        self._frames = 0
        self._batches = 0

    @property
    def load(self) -> VadLoad:
        """Frames and batches judged so far, and the streams open now."""
        return VadLoad(frames=self._frames, batches=self._batches, open_streams=len(self._open))

    async def warm(self) -> None:
        """Load the model and run it once.

        Raises:
            EngineFault: the model is missing or does not run here.
        """
        if self._streams is None:
            streams = await asyncio.to_thread(self._load)
            if self._thread is None:
                self._streams = streams

    async def close(self) -> None:
        """End all streams without a word to them, and the thread. Idempotent."""
        with self._wakeup:
            self._stopping = True
            for stream in self._open:
                stream.ended = True
                stream.queue.clear()
            self._open.clear()
            self._ready.clear()
            self._wakeup.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def open(self, on_probability: Callable[[float], None], on_fault: Callable[[EngineFault], None] | None = None) -> VadStream:
        """Open a stream; to be called on the event loop that shall get the callbacks. See `ports.VoiceActivityDetector.open`.

        Raises:
            EngineFault: the detector has been closed, or serves another event loop.
        """
        loop = asyncio.get_running_loop()
        if self._stopping:
            raise EngineFault("The voice activity detector has been closed.", temporary=False)
        if self._loop is not loop and self._open:
            raise EngineFault("A voice activity detector serves one event loop.", temporary=False)
        stream = _Stream(self, on_probability, on_fault)
        with self._wakeup:
            self._loop = loop
            self._open.add(stream)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="vad", daemon=True)
            self._thread.start()
        return stream

    # --- called by streams, on the event loop's thread ---

    def _accept(self, stream: _Stream, frame: NDArray[np.float32]) -> None:
        with self._wakeup:
            if stream.ended:
                return
            if len(stream.queue) < MAX_BACKLOG_FRAMES:
                stream.queue.append(frame)
                if not stream.ready:
                    stream.ready = True
                    self._ready.append(stream)
                    self._arrivals += 1
                    if len(self._ready) >= self._wake_at:
                        self._wakeup.notify()
                return
        self._forget(stream)
        if stream.on_fault is not None:
            stream.on_fault(EngineFault("Audio arrives faster than it can be listened to.", code="rate_limit_exceeded"))

    def _forget(self, stream: _Stream) -> None:
        with self._wakeup:
            if stream.ended:
                return
            stream.ended = True
            stream.queue.clear()
            self._open.discard(stream)
            self._ended.append(stream)

    # --- the thread ---

    def _work(self) -> None:
        pace = _Pace()
        while (batch := self._collect(pace)) is not None:
            streams, frames = batch
            if not streams:
                continue
            try:
                probabilities = self._judge(streams, frames)
            except EngineFault as fault:
                self._fail(fault)
            except Exception as cause:  # noqa: BLE001 - the worker's boundary: whatever broke, the sessions hear of it
                failure = EngineFault("The voice activity detector failed.")
                failure.__cause__ = cause
                self._fail(failure)
            else:
                self._post(_deliver, streams, probabilities.tolist())

    def _collect(self, pace: _Pace) -> tuple[list[_Stream], list[NDArray[np.float32]]] | None:
        """Wait for a batch worth running (it may turn out empty); None when the detector is closing."""
        with self._wakeup:
            while not self._ready and not self._stopping:
                self._wake_at = 1
                self._wakeup.wait()
            target, wait_s = pace.plan(self._arrivals, time.monotonic())
            self._arrivals = 0
            if not self._backlogged and len(self._ready) < target and not self._stopping:
                self._wake_at = target
                self._wakeup.wait(wait_s)
            if self._stopping:
                return None
            self._release_ended()
            streams = [stream for stream in self._take_ready() if not stream.ended]
            frames = [stream.queue.popleft() for stream in streams]
            again = [stream for stream in streams if stream.queue]
            for stream in streams:
                stream.ready = bool(stream.queue)
            self._backlogged = bool(again or self._ready)
            self._ready.extend(again)
            return streams, frames

    def _take_ready(self) -> list[_Stream]:
        return [self._ready.popleft() for _ in range(min(len(self._ready), MAX_BATCH))]

    def _release_ended(self) -> None:
        for stream in self._ended:
            if stream.slot is not None and self._streams is not None:
                self._streams.release(stream.slot)
        self._ended.clear()

    def _judge(self, streams: list[_Stream], frames: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        if self._streams is None:
            self._streams = self._load()
        slots = []
        for stream in streams:
            if stream.slot is None:
                stream.slot = self._streams.acquire()
            slots.append(stream.slot)
        probabilities = self._streams.judge(slots, frames)
        self._frames += len(streams)
        self._batches += 1
        return probabilities

    def _load(self) -> SileroStreams:
        streams = SileroStreams(SileroModel(self._path or find_silero()), MAX_BATCH)
        slot = streams.acquire()
        streams.judge([slot], [np.zeros(VAD_FRAME_SAMPLES, np.float32)])
        streams.release(slot)
        return streams

    def _fail(self, fault: EngineFault) -> None:
        """Tell every open stream, and start over with a fresh model when the next one brings a frame."""
        with self._wakeup:
            victims = list(self._open)
            for stream in victims:
                stream.ended = True
                stream.queue.clear()
            self._open.clear()
            self._ready.clear()
            self._ended.clear()
            self._streams = None
        self._post(_announce, victims, fault)

    def _post(self, deliver: Callable[[list[_Stream], _Result], None], streams: list[_Stream], result: _Result) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(deliver, streams, result)
        except RuntimeError:  # the loop has been closed: nobody is left to tell
            for stream in streams:
                self._forget(stream)


class _Pace:
    """Decides how long to wait for how many, from the rate at which streams become ready."""

    def __init__(self) -> None:
        self._rate_hz = 0.0
        self._last = -math.inf

    def plan(self, arrivals: int, now: float) -> tuple[int, float]:
        """Return the batch size worth waiting for and the longest wait in seconds; size 1 means run at once.

        Args:
            arrivals: streams that became ready since the last call.
            now: monotonic time in seconds.
        """
        elapsed = max(now - self._last, 1e-6)
        self._last = now
        self._rate_hz += (1.0 - math.exp(-elapsed / _RATE_MEMORY_S)) * (arrivals / elapsed - self._rate_hz)
        expected = min(TARGET_BATCH, int(self._rate_hz * MAX_WAIT_S))
        if expected < WORTH_WAITING:
            return 1, 0.0
        return expected, MAX_WAIT_S


def _deliver(streams: list[_Stream], probabilities: list[float]) -> None:
    """Call back each stream that is still open; one whose callback fails does not cost the others theirs."""
    for stream, probability in zip(streams, probabilities, strict=True):
        if stream.ended:
            continue
        try:
            stream.on_probability(probability)
        except Exception as fault:  # noqa: BLE001 - a session's error must not stop the other sessions' ears
            _report(stream, fault)


def _announce(streams: list[_Stream], fault: EngineFault) -> None:
    for stream in streams:
        if stream.on_fault is None:
            continue
        try:
            stream.on_fault(fault)
        except Exception as raised:  # noqa: BLE001 - as above
            _report(stream, raised)


def _report(stream: _Stream, fault: Exception) -> None:
    context = {"message": "a voice activity callback failed", "exception": fault, "stream": stream}
    asyncio.get_running_loop().call_exception_handler(context)

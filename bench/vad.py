"""Measure the voice activity detector: the model alone by batch size, then live streams paced at one frame in 32 ms.

Run: `python -m bench.vad [--seconds 10]`. Latency is from `push` to the callback on the event loop; the thread's CPU is the
detector's own, without the pacing around it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import threading
import time

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import SPEECH_RATE_HZ, VAD_FRAME_SAMPLES, VadStream
from vivavoce.engines.vad.batched import BatchedVad
from vivavoce.engines.vad.silero import CONTEXT_SAMPLES, STATE_WIDTH, SileroModel, find_silero

FRAME_S = VAD_FRAME_SAMPLES / SPEECH_RATE_HZ
BATCHES = (1, 4, 8, 16, 32, 64, 128)
STREAMS = (1, 16, 64, 128)


def measure_model(batch: int, rounds: int = 300) -> float:
    """Return the median time of one model call in microseconds per frame."""
    model = SileroModel(find_silero())
    random_source = np.random.default_rng(0)
    windows = (random_source.standard_normal((batch, CONTEXT_SAMPLES + VAD_FRAME_SAMPLES)) * 0.1).astype(np.float32)
    state = np.zeros((2, batch, STATE_WIDTH), np.float32)
    times = []
    for _ in range(max(20, rounds // batch)):
        start = time.perf_counter()
        _, state = model.run(windows, state)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) / batch * 1e6


class Talker:
    """One paced stream: pushes a frame every 32 ms, whatever the event loop's delays, and notes when each was answered."""

    def __init__(self, vad: BatchedVad, frames: NDArray[np.float32], delay_s: float, latencies: list[float]) -> None:
        self._stream: VadStream = vad.open(self._answered)
        self._frames = frames
        self._latencies = latencies
        self._pushed: list[float] = []
        self._answers = 0
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + delay_s
        self._handle = self._loop.call_at(self._due, self._speak)

    def _speak(self) -> None:
        self._pushed.append(time.perf_counter())
        self._stream.push(self._frames[len(self._pushed) % len(self._frames)])
        self._due += FRAME_S
        self._handle = self._loop.call_at(self._due, self._speak)

    def _answered(self, probability: float) -> None:
        self._latencies.append(time.perf_counter() - self._pushed[self._answers])
        self._answers += 1

    def stop(self) -> None:
        """End the stream."""
        self._handle.cancel()
        self._stream.close()


async def measure_streams(count: int, seconds: float) -> str:
    """Return one row of the table: so many streams for so long."""
    vad = BatchedVad()
    await vad.warm()
    frames = (np.random.default_rng(0).standard_normal((31, VAD_FRAME_SAMPLES)) * 0.05).astype(np.float32)
    phase = random.Random(0)
    latencies: list[float] = []
    talkers = [Talker(vad, frames, phase.random() * FRAME_S, latencies) for _ in range(count)]
    await asyncio.sleep(1.0)
    latencies.clear()
    clock = time.pthread_getcpuclockid(next(t.ident for t in threading.enumerate() if t.name == "vad" and t.ident is not None))
    before, cpu, wall, process = vad.load, time.clock_gettime(clock), time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    cpu, wall, process = time.clock_gettime(clock) - cpu, time.perf_counter() - wall, time.process_time() - process
    done = vad.load.frames - before.frames
    batches = vad.load.batches - before.batches
    for talker in talkers:
        talker.stop()
    await vad.close()
    p50, p95, p99 = (float(np.percentile(latencies, q)) * 1e3 for q in (50, 95, 99))
    return (
        f"{count:7d} {done / max(batches, 1):6.1f} {cpu / max(done, 1) * 1e6:9.0f} {cpu / wall * 100:7.1f} {process / wall * 100:9.1f}"
        f" {p50:8.2f} {p95:8.2f} {p99:8.2f} {max(latencies) * 1e3:8.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print("model alone, us per frame: " + "  ".join(f"B={batch} {measure_model(batch):.0f}" for batch in BATCHES))
    print("streams  batch  us/frame  thread%  process%   p50 ms   p95 ms   p99 ms   max ms")
    for count in STREAMS:
        print(asyncio.run(measure_streams(count, seconds)), flush=True)


if __name__ == "__main__":
    main()

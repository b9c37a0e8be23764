"""The media path by itself: a sound said and played back at once, by our media process and by aiortc's own sender and receiver.

Nothing is recognized or thought here, so that what is measured is packets, codecs and clocks alone. The caller is the same for both.

`python -m bench.webrtc_media` is the peer of aiortc's: it reads an offer as a line of JSON, writes the answer, and plays back what it hears
until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.client import NOISE_RMS
from bench.kit import ROOT, BenchError, cpu_s, descendants
from bench.speech import RATE_HZ, Samples
from bench.webrtc_phone import AUDIBLE, Connection, Phone
from vivavoce.settings import WebRtcSettings
from vivavoce.transports.webrtc.leg import Leg
from vivavoce.transports.webrtc.pool import EdgePool

BURST_S: Final = 0.1
EVERY_S: Final = 0.4
_SETTLE_S: Final = 2.0
_LATEST_S: Final = 0.38

Answerer = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Path:
    """Round trips in ms from the moment a burst is said to the moment it is heard, and the CPU of the other side in shares of a core."""

    name: str
    trips: tuple[float, ...]
    lost: int
    cpu: float


class _PlaysBack:
    """What is told of a call; whatever is heard is played."""

    def __init__(self) -> None:
        self.leg: Leg | None = None
        self.over = asyncio.Event()

    def opened(self) -> None:
        """Nothing to do."""

    def audio(self, pcm: bytes) -> None:
        """Play what is loud: nothing then waits to be played when the next burst comes."""
        if self.leg is not None and np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max() > AUDIBLE:
            self.leg.play("back", "back", pcm)

    def message(self, data: str | bytes) -> None:
        """Nothing to do."""

    def started(self, response_id: str) -> None:
        """Nothing to do."""

    def stopped(self, response_id: str) -> None:
        """Nothing to do."""

    def cut(self, token: int, cuts: Sequence[tuple[str, str, float]]) -> None:
        """Nothing to do."""

    def closed(self, reason: str) -> None:
        """Note it."""
        self.over.set()


async def ours(bursts: int) -> Path:
    """Measure our media process."""
    pool, events = EdgePool(WebRtcSettings(loopback=True, echo=False)), _PlaysBack()

    async def answer(offer: str) -> str:
        events.leg, sdp = await pool.open(offer, events)
        return sdp

    try:
        return await _measure("this server's media process", answer, lambda: sum(map(cpu_s, descendants(os.getpid()))), bursts)
    finally:
        await pool.close()


async def theirs(bursts: int) -> Path:
    """Measure aiortc's peer connection, in a process of its own."""
    paths = [str(ROOT), *(path for path in sys.path if path)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.webrtc_media"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        limit=1 << 20,
    )
    into, out = process.stdin, process.stdout
    if into is None or out is None:
        raise BenchError("no pipes")

    async def answer(offer: str) -> str:
        into.write(json.dumps(offer).encode() + b"\n")
        line = await out.readline()
        if not line:
            raise BenchError("the peer of aiortc's has ended")
        return str(json.loads(line))

    try:
        return await _measure("aiortc's RTCPeerConnection", answer, lambda: cpu_s(process.pid), bursts)
    finally:
        into.close()
        await process.wait()


async def _measure(name: str, answer: Answerer, cpu: Callable[[], float], bursts: int) -> Path:
    phone = Phone(Connection(), 0)
    said: list[float] = []
    async with _running(phone, answer):
        microphone = phone.microphone
        await asyncio.sleep(_SETTLE_S)
        used, began = cpu(), asyncio.get_running_loop().time()
        for _ in range(bursts):
            begin, _ = microphone.say(_burst(), after_s=0.05)
            said.append(microphone.moment(begin))
            await asyncio.sleep(EVERY_S)
        spent = (cpu() - used) / (asyncio.get_running_loop().time() - began)
    trips = [next(iter(phone.connection.audible(begun_s, begun_s + _LATEST_S)), None) for begun_s in said]
    found = tuple((heard_s - begun_s) * 1000 for heard_s, begun_s in zip(trips, said, strict=True) if heard_s is not None)
    return Path(name, found, bursts - len(found), spent)


@asynccontextmanager
async def _running(phone: Phone, answer: Answerer) -> AsyncIterator[None]:
    running: asyncio.Task[None] | None = None
    try:
        await phone.connection.accept(await answer(await phone.connection.offer()))
        running = asyncio.create_task(phone.microphone.run())
        yield
    finally:
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        await phone.connection.close()


def _burst() -> Samples:
    time = np.arange(round(BURST_S * RATE_HZ)) / RATE_HZ
    hum = 9_000 * np.sin(2 * np.pi * 440 * time) + NOISE_RMS
    return np.asarray(hum, dtype=np.int16)


async def _play_back() -> None:
    """Be the peer of aiortc's."""
    loop = asyncio.get_running_loop()
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    @peer.on("track")
    def play(track: Any) -> None:
        peer.addTrack(track)

    offer = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    print(json.dumps(peer.localDescription.sdp), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    await peer.close()


if __name__ == "__main__":
    asyncio.run(_play_back())

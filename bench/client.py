"""A caller with a microphone: an endless stream in real time, on an absolute clock, and every answer stamped as it arrives.

Sample n of the microphone *happens* at `start + n / 24000` on `time.perf_counter`; a chunk is sent once its last sample has happened,
as a sound card hands it over. So a latency measured from a moment of the audio includes the wait for the end of its chunk.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.kit import BenchError
from bench.speech import RATE_HZ, Samples

CHUNK: Final = RATE_HZ // 50
"""Samples in 20 ms, what telephony and browsers send."""

NOISE_RMS: Final = 3.0
"""The microphone's own noise in 16-bit steps (-81 dBFS): a quiet room."""

Send = Callable[[str], Awaitable[None]]


class Microphone:
    """Sends 20 ms of audio every 20 ms: faint noise, and in it what is said.

    Args:
        send: takes a chunk as base64 of 24 kHz s16le.
        seed: of its noise, and of where within a chunk speech begins.
        noise_rms: its noise in 16-bit steps; 0 for recordings that bring their own.
    """

    def __init__(self, send: Send, seed: int, noise_rms: float = NOISE_RMS) -> None:
        self._send = send
        self._random = np.random.default_rng(seed)
        self._noise = self._random.normal(0.0, noise_rms, RATE_HZ * 2 // CHUNK * CHUNK)
        self._said: list[tuple[int, Samples]] = []
        self._chunks: list[Samples] = []
        self._start_s = 0.0
        self.lateness_ms: list[float] = []
        """How late each chunk was sent: the client's own share in what it measures."""

    @property
    def sent(self) -> Samples:
        """Return everything sent so far."""
        return np.concatenate(self._chunks) if self._chunks else np.empty(0, np.int16)

    def moment(self, sample: float) -> float:
        """Return when a sample happens, by `time.perf_counter`."""
        return self._start_s + sample / RATE_HZ

    def say(self, speech: Samples, *, after_s: float = 0.1) -> tuple[int, int]:
        """Say something soon; return the samples at which it begins and ends, anywhere within a chunk."""
        free = max((begin + len(said) for begin, said in self._said), default=0)
        begin = max(free, (len(self._chunks) + 1) * CHUNK) + round(after_s * RATE_HZ) + int(self._random.integers(CHUNK))
        self._said.append((begin, speech))
        return begin, begin + len(speech)

    async def run(self) -> None:
        """Send until cancelled."""
        self._start_s = time.perf_counter()
        while True:
            samples = self._next()
            self._chunks.append(samples)
            audio = base64.b64encode(samples.astype("<i2").tobytes()).decode()
            due_s = self.moment(len(self._chunks) * CHUNK)
            await asyncio.sleep(due_s - time.perf_counter())
            self.lateness_ms.append((time.perf_counter() - due_s) * 1000)
            await self._send(audio)

    def _next(self) -> Samples:
        start = len(self._chunks) * CHUNK
        at = start % len(self._noise)
        mixed = self._noise[at : at + CHUNK].copy()
        for begin, speech in self._said:
            low, high = max(begin, start), min(begin + len(speech), start + CHUNK)
            if low < high:
                mixed[low - start : high - start] += speech[low - begin : high - begin]
        return np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Event:
    """A server event and when it arrived, by `time.perf_counter`."""

    at_s: float
    type: str
    body: dict[str, Any]


class Line:
    """An open session: its microphone, and what the server has sent."""

    def __init__(self, socket: ClientConnection, seed: int) -> None:
        self._socket = socket
        self._news = asyncio.Event()
        self.events: list[Event] = []
        self.microphone = Microphone(self._append, seed)

    async def _append(self, audio: str) -> None:
        await self._socket.send('{"type":"input_audio_buffer.append","audio":"' + audio + '"}')

    async def listen(self) -> None:
        """Take what the server sends until the line is cut."""
        async for frame in self._socket:
            at_s = time.perf_counter()
            body = json.loads(frame)
            self.events.append(Event(at_s, body["type"], body))
            self._news.set()

    async def configure(self, session: dict[str, Any]) -> None:
        """Update the session and wait until that has taken effect.

        Raises:
            BenchError: the server does not accept it.
        """
        await self._socket.send(json.dumps({"type": "session.update", "session": session}))
        if await self.until(lambda: bool(self.all("session.updated")), 10.0):
            return
        raise BenchError(f"the session was not updated: {[event.body for event in self.all('error')]}")

    def all(self, kind: str, after_s: float = 0.0) -> list[Event]:
        """Return the events of a type that arrived after a moment."""
        return [event for event in self.events if event.type == kind and event.at_s > after_s]

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until something is true of the events; return whether it became so in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        return condition()


@asynccontextmanager
async def open_line(url: str, session: dict[str, Any], seed: int) -> AsyncIterator[Line]:
    """Open a session with its microphone running.

    Raises:
        BenchError: the server does not accept the session.
    """
    async with connect(url, max_size=None, compression=None) as socket:
        line = Line(socket, seed)
        tasks = [asyncio.create_task(line.listen())]
        try:
            await line.configure({"type": "realtime", **session})
            tasks.append(asyncio.create_task(line.microphone.run()))
            yield line
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionClosed):
                    raise outcome

"""Many callers at once, both ways talking: ready-made Opus sent when due, and of what arrives only the times and a few words read.

Every caller is a peer connection of aiortc's with keys of its own, so encryption and the data channel are paid for; encoding and decoding
are not: those would cost the client what they cost the server.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.client import CHUNK
from bench.crowd import CHUNK_MS
from bench.kit import ServerProcess, cpu_s, descendants
from bench.speech import Samples
from bench.webrtc_phone import Connection, place_call
from vivavoce.transports.webrtc.edge.codecs import encoder

OPENING_S: Final = 20.0
_EDGE: Final = b"vivavoce.transports.webrtc.edge"


class _Told(msgspec.Struct):
    type: str
    audio_end_ms: int = 0


_read: Final = msgspec.json.Decoder(_Told).decode


def ready_payloads(samples: Samples) -> list[bytes]:
    """Return the Opus payloads of the samples, 20 ms each."""
    made = encoder("opus")
    return [made.encode(samples[at : at + CHUNK]) for at in range(0, len(samples), CHUNK)]


@dataclass(slots=True)
class Tally:
    """What a crowd has measured so far, in ms."""

    delays: dict[int, list[float]] = field(default_factory=dict)
    """By call: from the moment of the call's audio at which a turn was over to the arrival of `speech_stopped`."""
    started: list[float] = field(default_factory=list)
    """`speech_stopped` to `output_audio_buffer.started`."""
    gaps: list[float] = field(default_factory=list)
    """Between the arrivals of packets that follow each other: 20, if all is well."""
    lateness: list[float] = field(default_factory=list)
    """How late the client sent."""
    errors: int = 0
    lost: int = 0

    def added(self) -> list[float]:
        """Return how much later than the quickest turn of the same call each turn was told.

        The server's audio begins with the first packet that came, which only the call's own turns tell apart from a delay.
        """
        several = [delays for delays in self.delays.values() if len(delays) > 1]
        return [delay - min(delays) for delays in several for delay in delays]


class _Counted(Connection):
    """A connection that reads nothing but the clock."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(decodes=False)
        self._tally = tally
        self._last_s = 0.0

    async def _hear(self, packet: Any, arrival_time_ms: int) -> None:
        at_s = time.perf_counter()
        if self._last_s:
            self._tally.gaps.append((at_s - self._last_s) * 1000)
        self._last_s = at_s


class Caller:
    """One call.

    Args:
        payloads: what it sends, over and over.
        offset: the one it begins with.
        tally: where its measurements go.
    """

    def __init__(self, payloads: Sequence[bytes], offset: int, tally: Tally) -> None:
        self._payloads = payloads
        self._offset = offset
        self._tally = tally
        self._connection = _Counted(tally)
        self._loop = asyncio.get_running_loop()
        self._configured: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._count = 0
        self._start_s = self._begun_s = 0.0
        """The same moment by the loop's clock and by `time.perf_counter`."""
        self._stopped_s: float | None = None
        self._ended = False
        self._connection.channel.on("message", self._take)
        self._connection.channel.on("close", self._closed)

    async def call(self, http_url: str, session: dict[str, Any]) -> None:
        """Call, configure, and talk from then on.

        Raises:
            BenchError: the server does not take the call.
        """
        answer, _ = await place_call(http_url, await self._connection.offer())
        await self._connection.accept(answer)
        self._connection.channel.send(json.dumps({"type": "session.update", "session": session}))
        async with asyncio.timeout(OPENING_S):
            await self._configured

    async def end(self) -> None:
        """Hang up."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        await self._connection.close()

    def _closed(self) -> None:
        if not self._ended:
            self._tally.lost += 1

    def _take(self, text: str) -> None:
        at_s = time.perf_counter()
        told = _read(text)
        match told.type:
            case "session.updated":
                self._start_s, self._begun_s = self._loop.time(), at_s
                self._timer = self._loop.call_at(self._start_s + CHUNK_MS / 1000, self._speak)
                if not self._configured.done():
                    self._configured.set_result(None)
            case "input_audio_buffer.speech_stopped":
                delays = self._tally.delays.setdefault(id(self), [])
                delays.append((at_s - self._begun_s) * 1000 - told.audio_end_ms)
                self._stopped_s = at_s
            case "output_audio_buffer.started" if self._stopped_s is not None:
                self._tally.started.append((at_s - self._stopped_s) * 1000)
                self._stopped_s = None
            case "error":
                self._tally.errors += 1

    def _speak(self) -> None:
        self._tally.lateness.append((self._loop.time() - self._start_s) * 1000 - (self._count + 1) * CHUNK_MS)
        self._connection.out.put(self._payloads[(self._offset + self._count) % len(self._payloads)])
        self._count += 1
        self._timer = self._loop.call_at(self._start_s + (self._count + 1) * CHUNK_MS / 1000, self._speak)


class Callers:
    """A crowd that comes one by one and leaves together.

    Args:
        http_url: the server's address, up to `/v1`.
        payloads: what each of them says, from a place of its own on.
        session: their configuration.
    """

    def __init__(self, http_url: str, payloads: Sequence[bytes], session: dict[str, Any]) -> None:
        self._http_url = http_url
        self._payloads = payloads
        self._session = session
        self._random = random.Random(0)
        self._callers: list[Caller] = []
        self.tally = Tally()

    def clear(self) -> None:
        """Forget what has been measured."""
        self.tally.delays.clear()
        for values in (self.tally.started, self.tally.gaps, self.tally.lateness):
            values.clear()

    async def grow(self, size: int) -> None:
        """Call until there are so many.

        Raises:
            BenchError: the server does not take one.
        """
        while len(self._callers) < size:
            caller = Caller(self._payloads, self._random.randrange(len(self._payloads)), self.tally)
            self._callers.append(caller)
            await caller.call(self._http_url, self._session)

    async def leave(self) -> None:
        """Hang up, all of them."""
        await asyncio.gather(*(caller.end() for caller in self._callers))
        self._callers.clear()


def edge_cpu_s(server: ServerProcess) -> float:
    """Return the CPU time the server's media processes have used, in seconds."""
    return sum(cpu_s(pid) for pid in descendants(server.pid) if _is_edge(pid))


def own_cpu_s(server: ServerProcess) -> float:
    """Return the CPU time the server's own process has used, in seconds."""
    return cpu_s(server.pid)


def _is_edge(pid: int) -> bool:
    try:
        return _EDGE in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return False

"""A crowd of callers in one light process: ready-made WebSocket frames, written when due, and next to nothing read back.

A client that encodes, masks and parses every message costs more than the server it measures. Here the audio's frames are made once and
shared by all callers, masked with one fixed key (RFC 6455 wants a fresh one against hostile proxies, of which there are none on the
loopback), and of what arrives only the type and the position are read.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

import msgspec
import numpy as np
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from bench.client import CHUNK, NOISE_RMS
from bench.kit import BenchError
from bench.speech import RATE_HZ, Samples

_OPENING_S: Final = 15.0

CHUNK_MS: Final = 1000 * CHUNK // RATE_HZ


class _Told(msgspec.Struct):
    type: str
    audio_end_ms: int = 0


_read: Final = msgspec.json.Decoder(_Told).decode


def script_of(clips: Sequence[Samples], pause_s: float, seed: int = 0) -> Samples:
    """Return the audio a caller repeats: the clips, each followed by a pause, over faint noise; whole chunks long."""
    pause = np.zeros(round(pause_s * RATE_HZ), np.int16)
    speech = np.concatenate([part for clip in clips for part in (clip, pause)])
    speech = np.concatenate([speech, np.zeros(-len(speech) % CHUNK, np.int16)])
    noise = np.random.default_rng(seed).normal(0.0, NOISE_RMS, len(speech))
    return np.clip(np.rint(speech + noise), -32768, 32767).astype(np.int16)


def ready_frames(samples: Samples) -> list[bytes]:
    """Return the WebSocket frames that append the samples, 20 ms each."""
    chunks = samples.astype("<i2").tobytes()
    size = 2 * CHUNK
    return [_frame(_append(chunks[at : at + size])) for at in range(0, len(chunks), size)]


def _append(audio: bytes) -> str:
    return '{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(audio).decode() + '"}'


def _frame(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


@dataclass(slots=True)
class Tally:
    """What a crowd has measured so far, in ms."""

    added: list[float] = field(default_factory=list)
    """Sending of the chunk that completed the deciding frame to the arrival of `speech_stopped`."""
    lateness: list[float] = field(default_factory=list)
    """How late chunks were sent."""
    first_audio: list[float] = field(default_factory=list)
    """`speech_stopped` to the first audio of the answer."""
    errors: int = 0
    lost: int = 0


class Caller(asyncio.Protocol):
    """One session.

    Args:
        url: the WebSocket's.
        frames: what it sends, over and over.
        offset: the frame it begins with.
        session: its configuration.
        tally: where its measurements go.
    """

    def __init__(self, url: str, frames: Sequence[bytes], offset: int, session: dict[str, Any], tally: Tally) -> None:
        self._protocol = ClientProtocol(parse_uri(url), max_size=None)
        self._frames = frames
        self._offset = offset
        self._session = session
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent_s: list[float] = []
        self._start_s = 0.0
        self._stopped_s: float | None = None
        self._ended = False
        self.talking: asyncio.Future[None] = self._loop.create_future()

    # --- the connection ---------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take what the server sends."""
        at_s = time.perf_counter()
        self._protocol.receive_data(data)
        if self._protocol.handshake_exc is not None and not self.talking.done():
            self.talking.set_exception(BenchError(f"the server refused a session: {self._protocol.handshake_exc}"))
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(_read(event.data), at_s)
        self._flush()

    def connection_lost(self, cause: Exception | None) -> None:
        """Fall silent."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended:
            self._tally.lost += 1
        if not self.talking.done():
            self.talking.set_exception(BenchError("the server closed a session before it began"))

    def end(self) -> None:
        """Hang up."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._protocol.send_close(1000)
            self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport is not None and data:
                self._transport.write(data)

    # --- the conversation -------------------------------------------------------------------------------------------------------

    def _take(self, told: _Told, at_s: float) -> None:
        match told.type:
            case "session.created":
                self._write(_frame(json.dumps({"type": "session.update", "session": self._session})))
            case "session.updated":
                self._start_s = self._loop.time()
                self._timer = self._loop.call_at(self._start_s + CHUNK_MS / 1000, self._speak)
                self.talking.set_result(None)
            case "input_audio_buffer.speech_stopped":
                chunk = math.ceil(told.audio_end_ms / CHUNK_MS) - 1
                if 0 <= chunk < len(self._sent_s):
                    self._tally.added.append((at_s - self._sent_s[chunk]) * 1000)
                self._stopped_s = at_s
            case "response.output_audio.delta" if self._stopped_s is not None:
                self._tally.first_audio.append((at_s - self._stopped_s) * 1000)
                self._stopped_s = None
            case "error":
                self._tally.errors += 1

    def _speak(self) -> None:
        count = len(self._sent_s)
        self._tally.lateness.append((self._loop.time() - self._start_s) * 1000 - (count + 1) * CHUNK_MS)
        self._write(self._frames[(self._offset + count) % len(self._frames)])
        self._sent_s.append(time.perf_counter())
        self._timer = self._loop.call_at(self._start_s + (count + 2) * CHUNK_MS / 1000, self._speak)

    def _write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)


class Crowd:
    """Callers that come in groups and leave together.

    Args:
        url: the WebSocket's.
        frames: what each of them sends, from a place of its own on.
        session: their configuration.
    """

    def __init__(self, url: str, frames: Sequence[bytes], session: dict[str, Any]) -> None:
        self._url = url
        self._frames = frames
        self._session = session
        self._random = random.Random(0)
        self._callers: list[Caller] = []
        self.tally = Tally()

    def __len__(self) -> int:
        return len(self._callers)

    def clear(self) -> None:
        """Forget what has been measured."""
        for values in (self.tally.added, self.tally.lateness, self.tally.first_audio):
            values.clear()

    async def grow(self, size: int) -> None:
        """Open sessions until there are so many, spread over time so that they neither speak nor send at once.

        Raises:
            BenchError: the server refuses one.
        """
        address = parse_uri(self._url)
        loop = asyncio.get_running_loop()
        while len(self._callers) < size:
            offset = self._random.randrange(len(self._frames))
            make = partial(Caller, self._url, self._frames, offset, self._session, self.tally)
            _, caller = await loop.create_connection(make, address.host, address.port)
            self._callers.append(caller)
            async with asyncio.timeout(_OPENING_S):
                await caller.talking
            await asyncio.sleep(0.02 + self._random.random() * 0.02)

    async def leave(self) -> None:
        """Close all sessions."""
        for caller in self._callers:
            caller.end()
        await asyncio.sleep(0.5)
        self._callers.clear()

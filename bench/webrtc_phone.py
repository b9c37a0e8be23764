"""A caller over WebRTC: aiortc's peer connection with the microphone of `client`, and every packet of the answer stamped as it arrives.

aiortc's own receiver keeps four frames back before it hands on the first: 80 ms that are the client's. So packets are taken where they come
off the network. Sample k of a packet is heard k / 24000 s after it has come, which is when a listener without any buffer would hear it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, cast

import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bench.client import CHUNK, Event, Line, Microphone, Send
from bench.kit import BenchError
from bench.speech import RATE_HZ, Samples
from bench.webrtc_relay import Network, Relay
from vivavoce.transports.webrtc.edge.codecs import Undecodable, decoder, encoder

AUDIBLE: Final = 300
"""A sample beyond this, -41 dBFS, is heard."""

CONNECT_S: Final = 15.0
_CLOCK_HZ: Final = 48_000


class Payloads(MediaStreamTrack):
    """A track of Opus payloads, sent when they are put."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._payloads: asyncio.Queue[Packet[Any] | None] = asyncio.Queue()
        self._count = 0

    def put(self, payload: bytes) -> None:
        """Send 20 ms."""
        packet: Packet[Any] = Packet(payload)
        packet.pts, packet.time_base = self._count * _CLOCK_HZ // 50, Fraction(1, _CLOCK_HZ)
        self._count += 1
        self._payloads.put_nowait(packet)

    def stop(self) -> None:
        """Send no more."""
        super().stop()
        self._payloads.put_nowait(None)

    async def recv(self) -> Any:
        """Return the next payload."""
        packet = await self._payloads.get()
        if packet is None or self.readyState != "live":
            raise MediaStreamError
        return packet


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet of the server's: when it came, its numbers, and its sound, empty if it was not decoded."""

    at_s: float
    sequence: int
    timestamp: int
    samples: Samples


class Connection:
    """A peer connection that sends payloads and notes packets.

    Args:
        decodes: whether packets are decoded as they come.
    """

    def __init__(self, *, decodes: bool = True) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.out = Payloads()
        self.heard: list[Heard] = []
        self._receiver = self.peer.addTransceiver(self.out, direction="sendrecv").receiver
        setattr(self._receiver, "_handle_rtp_packet", self._hear)  # noqa: B010 - see the module's first lines
        self._decoder = decoder("opus") if decodes else None
        self._relay: Relay | None = None
        self.channel = self.peer.createDataChannel("oai-events")
        self._open = asyncio.Event()
        self.channel.on("open", self._open.set)

    async def offer(self) -> str:
        """Return an offer without addresses: the server learns them from the connectivity checks."""
        await self.peer.setLocalDescription(await self.peer.createOffer())
        lines = self.peer.localDescription.sdp.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates")))

    async def accept(self, sdp: str, relay: Relay | None = None) -> None:
        """Take the answer and wait until events may be sent.

        Raises:
            BenchError: it does not come to that.
        """
        self._relay = relay
        if relay is not None:
            sdp = await relay.answer(sdp)
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._open.wait()
        except TimeoutError:
            raise BenchError(f"a call was not connected within {CONNECT_S:.0f} s") from None

    async def close(self) -> None:
        """Hang up."""
        await self.peer.close()
        if self._relay is not None:
            await self._relay.close()

    async def _hear(self, packet: Any, arrival_time_ms: int) -> None:
        at_s = time.perf_counter()
        samples = np.empty(0, np.int16)
        if self._decoder is not None:
            try:
                samples = self._decoder.decode(packet.payload)
            except Undecodable:
                samples = np.zeros(RATE_HZ // 50, np.int16)
        self.heard.append(Heard(at_s, packet.sequence_number, packet.timestamp, samples))

    def audible(self, after_s: float, before_s: float = float("inf")) -> list[float]:
        """Return the moments between two others at which audible packets begin and end to be so: first, last, first, last, …"""
        moments = []
        for heard in self.heard:
            if after_s < heard.at_s < before_s and len(loud := np.flatnonzero(np.abs(heard.samples.astype(np.int32)) > AUDIBLE)):
                moments += [heard.at_s + float(edge) / RATE_HZ for edge in (loud[0], loud[-1])]
        return moments


class _Channel:
    """The data channel as `Line` wants a socket: it sends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        """Send an event."""
        self._connection.channel.send(text)


class Phone(Line):
    """An open call: its microphone, what the server has sent, and what was heard.

    Args:
        connection: the way to the server.
        seed: of the microphone's noise.
    """

    def __init__(self, connection: Connection, seed: int) -> None:
        super().__init__(cast(ClientConnection, _Channel(connection)), seed)
        self.connection = connection
        self.call_id = ""
        self._encoder = encoder("opus")
        connection.channel.on("message", self._take)

    async def send(self, event: dict[str, Any]) -> None:
        """Send an event."""
        await self._socket.send(json.dumps(event))

    async def _append(self, audio: str) -> None:
        self.connection.out.put(self._encoder.encode(np.frombuffer(base64.b64decode(audio), np.int16)))

    def _take(self, frame: str) -> None:
        at_s = time.perf_counter()
        body = json.loads(frame)
        self.events.append(Event(at_s, body["type"], body))
        self._news.set()


@dataclass(frozen=True, slots=True)
class Echo:
    """How what is heard comes back into the microphone: level in dB against what was played, delay in ms."""

    level_db: float = -15.0
    delay_ms: float = 180.0


class Speakerphone(Microphone):
    """A microphone that also hears the loudspeaker.

    Every packet has its place by its timestamp, as behind a jitter buffer as long as the echo's way: what was never sent, is lost or comes
    too late for its place is silence. The promptest packet of the first second says where places are.

    Args:
        send: takes a chunk as base64 of 24 kHz s16le.
        seed: of its noise.
        connection: what it hears.
        echo: how.
    """

    def __init__(self, send: Send, seed: int, connection: Connection, echo: Echo) -> None:
        super().__init__(send, seed)
        self._connection = connection
        self._taken = 0
        self._factor = 10 ** (echo.level_db / 20)
        self._delay_s = echo.delay_ms / 1000
        self._first: int | None = None
        self._origin = 0
        """Samples between the first packet's place and the first sample."""
        self._line: Samples = np.empty(0, np.int16)
        """What the loudspeaker plays from the next sample on."""

    def _next(self) -> Samples:
        at = len(self._chunks) * CHUNK
        fresh = self._connection.heard[self._taken :]
        self._taken += len(fresh)
        for packet in fresh:
            if self._first is None:
                self._first, self._origin = packet.timestamp, 1 << 40
            since = (packet.timestamp - self._first) % (1 << 32) * RATE_HZ // _CLOCK_HZ
            if since < RATE_HZ:
                self._origin = min(self._origin, round((packet.at_s - self._start_s + self._delay_s) * RATE_HZ) - since)
            place = self._origin + since - at
            if 0 <= place < _CLOCK_HZ:
                lacking = max(0, place + len(packet.samples) - len(self._line))
                self._line = np.concatenate([self._line, np.zeros(lacking, np.int16)])
                self._line[place : place + len(packet.samples)] = packet.samples
        played, self._line = self._line[:CHUNK], self._line[CHUNK:]
        mixed = super()._next() + self._factor * np.pad(played, (0, CHUNK - len(played)))
        return np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)


@asynccontextmanager
async def open_phone(
    http_url: str, session: dict[str, Any], seed: int, network: Network | None = None, echo: Echo | None = None
) -> AsyncIterator[Phone]:
    """Call the server; the microphone runs once the session is configured.

    Args:
        http_url: the server's address, up to `/v1`.
        session: its configuration.
        seed: of the microphone, and of what the network does.
        network: what lies between; None: nothing.
        echo: how the microphone hears the loudspeaker; None: not at all.

    Raises:
        BenchError: the server does not take the call or the configuration.
    """
    phone = Phone(Connection(), seed)
    running: list[asyncio.Task[None]] = []
    try:
        if echo is not None:
            phone.microphone = Speakerphone(phone._append, seed, phone.connection, echo)
        answer, phone.call_id = await place_call(http_url, await phone.connection.offer())
        await phone.connection.accept(answer, None if network is None else Relay(network, seed))
        await phone.configure({"type": "realtime", **session})
        running.append(asyncio.create_task(phone.microphone.run()))
        yield phone
    finally:
        await _end(running)
        await phone.connection.close()


async def place_call(http_url: str, offer: str) -> tuple[str, str]:
    """Post an offer; return the answer and the call's id.

    Raises:
        BenchError: the server does not take it.
    """
    async with httpx.AsyncClient(timeout=CONNECT_S) as http:
        url = f"{http_url}/realtime/calls?model=gpt-realtime"
        answer = await http.post(url, content=offer, headers={"Content-Type": "application/sdp"})
    if answer.status_code != 201:
        raise BenchError(f"the server does not take a call: {answer.status_code} {answer.text.strip()}")
    return answer.text, answer.headers["location"].rpartition("/")[2]


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionClosed):
            raise outcome

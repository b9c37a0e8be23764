"""A browser for the tests: aiortc's peer connection, over real sockets; and a listener for a leg's events."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from numpy.typing import NDArray

from vivavoce.settings import WebRtcSettings
from vivavoce.transports.webrtc.edge.desk import Desk
from vivavoce.transports.webrtc.leg import Leg
from vivavoce.transports.webrtc.link import Link
from vivavoce.transports.webrtc.messages import Answered, Configure, Open, Opened, ToServer, decode_to_server
from vivavoce.transports.webrtc.pool import EdgePool

SETTINGS = WebRtcSettings(loopback=True, echo=False)
FRAME = 960


def tone(hz: float, seconds: float, rate_hz: int = 24_000, level: int = 8_000) -> NDArray[np.int16]:
    """Return a sine."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.int16)


def loudest_hz(pcm: NDArray[np.int16], rate_hz: int) -> float:
    """Return the frequency of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate_hz / len(pcm))


class Microphone(MediaStreamTrack):
    """A track that hums, 48 kHz mono, in real time."""

    kind = "audio"

    def __init__(self, hz: float = 440.0) -> None:
        super().__init__()
        self.hz = hz
        self.sent = 0
        self.muted = asyncio.Event()
        self._begun: float | None = None

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        self._begun = loop.time() if self._begun is None else self._begun
        await asyncio.sleep(max(0.0, self._begun + self.sent * FRAME / 48_000 - loop.time()))
        if self.muted.is_set():
            raise MediaStreamError
        place = (np.arange(FRAME) + self.sent * FRAME) / 48_000
        pcm = (8_000 * np.sin(2 * np.pi * self.hz * place)).astype(np.int16)
        frame = AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self.sent * FRAME, Fraction(1, 48_000)
        self.sent += 1
        return frame


class Events:
    """Notes what is told of a call."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.pcm = bytearray()
        self.messages: list[str | bytes] = []
        self.reasons: list[str] = []
        self._changed = asyncio.Event()

    def opened(self) -> None:
        self._note("opened")

    def audio(self, pcm: bytes) -> None:
        self.pcm += pcm
        self._changed.set()

    def message(self, data: str | bytes) -> None:
        self.messages.append(data)
        self._changed.set()

    def started(self, response_id: str) -> None:
        self._note("started", response_id)

    def stopped(self, response_id: str) -> None:
        self._note("stopped", response_id)

    def cut(self, token: int, cuts: Sequence[tuple[str, str, float]]) -> None:
        self._note("cut", token, tuple(cuts))

    def closed(self, reason: str) -> None:
        self.reasons.append(reason)
        self._note("closed")

    def samples(self) -> NDArray[np.int16]:
        """Return what was heard."""
        return np.frombuffer(bytes(self.pcm), dtype="<i2")

    async def until(self, condition: Callable[[], object], limit_s: float = 20.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(limit_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def happened(self, *entry: Any, limit_s: float = 20.0) -> None:
        """Wait until an entry is in the log."""
        await self.until(lambda: any(noted[: len(entry)] == entry for noted in self.log), limit_s)

    def _note(self, *entry: Any) -> None:
        self.log.append(entry)
        self._changed.set()


class Browser:
    """A peer connection with a microphone, a loudspeaker and a data channel."""

    def __init__(self, codec: str = "audio/opus", label: str | None = "oai-events", track: bool = True) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.microphone = Microphone()
        self.heard: list[NDArray[np.int16]] = []
        self.received: list[str | bytes] = []
        self.changed = asyncio.Event()
        self.channel = None if label is None else self.pc.createDataChannel(label)
        if self.channel is not None:
            self.channel.on("message", self._on_message)
        if track:
            transceiver = self.pc.addTransceiver(self.microphone)
            capabilities = [c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType.lower() == codec]
            transceiver.setCodecPreferences(capabilities)
        self.pc.on("track", self._on_track)
        self._listening: asyncio.Task[None] | None = None

    async def offer(self, *, candidates: bool = True) -> str:
        """Return the offer."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        sdp: str = self.pc.localDescription.sdp
        return sdp if candidates else "".join(line for line in sdp.splitlines(True) if not line.startswith("a=candidate"))

    async def accept(self, answer: str) -> None:
        """Take the answer."""
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def connected(self) -> None:
        """Wait until its channel is open."""
        if self.channel is not None:
            channel = self.channel
            channel.on("open", self.changed.set)
            await self.until(lambda: channel.readyState == "open")

    async def until(self, condition: Callable[[], object], limit_s: float = 20.0) -> None:
        """Wait until something received makes it so."""
        async with asyncio.timeout(limit_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def close(self) -> None:
        """Hang up."""
        await self.pc.close()
        if self._listening is not None:
            await asyncio.wait([self._listening])

    def _on_message(self, data: str | bytes) -> None:
        self.received.append(data)
        self.changed.set()

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            pcm = np.asarray(frame.to_ndarray(), dtype=np.int16).reshape(-1)
            self.heard.append(pcm[:: len(frame.layout.channels)])
            self.changed.set()


@asynccontextmanager
async def running(settings: WebRtcSettings = SETTINGS) -> AsyncIterator[EdgePool]:
    """Give a pool that is closed at the end."""
    pool = EdgePool(settings)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def calling(pool: EdgePool, browser: Browser, *, candidates: bool = True) -> AsyncIterator[tuple[Leg, Events]]:
    """Give a call that is open, and end it."""
    events = Events()
    leg, answer = await pool.open(await browser.offer(candidates=candidates), events)
    try:
        await browser.accept(answer)
        await events.happened("opened")
        await browser.connected()
        yield leg, events
    finally:
        leg.close()
        await browser.close()
        await events.happened("closed")


class DeskHere:
    """The media process's own code in this process, where its clocks can be set and its tasks counted."""

    def __init__(self) -> None:
        self.said: list[ToServer] = []
        self._changed = asyncio.Event()
        self._link: Link[ToServer] = Link(decode_to_server, self._take, lambda reason: None)
        self.tell = self._link.send

    async def open(self, call: int, browser: Browser) -> None:
        """Take a call and wait until it is open."""
        self.tell(Open(call, await browser.offer()))
        answered = await self.until(Answered, call)
        assert isinstance(answered, Answered)
        await browser.accept(answered.answer)
        await self.until(Opened, call)

    async def until(self, kind: type, call: int) -> Any:
        """Wait for a message about a call."""
        async with asyncio.timeout(20):
            while True:
                for message in self.said:
                    if isinstance(message, kind) and getattr(message, "call", None) == call:
                        return message
                self._changed.clear()
                await self._changed.wait()

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[DeskHere]:
        """Give one that serves."""
        here = cls()
        ours, theirs = socket.socketpair()
        serving = asyncio.create_task(Desk().serve(theirs))
        await here._link.connect(ours)
        here.tell(Configure(loopback=True))
        try:
            yield here
        finally:
            here._link.close()
            async with asyncio.timeout(5):
                await serving

    def _take(self, message: ToServer) -> None:
        self.said.append(message)
        self._changed.set()


async def soon(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    """Wait until something outside this process is so."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it never came to that")
        await asyncio.sleep(0.02)

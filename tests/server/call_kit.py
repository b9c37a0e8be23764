"""A browser for tests: a peer connection of aiortc's with a microphone, a loudspeaker and the channel for events.

    async with serving(scripted(brain=ScriptedBrain("Hello!"))) as server, calling(server) as call:
        await call.client.send("response.create")
        await call.client.until("output_audio_buffer.stopped")

Everything between the peer and the session is the real thing: HTTP, the media process, ICE, DTLS, SRTP, SCTP, Opus.
"""

from __future__ import annotations

import asyncio
import fractions
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from kit import MODEL, PATIENCE_S, Client, Serving, eventually
from vivavoce.testing.invariants import check_stream

pytest.importorskip("aiortc")

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

RATE_HZ = 24_000
FRAME_SAMPLES = 480
CALLS = "/v1/realtime/calls"


class Microphone(MediaStreamTrack):
    """A track that says what it is given to say, and is silent otherwise, 20 ms at a time and in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pcm = np.zeros(0, np.int16)
        self._sent = 0
        self._began_s = 0.0

    def say(self, pcm: NDArray[np.int16] | bytes) -> None:
        """Say this next: mono at 24 kHz."""
        added = np.frombuffer(pcm, np.int16) if isinstance(pcm, bytes) else pcm
        self._pcm = np.concatenate([self._pcm, added])

    @property
    def silent(self) -> bool:
        """Whether everything has been said."""
        return not len(self._pcm)

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        self._began_s = self._began_s or time.monotonic()
        wait_s = self._began_s + self._sent / RATE_HZ - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        samples, self._pcm = self._pcm[:FRAME_SAMPLES], self._pcm[FRAME_SAMPLES:]
        samples = np.pad(samples, (0, FRAME_SAMPLES - len(samples)))
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._sent, fractions.Fraction(1, RATE_HZ)
        self._sent += FRAME_SAMPLES
        return frame


@dataclass
class Peer:
    """A browser's side of a call.

    Attributes:
        client: reads and sends events over the data channel.
        microphone: what it says.
        heard: what it has heard so far: the remote track's samples, mono.
        heard_hz: their rate.
        gone: set when the connection is over.
    """

    connection: Any = field(default_factory=RTCPeerConnection)
    microphone: Microphone = field(default_factory=Microphone)
    heard: list[NDArray[np.int16]] = field(default_factory=list)
    heard_hz: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    _messages: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection.addTrack(self.microphone)
        self.channel = self.connection.createDataChannel("oai-events")
        self.channel.on("message", self._messages.put_nowait)
        self.channel.on("close", self.gone.set)
        self.connection.on("track", self._on_track)
        self.connection.on("connectionstatechange", self._on_state)
        self.client = Client(self._put, self._messages.get, self.channel)

    async def offer(self) -> str:
        """Return the offer, without the candidates: browsers of some SDKs do not wait for them."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        lines = self.connection.localDescription.sdp.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates")))

    async def accept(self, sdp: str) -> None:
        """Take the answer and wait until events may be sent."""
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await eventually(lambda: self.channel.readyState == "open")

    async def close(self) -> None:
        """Hang up."""
        await self.connection.close()
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)

    def loudness(self, ms: float = 200) -> float:
        """Return the root mean square of the last so many ms heard."""
        wanted = round(ms * self.heard_hz / 1000)
        last = np.concatenate(self.heard[-64:])[-wanted:] if self.heard else np.zeros(1)
        return float(np.sqrt(np.mean(np.square(last.astype(np.float64)))))

    async def _put(self, frame: str | bytes) -> None:
        self.channel.send(frame)

    def _on_state(self) -> None:
        if self.connection.connectionState in ("closed", "failed"):
            self.gone.set()

    def _on_track(self, track: Any) -> None:
        self._listening.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
            self.heard.append(samples[:, 0].astype(np.int16))
            self.heard_hz = frame.sample_rate


@dataclass
class Call:
    """A call that is up."""

    server: Serving
    peer: Peer
    location: str

    @property
    def id(self) -> str:
        """Its id."""
        return self.location.rpartition("/")[2]

    @property
    def client(self) -> Client:
        """The client on its data channel."""
        return self.peer.client

    async def hang_up(self, key: str | None = None) -> httpx.Response:
        """Hang up by the route."""
        return await post(self.server, f"{CALLS}/{self.id}/hangup", key=key)

    @asynccontextmanager
    async def sideband(self, *, check: bool = True, **options: Any) -> AsyncGenerator[Client]:
        """Attach a sideband."""
        url = self.server.realtime(f"call_id={self.id}")
        async with self.server.open(url, read=False, check=False, **options) as client:
            yield client
        if check:
            assert not client.of("session.created")
            assert not client.of("response.output_audio.delta")


async def post(server: Serving, path: str = CALLS, *, key: str | None = None, **options: Any) -> httpx.Response:
    """Post to the server, with its own key unless another is given."""
    key = key or server.key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers.update(options.pop("headers", {}))
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as http:
        return await http.post(path, headers=headers, **options)


async def offered(server: Serving, sdp: str, path: str = f"{CALLS}?model={MODEL}", **options: Any) -> httpx.Response:
    """Offer a call with raw SDP."""
    headers = {"Content-Type": "application/sdp", **options.pop("headers", {})}
    return await post(server, path, content=sdp, headers=headers, **options)


@asynccontextmanager
async def calling(
    server: Serving,
    path: str = f"{CALLS}?model={MODEL}",
    *,
    session: Mapping[str, Any] | None = None,
    key: str | None = None,
    check: bool = True,
) -> AsyncGenerator[Call]:
    """Call the server and read `session.created`; hang up on the way out.

    Args:
        server: the server.
        path: where, with a query.
        session: sent beside the offer, in a form.
        key: an API key or client secret other than the server's key.
        check: whether the events of the call are checked against the invariants.
    """
    peer = Peer()
    try:
        sdp = await peer.offer()
        if session is None:
            answer = await offered(server, sdp, path, key=key)
        else:
            files = {"sdp": (None, sdp, "application/sdp"), "session": (None, json.dumps(session), "application/json")}
            answer = await post(server, path, files=files, key=key)
        assert answer.status_code == 201, answer.text
        call = Call(server, peer, answer.headers["location"])
        await peer.accept(answer.text)
        await call.client.until("session.created")
        yield call
        if check:
            check_stream(call.client.events)
    finally:
        await peer.close()


async def ended(server: Serving) -> None:
    """Wait until no call is left, in the server or at its media processes."""
    state = app_state(server)
    await eventually(lambda: not len(state.calls) and not len(server.service.hub) and not state.edges.calls)


def app_state(server: Serving) -> Any:
    """Return the state of the server's app."""
    return server.server.config.app.state

"""What the tests of the server share: a real server on loopback with scripted engines, and a client that checks what it reads.

    async with serving(scripted(brain=ScriptedBrain("Hello!"))) as server, server.connect() as client:
        await client.send("response.create")
        done = await client.until("response.done")

Everything but the engines is the real thing: settings, app, uvicorn, WebSocket. Every event read is validated against the official
types, and the whole stream against the invariants when the client leaves.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from vivavoce.api.server import Server, build_server
from vivavoce.audio.codec import convert, encode
from vivavoce.config import KeySettings, LimitSettings, Secret, Settings, load_settings
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.official import validate_event
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.vad import EnergyVad

MODEL = "gpt-realtime"
REASONING_MODEL = "gpt-realtime-2.1"
PATIENCE_S = 20.0
"""How long a test waits for an event that must come; far more than it takes."""

QUIET_S = 0.15
"""How long a test listens before it believes that nothing comes."""

Event = dict[str, Any]
Frame = str | bytes | Mapping[str, Any]


# --- engines --------------------------------------------------------------------------------------------------------------------


class ScriptedShelf(EngineShelf):
    """A shelf that holds the stacks it was given: one for all models, or one by name (`""` for every other)."""

    def __init__(self, stack: Stack | Mapping[str, Stack]) -> None:
        self._by_name = stack if isinstance(stack, Mapping) else {"": stack}

    def stack(self, model: str) -> Stack:
        return self._by_name.get(model) or self._by_name[""]


def scripted(
    brain: Any = None, recognizer: Any = None, synthesizer: Any = None, vad: Any = None, endpointer: Any = None
) -> Stack:
    """Return a stack of fakes; those not given answer for ever."""
    return Stack(
        vad=vad or EnergyVad(),
        recognizer=recognizer or ScriptedRecognizer("hello", repeat=True),
        llm=brain or ScriptedBrain("Hello there.", repeat=True),
        synthesizer=synthesizer or ScriptedSynthesizer(),
        endpointer=endpointer,
    )


# --- audio ----------------------------------------------------------------------------------------------------------------------


def tone(ms: float, rate_hz: int = 24_000, level: int = 8_000) -> NDArray[np.int16]:
    """Return a hum that `EnergyVad` takes for speech."""
    time = np.arange(round(ms * rate_hz / 1000))
    hum: NDArray[np.int16] = (level * np.sin(2 * np.pi * 220 / rate_hz * time)).astype(np.int16)
    return hum


def speech(ms: float, fmt: str = "audio/pcm") -> bytes:
    """Return a hum in a wire format."""
    return encode(tone(ms, 24_000 if fmt == "audio/pcm" else 8_000), fmt)


def silence(ms: float, fmt: str = "audio/pcm") -> bytes:
    """Return silence in a wire format."""
    rate_hz = 24_000 if fmt == "audio/pcm" else 8_000
    return encode(np.zeros(round(ms * rate_hz / 1000), dtype=np.int16), fmt)


def wire_audio(pcm: NDArray[np.int16], rate_hz: int, fmt: str = "audio/pcm") -> bytes:
    """Return a recording in a wire format."""
    return encode(convert(pcm, rate_hz, 24_000 if fmt == "audio/pcm" else 8_000), fmt)


TURN = silence(400) + speech(900) + silence(1_200)
"""A turn: the person speaks from 400 to 1,300 ms and is silent long enough for every default."""


_STREAMS = {
    "transcription": "conversation.item.input_audio_transcription.",
    "transcript": "response.output_audio_transcript.",
    "audio": "response.output_audio.",
}


# --- the client -----------------------------------------------------------------------------------------------------------------


@dataclass
class Client:
    """A client of one session: sends frames, reads events, checks each.

    Args:
        put: sends one frame.
        take: returns the next frame.
        socket: the raw connection underneath.
        events: everything read so far.
    """

    put: Callable[[str | bytes], Awaitable[None]]
    take: Callable[[], Awaitable[str | bytes]]
    socket: Any = None
    events: list[Event] = field(default_factory=list)

    async def frame(self, frame: Frame) -> None:
        """Send a frame as it is."""
        await self.put(json.dumps(frame) if isinstance(frame, Mapping) else frame)

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        await self.put(json.dumps({"type": kind, **fields}))

    async def append(self, audio: bytes, step: int = 9_600) -> None:
        """Append audio, 200 ms of PCM in a frame."""
        for start in range(0, len(audio), step):
            chunk = base64.b64encode(audio[start : start + step]).decode()
            await self.send("input_audio_buffer.append", audio=chunk)

    async def read(self) -> Event:
        """Return the next event."""
        async with asyncio.timeout(PATIENCE_S):
            event: Event = json.loads(await self.take())
        validate_event(event)
        self.events.append(event)
        return event

    async def until(self, kind: str, where: Callable[[Event], bool] = lambda event: True) -> Event:
        """Read on until an event of this type; an `error` that was not waited for fails the test."""
        while True:
            event = await self.read()
            if event["type"] == kind and where(event):
                return event
            if event["type"] == "error" and kind != "error":
                raise AssertionError(f"waiting for {kind}: {event['error']}")

    async def settled(self) -> list[Event]:
        """Return what was sent until now: everything up to the answer of an empty update."""
        start = len(self.events)
        await self.send("session.update", session={"type": "realtime"})
        await self.until("session.updated")
        return self.events[start:-1]

    async def session(self) -> Event:
        """Return the session object in force."""
        await self.settled()
        found: Event = self.events[-1]["session"]
        return found

    async def update(self, **session: Any) -> Event:
        """Update the session and return it."""
        await self.send("session.update", session={"type": "realtime", **session})
        found: Event = (await self.until("session.updated"))["session"]
        return found

    async def refused(self, frame: Frame) -> Event:
        """Send a frame and return the error it gets."""
        await self.frame(frame)
        event = await self.read()
        assert event["type"] == "error", event
        error: Event = event["error"]
        return error

    async def say(self, text: str, **fields: Any) -> str:
        """Add a user message; return its id."""
        return await self.create(user({"type": "input_text", "text": text}), **fields)

    async def create(self, item: Event, **fields: Any) -> str:
        """Create an item; return its id."""
        await self.send("conversation.item.create", item=item, **fields)
        done = await self.until("conversation.item.done")
        created: str = done["item"]["id"]
        return created

    async def respond(self, **response: Any) -> Event:
        """Create a response and return it when it is done."""
        await self.send("response.create", **({"response": response} if response else {}))
        return await self.done()

    async def done(self) -> Event:
        """Return the next response that is done."""
        response: Event = (await self.until("response.done"))["response"]
        return response

    async def closed(self) -> ConnectionClosed:
        """Read to the end of the connection; return how it ended."""
        try:
            while True:
                await self.read()
        except ConnectionClosed as end:
            return end

    def of(self, kind: str) -> list[Event]:
        """Return the events of one type read so far."""
        return [event for event in self.events if event["type"] == kind]

    def types(self, start: int = 0) -> list[str]:
        """Return the types of the events read so far, from one on."""
        return [event["type"] for event in self.events[start:]]

    def audio(self, response_id: str) -> bytes:
        """Return the audio of a response."""
        deltas = self.of("response.output_audio.delta")
        return b"".join(base64.b64decode(event["delta"]) for event in deltas if event["response_id"] == response_id)


async def eventually(happens: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Wait until something is so that nobody tells us about."""
    async with asyncio.timeout(within_s):
        while not happens():  # noqa: ASYNC110 - what is looked at knows no event loop
            await asyncio.sleep(0.005)


def streams(types: list[str]) -> dict[str, list[str]]:
    """Return the types by stream, runs of the same one collapsed.

    The order is defined within a stream alone: what the user is heard to say, the words of the answer and its sound each come when
    they are ready.
    """
    found: dict[str, list[str]] = {"main": [], "transcription": [], "transcript": [], "audio": []}
    for kind in types:
        name = next((name for name, prefix in _STREAMS.items() if kind.startswith(prefix)), "main")
        found[name].append(kind)
    return {name: collapsed(kinds) for name, kinds in found.items()}


def collapsed(types: list[str]) -> list[str]:
    """Return the types with runs of the same one collapsed."""
    return [kind for place, kind in enumerate(types) if place == 0 or types[place - 1] != kind]


# --- frames ---------------------------------------------------------------------------------------------------------------------


def session(**fields: object) -> Event:
    """A `session.update`."""
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def audio_in(**fields: object) -> Event:
    """A `session.update` of the input."""
    return session(audio={"input": fields})


def detection(**fields: object) -> Event:
    """A `session.update` of server_vad."""
    return audio_in(turn_detection={"type": "server_vad", **fields})


def create(item: object, **fields: object) -> Event:
    """A `conversation.item.create`."""
    return {"type": "conversation.item.create", "item": item, **fields}


def user(*content: object, **fields: object) -> Event:
    """A user message."""
    return {"type": "message", "role": "user", "content": list(content), **fields}


def text(words: str) -> Event:
    """A text part."""
    return {"type": "input_text", "text": words}


def respond(**fields: object) -> Event:
    """A `response.create`."""
    return {"type": "response.create", "response": fields}


def truncate(item: str, index: object = 0, end: object = 100) -> Event:
    """A `conversation.item.truncate`."""
    return {"type": "conversation.item.truncate", "item_id": item, "content_index": index, "audio_end_ms": end}


# --- the server -----------------------------------------------------------------------------------------------------------------


@dataclass
class Serving:
    """A server that is up."""

    server: Server
    service: VoiceService
    port: int
    key: str | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def realtime(self, query: str = f"model={MODEL}", path: str = "/v1/realtime") -> str:
        """The address of a session."""
        return f"ws://127.0.0.1:{self.port}{path}?{query}"

    @asynccontextmanager
    async def connect(
        self, model: str = MODEL, *, read: bool = True, check: bool = True, **options: Any
    ) -> AsyncGenerator[Client]:
        """Open an agent session over a raw WebSocket and read its `session.created`."""
        async with self.open(self.realtime(f"model={model}"), read=read, check=check, **options) as client:
            yield client

    @asynccontextmanager
    async def open(self, url: str, *, read: bool = True, check: bool = True, **options: Any) -> AsyncGenerator[Client]:
        """Open any session over a raw WebSocket and read its `session.created`."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        options = {"additional_headers": headers, "compression": None, "max_size": 2**25, "max_queue": None, **options}
        async with connect(url, **options) as socket:
            client = Client(socket.send, socket.recv, socket)
            if read:
                await client.until("session.created")
            yield client
            if check:
                check_stream(client.events)

    @asynccontextmanager
    async def official(self, model: str = MODEL) -> AsyncGenerator[Client]:
        """Open a session with the official client, of which only the base URL is changed."""
        async with (
            AsyncOpenAI(base_url=f"{self.url}/v1", api_key=self.key or "sk-unused") as openai,
            openai.realtime.connect(model=model) as connection,
        ):

            async def take() -> bytes:
                raw = await connection.recv_bytes()
                parsed = connection.parse_event(raw)
                assert parsed.type == json.loads(raw)["type"], "the client knows the event"
                return raw

            client = Client(lambda frame: connection.send(json.loads(frame)), take, connection)
            yield client
            check_stream(client.events)

    async def empty(self) -> None:
        """Wait until no session is open."""
        await eventually(lambda: not len(self.service.hub))


def settings(
    *,
    keys: tuple[str, ...] = (),
    named: Mapping[str, KeySettings] | None = None,
    limits: LimitSettings | None = None,
    home: Path | None = None,
    webrtc: Mapping[str, Any] | None = None,
    **server: Any,
) -> Settings:
    """Return settings that depend on nothing around, and leave nothing behind: loopback, any port, no configuration.

    Args:
        keys: API keys without a name.
        named: keys with one.
        limits: of every key.
        home: the home folder.
        webrtc: what `[webrtc]` says.
        server: whatever else `[server]` says.
    """
    base = load_settings({"HOME": str(Path.home())})
    signing = Secret("what the tests sign with")
    values = {"port": 0, "drain_seconds": 0.0, "api_keys": tuple(map(Secret, keys)), "signing_key": signing, **server}
    return replace(
        base,
        server=replace(base.server, **values),
        keys=named or {},
        limits=limits or LimitSettings(),
        home=home or base.home,
        webrtc=replace(base.webrtc, **(webrtc or {})),
        profile="null",
    )


@asynccontextmanager
async def serving(stack: Stack | Mapping[str, Stack] | None = None, **server: Any) -> AsyncGenerator[Serving]:
    """Run the server in this event loop until the block is left; open sessions are then closed.

    Args:
        stack: its engines; see `ScriptedShelf`.
        server: see `settings`.
    """
    wanted = settings(**server)
    service = VoiceService(wanted, ScriptedShelf(stack or scripted()))
    running = build_server(wanted, service)
    running.config.load()
    running.lifespan = running.config.lifespan_class(running.config)
    listener = socket.create_server(("127.0.0.1", 0))
    await running.startup(sockets=[listener])
    await eventually(lambda: service.ready or service.failure)
    keys = server.get("keys", ())
    try:
        yield Serving(running, service, listener.getsockname()[1], keys[0] if keys else None)
    finally:
        # What the server does when it is told to stop, without the pauses of its own shutdown: see test_shutdown.py for that one.
        for listening in running.servers:
            listening.close()
        await service.hub.drain(0)
        await running.lifespan.shutdown()
        listener.close()

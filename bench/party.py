"""One party of a long call: a client that listens, talks into an open microphone, and keeps next to nothing of what it hears.

It knows no transport: frames go out through a function and come in through `take`. All its waiting goes by the event loop's clock, so
it lives in real time or in virtual time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.codec import convert, encode

RATE_HZ: Final = 24_000
_QUIET_RMS: Final = 3.0
_PCM: Final = {"type": "audio/pcm"}

Send = Callable[[str], Awaitable[None]]


class _Told(msgspec.Struct):
    """What a party reads of a server event."""

    type: str
    response_id: str = ""
    item_id: str = ""
    delta: Any = None
    response: dict[str, Any] | None = None
    item: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    session: dict[str, Any] | None = None


_read: Final = msgspec.json.Decoder(_Told).decode


@dataclass(frozen=True, slots=True)
class Repertoire:
    """What can be said: ready-made `input_audio_buffer.append` frames by wire format and clip; the clip `""` is a quiet room."""

    step_ms: int
    frames: Mapping[str, Mapping[str, Sequence[str]]]

    @classmethod
    def of(cls, clips: Mapping[str, NDArray[np.int16]], step_ms: int) -> Repertoire:
        """Return the repertoire of some clips (24 kHz) in frames of so many ms."""
        quiet = np.rint(np.random.default_rng(0).normal(0.0, _QUIET_RMS, RATE_HZ)).astype(np.int16)
        sounds = {"": quiet, **clips}
        return cls(
            step_ms,
            {
                fmt: {name: _frames(samples, fmt, rate_hz, step_ms) for name, samples in sounds.items()}
                for fmt, rate_hz in (("audio/pcm", RATE_HZ), ("audio/pcmu", 8_000), ("audio/pcma", 8_000))
            },
        )

    @property
    def names(self) -> list[str]:
        """Return the clips' names."""
        return [name for name in self.frames["audio/pcm"] if name]


def _frames(samples: NDArray[np.int16], fmt: str, rate_hz: int, step_ms: int) -> list[str]:
    length = RATE_HZ * step_ms // 1000
    whole = np.concatenate([samples, np.zeros(-len(samples) % length, np.int16)])
    audio = encode(convert(whole, RATE_HZ, rate_hz), fmt)
    size = len(audio) * length // len(whole)
    chunks = (base64.b64encode(audio[at : at + size]).decode() for at in range(0, len(audio), size))
    return ['{"type":"input_audio_buffer.append","audio":"' + chunk + '"}' for chunk in chunks]


class Party:
    """A client.

    Args:
        send: sends one frame.
        repertoire: what it can say.
        seed: of its whims.
        kind: of the session, as its configuration names it.
    """

    def __init__(self, send: Send, repertoire: Repertoire, seed: int, kind: str = "realtime") -> None:
        self.kind = kind
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        """Server events by type."""
        self.statuses: Counter[str] = Counter()
        """Responses of the default conversation by how they ended; `none:` before those beside it."""
        self.errors: Counter[str] = Counter()
        """Errors by code."""
        self.missed: Counter[str] = Counter()
        """What was waited for in vain."""
        self.active: set[str] = set()
        self.calls: deque[str] = deque(maxlen=8)
        self.items: deque[str] = deque(maxlen=40)
        self.spoken: tuple[str, float, float] = ("", 0.0, 0.0)
        """The item that spoke last: its id, when its first audio came, how much of it has come in ms."""
        self.format = "audio/pcm"
        self.reading = asyncio.Event()
        """Whoever carries the frames waits for it before taking the next."""
        self.reading.set()
        self._send = send
        self._repertoire = repertoire
        self._out_ms = 48
        self._news = asyncio.Event()
        self._lips: deque[str] = deque()
        self._silent = asyncio.Event()
        self._silent.set()
        self._loop = asyncio.get_running_loop()

    # --- out --------------------------------------------------------------------------------------------------------------------

    async def send(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        await self._send(json.dumps({"type": kind, **fields}))

    async def update(self, **session: Any) -> None:
        """Update the session and wait for the answer."""
        told = session if self.kind == "translation" else {"type": self.kind, **session}
        await self.answered("session.updated", self.send("session.update", session=told))

    async def write(self, text: str) -> None:
        """Add a user message."""
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def raw(self, frame: str) -> None:
        """Send whatever this is."""
        await self._send(frame)

    def say(self, clip: str = "") -> None:
        """Say a clip into the microphone, by default any."""
        self._lips.extend(self._repertoire.frames[self.format][clip or self.random.choice(self._repertoire.names)])
        self._silent.clear()

    async def said(self) -> None:
        """Wait until everything has been said."""
        await self._silent.wait()

    async def talk(self) -> None:
        """Keep the microphone open until cancelled."""
        quiet = {fmt: frames[""] for fmt, frames in self._repertoire.frames.items()}
        start, count = self._loop.time(), 0
        while True:
            count += 1
            await asyncio.sleep(start + count * self._repertoire.step_ms / 1000 - self._loop.time())
            if self._lips:
                await self._sound(self._lips.popleft())
                continue
            self._silent.set()
            frames = quiet[self.format]
            await self._sound(frames[count % len(frames)])

    async def _sound(self, frame: str) -> None:
        if self.kind == "translation":
            frame = frame.replace('"input_audio_buffer', '"session.input_audio_buffer', 1)
        await self._send(frame)

    # --- in ---------------------------------------------------------------------------------------------------------------------

    def take(self, frame: str | bytes) -> None:
        """Take a server event."""
        told = _read(frame)
        self.counts[told.type] += 1
        if told.type == "response.output_audio.delta":
            self._hear(told)
        elif told.type == "error" and told.error is not None:
            self.errors[str(told.error.get("code"))] += 1
        elif told.type == "session.updated" and told.session is not None:
            audio = told.session["audio"]
            self.format = audio["input"].get("format", _PCM)["type"]
            self._out_ms = 48 if audio.get("output", {}).get("format", _PCM)["type"] == "audio/pcm" else 8
        elif told.item is not None and told.type == "conversation.item.done":
            self.items.append(told.item["id"])
        elif told.response is not None:
            self._follow(told.type, told.response)
        self._news.set()

    def _hear(self, told: _Told) -> None:
        ms = len(told.delta) * 3 / 4 / self._out_ms
        item, since, heard = self.spoken
        self.spoken = (item, since, heard + ms) if item == told.item_id else (told.item_id, self._loop.time(), ms)

    def _follow(self, kind: str, response: dict[str, Any]) -> None:
        ours = response["conversation_id"] is not None
        if kind == "response.created" and ours:
            self.active.add(response["id"])
        elif kind == "response.done":
            self.active.discard(response["id"])
            self.statuses[response["status"] if ours else "none:" + response["status"]] += 1
            called = [item for item in response["output"] if item["type"] == "function_call"]
            if ours and response["status"] == "completed":
                self.calls.extend(item["call_id"] for item in called)

    @property
    def played_ms(self) -> float:
        """Return how much of the item that spoke last a loudspeaker would have played."""
        _, since, heard = self.spoken
        return min(heard, (self._loop.time() - since) * 1000)

    # --- waiting ----------------------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], what: str, within_s: float = 30.0) -> bool:
        """Wait until something is so; note it as missed where it does not become so in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        if not condition():
            self.missed[what] += 1
            return False
        return True

    async def answered(self, kind: str, action: Awaitable[None], within_s: float = 30.0) -> bool:
        """Do something and wait for one more event of a type."""
        before = self.counts[kind]
        await action
        return await self.until(lambda: self.counts[kind] > before, kind, within_s)

    async def answered_or_refused(self, kind: str, action: Awaitable[None]) -> bool:
        """Do something and wait for one more event of a type, or an error; tell whether it was the event."""
        before, refused = self.counts[kind], self.counts["error"]
        await action
        await self.until(lambda: self.counts[kind] > before or self.counts["error"] > refused, f"{kind} or error")
        return self.counts[kind] > before

    async def free(self) -> None:
        """Wait until no response is active."""
        await self.until(lambda: not self.active, "the end of a response", 60.0)

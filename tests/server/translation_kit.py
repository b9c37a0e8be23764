"""What the tests of translation sessions share: a stack that understands scripts, and a client that checks what it reads."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from kit import Client, Event, Serving, scripted
from vivavoce.models.stack import Stack
from vivavoce.testing.legible import LegibleRecognizer, LegibleWord, legible, rendered
from vivavoce.testing.official import validate_translation_event
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator

MODEL = "gpt-realtime-translate"
PAIRS = (("en", "es"), ("en", "fr"))
TRANSCRIBED = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}


def talk(*sentences: str, pause_ms: int = 800) -> list[LegibleWord]:
    """Sentences after one another, with pauses between them."""
    words: list[LegibleWord] = []
    for sentence in sentences:
        words += legible(sentence, (words[-1].end_ms if words else 0) + pause_ms)
    return words


def audio_of(words: Sequence[LegibleWord]) -> bytes:
    """Their audio, and a second of silence."""
    return rendered(words, words[-1].end_ms + 1_000).astype("<i2").tobytes()


def interpreters(words: Sequence[LegibleWord] = (), translator: Any = None, voice: Any = None, **recognizer: Any) -> Stack:
    """Engines that understand a script and translate it: `[es] good morning`."""
    return replace(
        scripted(recognizer=LegibleRecognizer(words, **recognizer), synthesizer=voice or ScriptedSynthesizer()),
        translator=translator or ScriptedTranslator(pairs=PAIRS),
    )


@dataclass
class Listener(Client):
    """A client of a translation session."""

    async def read(self) -> Event:
        """Return the next event."""
        event: Event = json.loads(await self.take())
        validate_translation_event(event)
        self.events.append(event)
        return event

    async def append(self, audio: bytes, step: int = 9_600) -> None:
        """Append audio, 200 ms in a frame."""
        for start in range(0, len(audio), step):
            chunk = base64.b64encode(audio[start : start + step]).decode()
            await self.send("session.input_audio_buffer.append", audio=chunk)

    async def change(self, **audio: Any) -> Event:
        """Update the session and return it."""
        await self.send("session.update", session={"audio": audio})
        updated: Event = (await self.until("session.updated"))["session"]
        return updated

    async def finish(self) -> None:
        """Close the session and read to its end."""
        await self.send("session.close")
        await self.until("session.closed")
        assert (await self.closed()).rcvd.code == 1000  # type: ignore[union-attr]

    def text(self, which: str = "output") -> str:
        """The text of one transcript."""
        return "".join(event["delta"] for event in self.of(f"session.{which}_transcript.delta"))

    @property
    def audio_said(self) -> bytes:
        """Everything that was said."""
        return b"".join(base64.b64decode(event["delta"]) for event in self.of("session.output_audio.delta"))


@asynccontextmanager
async def listening(server: Serving, model: str = MODEL, **options: Any) -> AsyncGenerator[Listener]:
    """Open a translation session over a raw WebSocket and read its `session.created`."""
    options = {"compression": None, "max_size": 2**25, "max_queue": None, **options}
    async with connect(server.realtime(f"model={model}", "/v1/realtime/translations"), **options) as socket:
        client = Listener(socket.send, socket.recv, socket)
        await client.until("session.created")
        yield client


@asynccontextmanager
async def official(server: Serving) -> AsyncGenerator[Listener]:
    """Open a translation session with the official client, of which only the base URL is changed."""
    async with (
        AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key or "sk-unused") as openai,
        openai.realtime.translations.connect(model=MODEL) as connection,
    ):

        async def take() -> bytes:
            raw = await connection.recv_bytes()
            assert connection.parse_event(raw).type == json.loads(raw)["type"], "the client knows the event"
            return raw

        yield Listener(lambda frame: connection.send(json.loads(frame)), take, connection)

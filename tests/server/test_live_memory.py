"""Hours of transcription and translation in constant memory (I10), in virtual time: the app itself, without a socket.

A minute by default, at the end of which no more may be held than half way; `-m long` makes it two hours.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import json
import tracemalloc
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message
from translation_kit import PAIRS

from kit import ScriptedShelf, scripted, settings, silence, speech
from vivavoce.api.app import create_app
from vivavoce.models.stack import Stack
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.clock import VirtualClockLoop
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator
from vivavoce.transports import websocket

STEP_MS = 200
ROUND = speech(2_000) + silence(1_000)
GROWTH = 48 * 1024
"""Bytes that a session may hold more at the end than half way: less than two seconds of audio."""

TEXT = "hello there how are you today"
CHARACTERS_A_MINUTE = 20 * (len(TEXT) + 1)
ARRIVALS_A_MINUTE = 40 * 1024
"""When each 200 ms of audio came is remembered for ten minutes."""


@dataclass
class Call:
    """A client without a socket, and what it was told."""

    put: Callable[[Message], Awaitable[None]]
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    closed: Message | None = None

    async def send(self, kind: str, **fields: Any) -> None:
        await self.put({"type": "websocket.receive", "text": json.dumps({"type": kind, **fields})})

    async def take(self, message: Message) -> None:
        await self.reading.wait()
        if message["type"] == "websocket.send":
            event = json.loads(message["text"])
            self.counts[event["type"]] += 1
            if event["type"] == "error":
                self.errors[str(event["error"]["code"])] += 1
        elif message["type"] == "websocket.close":
            self.closed = message


class Place:
    """A server in virtual time, and the notes its engines make for tests, which are thrown away."""

    def __init__(self) -> None:
        self.recognizer = ScriptedRecognizer(
            Heard(TEXT, partials=("hello", "hello there", "hello there how are"), delay_s=0.1), repeat=True
        )
        self.voice = ScriptedSynthesizer(word_ms=150, delay_s=0.02)
        self.translator = ScriptedTranslator(pairs=PAIRS, delay_s=0.05)
        stack = scripted(recognizer=self.recognizer, synthesizer=self.voice)
        wanted = settings(max_session_minutes=100_000.0)
        full = Stack(stack.vad, stack.recognizer, stack.llm, stack.synthesizer, translator=self.translator)
        self.service = VoiceService(wanted, ScriptedShelf(full))
        self.app = create_app(self.service, warm=False)

    def forget(self) -> None:
        for notes in (
            self.recognizer.segments,
            self.recognizer.vocabularies,
            self.voice.clauses,
            self.voice.styles,
            self.translator.requests,
        ):
            notes.clear()

    @asynccontextmanager
    async def call(self, path: str, query: str) -> AsyncGenerator[Call]:
        """Hold a session."""
        inbox: asyncio.Queue[Message] = asyncio.Queue(4)
        call = Call(inbox.put)
        call.reading.set()
        await inbox.put({"type": "websocket.connect"})
        served = asyncio.create_task(self.app(_scope(path, query), inbox.get, call.take))
        try:
            yield call
        finally:
            call.reading.set()
            hanging_up = asyncio.create_task(inbox.put({"type": "websocket.disconnect", "code": 1000}))
            await served
            hanging_up.cancel()

    async def held(self) -> int:
        """Return the bytes that are held."""
        self.forget()
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(1.0)
        return tracemalloc.get_traced_memory()[0]


def _scope(path: str, query: str) -> dict[str, Any]:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8_000),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


# --- lives ----------------------------------------------------------------------------------------------------------------------

CHUNKS = [base64.b64encode(ROUND[at : at + STEP_MS * 48]).decode() for at in range(0, len(ROUND), STEP_MS * 48)]


async def talk(
    call: Call, minutes: float, kind: str = "input_audio_buffer.append", commit_s: float = 0.0, pace: float = 1.0
) -> None:
    """Talk for some minutes of audio; `pace` times as fast as anybody can."""
    for count in itertools.count(1):
        if count * STEP_MS > minutes * 60_000:
            return
        await call.send(kind, audio=CHUNKS[count % len(CHUNKS)])
        if pace:
            await asyncio.sleep(STEP_MS / 1000 / pace)
        if commit_s and count * STEP_MS % round(commit_s * 1000) == 0:
            await call.send("input_audio_buffer.commit")


async def update(call: Call, **listening: Any) -> None:
    await call.send("session.update", session={"type": "transcription", "audio": {"input": listening}})


Life = Callable[[Call, float], Awaitable[None]]


async def never_commits(call: Call, minutes: float) -> None:
    await talk(call, minutes)


async def commits(call: Call, minutes: float) -> None:
    await talk(call, minutes, commit_s=5.0)


async def takes_turns(call: Call, minutes: float) -> None:
    await update(call, turn_detection={"type": "server_vad"})
    await talk(call, minutes)


async def changes_its_mind(call: Call, minutes: float) -> None:
    """Commits and clears, with turn detection and without, in one format and another."""
    for number in range(round(minutes * 4)):
        detection = {"type": "server_vad"} if number % 2 else None
        await update(
            call, turn_detection=detection, transcription={"model": ("gpt-realtime-whisper", "whisper-1")[number % 3 == 0]}
        )
        await talk(call, 0.25)
        await call.send(("input_audio_buffer.clear", "input_audio_buffer.commit")[number % 2])


async def floods(call: Call, minutes: float) -> None:
    """Sends as fast as it is read."""
    await talk(call, minutes, commit_s=5.0, pace=0.0)


async def interprets(call: Call, minutes: float) -> None:
    await call.send(
        "session.update", session={"audio": {"output": {"language": "es"}, "input": {"transcription": {"model": "x"}}}}
    )
    await talk(call, minutes, "session.input_audio_buffer.append")


async def interprets_in_haste(call: Call, minutes: float) -> None:
    await talk(call, minutes, "session.input_audio_buffer.append", pace=0.0)


TRANSCRIPTION = ("/v1/realtime", "model=gpt-realtime-whisper")
TRANSLATION = ("/v1/realtime/translations", "model=gpt-realtime-translate")
LIVES: dict[str, tuple[tuple[str, str], Life, str]] = {
    "never commits": (TRANSCRIPTION, never_commits, "conversation.item.input_audio_transcription.delta"),
    "commits": (TRANSCRIPTION, commits, "conversation.item.input_audio_transcription.completed"),
    "takes turns": (TRANSCRIPTION, takes_turns, "conversation.item.input_audio_transcription.completed"),
    "changes its mind": (TRANSCRIPTION, changes_its_mind, "conversation.item.input_audio_transcription.completed"),
    "floods": (TRANSCRIPTION, floods, "conversation.item.input_audio_transcription.completed"),
    "interprets": (TRANSLATION, interprets, "session.output_audio.delta"),
    "interprets in haste": (TRANSLATION, interprets_in_haste, "session.output_audio.delta"),
}


async def live(name: str, minutes: float) -> tuple[list[int], Call]:
    """Live it; return what was held half way, at the end, and after it."""
    where, life, _ = LIVES[name]
    place = Place()
    await place.service.start()
    async with place.call(*where) as call:
        await life(call, minutes / 4)
        await asyncio.sleep(20)
        held = []
        for _ in range(2):
            await life(call, minutes * 3 / 8)
            await asyncio.sleep(20)
            held.append(await place.held())
        assert not call.closed
    held.append(await place.held())
    return held, call


def check(name: str, minutes: float) -> None:
    tracemalloc.start()
    try:
        with VirtualClockLoop() as loop:
            (before, end, after), call = loop.run(live(name, minutes))
    finally:
        tracemalloc.stop()
    print(
        f"{name}: {before / 1e3:.0f} KB, {end / 1e3:.0f} KB after {minutes * 3 / 8:.0f} minutes more, {after / 1e3:.0f} KB without"
    )
    assert call.counts[LIVES[name][2]] > minutes * 8, call.counts
    assert set(call.errors) <= {"input_audio_buffer_commit_empty"}, call.errors
    more = minutes * 3 / 8
    kept = 2 * CHARACTERS_A_MINUTE * more if name == "never commits" else 0.0
    if LIVES[name][0] is TRANSLATION:
        kept = ARRIVALS_A_MINUTE * max(0.0, min(more, 10 - more))
    assert end - before < GROWTH + kept


@pytest.mark.parametrize("name", LIVES)
def test_a_session_holds_no_more_in_the_end_than_half_way(name: str) -> None:
    check(name, 1)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", LIVES)
def test_two_hours_hold_no_more_than_one(name: str) -> None:
    check(name, 120)


@pytest.mark.parametrize("where", [TRANSCRIPTION, TRANSLATION], ids=["transcription", "translation"])
def test_a_client_that_does_not_read_is_held_back_and_cut_off(where: tuple[str, str]) -> None:
    """The queue towards it stays small, its own audio is read no further, and after a while it is alone."""

    async def deaf() -> tuple[int, float]:
        place, loop = Place(), asyncio.get_running_loop()
        await place.service.start()
        most, began = 0, loop.time()
        async with place.call(*where) as call:
            await asyncio.sleep(0.1)
            assert call.counts["session.created"]
            call.reading.clear()
            append = "input_audio_buffer.append" if where is TRANSCRIPTION else "session.input_audio_buffer.append"
            talking = asyncio.create_task(talk(call, 600, append, commit_s=1.0 if where is TRANSCRIPTION else 0.0))
            await asyncio.sleep(0.1)
            (outlet,) = place.service.hub._open
            while len(place.service.hub):
                most = max(most, outlet._queued)
                await asyncio.sleep(0.1)
            took = loop.time() - began
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
        return most, took

    with VirtualClockLoop() as loop:
        most, took = loop.run(deaf())
    assert most < 2 * websocket.FLOOD_BYTES
    assert took <= websocket.STALL_S + 5

"""Frames made of valid ones by accident and malice: each is answered officially or valid, and the session lives and answers a turn.

A thousand by default; `make fuzz` sends twenty thousand, with megabytes in some of them, and compares the memory of the process.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import check_answers, hostile

from kit import TURN, Client, Event, Serving, scripted, serving, session
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.synthesizer import ScriptedSynthesizer

BATCH = 100
SESSION = 2_000
"""Frames to a session of the long run: the memory is compared when none is open."""

GROWTH = 1 << 20
"""Bytes that the server and this client together may hold more after the last session than after the third."""

ORDINARY = session(
    instructions="Be brief.",
    output_modalities=["audio"],
    tools=[],
    tool_choice="auto",
    max_output_tokens="inf",
    truncation="auto",
    audio={
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": None,
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500, "idle_timeout_ms": None},
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "speed": 1.0},
    },
)
"""What a session is set to before it is asked to prove that it lives."""


async def test_frames_broken_at_random_are_answered_officially_and_harm_nothing() -> None:
    frames, answered = hostile(random.Random(20_261_120)), Counter[str]()
    async with serving(scripted(ScriptedBrain("ok.", repeat=True))) as server:
        await fuzz(server, frames, 1_000, answered)
    assert answered["refused"] > 250 and answered["accepted"] > 50, "the mutations are neither too wild nor too tame"


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_twenty_thousand_of_them_leave_the_memory_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    frames, answered, held = hostile(random.Random(7), huge=0.002), Counter[str](), list[tuple[int, int]]()
    engines = ScriptedBrain("ok.", repeat=True), ScriptedRecognizer("hello", repeat=True), ScriptedSynthesizer()
    async with serving(scripted(*engines)) as server:
        tracemalloc.start()
        try:
            for _ in range(20_000 // SESSION):
                await fuzz(server, frames, SESSION, answered)
                await server.empty()
                for notes in (
                    engines[0].requests,
                    engines[1].segments,
                    engines[1].vocabularies,
                    engines[2].clauses,
                    engines[2].styles,
                ):
                    notes.clear()
                held.append((await _traced(), _resident()))
        finally:
            tracemalloc.stop()
    with capsys.disabled():
        told = " ".join(f"{traced / 1e6:.2f}/{resident / 1e6:.0f}" for traced, resident in held)
        print(f"\n{dict(answered)}; MB traced/resident after each {SESSION} frames: {told}")
    assert held[-1][0] - held[2][0] < GROWTH, "the first sessions fill what is shared by all: caches, tables"


async def test_text_that_is_no_utf8_closes_the_session_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server, server.connect() as neighbour:
        for frame in (b"\xff", b'{"type": "\xed\xa0\x80"}', b'{"type":"session.update"\x80'):
            async with server.connect() as client:
                await client.socket.send(frame, text=True)
                end = await client.closed()
                assert end.rcvd is not None
                assert end.rcvd.code == 1007
        await prove(neighbour)
    caplog.clear()


async def fuzz(server: Serving, frames: Iterator[str | bytes], count: int, answered: Counter[str]) -> None:
    """Send broken frames to a session of its own, batch by batch, and have it prove after each that it lives."""
    async with server.connect(check=False) as client:
        for start in range(0, count, BATCH):
            batch = [next(frames) for _ in range(BATCH)]
            for frame in batch:
                await client.frame(frame)
            answered.update(check_answers(batch, await _answers(client, start)))
            await prove(client)


async def prove(client: Client) -> None:
    """Have a session answer a spoken turn, whatever it has been through."""
    for frame in ({"type": "input_audio_buffer.clear"}, {"type": "response.cancel"}, {**ORDINARY, "event_id": "ordinary"}):
        await client.frame(frame)
    while (event := await client.read())["type"] != "session.updated" or event["session"]["instructions"] != "Be brief.":
        assert event["type"] != "error" or event["error"]["event_id"] != "ordinary", event
    await client.append(TURN)
    committed = None
    while True:
        event = await client.read()
        if event["type"] == "input_audio_buffer.committed":
            committed = event["item_id"]
        if event["type"] == "response.done" and committed is not None and event["response"]["conversation_id"]:
            assert event["response"]["status"] == "completed", event
            break
    client.events.clear()


async def _answers(client: Client, batch: int) -> list[Event]:
    """Read what the server says to a batch, up to the answer of an event that ends it."""
    marker = f"marker_{batch}"
    await client.frame({"type": "conversation.item.delete", "item_id": marker, "event_id": marker})
    answers: list[Event] = []
    while True:
        event = await client.read()
        if event["type"] == "error" and event["error"]["event_id"] == marker:
            client.events.clear()
            return answers
        answers.append(event)


async def _traced() -> int:
    # Generators that only the collector finds are closed by the loop afterwards, and let go of what they hold.
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0.01)
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    status: dict[str, Any] = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line
    )
    return int(status["VmRSS"].split()[0]) * 1024

"""A caller through the embedded engines: real detector, real recognizer, a real server, and a decoder that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kit import MODEL, REASONING_MODEL, Client, Event, Serving, eventually, scripted, serving, silence, wire_audio
from vivavoce.audio.wav import read_wav
from vivavoce.testing.brain import ScriptedBrain

pytestmark = pytest.mark.speech
LEAD_MS = 700
WORKERS = 2
TRAIL_MS = 900
STATUS = {
    "type": "function",
    "name": "check_order_status",
    "description": "Check the status of an order.",
    "parameters": {"type": "object", "properties": {"order_number": {"type": "string", "description": "The order number."}}},
}


def clip(speech: Path, name: str, fmt: str = "audio/pcm") -> tuple[bytes, float]:
    """Return a caller's words in a wire format, quiet before and after, and how long they last in ms."""
    samples, rate_hz = read_wav(speech / "caller" / f"{name}.wav")
    return silence(LEAD_MS, fmt) + wire_audio(samples, rate_hz, fmt) + silence(TRAIL_MS, fmt), len(samples) * 1000 / rate_hz


@asynccontextmanager
async def embedded(brain: ScriptedBrain | None = None) -> AsyncGenerator[Serving]:
    """A server that really listens, and answers by script."""
    batched = pytest.importorskip("vivavoce.engines.vad.batched", reason="the detector does not import", exc_type=ImportError)
    module = "vivavoce.engines.asr.pocketsphinx.recognizer"
    pocketsphinx = pytest.importorskip(module, reason="the recognizer does not import", exc_type=ImportError)
    stack = scripted(
        brain or ScriptedBrain("One moment please.", repeat=True),
        pocketsphinx.PocketsphinxRecognizer(workers=WORKERS),
        vad=batched.BatchedVad(),
    )
    async with serving(stack) as server:
        assert server.service.ready, server.service.failure
        yield server


async def prepared(client: Client, fmt: str = "audio/pcm") -> None:
    """Set up a help desk."""
    await client.update(
        instructions="You are the help desk of a shop. Callers check the status of their order, or ask for help.",
        tools=[STATUS],
        audio={"input": {"format": {"type": fmt}, "transcription": {"model": "gpt-realtime-whisper", "language": "en"}}},
    )


async def transcript(client: Client) -> str:
    """Wait until the turn is answered and return what was understood."""
    response = await client.done()
    assert response["status"] == "completed", response["status_details"]
    kind = "conversation.item.input_audio_transcription.completed"
    found: str = client.of(kind)[-1]["transcript"]
    return found


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


@pytest.mark.parametrize("fmt", ["audio/pcm", "audio/pcmu"])
async def test_a_caller_is_heard_understood_and_answered(speech: Path, fmt: str) -> None:
    audio, length_ms = clip(speech, "order_status", fmt)
    async with embedded() as server, server.connect() as client:
        await prepared(client, fmt)
        await client.append(audio, step=1_600)
        understood = await transcript(client)
        started = client.of("input_audio_buffer.speech_started")
        stopped = client.of("input_audio_buffer.speech_stopped")
    assert len(started) == len(stopped) == 1
    onset_ms = started[0]["audio_start_ms"] + 300
    assert LEAD_MS - 100 <= onset_ms <= LEAD_MS + 500
    assert onset_ms + 500 <= stopped[0]["audio_end_ms"] <= LEAD_MS + length_ms + 200 + 200
    assert {"order", "status"} <= words(understood), understood
    deltas = client.of("conversation.item.input_audio_transcription.delta")
    assert "".join(event["delta"] for event in deltas) == understood


async def test_turns_in_a_row_are_understood_each_for_itself(speech: Path) -> None:
    expected = {"order_status": {"order", "status"}, "help_me": {"help"}, "thank_you": {"thank", "you"}}
    async with embedded() as server, server.connect() as client:
        await prepared(client)
        for name, wanted in expected.items():
            await client.append(clip(speech, name)[0])
            understood = await transcript(client)
            assert wanted <= words(understood), (name, understood)
        assert len(client.of("input_audio_buffer.committed")) == len(expected)


Take = Callable[[Any], Awaitable[None]]


def watch_pool(monkeypatch: pytest.MonkeyPatch, size: int, on_lent: Take) -> None:
    """Have something done with every worker that a pool of this size lends."""
    pool = pytest.importorskip("vivavoce.engines.asr.pocketsphinx.pool", exc_type=ImportError)
    take = pool.WorkerPool._take

    async def watched(self: Any, *args: Any) -> Any:
        worker = await take(self, *args)
        if self._size == size:
            await on_lent(worker)
        return worker

    monkeypatch.setattr(pool.WorkerPool, "_take", watched)


async def test_a_decoder_killed_in_mid_utterance_fails_one_turn_of_one_caller(
    speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening: list[int] = []

    async def note(worker: Any) -> None:
        listening.append(worker.pid)

    watch_pool(monkeypatch, WORKERS, note)
    audio, _ = clip(speech, "order_status")
    half = len(audio) // 4 * 2
    async with embedded() as server, server.connect(MODEL) as victim, server.connect(REASONING_MODEL) as other:
        for client in (victim, other):
            await prepared(client)
        await victim.append(audio[:half])
        await victim.until("input_audio_buffer.speech_started")
        await eventually(lambda: listening)
        await other.append(audio[:half])
        await other.until("input_audio_buffer.speech_started")
        os.kill(listening[0], signal.SIGKILL)

        await victim.append(audio[half:])
        await other.append(audio[half:])
        failed = await victim.done()
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["message"]
        assert victim.of("conversation.item.input_audio_transcription.failed")
        assert {"order", "status"} <= words(await transcript(other))

        await victim.append(audio)
        assert {"order", "status"} <= words(await transcript(victim))


async def test_a_builder_killed_at_its_work_fails_nobody(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions with the same tools share the building of their language model: its death must not be the failure of all of them."""
    both_speak = asyncio.Event()
    built_by: list[int] = []

    async def kill_the_first(worker: Any) -> None:
        built_by.append(worker.pid)
        if len(built_by) == 1:
            await both_speak.wait()
            os.kill(worker.pid, signal.SIGKILL)

    watch_pool(monkeypatch, 1, kill_the_first)
    audio, _ = clip(speech, "order_status")
    async with embedded() as server, server.connect(MODEL) as one, server.connect(REASONING_MODEL) as other:
        for client in (one, other):
            await prepared(client)
            await client.append(audio)
            await client.until("response.created")
        both_speak.set()
        for client in (one, other):
            assert {"order", "status"} <= words(await transcript(client))
    assert len(built_by) == 2


def test_the_clips_are_the_ones_the_manifest_describes(speech: Path) -> None:
    lines = (speech / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries: list[Event] = [json.loads(line) for line in lines]
    texts = {entry["file"]: entry["text"] for entry in entries}
    assert {"order", "status"} <= words(texts["caller/order_status.wav"])

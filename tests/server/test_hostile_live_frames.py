"""Broken frames to transcription and translation sessions: each is answered officially or valid, and the session lives and hears on.

Four hundred to each kind by default; `make fuzz` sends ten thousand.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hostile import AUDIO, check_answers, hostile
from translation_kit import MODEL, PAIRS, Listener, audio_of, interpreters, listening, talk

from kit import TURN, Client, Event, Serving, scripted, serving
from vivavoce.protocol import translation_events
from vivavoce.protocol.client_events import parse_transcription
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.translator import ScriptedTranslator

BATCH = 50


def transcriber(**listening: object) -> Event:
    """A `session.update` of a transcription session."""
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": listening}}}


def interpreter(**audio: object) -> Event:
    """A `session.update` of a translation session."""
    return {"type": "session.update", "session": {"audio": audio}}


TRANSCRIPTION_SEEDS: list[Event] = [
    transcriber(transcription={"model": "gpt-realtime-whisper", "language": "en", "delay": "low"}, turn_detection=None),
    transcriber(transcription={"model": "gpt-4o-transcribe", "prompt": "drinks"}, noise_reduction=None),
    transcriber(transcription={"model": "gpt-transcribe", "languages": ["en", "de"], "keywords": ["latte"]}),
    transcriber(turn_detection={"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}),
    transcriber(turn_detection={"type": "semantic_vad", "eagerness": "high"}, format={"type": "audio/pcm", "rate": 24_000}),
    transcriber(format={"type": "audio/pcmu"}, transcription=None),
    {"type": "session.update", "session": {"type": "transcription", "include": ["item.input_audio_transcription.logprobs"]}},
    *[{"type": "input_audio_buffer.append", "audio": AUDIO}] * 3,
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}},
]
TRANSLATION_SEEDS: list[Event] = [
    interpreter(output={"language": "fr"}),
    interpreter(input={"transcription": {"model": "gpt-realtime-whisper"}, "noise_reduction": None}, output={"language": "es"}),
    *[{"type": "session.input_audio_buffer.append", "audio": AUDIO}] * 3,
    {"type": "input_audio_buffer.commit"},
]
"""Not `session.close`: what is closed cannot prove that it lives."""

ORDINARY = transcriber(
    format={"type": "audio/pcm", "rate": 24_000},
    transcription={"model": "gpt-realtime-whisper", "language": None, "prompt": None, "languages": None, "delay": None},
    turn_detection=None,
)
SPOKEN = talk("good morning everybody.", "this is a test.")
SPEECH = audio_of(SPOKEN)


async def fuzz_transcription(count: int, seed: int, huge: float = 0.0) -> Counter[str]:
    frames, answered = hostile(random.Random(seed), seeds=TRANSCRIPTION_SEEDS, huge=huge), Counter[str]()
    recognizer = ScriptedRecognizer(Heard("hello there", partials=("hello",)), repeat=True)
    stack = scripted(recognizer=recognizer)
    async with serving(stack) as server, server.open(server.realtime("intent=transcription"), check=False) as client:
        for start in range(0, count, BATCH):
            batch = [next(frames) for _ in range(BATCH)]
            answered.update(check_answers(batch, await _answers(client, batch, start), parse_transcription))
            await prove_transcription(client)
    return answered


async def prove_transcription(client: Client) -> None:
    """Have it hear a turn that is committed by hand, and one that it ends itself."""
    for detection in (None, {"type": "server_vad"}):
        await client.frame({"type": "input_audio_buffer.clear"})
        await _until(client, "input_audio_buffer.cleared")
        session: Any = ORDINARY["session"]
        session = {**session, "audio": {"input": {**session["audio"]["input"], "turn_detection": detection}}}
        await client.frame({"type": "session.update", "event_id": "ordinary", "session": session})
        await _until(client, "session.updated")
        await client.append(TURN)
        if detection is None:
            await client.frame({"type": "input_audio_buffer.commit"})
        committed = await _until(client, "input_audio_buffer.committed")
        while (done := await _until(client, "conversation.item.input_audio_transcription.completed")) is not None:
            if done["item_id"] == committed["item_id"]:
                break
    client.events.clear()


async def fuzz_translation(count: int, seed: int, huge: float = 0.0) -> Counter[str]:
    frames, answered = hostile(random.Random(seed), seeds=TRANSLATION_SEEDS, huge=huge), Counter[str]()
    async with serving(interpreters(SPOKEN, ScriptedTranslator(pairs=PAIRS))) as server, listening(server, MODEL) as client:
        for start in range(0, count, BATCH):
            batch = [next(frames) for _ in range(BATCH)]
            answered.update(check_answers(batch, await _answers(client, batch, start), translation_events.parse))
            await prove_translation(client, start)
        await _settled(client, server)
    return answered


async def prove_translation(client: Listener, number: int) -> None:
    """Have it say something in the language it is told to."""
    wanted = "es" if number // BATCH % 2 else "fr"
    await client.frame({**interpreter(output={"language": wanted}), "event_id": "ordinary"})
    await _until(client, "session.updated")
    await client.append(SPEECH)
    while (said := await _until(client, "session.output_transcript.delta")) is not None:
        if f"[{wanted}] this is a test." in said["delta"]:
            break
    client.events.clear()


async def _settled(client: Listener, server: Serving) -> None:
    await client.send("session.close")
    while (await client.read())["type"] != "session.closed":
        continue
    await server.empty()


async def _until(client: Client, kind: str) -> Event:
    """Read on until an event of a type, whatever comes before, as long as the ordinary is not refused."""
    while (event := await client.read())["type"] != kind:
        assert event["type"] != "error" or event["error"]["event_id"] != "ordinary", event
    return event


async def _answers(client: Client, batch: list[str | bytes], start: int) -> list[Event]:
    """Send a batch and read what is said to it, up to the answer of an event that ends it."""
    for frame in batch:
        await client.frame(frame)
    marker = f"marker_{start}"
    await client.frame({"type": "marker", "event_id": marker})
    answers: list[Event] = []
    while True:
        event = await client.read()
        if event["type"] == "error" and event["error"]["event_id"] == marker:
            client.events.clear()
            return answers
        answers.append(event)


async def test_broken_frames_do_not_harm_a_transcription_session() -> None:
    answered = await fuzz_transcription(400, 20_261_120)
    assert answered["refused"] > 100 and answered["accepted"] > 20, "the mutations are neither too wild nor too tame"


async def test_broken_frames_do_not_harm_a_translation_session() -> None:
    answered = await fuzz_translation(400, 20_261_121)
    assert answered["refused"] > 100 and answered["accepted"] > 20, "the mutations are neither too wild nor too tame"


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("fuzz", [fuzz_transcription, fuzz_translation])
async def test_ten_thousand_of_them(fuzz: Any) -> None:
    assert (await fuzz(10_000, 7, huge=0.002))["refused"] > 2_500

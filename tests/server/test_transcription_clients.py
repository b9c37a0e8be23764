"""What the transcription code of known clients sends, frame by frame as their sources have it, and what each of them waits for.

The conformance suite runs the clients themselves; here is why they work. Sources: openai-agents 0.24.0 `voice/models/openai_stt.py`,
livekit-plugins-openai 1.8.9 `stt.py`, pipecat-ai 1.14.0 `services/openai/stt.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from kit import TURN, Client, Event, Serving, scripted, serving, silence, speech
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer

PCM = {"type": "audio/pcm", "rate": 24_000}
HEARD = "conversation.item.input_audio_transcription"
COMMIT_ID = "0" * 32


def update(transcription: dict[str, Any], **more: Any) -> Event:
    """A `session.update` as all three write it: without an event id."""
    heard = {"format": PCM, "transcription": transcription, **more}
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}


AGENTS = update({"model": "gpt-transcribe"}, turn_detection={"type": "semantic_vad"})
LIVEKIT_VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 600, "silence_duration_ms": 350}
UPDATES = {
    "openai-agents": AGENTS,
    "openai-agents with hints": update(
        {"model": "gpt-live-transcribe", "languages": ["en"], "prompt": "Coffee.", "keywords": ["latte"]},
        turn_detection={"type": "server_vad"},
    ),
    "livekit": update({"model": "gpt-4o-mini-transcribe", "language": "en"}, turn_detection=LIVEKIT_VAD),
    "livekit without keywords": update(
        {"model": "gpt-transcribe", "keywords": [], "languages": ["en"]}, turn_detection=LIVEKIT_VAD
    ),
    "livekit with a detector of its own": update({"model": "gpt-realtime-whisper", "language": "en"}),
    "pipecat": update({"model": "gpt-realtime-whisper", "language": "en"}, turn_detection=None),
    "pipecat with delay": update({"model": "gpt-realtime-whisper", "language": "en", "delay": "low"}, turn_detection=None),
    "pipecat with server_vad": update({"model": "gpt-4o-transcribe", "language": "en"}, turn_detection={"type": "server_vad"}),
}
BY_CLIENT = ("livekit with a detector of its own", "pipecat", "pipecat with delay")


async def input_ends(client: Client) -> list[Event]:
    """End the input as openai-agents does; return every event until it would leave.

    It leaves once the buffer is cleared and every committed item has been completed, gives up at any `error` but one, and at a `failed`.
    """
    await client.send("input_audio_buffer.commit", event_id=COMMIT_ID)
    await client.send("input_audio_buffer.clear")
    start, pending, cleared = len(client.events), committed(client) - completed(client), False
    while pending or not cleared:
        event = await client.read()
        cleared = cleared or event["type"] == "input_audio_buffer.cleared"
        pending = committed(client) - completed(client)
        if event["type"] == "error":
            assert event["error"]["code"] == "input_audio_buffer_commit_empty" and event["error"]["event_id"] == COMMIT_ID
        assert event["type"] != f"{HEARD}.failed"
    return client.events[start:]


def committed(client: Client) -> set[str]:
    return {event["item_id"] for event in client.of("input_audio_buffer.committed")}


def completed(client: Client) -> set[str]:
    done = client.of(f"{HEARD}.completed")
    assert {event["item_id"] for event in done} <= committed(client), "an item is committed before it is completed"
    return {event["item_id"] for event in done}


def transcripts(client: Client) -> list[str]:
    return [event["transcript"] for event in client.of(f"{HEARD}.completed")]


def transcriber(server: Serving, query: str = "intent=transcription") -> Any:
    return server.open(server.realtime(query))


@pytest.mark.parametrize("name", UPDATES)
async def test_every_first_update_is_taken_and_a_turn_is_heard(name: str) -> None:
    async with serving(scripted(recognizer=ScriptedRecognizer("a latte", repeat=True))) as server, transcriber(server) as client:
        await client.frame(UPDATES[name])
        await client.until("session.updated")
        await client.append(TURN)
        if name in BY_CLIENT:
            await client.send("input_audio_buffer.commit")
        else:
            await client.append(silence(5_000))
        done = await client.until(f"{HEARD}.completed")
    assert transcripts(client) == ["a latte"]
    assert isinstance(done["usage"], dict), "LiveKit reads it without asking whether it is there"


async def test_livekit_sends_its_update_before_it_has_read_anything() -> None:
    query = "intent=transcription&model=gpt-4o-mini-transcribe"
    async with serving() as server, server.open(server.realtime(query), read=False) as client:
        await client.frame(UPDATES["livekit"])
        await client.append(TURN)
        await client.until(f"{HEARD}.completed")
    assert client.types()[:2] == ["session.created", "session.updated"]


async def test_audio_that_pipecat_sends_before_its_update_is_not_lost() -> None:
    async with serving() as server, server.open(server.realtime("intent=transcription"), read=False) as client:
        await client.append(speech(600))
        await client.frame(UPDATES["pipecat"])
        await client.append(speech(400))
        await client.send("input_audio_buffer.commit")
        done = await client.until(f"{HEARD}.completed")
    assert done["usage"] == {"type": "duration", "seconds": 1}
    assert transcripts(client) == ["hello"]


async def test_the_end_of_an_input_is_heard_to_its_last_word() -> None:
    async with serving() as server, transcriber(server) as client:
        await client.frame(AGENTS)
        await client.until("session.updated")
        await client.append(silence(400) + speech(900))
        events = await input_ends(client)
    assert transcripts(client) == ["hello"]
    kinds = [event["type"] for event in events]
    assert kinds.index("input_audio_buffer.cleared") > kinds.index("input_audio_buffer.committed")


async def test_an_input_that_ends_after_its_last_turn_gets_the_one_error_that_is_forgiven() -> None:
    async with serving() as server, transcriber(server) as client:
        await client.frame(AGENTS)
        await client.until("session.updated")
        await client.append(TURN + silence(4_000))
        await client.until(f"{HEARD}.completed")
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        events = await input_ends(client)
    assert [event["type"] for event in events] == ["error", "input_audio_buffer.cleared"]
    assert events[0]["error"]["code"] == "input_audio_buffer_commit_empty"


async def test_clearing_the_buffer_keeps_what_was_committed() -> None:
    slow = ScriptedRecognizer(Heard("the first words", delay_s=0.1))
    async with serving(scripted(recognizer=slow)) as server, transcriber(server) as client:
        await client.frame(AGENTS)
        await client.until("session.updated")
        await client.append(silence(400) + speech(900))
        await input_ends(client)
    assert transcripts(client) == ["the first words"]


async def test_an_item_in_which_nothing_was_understood_is_completed_all_the_same() -> None:
    async with serving(scripted(recognizer=ScriptedRecognizer(""))) as server, transcriber(server) as client:
        await client.frame(AGENTS)
        await client.until("session.updated")
        await client.append(silence(400) + speech(900))
        await input_ends(client)
    assert transcripts(client) == [""]

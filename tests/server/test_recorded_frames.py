"""The recorded sessions of the original service, replayed: our answers have the recorded types, keys and nulls, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import CALLS, calling
from recording import Recording, shape

from kit import Client, Event, Serving, scripted, serving, streams
from vivavoce.config import LimitSettings
from vivavoce.testing.official import validate_event

SIDEBAND = "sideband_text_turn"
"""Recorded on a sideband of a WebRTC call, and replayed on one."""

RECORDINGS = (
    "server_vad_turn",
    SIDEBAND,
    "text_in_audio_out",
    "tool_call_round",
    "tool_round_reasoning_model",
)

DIFFERENT = {
    (
        "server_vad_turn",
        "conversation.item.done",
        "previous_item_id",
    ): "the service forgets the predecessor of an assistant item that it named in `added`; we name it again",
    ("text_in_audio_out", "conversation.item.done", "previous_item_id"): "as above",
    (SIDEBAND, "conversation.item.done", "previous_item_id"): "as above",
    ("tool_call_round", "conversation.item.done", "previous_item_id"): "as above, of a function call",
    ("tool_round_reasoning_model", "conversation.item.done", "previous_item_id"): "as above",
}
"""Paths that differ in shape, by recording and event type, and why."""


@pytest.mark.golden
@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_recorded_session_gets_the_recorded_answers(golden: Path, name: str) -> None:
    recording = Recording.load(golden / f"{name}.jsonl")
    stack = scripted(recording.brain(), recording.recognizer())
    async with serving(stack, limits=_limits(recording)) as server, _connected(server, name, recording.model()) as client:
        await _replay(recording, client)
    ours, theirs = client.events, recording.server()

    assert streams([event["type"] for event in ours]) == streams([event["type"] for event in theirs])
    assert _differences(name, ours, theirs) == {path for path in DIFFERENT if path[0] == name}


@pytest.mark.golden
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_validator_accepts_every_recorded_frame(golden: Path, name: str) -> None:
    for event in Recording.load(golden / f"{name}.jsonl").server():
        validate_event(event)


@pytest.mark.golden
async def test_a_recorded_turn_is_found_where_the_service_found_it(golden: Path) -> None:
    recording = Recording.load(golden / "server_vad_turn.jsonl")
    stack = scripted(recording.brain(), recording.recognizer())
    async with serving(stack, limits=_limits(recording)) as server, server.connect(recording.model(), read=False) as client:
        await _replay(recording, client)
    for kind, key in (("speech_started", "audio_start_ms"), ("speech_stopped", "audio_end_ms")):
        theirs, ours = recording.of(f"input_audio_buffer.{kind}")[0][key], client.of(f"input_audio_buffer.{kind}")[0][key]
        assert abs(theirs - ours) <= 32, kind
    kind = "conversation.item.input_audio_transcription.completed"
    assert client.of(kind)[0]["usage"] == recording.of(kind)[0]["usage"]
    assert client.of(kind)[0]["transcript"] == recording.of(kind)[0]["transcript"]


@asynccontextmanager
async def _connected(server: Serving, name: str, model: str) -> AsyncGenerator[Client]:
    """Open the connection that a session was recorded on."""
    if name != SIDEBAND:
        async with server.connect(model, read=False) as client:
            yield client
        return
    async with calling(server, f"{CALLS}?model={model}") as call, call.sideband() as client:
        yield client


def _limits(recording: Recording) -> LimitSettings | None:
    """The limits the service told of: those of the account, one entry each; None where it told of none."""
    told = [limit for event in recording.of("rate_limits.updated") for limit in event["rate_limits"]]
    return LimitSettings(**{f"{limit['name']}_per_minute": limit["limit"] for limit in told}) if told else None


async def _replay(recording: Recording, client: Client) -> None:
    """Send the client's side, each frame once the events that preceded it are there, and read to the last recorded event."""
    for frame, after in recording.client():
        if after is not None:
            await _until(client, *after)
        await client.frame(frame)
    last = recording.server()[-1]["type"]
    await _until(client, last, len(recording.of(last)))


async def _until(client: Client, kind: str, count: int) -> None:
    while len(client.of(kind)) < count:
        await client.read()


def _differences(name: str, ours: list[Event], theirs: list[Event]) -> set[tuple[str, str, str]]:
    found = set()
    for our, their in zip(_by_type(ours), _by_type(theirs), strict=True):
        assert our["type"] == their["type"]
        mine, recorded = shape(our), shape(their)
        found |= {(name, our["type"], path) for path in mine.keys() | recorded.keys() if mine.get(path) != recorded.get(path)}
    return found


def _by_type(events: list[Event]) -> list[Event]:
    """Return the events by type, those of one type in order, with one delta for each item: texts are cut as each likes."""
    kept: list[Event] = []
    cut: set[tuple[str, str]] = set()
    for event in sorted(events, key=lambda event: event["type"]):
        where = (event["type"], event.get("item_id", ""))
        if where not in cut:
            kept.append(event)
        if event["type"].endswith(".delta"):
            cut.add(where)
    return kept

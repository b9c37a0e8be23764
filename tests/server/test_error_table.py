"""Every mistake a client can make beyond a wrong field: the official error, under its event id, and nothing changed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from kit import Client, Event, Frame, audio_in, create, respond, scripted, serving, session, speech, text, truncate, user
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.script import Hang, Say

MINE = "evt_from_client"
INVALID = "invalid_request_error"

Left = dict[str, str]
"""Ids that the time before the mistake has left behind."""


async def nothing(client: Client) -> Left:
    return {}


async def spoken(client: Client) -> Left:
    """An answer of four words, 300 ms each, has been heard."""
    words = await client.say("hi")
    response = await client.respond()
    return {"item": response["output"][0]["id"], "text": words, "response": response["id"]}


async def truncated(client: Client) -> Left:
    """And it has been truncated at 500 ms."""
    left = await spoken(client)
    await client.frame(truncate(left["item"], end=500))
    await client.until("conversation.item.truncated")
    return left


async def speaking(client: Client) -> Left:
    """An answer is under way, and its second half hangs."""
    await client.send("response.create")
    await client.until("response.output_audio.delta")
    created = client.of("response.created")[-1]["response"]["id"]
    return {"response": created, "item": client.of("response.output_item.added")[-1]["item"]["id"]}


async def manual(client: Client) -> Left:
    """Turns are taken by hand, and 80 ms are in the buffer."""
    await client.update(audio={"input": {"turn_detection": None}})
    await client.append(speech(80))
    return {}


async def traced(client: Client) -> Left:
    """Tracing is on."""
    await client.update(tracing="auto")
    return {}


@dataclass(frozen=True)
class Mistake:
    """One row of the table: what the client does, and what it is told. `says` is searched in the message."""

    name: str
    frame: Frame | Callable[[Left], Event]
    code: str | None
    param: str | None
    says: str
    before: Callable[[Client], Awaitable[Left]] = nothing
    echoed: bool = True
    """Off where the frame's own id cannot be read."""


def plain(kind: str, **fields: object) -> Event:
    return {"type": kind, **fields}


FRAMES = [
    Mistake("not JSON", "{", "invalid_json", None, "not valid JSON", echoed=False),
    Mistake("not UTF-8", b'{"type": "\xff"}', "invalid_json", None, "not valid JSON", echoed=False),
    Mistake("an empty frame", "", "invalid_json", None, "not valid JSON", echoed=False),
    Mistake("a frame too deep to read", "[" * 100_000, "invalid_json", None, "not valid JSON", echoed=False),
    Mistake("not an object", "[1]", "invalid_event", None, "must be a JSON object", echoed=False),
    Mistake("without a type", {}, "invalid_event", None, "'type'"),
    Mistake("a type that is no string", {"type": 7}, "invalid_event", None, "'type'"),
    Mistake("an unknown type", plain("response.crate"), "invalid_value", "type", "Supported values are: 'session.update'"),
    Mistake("a beta type", plain("transcription_session.update"), "invalid_value", "type", "Supported values"),
    Mistake("a server event", plain("session.created"), "invalid_value", "type", "Supported values"),
    Mistake("an event of calls", plain("output_audio_buffer.clear"), "invalid_value", "type", "WebRTC and SIP"),
    Mistake(
        "an id too long",
        '{"type":"response.cancel","event_id":"' + "x" * 513 + '"}',
        "string_above_max_length",
        "event_id",
        "512",
        echoed=False,
    ),
    Mistake(
        "an id that is no string", '{"type":"response.cancel","event_id":7}', "invalid_type", "event_id", "a string", echoed=False
    ),
]
SESSION = [
    Mistake(
        "an update of another kind",
        plain("session.update", session={"type": "transcription"}),
        "invalid_value",
        "session.type",
        "^Passing a transcription session update event to a realtime session is not allowed",
    ),
    Mistake(
        "another voice after audio",
        session(instructions="Whisper.", audio={"output": {"voice": "echo"}}),
        "cannot_update_voice",
        "session.audio.output.voice",
        "assistant audio is present",
        spoken,
    ),
    Mistake(
        "tracing twice", session(tracing={"workflow_name": "x"}), "invalid_value", "session.tracing", "cannot be changed", traced
    ),
    Mistake(
        "another format while audio waits",
        audio_in(format={"type": "audio/pcmu"}),
        "invalid_value",
        "session.audio.input.format",
        "Commit or clear it first",
        manual,
    ),
    Mistake(
        "reasoning without a reasoning model",
        session(reasoning={"effort": "low"}),
        "invalid_value",
        "session.reasoning",
        "does not support reasoning",
    ),
    Mistake(
        "too little to commit", plain("input_audio_buffer.commit"), "input_audio_buffer_commit_empty", None, "80.00ms", manual
    ),
    Mistake("nothing to commit", plain("input_audio_buffer.commit"), "input_audio_buffer_commit_empty", None, "0.00ms"),
]
ITEMS = [
    Mistake(
        "delete nobody", plain("conversation.item.delete", item_id="item_x"), "item_delete_invalid_item_id", "item_id", "item_x"
    ),
    Mistake(
        "delete what is being said",
        lambda left: plain("conversation.item.delete", item_id=left["item"]),
        "item_delete_invalid_item_id",
        "item_id",
        "",
        speaking,
    ),
    Mistake(
        "retrieve nobody",
        plain("conversation.item.retrieve", item_id="item_x"),
        "item_retrieve_invalid_item_id",
        "item_id",
        "item_x",
    ),
    Mistake("truncate nobody", truncate("item_x"), "item_truncate_invalid_item_id", "item_id", "item_x"),
    Mistake(
        "truncate past the end",
        lambda left: truncate(left["item"], end=60_000),
        "invalid_value",
        "audio_end_ms",
        "^Audio content of 1200ms is already shorter than 60000ms",
        spoken,
    ),
    Mistake(
        "truncate text",
        lambda left: truncate(left["text"]),
        None,
        "item_id",
        "^Only model output audio messages can be truncated",
        spoken,
    ),
    Mistake("truncate no such part", lambda left: truncate(left["item"], 1), None, "item_id", "^Only model output audio", spoken),
    Mistake(
        "truncate again, longer",
        lambda left: truncate(left["item"], end=900),
        "item_already_truncated",
        "audio_end_ms",
        "500ms",
        truncated,
    ),
    Mistake(
        "create after nobody",
        create(user(text("x")), previous_item_id="item_x"),
        "item_create_invalid_previous_item_id",
        "previous_item_id",
        "item_x",
    ),
    Mistake(
        "create with an id that is taken",
        lambda left: create(user(text("x"), id=left["text"])),
        "item_create_duplicate_item_id",
        "item.id",
        "already exists",
        spoken,
    ),
    Mistake(
        "answer a call nobody made",
        create({"type": "function_call_output", "call_id": "call_x", "output": "1"}),
        "invalid_value",
        "item.call_id",
        "call_x",
    ),
]
RESPONSES = [
    Mistake(
        "a second response", plain("response.create"), "conversation_already_has_active_response", None, "{response}", speaking
    ),
    Mistake("cancel nothing", plain("response.cancel"), "response_cancel_not_active", None, "^Cancellation failed"),
    Mistake(
        "cancel the wrong one",
        plain("response.cancel", response_id="resp_x"),
        "response_cancel_not_active",
        None,
        "^Cancellation failed",
        speaking,
    ),
    Mistake(
        "cancel one that is done",
        lambda left: plain("response.cancel", response_id=left["response"]),
        "response_cancel_not_active",
        None,
        "^Cancellation failed",
        spoken,
    ),
]


@pytest.mark.parametrize("mistake", [*FRAMES, *SESSION, *ITEMS, *RESPONSES], ids=lambda mistake: mistake.name)
async def test_a_mistake_gets_its_error_and_changes_nothing(mistake: Mistake) -> None:
    brain = ScriptedBrain("one two three four.", "five.")
    if mistake.before is speaking:
        brain = ScriptedBrain([Say("one two three four. five"), Hang()], "six.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        left = await mistake.before(client)
        before = await client.session()
        start = len(client.events)

        frame = mistake.frame(left) if callable(mistake.frame) else mistake.frame
        error = await client.refused(frame if isinstance(frame, str | bytes) else {**frame, "event_id": MINE})
        assert (error["type"], error["code"], error["param"]) == (INVALID, mistake.code, mistake.param)
        assert error["event_id"] == (MINE if mistake.echoed else None)
        assert re.search(mistake.says.replace("{response}", left.get("response", "")), error["message"])

        assert await client.session() == before
        assert client.types(start) == ["error", "session.updated"]
        if mistake.before is speaking:
            await client.send("response.cancel")
            assert (await client.done())["status"] == "cancelled"
        await client.say("are you there?")
        assert (await client.respond())["status"] == "completed"


async def test_a_refused_update_changes_none_of_its_fields() -> None:
    async with serving() as server, server.connect() as client:
        before = await client.session()
        await client.refused(session(instructions="New.", tools=[{"type": "function", "name": "f"}], max_output_tokens=0))
        await client.refused(session(audio={"input": {"transcription": {"model": "whisper-1"}}, "output": {"voice": "hal"}}))
        assert await client.session() == before


async def test_too_many_responses_at_once_are_refused_and_the_others_go_on() -> None:
    async with serving(scripted(ScriptedBrain([Hang()], repeat=True))) as server, server.connect() as client:
        for _ in range(8):
            await client.frame(respond(conversation="none"))
            await client.until("response.created")
        error = await client.refused({**respond(conversation="none"), "event_id": MINE})
        assert (error["type"], error["code"], error["event_id"]) == ("requests", "rate_limit_exceeded", MINE)
        for created in client.of("response.created"):
            await client.send("response.cancel", response_id=created["response"]["id"])
            assert (await client.done())["status"] == "cancelled"


async def test_a_session_ends_at_its_maximum_duration_with_the_official_words() -> None:
    async with serving(max_session_minutes=0.004) as server, server.connect() as client:
        end = await client.closed()
    error = client.events[-1]["error"]
    assert (error["type"], error["code"], error["event_id"]) == (INVALID, "session_expired", None)
    assert error["message"].startswith("Your session hit the maximum duration of")
    assert end.rcvd is not None
    assert (end.rcvd.code, end.rcvd.reason) == (1001, error["message"])


async def test_a_frame_beyond_the_limit_closes_with_1009() -> None:
    async with serving() as server, server.connect() as client:
        with contextlib.suppress(ConnectionClosed):
            await client.frame('{"type": "' + "x" * (17 * 1024 * 1024) + '"}')
        end = await client.closed()
    assert end.rcvd is not None and end.rcvd.code == 1009

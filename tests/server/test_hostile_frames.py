"""Five thousand frames made of valid ones by accident and malice: each is answered officially or valid, and the session lives."""

from __future__ import annotations

import base64
import copy
import gc
import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from kit import Event, audio_in, create, detection, respond, scripted, serving, session, speech, text, truncate, user
from vivavoce.protocol.client_events import Refused, parse
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.official import validate_event

FRAMES = 5_000
BATCH = 100
GROWTH = 4 << 20
"""Bytes the server and this client together may have more after the last thousands than before: history is kept, and is small."""

AUDIO = base64.b64encode(speech(20)).decode()
TOOL = {"type": "function", "name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {"a": {}}}}
SEEDS: list[Event] = [
    session(instructions="Be brief.", output_modalities=["text"], tools=[TOOL], tool_choice="auto", max_output_tokens=100),
    session(tracing=None, truncation={"type": "retention_ratio", "retention_ratio": 0.5}, include=None, parallel_tool_calls=True),
    audio_in(
        transcription={"model": "whisper-1", "language": "en", "prompt": "drinks"}, format={"type": "audio/pcm", "rate": 24_000}
    ),
    audio_in(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
    detection(threshold=0.5, prefix_padding_ms=300, silence_duration_ms=200, idle_timeout_ms=None, create_response=True),
    session(audio={"output": {"voice": "alloy", "speed": 1.0, "format": {"type": "audio/pcmu"}}}),
    {"type": "input_audio_buffer.append", "audio": AUDIO},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    create(user(text("hello"), {"type": "input_audio", "audio": AUDIO}), previous_item_id="root"),
    create({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}], "id": "mine"}),
    create({"type": "function_call", "name": "look", "call_id": "call_1", "arguments": '{"a": 1}'}),
    create({"type": "function_call_output", "call_id": "call_1", "output": "1"}),
    {"type": "conversation.item.retrieve", "item_id": "mine"},
    {"type": "conversation.item.delete", "item_id": "mine"},
    truncate("mine"),
    respond(conversation="none", output_modalities=["text"], input=[user(text("hi"))], metadata={"k": "v"}, tools=[TOOL]),
    respond(instructions="Say hi.", audio={"output": {"voice": "alloy"}}, max_output_tokens="inf"),
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "output_audio_buffer.clear"},
]
ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        -(10**400),
        1e308,
        "",
        "x",
        "\x00",
        "é" * 40,
        "x" * 2_000,
        [],
        {},
        [[]],
        {"type": []},
    ),
    *(
        "root",
        "mine",
        "audio/pcm",
        "server_vad",
        "function_call_output",
        {"type": "item_reference", "id": "mine"},
        "//8=",
        "AAAA",
    ),
]
KNOWN_CODES = {
    *("invalid_json", "invalid_event", "invalid_value", "invalid_type", "missing_required_parameter", "unknown_parameter"),
    *("string_above_max_length", "string_below_min_length", "array_below_min_length", "array_above_max_length"),
    *("object_above_max_length", "integer_below_min_value", "integer_above_max_value", "decimal_below_min_value"),
    *("decimal_above_max_value", "input_audio_buffer_commit_empty", "input_audio_buffer_full", "cannot_update_voice"),
    *("item_delete_invalid_item_id", "item_retrieve_invalid_item_id", "item_truncate_invalid_item_id", "item_already_truncated"),
    *("item_create_invalid_previous_item_id", "item_create_duplicate_item_id", "conversation_already_has_active_response"),
    *("response_cancel_not_active", "rate_limit_exceeded", None),
}


async def test_frames_broken_at_random_are_answered_officially_and_harm_nothing() -> None:
    random_frames = hostile(random.Random(20_261_120))
    answered: Counter[str] = Counter()
    async with serving(scripted(ScriptedBrain("ok.", repeat=True))) as server, server.connect(check=False) as client:
        tracemalloc.start()
        try:
            for start in range(0, FRAMES, BATCH):
                if start == 2 * FRAMES // 5:
                    before = _traced()
                frames = [next(random_frames) for _ in range(BATCH)]
                for frame in frames:
                    await client.frame(frame)
                answered += _check(frames, await _answers(client, start))
            grown = _traced() - before
        finally:
            tracemalloc.stop()
        await client.update(output_modalities=["text"], audio={"input": {"turn_detection": None}})
        assert (await _respond(client))["status"] == "completed"
    assert answered["refused"] > FRAMES / 4 and answered["accepted"] > FRAMES / 20, (
        "the mutations are neither too wild nor too tame"
    )
    assert grown < GROWTH


def hostile(random: random.Random) -> Iterator[str | bytes]:
    """Yield broken frames for ever, each with an id of its own to begin with."""
    number = 0
    while True:
        number += 1
        frame = {**copy.deepcopy(random.choice(SEEDS)), "event_id": f"frame_{number}"}
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            random.choice(MUTATIONS)(frame, random)
        raw = json.dumps(frame, ensure_ascii=random.random() < 0.5)
        yield random.choice(BREAKS)(raw, random) if random.random() < 0.2 else raw


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place of a frame: a container and the key or index in it."""
    found = []
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += _places(inner)
    return found


def _replace(frame: Event, random: random.Random) -> None:
    container, key = random.choice(_places(frame))
    container[key] = copy.deepcopy(random.choice(ODD))


def _remove(frame: Event, random: random.Random) -> None:
    container, key = random.choice(_places(frame))
    del container[key]
    frame.setdefault("event_id", "frame_lost")


def _add(frame: Event, random: random.Random) -> None:
    container, _ = random.choice(_places(frame))
    if isinstance(container, dict):
        container[random.choice(("type", "id", "model", "extra", "", "x" * 300, "status"))] = copy.deepcopy(random.choice(ODD))
    else:
        container.append(copy.deepcopy(random.choice(ODD)))


def _bury(frame: Event, random: random.Random) -> None:
    container, key = random.choice(_places(frame))
    for _ in range(random.choice((1, 50, 150))):
        container[key] = random.choice(([container[key]], {"type": container[key]}))


def _transplant(frame: Event, random: random.Random) -> None:
    container, key = random.choice(_places(frame))
    other, place = random.choice(_places(copy.deepcopy(random.choice(SEEDS))))
    container[key] = other[place]


MUTATIONS: list[Callable[[Event, random.Random], None]] = [_replace, _replace, _remove, _add, _bury, _transplant]


def _cut(raw: str, random: random.Random) -> str | bytes:
    return raw[: random.randrange(len(raw))]


def _flip(raw: str, random: random.Random) -> str | bytes:
    data = bytearray(raw.encode(errors="replace"))
    for _ in range(3):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def _double(raw: str, random: random.Random) -> str | bytes:
    return raw + random.choice((raw, "{}", ",", "\n"))


def _wrap(raw: str, random: random.Random) -> str | bytes:
    return random.choice((f"[{raw}]", f'"{raw}"', "null", "1e999", "[" * 5_000, '{"type":' * 2_000))


BREAKS: list[Callable[[str, random.Random], str | bytes]] = [_cut, _flip, _double, _wrap]


async def _answers(client: Any, batch: int) -> list[Event]:
    """Read what the server says to a batch, up to the answer of an event that ends it, and let no response go on."""
    marker = f"marker_{batch}"
    await client.frame({"type": "conversation.item.delete", "item_id": marker, "event_id": marker})
    answers: list[Event] = []
    while True:
        event = await client.read()
        if event["type"] == "error" and event["error"]["event_id"] == marker:
            client.events.clear()
            return answers
        validate_event(event)
        answers.append(event)


def _check(frames: list[str | bytes], answers: list[Event]) -> Counter[str]:
    """Check the answers of a batch: what cannot be an event got one error, everything else at most one."""
    errors = Counter(event["error"]["event_id"] for event in answers if event["type"] == "error")
    refused: Counter[str | None] = Counter()
    accepted: Counter[str | None] = Counter()
    for frame in frames:
        parsed = parse(frame)
        (refused if isinstance(parsed, Refused) else accepted)[parsed.event_id] += 1
    for event in answers:
        if event["type"] == "error":
            assert event["error"]["code"] in KNOWN_CODES, event
            assert event["error"]["type"] in ("invalid_request_error", "requests"), event
    for event_id, count in refused.items():
        assert count <= errors[event_id] <= count + accepted[event_id], event_id
    for event_id in errors.keys() - refused.keys():
        # Without an id: a turn that found an answer under way.
        assert event_id is None or errors[event_id] <= accepted[event_id], event_id
    return Counter(refused=refused.total(), accepted=accepted.total())


async def _respond(client: Any) -> Event:
    while True:
        await client.send("response.create", event_id="last")
        event = await client.read()
        while event["type"] not in ("response.done", "error"):
            event = await client.read()
        if event["type"] == "response.done" and event["response"]["conversation_id"]:
            found: Event = event["response"]
            return found
        if event["type"] == "error":
            await client.send("response.cancel")


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

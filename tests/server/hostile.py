"""Broken frames: valid ones of every client event, mutated with their structure in mind, and now and then mere noise."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kit import Event, audio_in, create, detection, respond, session, speech, text, truncate, user
from vivavoce.protocol.client_events import ClientEvent, Refused, parse

Mutation = Callable[[Event, random.Random], None]
Break = Callable[[str, random.Random], str | bytes]

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
    create(user({"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"})),
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

_NUMBERS = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    -(10**400),
    1e308,
    5e-324,
    -0.0,
    2**31,
    2**53 + 1,
    2**63,
    float("nan"),
    float("inf"),
]
_TEXTS = [
    "",
    "x",
    "\x00",
    "é" * 40,
    "x" * 2_000,
    "root",
    "mine",
    "audio/pcm",
    "server_vad",
    "function_call_output",
    "//8=",
    "AAAA",
]
_TRICKS = [
    "\ud800",  # half a surrogate pair
    "\udc00\ud800",
    "\ufeff{}",  # a byte order mark
    "\u202egnirts",  # written from right to left
    "a\u0300\u0300\u0300",
    "\u200b\u200d\ufe0f",
    "ﬀ①ⅷ",  # compatibility characters
    "gpt‑realtime",  # a hyphen that is none
    "\U0010ffff\ufffe",
    "e\u2028e\u2029",
    "../../etc/passwd\n\r\x1b[31m",
]
_AUDIO = [
    "A",
    "AAA",
    "====",
    "AAA=",
    "AAAAA===",
    "A A A A",
    "AA\nAA",
    "____",
    "ÄÖÜ",
    base64.b64encode(b"odd").decode(),
    AUDIO[:-1],
]
_SHAPES: list[Any] = [
    [],
    {},
    [[]],
    {"type": []},
    {"type": "item_reference", "id": "mine"},
    [None] * 200,
    {str(n): n for n in range(200)},
]
ODD: list[Any] = [*_NUMBERS, *_TEXTS, *_TRICKS, *_AUDIO, *_SHAPES]

_LOOKALIKES = str.maketrans({"a": "а", "e": "е", "o": "о", "i": "і", "s": "ѕ", "_": "‗"})


def hostile(random: random.Random, *, huge: float = 0.0, seeds: Sequence[Event] = SEEDS) -> Iterator[str | bytes]:
    """Yield broken frames for ever, each with an id of its own to begin with.

    Args:
        random: decides everything.
        huge: share of the frames with strings of up to a megabyte in them.
        seeds: what they were before they broke.
    """
    for number in itertools.count(1):
        yield _frame(number, random, huge, seeds)


def _frame(number: int, random: random.Random, huge: float, seeds: Sequence[Event]) -> str | bytes:
    frame = {**copy.deepcopy(random.choice(seeds)), "event_id": f"frame_{number}"}
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(MUTATIONS)(frame, random)
    if random.random() < huge:
        container, key = random.choice(places(frame))
        container[key] = random.choice(("A", "é", "\\", "[", "😀")) * random.choice((70_000, 1_000_000))
    raw = json.dumps(frame, ensure_ascii=random.random() < 0.5 or _has_surrogates(frame))
    if random.random() < 0.2:
        return random.choice(BREAKS)(raw, random)
    return raw.encode() if random.random() < 0.1 else raw


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place of a frame: a container and the key or index in it."""
    found, waiting = [], [value]
    while waiting:
        container = waiting.pop()
        for key, inner in container.items() if isinstance(container, dict) else enumerate(container):
            found.append((container, key))
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def _has_surrogates(frame: Event) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in json.dumps(frame, ensure_ascii=False))


# --- mutations of the structure ---------------------------------------------------------------------------------------------------


def _replace(frame: Event, random: random.Random) -> None:
    container, key = random.choice(places(frame))
    container[key] = copy.deepcopy(random.choice(ODD))


def _remove(frame: Event, random: random.Random) -> None:
    container, key = random.choice(places(frame))
    del container[key]
    frame.setdefault("event_id", "frame_lost")


def _add(frame: Event, random: random.Random) -> None:
    container, _ = random.choice(places(frame))
    if isinstance(container, dict):
        container[random.choice(("type", "id", "model", "extra", "", "x" * 300, "status", "\ud800"))] = copy.deepcopy(
            random.choice(ODD)
        )
    else:
        container.append(copy.deepcopy(random.choice(ODD)))


def _rename(frame: Event, random: random.Random) -> None:
    container, key = random.choice(places(frame))
    if isinstance(container, dict):
        spell: Callable[[str], str] = random.choice(
            (str.upper, str.title, lambda name: name + " ", lambda name: name.translate(_LOOKALIKES))
        )
        container[spell(key)] = container.pop(key)
        frame.setdefault("event_id", "frame_lost")


def _bury(frame: Event, random: random.Random) -> None:
    container, key = random.choice(places(frame))
    for _ in range(random.choice((1, 50, 150))):
        container[key] = random.choice(([container[key]], {"type": container[key]}))


def _transplant(frame: Event, random: random.Random) -> None:
    container, key = random.choice(places(frame))
    other, place = random.choice(places(copy.deepcopy(random.choice(SEEDS))))
    container[key] = other[place]


def _spoil_audio(frame: Event, random: random.Random) -> None:
    sounding = [(container, key) for container, key in places(frame) if key == "audio" and isinstance(container[key], str)]
    for container, key in sounding:
        container[key] = random.choice(_AUDIO)


MUTATIONS: list[Mutation] = [_replace, _replace, _replace, _remove, _add, _rename, _bury, _transplant, _spoil_audio]


# --- breaks of the text -----------------------------------------------------------------------------------------------------------


def _cut(raw: str, random: random.Random) -> str | bytes:
    return raw[: random.randrange(len(raw))]


def _flip(raw: str, random: random.Random) -> str | bytes:
    data = bytearray(raw.encode(errors="replace"))
    for _ in range(3):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def _double(raw: str, random: random.Random) -> str | bytes:
    return raw + random.choice((raw, "{}", ",", "\n", "\x00"))


def _wrap(raw: str, random: random.Random) -> str | bytes:
    return random.choice(
        (f"[{raw}]", f'"{raw}"', "null", "1e999", "[" * 5_000, '{"type":' * 2_000, f"\ufeff{raw}", f" \t\r\n{raw}")
    )


def _repeat_keys(raw: str, random: random.Random) -> str | bytes:
    spare = random.choice(('"type":"response.create"', '"type":null', '"event_id":"frame_again"', '"event_id":7', '"session":{}'))
    return random.choice((f"{{{spare},{raw[1:]}", f"{raw[:-1]},{spare}}}"))


def _strange_numbers(raw: str, random: random.Random) -> str | bytes:
    return raw.replace("0", random.choice(("00", "0x0", "+0", "0.", "-", "NaN", "Infinity", "1e400", "٣", "0" * 400)), 1)


def _noise(raw: str, random: random.Random) -> str | bytes:
    return random.randbytes(random.choice((0, 1, 7, 200, 5_000)))


def _invalid_utf8(raw: str, random: random.Random) -> str | bytes:
    data = raw.encode(errors="replace")
    place = random.randrange(len(data))
    return data[:place] + random.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80")) + data[place:]


BREAKS: list[Break] = [_cut, _flip, _double, _wrap, _repeat_keys, _strange_numbers, _noise, _invalid_utf8]


# --- what they are answered -------------------------------------------------------------------------------------------------------

KNOWN_CODES = {
    *("invalid_json", "invalid_event", "invalid_value", "invalid_type", "missing_required_parameter", "unknown_parameter"),
    *("string_above_max_length", "string_below_min_length", "array_below_min_length", "array_above_max_length"),
    *("object_above_max_length", "integer_below_min_value", "integer_above_max_value", "decimal_below_min_value"),
    *("decimal_above_max_value", "input_audio_buffer_commit_empty", "input_audio_buffer_full", "cannot_update_voice"),
    *("item_delete_invalid_item_id", "item_retrieve_invalid_item_id", "item_truncate_invalid_item_id", "item_already_truncated"),
    *("item_create_invalid_previous_item_id", "item_create_duplicate_item_id", "conversation_already_has_active_response"),
    *("response_cancel_not_active", "rate_limit_exceeded", "model_not_found", None),
}


def check_answers(
    frames: Sequence[str | bytes], answers: Sequence[Event], parse: Callable[[str | bytes], ClientEvent] = parse
) -> Counter[str]:
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
            assert len(json.dumps(event)) < 10_000, "an error does not send back what was wrong with it"
    for event_id, count in refused.items():
        assert count <= errors[event_id] <= count + accepted[event_id], event_id
    for event_id in errors.keys() - refused.keys():
        # Without an id: a turn that found an answer under way.
        assert event_id is None or errors[event_id] <= accepted[event_id], event_id
    return Counter(refused=refused.total(), accepted=accepted.total())

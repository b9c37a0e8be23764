"""Client events: one frozen dataclass each, and the parser that makes them or a `Refused`.

A frame that cannot be accepted becomes a `Refused` event rather than an exception, so that its error is answered in its turn.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.items import NEW_ITEM
from vivavoce.protocol.schema import Anything, Integer, Nullable, Record, Text
from vivavoce.protocol.session_schema import RESPONSE

MAX_AUDIO_CHARACTERS: Final = 15 * 1024 * 1024
"""Longest base64 audio of one event. Source: wire reference D.1 and G.7 (15 MiB of audio in a frame of 16 MiB)."""

MAX_DEPTH: Final = 64
"""Levels of nesting in a frame: far more than any tool's schema has, and few enough for everybody who will handle what it brings."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that is no acceptable event, and why."""

    event_id: str | None
    fault: ClientFault
    type: str | None = None
    """Its type, if that is a known one."""


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """`session.update`; `session` is checked where the session is known."""

    event_id: str | None
    session: Any


@dataclass(frozen=True, slots=True)
class AudioAppend:
    """`input_audio_buffer.append`; `audio` is decoded from base64, still in the session's input format."""

    event_id: str | None
    audio: bytes


@dataclass(frozen=True, slots=True)
class AudioCommit:
    """`input_audio_buffer.commit`."""

    event_id: str | None


@dataclass(frozen=True, slots=True)
class AudioClear:
    """`input_audio_buffer.clear`."""

    event_id: str | None


@dataclass(frozen=True, slots=True)
class ItemCreate:
    """`conversation.item.create`; `previous_item_id` is None (append), `root` (first) or an id."""

    event_id: str | None
    item: dict[str, Any]
    previous_item_id: str | None


@dataclass(frozen=True, slots=True)
class ItemRetrieve:
    """`conversation.item.retrieve`."""

    event_id: str | None
    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncate:
    """`conversation.item.truncate`; `audio_end_ms` counts from the start of the item's audio."""

    event_id: str | None
    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class ItemDelete:
    """`conversation.item.delete`."""

    event_id: str | None
    item_id: str


@dataclass(frozen=True, slots=True)
class ResponseCreate:
    """`response.create`, its overrides checked."""

    event_id: str | None
    response: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ResponseCancel:
    """`response.cancel`; without an id it means the active response of the default conversation."""

    event_id: str | None
    response_id: str | None


@dataclass(frozen=True, slots=True)
class OutputAudioClear:
    """`output_audio_buffer.clear`."""

    event_id: str | None


@dataclass(frozen=True, slots=True)
class TranslationAppend:
    """`session.input_audio_buffer.append`; `audio` is decoded from base64: PCM16 mono at 24 kHz."""

    event_id: str | None
    audio: bytes


@dataclass(frozen=True, slots=True)
class SessionClose:
    """`session.close`: say what remains of the translation, then end."""

    event_id: str | None


ClientEvent = (
    Refused
    | SessionUpdate
    | AudioAppend
    | AudioCommit
    | AudioClear
    | ItemCreate
    | ItemRetrieve
    | ItemTruncate
    | ItemDelete
    | ResponseCreate
    | ResponseCancel
    | OutputAudioClear
    | TranslationAppend
    | SessionClose
)

Parsers = Mapping[str, tuple[Record, Callable[[str | None, dict[str, Any]], ClientEvent]]]
"""The events of a kind of session by type: what each may hold, and what makes it of its id and its checked frame."""

Parse = Callable[[str | bytes, Callable[[dict[str, Any]], dict[str, Any]] | None], ClientEvent]
"""Makes an event of a frame, and of a decoded frame translated by a dialect before it is looked at."""

_EVENT_ID: Final = Nullable(Text(512))


def event_schema(fields: dict[str, Any] | None = None, required: tuple[str, ...] = ()) -> Record:
    """Return the schema of an event: its own fields, and those that every event has."""
    return Record({"type": Anything(), "event_id": _EVENT_ID, **(fields or {})}, required)


def _append(event_id: str | None, frame: dict[str, Any]) -> AudioAppend:
    return AudioAppend(event_id, decode_audio(frame["audio"], "audio"))


_PARSERS: Final[Parsers] = {
    "session.update": (event_schema({"session": Anything()}, ("session",)), lambda i, f: SessionUpdate(i, f["session"])),
    "input_audio_buffer.append": (event_schema({"audio": Text()}, ("audio",)), _append),
    "input_audio_buffer.commit": (event_schema(), lambda i, f: AudioCommit(i)),
    "input_audio_buffer.clear": (event_schema(), lambda i, f: AudioClear(i)),
    "conversation.item.create": (
        event_schema({"item": NEW_ITEM, "previous_item_id": Nullable(Text(512))}, ("item",)),
        lambda i, f: ItemCreate(i, f["item"], f.get("previous_item_id")),
    ),
    "conversation.item.retrieve": (
        event_schema({"item_id": Text(512)}, ("item_id",)),
        lambda i, f: ItemRetrieve(i, f["item_id"]),
    ),
    "conversation.item.truncate": (
        event_schema(
            {"item_id": Text(512), "content_index": Integer(0), "audio_end_ms": Integer(0)},
            ("item_id", "content_index", "audio_end_ms"),
        ),
        lambda i, f: ItemTruncate(i, f["item_id"], f["content_index"], f["audio_end_ms"]),
    ),
    "conversation.item.delete": (event_schema({"item_id": Text(512)}, ("item_id",)), lambda i, f: ItemDelete(i, f["item_id"])),
    "response.create": (event_schema({"response": Nullable(RESPONSE)}), lambda i, f: ResponseCreate(i, f.get("response") or {})),
    "response.cancel": (event_schema({"response_id": Nullable(Text(512))}), lambda i, f: ResponseCancel(i, f.get("response_id"))),
    "output_audio_buffer.clear": (event_schema(), lambda i, f: OutputAudioClear(i)),
}

SUPPORTED: Final = tuple(_PARSERS)
_TYPES: Final[dict[type, str]] = {
    SessionUpdate: "session.update",
    AudioAppend: "input_audio_buffer.append",
    AudioCommit: "input_audio_buffer.commit",
    AudioClear: "input_audio_buffer.clear",
    ItemCreate: "conversation.item.create",
    ItemRetrieve: "conversation.item.retrieve",
    ItemTruncate: "conversation.item.truncate",
    ItemDelete: "conversation.item.delete",
    ResponseCreate: "response.create",
    ResponseCancel: "response.cancel",
    OutputAudioClear: "output_audio_buffer.clear",
    TranslationAppend: "session.input_audio_buffer.append",
    SessionClose: "session.close",
}
_decode: Final = msgspec.json.Decoder().decode


def parse(frame: str | bytes, translate: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> ClientEvent:
    """Return the event in a frame, or a `Refused` that says what is wrong with it. Never raises.

    Args:
        frame: JSON.
        translate: makes today's spelling of the decoded frame where the client has another; may raise `ClientFault`.
    """
    return parse_as(_PARSERS, frame, translate)


def parse_as(
    parsers: Parsers, frame: str | bytes, translate: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> ClientEvent:
    """Return the event in a frame as `parse` does, by the events of another kind of session."""
    try:
        decoded = _decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Refused(None, errors.invalid_json(str(error)))
    if not isinstance(decoded, dict):
        return Refused(None, errors.invalid_event("The event must be a JSON object."))
    event_id = decoded.get("event_id")
    event_id = event_id if isinstance(event_id, str) and len(event_id) <= 512 else None
    try:
        return _parse_object(parsers, event_id, decoded if translate is None else translate(decoded))
    except ClientFault as fault:
        name = decoded.get("type")
        return Refused(event_id, fault, name if isinstance(name, str) and name in parsers else None)


_TRANSCRIPTION: Final[Parsers] = {
    name: _PARSERS[name]
    for name in ("session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear")
}


def parse_transcription(frame: str | bytes, translate: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> ClientEvent:
    """Return the event in a frame as `parse` does, by the events of transcription sessions: they have no conversation."""
    return parse_as(_TRANSCRIPTION, frame, translate)


def type_of(event: ClientEvent) -> str | None:
    """Return an event's type as the wire spells it; None for a frame that has no known one."""
    return event.type if isinstance(event, Refused) else _TYPES[type(event)]


def decode_audio(text: str, param: str) -> bytes:
    """Return the bytes of base64 audio.

    Raises:
        ClientFault: it is not base64, or longer than `MAX_AUDIO_CHARACTERS`.
    """
    if len(text) > MAX_AUDIO_CHARACTERS:
        raise errors.too_long(param, MAX_AUDIO_CHARACTERS, len(text))
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except (binascii.Error, ValueError):
        raise errors.bad_base64(param) from None


def _parse_object(parsers: Parsers, event_id: str | None, frame: dict[str, Any]) -> ClientEvent:
    name = frame.get("type")
    if not isinstance(name, str):
        raise errors.invalid_event("The event must have a 'type' that is a string.")
    if name not in parsers:
        raise errors.unknown_event(name, tuple(parsers))
    if is_deeper(frame, MAX_DEPTH):
        raise errors.invalid_event(f"The event is nested too deeply: at most {MAX_DEPTH} levels are accepted.")
    schema, make = parsers[name]
    return make(event_id, schema.check(frame, ""))


def is_deeper(value: Any, levels: int) -> bool:
    """Tell whether a decoded value is nested more than this many levels deep."""
    # Level by level, without a call for every value: bodies of requests have hundreds of thousands.
    outer: list[Any] = [value] if isinstance(value, dict | list) else []
    while outer and levels:
        outer = [inner for each in outer for inner in _values(each) if isinstance(inner, dict | list)]
        levels -= 1
    return bool(outer)


def _values(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value

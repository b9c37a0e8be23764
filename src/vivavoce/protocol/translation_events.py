"""The events of translation sessions: what clients may send, and builders of what they are told.

Source: wire reference D.2 and D.3, and the official types `RealtimeTranslation…Event`. There are no items, responses or `.done` events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from vivavoce.protocol.client_events import (
    ClientEvent,
    Parsers,
    SessionClose,
    SessionUpdate,
    TranslationAppend,
    decode_audio,
    event_schema,
    parse_as,
)
from vivavoce.protocol.schema import Anything, Text
from vivavoce.protocol.server_events import Event

OUTPUT_RATE_HZ: Final = 24_000


# --- from the client ------------------------------------------------------------------------------------------------------------


def _append(event_id: str | None, frame: dict[str, Any]) -> TranslationAppend:
    return TranslationAppend(event_id, decode_audio(frame["audio"], "audio"))


_PARSERS: Final[Parsers] = {
    "session.update": (event_schema({"session": Anything()}, ("session",)), lambda i, f: SessionUpdate(i, f["session"])),
    "session.input_audio_buffer.append": (event_schema({"audio": Text()}, ("audio",)), _append),
    "session.close": (event_schema(), lambda i, f: SessionClose(i)),
}

SUPPORTED: Final = tuple(_PARSERS)


def parse(frame: str | bytes, translate: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> ClientEvent:
    """Return the event in a frame as `client_events.parse` does, by the events of translation sessions."""
    return parse_as(_PARSERS, frame, translate)


# --- to the client --------------------------------------------------------------------------------------------------------------


def session_closed() -> Event:
    """Build `session.closed`."""
    return {"type": "session.closed"}


def input_transcript_delta(delta: str, elapsed_ms: int) -> Event:
    """Build `session.input_transcript.delta`; text to be appended as it is."""
    return {"type": "session.input_transcript.delta", "delta": delta, "elapsed_ms": elapsed_ms}


def output_transcript_delta(delta: str, elapsed_ms: int) -> Event:
    """Build `session.output_transcript.delta`; text to be appended as it is."""
    return {"type": "session.output_transcript.delta", "delta": delta, "elapsed_ms": elapsed_ms}


def output_audio_delta(base64_audio: str, elapsed_ms: int) -> Event:
    """Build `session.output_audio.delta`."""
    return {
        "type": "session.output_audio.delta",
        "delta": base64_audio,
        "sample_rate": OUTPUT_RATE_HZ,
        "channels": 1,
        "format": "pcm16",
        "elapsed_ms": elapsed_ms,
    }

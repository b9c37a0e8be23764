"""Which events went over the wire, read from the server's debug log: one `received` or `sent` line each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

CLIENT_EVENTS: Final = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
    "session.input_audio_buffer.append",
    "session.close",
)
"""Every client event: of sessions that converse, of those that transcribe (which share the first four), and of those that translate."""

SERVER_EVENTS: Final = (
    "error",
    "session.created",
    "session.updated",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "conversation.item.deleted",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.committed",
    "input_audio_buffer.cleared",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.timeout_triggered",
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.done",
    "rate_limits.updated",
    "session.input_transcript.delta",
    "session.output_transcript.delta",
    "session.output_audio.delta",
    "session.closed",
)
"""Every server event on a WebSocket; what is never sent is in the page's hand-written part."""

UNPROVOKED: Final = {
    "conversation.item.input_audio_transcription.failed": "only a recognizer that breaks makes the server send it",
    "conversation.item.input_audio_transcription.segment": "only a recognizer that tells speakers apart makes the server send it",
}
"""Events that no client can bring about with sound engines, and why; other tests send them."""


@dataclass(frozen=True, slots=True)
class Window:
    """When a scenario ran, in seconds since 1970, and how it went."""

    began: float
    ended: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Event types seen in green scenarios, and those seen in failed ones alone."""

    green: frozenset[str] = frozenset()
    red: frozenset[str] = frozenset()


def seen(log: Path, windows: Sequence[Window], *, otherwise: bool) -> Seen:
    """Return which events the log shows.

    Args:
        log: the server's log.
        windows: the scenarios, in order; an event belongs to the last that began before it.
        otherwise: how the run went as a whole; it counts for events outside all windows.
    """
    kinds: dict[bool, set[str]] = {True: set(), False: set()}
    for at, kind in _events(log):
        ok = next((window.ok for window in reversed(windows) if window.began <= at), otherwise)
        kinds[ok].add(kind)
    return Seen(frozenset(kinds[True]), frozenset(kinds[False] - kinds[True]))


def _events(log: Path) -> Iterator[tuple[float, str]]:
    for text in log.read_text("utf-8", errors="replace").splitlines():
        line = _object(text)
        kind = line.get("type")
        if line.get("event") in ("received", "sent") and isinstance(kind, str):
            yield datetime.fromisoformat(line["timestamp"]).timestamp(), kind


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object in a line; an empty one if it is something else, such as a library's warning."""
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}

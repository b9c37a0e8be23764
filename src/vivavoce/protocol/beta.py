"""The beta dialect of one connection: its client frames as the ones of today, today's server events as the beta's.

The session behind it never knows. Whatever is asked in the beta's names is answered in them, errors included; today's names are refused
as the beta service refused what it did not know, so that no connection ever mixes both.

Source: wire reference B.5, B.6 and D.3; the beta types of the `openai` package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vivavoce.protocol import server_events as events
from vivavoce.protocol.beta_items import item_given, item_taken
from vivavoce.protocol.beta_session import (
    DEFAULT_TEMPERATURE,
    path_given,
    response_given,
    response_taken,
    session_given,
    session_taken,
)
from vivavoce.protocol.ids import IdSource

Event = dict[str, Any]

NAMES: Final = {
    **{
        name: name
        for name in (
            "error",
            "session.created",
            "session.updated",
            "conversation.item.deleted",
            "conversation.item.input_audio_transcription.completed",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.failed",
            "conversation.item.retrieved",
            "conversation.item.truncated",
            "input_audio_buffer.cleared",
            "input_audio_buffer.committed",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "output_audio_buffer.cleared",
            "output_audio_buffer.started",
            "output_audio_buffer.stopped",
            "rate_limits.updated",
            "response.content_part.added",
            "response.content_part.done",
            "response.created",
            "response.done",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.added",
            "response.output_item.done",
        )
    },
    "conversation.item.added": "conversation.item.created",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
}
"""The beta's name of every server event that has one. An event without one is not sent."""

UNSPOKEN: Final = (
    "conversation.item.done",
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.dtmf_event_received",
    "input_audio_buffer.timeout_triggered",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
)
"""The server events a beta client does not know and is not sent: what they tell, other events show it, or the beta did not have."""

_LATER_KEYS: Final = {"response.function_call_arguments.done": ("name",)}
"""Keys that came after the beta. `obfuscation` is one of every text delta."""


class BetaDialect:
    """Translates for one connection.

    Args:
        ids: makes the ids that only the beta needs.
    """

    def __init__(self, ids: IdSource) -> None:
        self._ids = ids
        self._conversation_id = ids.conversation()
        self._temperature = DEFAULT_TEMPERATURE
        self._asked_temperature: float | None = None

    def take(self, frame: Event) -> Event:
        """Return a client's frame in today's names; it is checked afterwards, like any other.

        Raises:
            ClientFault: a field or value the beta does not have.
        """
        # The answer to the frame before this one is out: a temperature that it asked for was refused with it.
        self._asked_temperature = None
        match frame:
            case {"type": "session.update", "session": dict(session)}:
                taken = session_taken(session)
                self._asked_temperature = session.get("temperature")
                return {**frame, "session": taken}
            case {"type": "response.create", "response": dict(response)}:
                return {**frame, "response": response_taken(response)}
            case {"type": "conversation.item.create", "item": item}:
                return {**frame, "item": item_taken(item, "item")}
        return frame

    def give(self, event: Event) -> list[Event]:
        """Return what a beta client is told instead of a server event: usually one event, sometimes none, once two.

        The event is not changed: it may show the session's own state.
        """
        kind = event["type"]
        name = NAMES.get(kind)
        if name is None:
            return []
        given = {**event, "type": name}
        given.pop("obfuscation", None)
        for key in _LATER_KEYS.get(kind, ()):
            given.pop(key, None)
        if "session" in given:
            if kind == "session.updated" and self._asked_temperature is not None:
                self._temperature = self._asked_temperature
            given["session"] = session_given(given["session"], self._temperature)
        elif "response" in given:
            given["response"] = response_given(given["response"], self._temperature, self._conversation_id)
        elif "item" in given:
            given["item"] = item_given(given["item"])
        elif kind == "error":
            given["error"] = _fault_given(given["error"])
        return [given, self._conversation_created()] if kind == "session.created" else [given]

    def _conversation_created(self) -> Event:
        conversation = {"id": self._conversation_id, "object": "realtime.conversation"}
        return events.stamp({"type": "conversation.created", "conversation": conversation}, self._ids.event())


def _fault_given(fault: Mapping[str, Any]) -> Event:
    now = fault["param"]
    if now is None:
        return {**fault}
    before = path_given(now, fault["code"])
    return {**fault, "param": before, "message": fault["message"].replace(f"'{now}'", f"'{before}'")}

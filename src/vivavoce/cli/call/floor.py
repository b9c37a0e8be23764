"""Whose move it is: whether the server still owes an answer, or everything has been said and done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Floor:
    """Follows a call's events, both ways.

    An answer is owed from the moment the caller's turn is committed or asked about, until a response ends that calls no function;
    one that was cancelled because the caller went on speaking does not count.
    """

    def __init__(self) -> None:
        self._active: set[str] = set()
        self._owed = False
        self._speaking = False
        self.answers = 0
        """Responses that ended an exchange."""

    @property
    def quiet(self) -> bool:
        """Whether nothing more is to come unless the caller speaks."""
        return not (self._active or self._owed or self._speaking)

    def sent(self, event: Mapping[str, Any]) -> None:
        """Take an event that goes to the server."""
        if event["type"] == "response.create":
            self._owed = True

    def received(self, event: Mapping[str, Any]) -> None:
        """Take an event that came from the server."""
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self._speaking = True
            case "input_audio_buffer.speech_stopped":
                self._speaking = False
            case "input_audio_buffer.committed":
                self._speaking = False
                self._owed = True
            case "response.created":
                self._active.add(str(event["response"]["id"]))
            case "response.done":
                self._done(event["response"])
            case _:
                pass

    def _done(self, response: Mapping[str, Any]) -> None:
        self._active.discard(str(response["id"]))
        if response.get("status") == "cancelled" or function_calls(response):
            return
        self.answers += 1
        self._owed = False


def function_calls(response: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the function calls of a finished response that are to be carried out: none unless it was completed."""
    if response.get("status") != "completed":
        return []
    return [item for item in response.get("output") or () if item.get("type") == "function_call"]

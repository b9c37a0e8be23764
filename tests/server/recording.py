"""Reading the recorded frames: what the client sent, when, and what shape the service's answers had."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import Event, silence, speech
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Say, Step

LITERALS = ("type", "object", "role", "status", "phase", "model", "voice", "name", "reason")
"""Keys whose values must be the recorded ones, not only their shape."""

_APPEND = "input_audio_buffer.append"
_FRAME_MS = 100
_CHUNKED = (".delta",)


@dataclass(frozen=True)
class Recording:
    """One recorded session, in order: who sent it, and the frame."""

    frames: list[tuple[str, Event]]

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read a file of recorded frames."""
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return cls([(line["from"], line["data"]) for line in lines])

    def server(self) -> list[Event]:
        """The service's side."""
        return [event for sender, event in self.frames if sender == "server"]

    def of(self, kind: str) -> list[Event]:
        """The service's events of one type."""
        return [event for event in self.server() if event["type"] == kind]

    def model(self) -> str:
        """The model of the session."""
        session = next(event["session"] for event in self.server() if "session" in event)
        found: str = session["model"]
        return found

    def client(self) -> Iterator[tuple[Event, tuple[str, int] | None]]:
        """The client's frames, each with the event to wait for before it is sent: its type and how many of them there must be.

        Audio was shortened in the recording; each frame gets the audio that puts the speech where the service found it.
        """
        seen: Counter[str] = Counter()
        last: tuple[str, int] | None = None
        appended = self._audio()
        for sender, event in self.frames:
            if sender == "client":
                yield ({**event, "audio": next(appended)} if event["type"] == _APPEND else event), last
            elif not event["type"].endswith(_CHUNKED) and event["type"] != "rate_limits.updated":
                seen[event["type"]] += 1
                last = (event["type"], seen[event["type"]])

    def brain(self) -> ScriptedBrain:
        """A brain that says and calls what the service's model did."""
        answers: list[list[Step | str]] = []
        for done in self.of("response.done"):
            steps: list[Step | str] = []
            for item in done["response"]["output"]:
                if item["type"] == "function_call":
                    steps.append(CallTool(item["name"], item["arguments"], item["call_id"], pieces=4))
                else:
                    part = item["content"][0]
                    steps.append(Say(part.get("text") or part["transcript"], item.get("phase")))
            answers.append(steps)
        return ScriptedBrain(*answers)

    def recognizer(self) -> ScriptedRecognizer:
        """A recognizer that hears what the service heard, in as many pieces."""
        kind = "conversation.item.input_audio_transcription."
        heard = []
        for completed in self.of(kind + "completed"):
            pieces = [event["delta"] for event in self.of(kind + "delta") if event["item_id"] == completed["item_id"]]
            partials = tuple("".join(pieces[:count]).lstrip() for count in range(1, len(pieces)))
            heard.append(Heard(completed["transcript"], partials=partials))
        return ScriptedRecognizer(*heard)

    def _audio(self) -> Iterator[str]:
        count = sum(event["type"] == _APPEND for _, event in self.frames)
        audio = silence(count * _FRAME_MS)
        if self.of("input_audio_buffer.speech_started"):
            detection = self.of("session.updated")[-1]["session"]["audio"]["input"]["turn_detection"]
            start = self.of("input_audio_buffer.speech_started")[0]["audio_start_ms"] + detection["prefix_padding_ms"]
            end = self.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"] - detection["silence_duration_ms"]
            audio = silence(start) + speech(end - start) + silence(count * _FRAME_MS - end)
        step = _FRAME_MS * 48
        for place in range(count):
            yield base64.b64encode(audio[place * step : (place + 1) * step]).decode()


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Return the shape of a frame: the JSON type at every path, and the value where the key is one of `LITERALS`."""
    name = path.rpartition(".")[2]
    if isinstance(value, dict):
        found = {path: "object"}
        for key, inner in value.items():
            found |= shape(inner, f"{path}.{key}" if path else key)
        return found
    if isinstance(value, list):
        found = {path: f"array of {len(value)}"}
        for place, inner in enumerate(value):
            found |= shape(inner, f"{path}[{place}]")
        return found
    if value is None:
        return {path: "null"}
    if isinstance(value, bool):
        return {path: "boolean"}
    if isinstance(value, int | float):
        return {path: "number"}
    return {path: repr(value) if name in LITERALS else "string"}

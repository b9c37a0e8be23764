"""What happens in a call, told from its events: who said what and when, how long answers took. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Kind = Literal["caller", "agent", "call", "output", "latency", "note"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story; `at_ms` since the call began."""

    at_ms: float
    kind: Kind
    text: str


@dataclass(slots=True)
class Turn:
    """One turn of the caller, and how long each step of the answer took. All times in ms since the call began."""

    label: str
    began_ms: float
    ended_ms: float | None = None
    """The caller's last audible sample."""
    closed_ms: float | None = None
    """`input_audio_buffer.speech_stopped`: the server has decided that the turn is over."""
    first_word_ms: float | None = None
    """The first `response.output_audio_transcript.delta`."""
    first_audio_ms: float | None = None
    """The first `response.output_audio.delta`."""
    was_heard: bool = False

    @property
    def answer_ms(self) -> float | None:
        """From the caller's last sound to the agent's first."""
        return None if self.ended_ms is None or self.first_audio_ms is None else self.first_audio_ms - self.ended_ms

    def forget_answer(self) -> None:
        """Measure anew: the caller goes on, so what came was not the answer."""
        self.closed_ms = self.first_word_ms = self.first_audio_ms = None


class Story:
    """Follows a call. Give it what happens; it returns the lines that became certain by it."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.caller_speaks = False
        self.hearing = ""
        """What the server has understood of the current turn so far."""
        self.saying = ""
        """What the agent has begun to say."""
        self.answer = ""
        """What the agent has said since the caller's last turn began."""
        self.output_was_answered = False
        """Whether the agent has spoken since the last function output."""
        self._measured = 0

    @property
    def median_answer_ms(self) -> float | None:
        """The median of `Turn.answer_ms` over all turns that were answered."""
        answers = [turn.answer_ms for turn in self.turns if turn.answer_ms is not None]
        return median(answers) if answers else None

    def caller_begins(self, label: str, at_ms: float) -> None:
        """The caller begins a turn."""
        self.turns.append(Turn(label, at_ms))
        self.caller_speaks = True
        self.answer = self.hearing = ""

    def caller_ends(self, last_sound_ms: float) -> list[Line]:
        """The caller has said everything; the last audible sample was then."""
        self.caller_speaks = False
        self.turns[-1].ended_ms = last_sound_ms
        return self._latency()

    def sent(self, event: Mapping[str, Any], at_ms: float) -> list[Line]:
        """Take an event of the client."""
        item = event.get("item")
        if event["type"] == "conversation.item.truncate":
            return [Line(at_ms, "note", f"interrupted: {event['audio_end_ms']} ms were heard")]
        if not isinstance(item, Mapping) or item.get("type") != "function_call_output":
            return []
        self.output_was_answered = False
        return [Line(at_ms, "output", str(item["output"]))]

    def received(self, event: Mapping[str, Any], at_ms: float) -> list[Line]:
        """Take an event of the server."""
        turn = self.turns[-1] if self.turns else None
        match event["type"]:
            case "input_audio_buffer.speech_started" if turn is not None:
                turn.forget_answer()
            case "input_audio_buffer.speech_stopped" if turn is not None:
                turn.closed_ms = at_ms
            case "conversation.item.input_audio_transcription.delta":
                self.hearing += event["delta"]
            case "conversation.item.input_audio_transcription.completed":
                return self._heard(event["transcript"].strip(), at_ms)
            case "conversation.item.input_audio_transcription.failed":
                return [*self._heard("", at_ms), Line(at_ms, "note", f"transcription failed: {event['error'].get('message')}")]
            case "response.output_audio_transcript.delta":
                self.saying += event["delta"]
                if turn is not None and turn.first_word_ms is None:
                    turn.first_word_ms = at_ms
            case "response.output_audio.delta":
                self.output_was_answered = True
                if turn is not None and turn.first_audio_ms is None:
                    turn.first_audio_ms = at_ms
                    return self._latency()
            case "response.output_audio_transcript.done":
                return self._said(event["transcript"].strip(), at_ms)
            case "response.done":
                return _done(event["response"], at_ms)
            case "error":
                return [Line(at_ms, "note", f"error: {event['error']['message']}")]
            case _:
                pass
        return []

    def _heard(self, transcript: str, at_ms: float) -> list[Line]:
        self.hearing = ""
        heard = f'heard "{transcript}"' if transcript else "not understood"
        turn = self.turns[-1] if self.turns else None
        if turn is None or turn.was_heard:
            return [Line(at_ms, "caller", heard)]
        turn.was_heard = True
        return [Line(turn.began_ms, "caller", f"{turn.label}  ({heard})")]

    def _said(self, transcript: str, at_ms: float) -> list[Line]:
        self.saying = ""
        self.answer = f"{self.answer} {transcript}".strip()
        turn = self.turns[-1] if self.turns else None
        began_ms = at_ms if turn is None or turn.first_audio_ms is None else max(turn.first_audio_ms, turn.began_ms)
        return [Line(began_ms, "agent", transcript or "(nothing)")]

    def _latency(self) -> list[Line]:
        """Tell how long the current turn's answer took, once it is known."""
        turn = self.turns[-1] if self.turns else None
        if turn is None or turn.ended_ms is None or turn.first_audio_ms is None or self._measured >= len(self.turns):
            return []
        self._measured = len(self.turns)
        steps = (("turn closed", turn.closed_ms), ("first word", turn.first_word_ms), ("first audio", turn.first_audio_ms))
        text = " → ".join(f"{name} {at - turn.ended_ms:.0f} ms" for name, at in steps if at is not None)
        return [Line(turn.first_audio_ms, "latency", f"speech end → {text}")]


def _done(response: Mapping[str, Any], at_ms: float) -> list[Line]:
    details = response.get("status_details") or {}
    match response.get("status"):
        case "failed":
            return [Line(at_ms, "note", f"the answer failed: {(details.get('error') or {}).get('message', 'no reason given')}")]
        case "incomplete":
            return [Line(at_ms, "note", f"the answer is incomplete: {details.get('reason', 'no reason given')}")]
        case "completed":
            calls = [item for item in response.get("output") or () if item.get("type") == "function_call"]
            return [Line(at_ms, "call", f"{call['name']}({_arguments(call['arguments'])})") for call in calls]
        case _:
            return []


def _arguments(text: str) -> str:
    """Return a call's arguments as one would write them, or as they came if they are not JSON."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return text
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items()) if isinstance(arguments, dict) else text

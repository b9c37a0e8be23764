"""How a session listens: the input half of its configuration, the same for agents and transcribers.

The wire form (`session.audio.input`, a nested dict) is the truth; `ListeningConfig` is what the core reads from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

from vivavoce.protocol import errors
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.noise import NoiseReduction, merge_noise_reduction
from vivavoce.protocol.session_schema import TURN_DETECTION

STREAMING_MODELS: Final = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Transcription models whose deltas come while the person speaks; the others tell the whole text at once."""

Delay = Literal["minimal", "low", "medium", "high", "xhigh"]

DEFAULT_DELAY: Final[Delay] = "medium"
"""How long streaming models wait before they show a word, unless the client says otherwise."""

_EAGERNESS_MAX_WAIT_MS: Final = {"low": 8_000, "medium": 4_000, "auto": 4_000, "high": 2_000}


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """How turns end: the fields of server_vad, or of semantic_vad (then `max_wait_ms` is set)."""

    threshold: float
    prefix_padding_ms: int
    silence_duration_ms: int
    idle_timeout_ms: int | None
    create_response: bool
    interrupt_response: bool
    max_wait_ms: int | None = None
    """semantic_vad: the longest pause before the turn is closed all the same."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """What the client wants transcribed, and hints for it."""

    model: str
    language: str
    keywords: tuple[str, ...]
    prompt: str
    delay: Delay = DEFAULT_DELAY

    @property
    def streaming(self) -> bool:
        """Tell whether deltas are to come while the person speaks."""
        return self.model in STREAMING_MODELS

    @property
    def detecting(self) -> bool:
        """Tell whether it is to be told which languages were heard. Source: the official type of the `completed` event."""
        return self.model.startswith("gpt-transcribe")

    @property
    def diarizing(self) -> bool:
        """Tell whether it is to be told who speaks."""
        return "diarize" in self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningConfig:
    """The part of a session's configuration that listening, turn-taking and recognition look at."""

    input_format: AudioFormat
    transcription: Transcription | None
    turn_detection: TurnDetection | None
    noise: NoiseReduction | None = None
    logprobs: bool = False
    instructions: str = ""
    tools: tuple[dict[str, Any], ...] = ()


def transcription(wire: dict[str, Any] | None) -> Transcription | None:
    """Read `audio.input.transcription`."""
    if wire is None:
        return None
    language = wire["language"] or next(iter(wire.get("languages") or ()), "")
    keywords = tuple(wire.get("keywords") or ())
    return Transcription(wire["model"], language, keywords, wire["prompt"] or "", wire.get("delay") or DEFAULT_DELAY)


def turn_detection(wire: dict[str, Any] | None) -> TurnDetection | None:
    """Read `audio.input.turn_detection`."""
    if wire is None:
        return None
    semantic = wire["type"] == "semantic_vad"
    return TurnDetection(
        threshold=wire.get("threshold", 0.5),
        prefix_padding_ms=wire.get("prefix_padding_ms", 300),
        silence_duration_ms=wire.get("silence_duration_ms", 500),
        idle_timeout_ms=wire.get("idle_timeout_ms"),
        create_response=wire["create_response"],
        interrupt_response=wire["interrupt_response"],
        max_wait_ms=_EAGERNESS_MAX_WAIT_MS[wire["eagerness"]] if semantic else None,
    )


def turn_detection_defaults(kind: str, silence_duration_ms: int) -> dict[str, Any]:
    """Return the wire's turn detection of a type with everything the client may leave out."""
    if kind == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True}
    return {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": silence_duration_ms,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }


def merge_input(audio_in: dict[str, Any], update: dict[str, Any], silence_duration_ms: int, *, denoises: bool) -> None:
    """Merge a (checked) update of `audio.input` into the one in force, deeply: what it leaves out keeps its value.

    `denoises` tells whether this server can take noise out.

    Raises:
        ClientFault: the two together are wrong.
    """
    for name, value in update.items():
        current = audio_in[name]
        if value is None or name == "format":
            audio_in[name] = value
        elif name == "transcription":
            audio_in[name] = merge_transcription(current, value)
        elif name == "noise_reduction":
            audio_in[name] = merge_noise_reduction(current, value, available=denoises)
        elif name == "turn_detection":
            audio_in[name] = _merge_turn_detection(current, value, silence_duration_ms)


def merge_transcription(current: dict[str, Any] | None, update: dict[str, Any]) -> dict[str, Any]:
    """Return a transcription configuration after a (checked) update.

    Raises:
        ClientFault: it names no model, or a delay where the model does not stream.
    """
    path = "session.audio.input.transcription"
    merged = {"model": None, "language": None, "prompt": None, **(current or {}), **update}
    if merged["model"] is None:
        raise errors.missing(f"{path}.model")
    if merged.get("delay") is not None and merged["model"] not in STREAMING_MODELS:
        if update.get("delay") is not None:
            raise errors.no_delay(f"{path}.delay", merged["model"], STREAMING_MODELS)
        del merged["delay"]  # the delay of the model before this one
    return merged


def check_language(wire: dict[str, Any] | None, understood: Collection[str]) -> None:
    """Refuse a language that would be heard as another: the transcript would be nonsense, and nobody would be told.

    Args:
        wire: `audio.input.transcription`.
        understood: ISO-639-1 codes; empty where the recognizer takes any.

    Raises:
        ClientFault: it names languages, and none of them is understood.
    """
    wanted = [wire["language"] or "", *(wire.get("languages") or ())] if wire else []
    named = [language for language in wanted if language]
    known = {language.lower().partition("-")[0] for language in named} & set(understood)
    if named and understood and not known:
        raise errors.language_not_understood("session.audio.input.transcription.language", named[0], understood)


def _merge_turn_detection(current: dict[str, Any] | None, update: dict[str, Any], silence_duration_ms: int) -> dict[str, Any]:
    path = "session.audio.input.turn_detection"
    kind = update.get("type") or (current or {}).get("type")
    if kind is None:
        raise errors.missing(f"{path}.type")
    TURN_DETECTION[kind].check({**update, "type": kind}, path)
    for name in update:
        if name not in TURN_DETECTION[kind].fields:
            raise errors.unknown(f"{path}.{name}")
    base = current if current and current["type"] == kind else turn_detection_defaults(kind, silence_duration_ms)
    return {**base, **update}

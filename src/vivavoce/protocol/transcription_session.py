"""The configuration of a transcription session: defaults, deep merge, echo, and what the core reads from it.

Source: wire reference C.2 and the official types. Where the service refuses turn detection with a model that streams, we let it work.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.formats import BY_TYPE
from vivavoce.protocol.listening import (
    STREAMING_MODELS,
    ListeningConfig,
    check_language,
    merge_input,
    transcription,
    turn_detection,
    turn_detection_defaults,
)
from vivavoce.protocol.noise import noise_reduction
from vivavoce.protocol.schema import Anything, Choice, Items, Nullable, Record
from vivavoce.protocol.session_schema import LISTENING, LOGPROBS

_SILENCE_MS: Final = 500

TRANSCRIPTION_SESSION: Final = Record(
    {
        "type": Choice(("transcription",)),
        "audio": Record({"input": LISTENING}),
        "include": Nullable(Items(Choice((LOGPROBS,)), 8)),
        # Echoed by clients that send back what they got; they say nothing we would act on.
        "id": Anything(),
        "object": Anything(),
        "expires_at": Anything(),
    },
    ("type",),
)


@dataclass(frozen=True, slots=True)
class TranscriptionDefaults:
    """What a session starts with: its transcription model, and the models it may change to with the languages each understands."""

    model: str
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """ISO-639-1 codes by model; empty where a model takes any language."""
    denoises: bool = False
    """Whether noise can be taken out of input audio."""


def initial(defaults: TranscriptionDefaults, session_id: str, expires_at: int) -> dict[str, Any]:
    """Return the session object of a new transcription session. `expires_at` is in unix seconds."""
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": defaults.model, "language": None, "prompt": None},
                "noise_reduction": None,
                "turn_detection": _detection_of(defaults.model),
            }
        },
        "include": None,
    }


def chooses_detection(update: Any) -> bool:
    """Tell whether a (checked) update says how turns end: then the choice of a model no longer does."""
    return "turn_detection" in update.get("audio", {}).get("input", {})


def updated(session: dict[str, Any], update: Any, defaults: TranscriptionDefaults, *, chosen: bool) -> dict[str, Any]:
    """Return the session after an update, or refuse the whole of it.

    Args:
        session: the session object in force; not changed.
        update: the client's `session` object, unchecked.
        defaults: what sessions start with.
        chosen: whether the client has ever said how turns end; until it does, that depends on the model: models that stream leave
            it to the client's commits.

    Raises:
        ClientFault: any field is wrong; nothing changes.
    """
    if isinstance(update, dict) and update.get("type") in ("realtime", "translation"):
        raise errors.wrong_session_kind(update["type"], "transcription")
    wanted = TRANSCRIPTION_SESSION.check(update, "session")
    merged = deepcopy(session)
    audio_in = merged["audio"]["input"]
    merge_input(audio_in, wanted.get("audio", {}).get("input", {}), _SILENCE_MS, denoises=defaults.denoises)
    if "include" in wanted:
        merged["include"] = wanted["include"]
    model = (audio_in["transcription"] or {}).get("model")
    if model is not None and model not in defaults.models:
        raise errors.model_not_found(model, "session.audio.input.transcription.model")
    if not chosen and not chooses_detection(wanted) and model is not None:
        audio_in["turn_detection"] = _detection_of(model)
    if (audio_in["turn_detection"] or {}).get("idle_timeout_ms") is not None:
        path = "session.audio.input.turn_detection.idle_timeout_ms"
        raise errors.refused_value(path, "Transcription sessions have no idle timeout: nobody would answer it.")
    check_language(audio_in["transcription"], defaults.models.get(model or "", ()))
    return merged


def view(session: dict[str, Any]) -> ListeningConfig:
    """Read a session object."""
    audio_in = session["audio"]["input"]
    return ListeningConfig(
        input_format=BY_TYPE[audio_in["format"]["type"]],
        transcription=transcription(audio_in["transcription"]),
        turn_detection=turn_detection(audio_in["turn_detection"]),
        noise=noise_reduction(audio_in["noise_reduction"]),
        logprobs=bool(session["include"]),
    )


def _detection_of(model: str) -> dict[str, Any] | None:
    return None if model in STREAMING_MODELS else turn_detection_defaults("server_vad", _SILENCE_MS)

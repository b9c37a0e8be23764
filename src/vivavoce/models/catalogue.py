"""Public model names: what kind of session each serves and how its sessions start.

Old and new names are accepted, for clients pin them. Source: wire reference, section 0 (names) and C.1, C.10 (recorded defaults).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.config import ConfigError, ModelSettings
from vivavoce.protocol.session import SessionDefaults

CREATED: Final = 1_793_000_000
"""The `created` of model objects: the day this table was made."""


DEFAULT_TRANSCRIBER: Final = "gpt-4o-mini-transcribe"
"""The model of a transcription session whose client has named none yet."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One public model: its name, what it is for (see `SERVED_KINDS`), and for agents what they start with."""

    name: str
    kind: str
    defaults: SessionDefaults

    def wire(self) -> dict[str, Any]:
        """Return the model object of `GET /v1/models`."""
        return {"id": self.name, "object": "model", "created": CREATED, "owned_by": "vivavoce"}


_SMALL_WINDOW: Final = 28_224 + 4_096
"""Tokens of the models that are said to have 32k. Source: wire reference C.10, the documented input and output of one."""


def _agent(name: str, family: str) -> ModelInfo:
    if family == "2":
        return ModelInfo(name, "agent", SessionDefaults(name))
    return ModelInfo(name, "agent", SessionDefaults(name, "alloy", 200, reasoning=False, context_tokens=_SMALL_WINDOW))


_REASONING: Final = ("gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini")
_PLAIN: Final = (
    "gpt-realtime",
    "gpt-realtime-2025-08-28",
    "gpt-realtime-1.5",
    "gpt-realtime-mini",
    "gpt-realtime-mini-2025-10-06",
    "gpt-realtime-mini-2025-12-15",
    "gpt-4o-realtime-preview",
    "gpt-4o-realtime-preview-2024-10-01",
    "gpt-4o-realtime-preview-2024-12-17",
    "gpt-4o-realtime-preview-2025-06-03",
    "gpt-4o-mini-realtime-preview",
    "gpt-4o-mini-realtime-preview-2024-12-17",
)
_OTHER_KINDS: Final = {
    "gpt-realtime-translate": "translation",
    **dict.fromkeys(
        (
            "gpt-realtime-whisper",
            "gpt-live-transcribe",
            "gpt-transcribe",
            "gpt-4o-transcribe",
            "gpt-4o-mini-transcribe",
            "gpt-4o-mini-transcribe-2025-12-15",
            "gpt-4o-transcribe-diarize",
            "whisper-1",
        ),
        "transcription",
    ),
    **dict.fromkeys(("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd"), "speech"),
    **dict.fromkeys(
        (
            "gpt-audio",
            "gpt-audio-1.5",
            "gpt-audio-mini",
            "gpt-audio-mini-2025-10-06",
            "gpt-audio-mini-2025-12-15",
            "gpt-4o-audio-preview",
            "gpt-4o-mini-audio-preview",
            # Names of text models that clients use where nobody tells them another: the examples of the official clients, and the
            # defaults of agent frameworks. The operator's language model answers to all of them.
            "gpt-6-sol",
            "gpt-6-luna",
            "gpt-5.6-sol",
            "gpt-5.6-terra",
            "gpt-5.6-luna",
            "gpt-5.5",
            "gpt-5.4",
            "gpt-5.4-mini",
            "gpt-5.4-nano",
            "gpt-5.2",
            "gpt-5.1",
            "gpt-5",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-4.1-nano",
            "gpt-4o",
            "gpt-4o-mini",
        ),
        "chat",
    ),
}

SERVED_KINDS: Final = ("agent", "transcription", "translation", "speech", "chat")
"""Kinds of model this server serves. The other names are known so that they are refused with the right error."""


def catalogue(configured: Mapping[str, ModelSettings]) -> dict[str, ModelInfo]:
    """Return every public model by name: the built-in ones, those of the configuration, and their aliases.

    Raises:
        ConfigError: a model of the configuration is of a kind that is not served.
    """
    models = {name: _agent(name, "2") for name in _REASONING} | {name: _agent(name, "1") for name in _PLAIN}
    models |= {name: ModelInfo(name, kind, SessionDefaults(name)) for name, kind in _OTHER_KINDS.items()}
    for name, settings in configured.items():
        if settings.kind is not None and settings.kind not in SERVED_KINDS:
            raise ConfigError(f'models."{name}".kind = {settings.kind!r}: not served yet; served are {", ".join(SERVED_KINDS)}')
        for public in (name, *settings.aliases):
            base = models.get(public) or models.get(name) or _agent(public, "2")
            defaults = base.defaults if base.name == public else SessionDefaults(public)
            models[public] = ModelInfo(public, settings.kind or base.kind, defaults)
    return models

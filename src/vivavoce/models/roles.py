"""Which engine does what for a model: decided here by name, without loading any of them."""

from __future__ import annotations

from typing import Final

from vivavoce.config import DEFAULT_LLM, EngineNames, ModelSettings, Settings

NONE: Final = "none"
"""The name of no engine, for a role that may be left out."""

ROLES: Final = ("vad", "endpointer", "recognizer", "llm", "synthesizer", "translator", "noise")

_PROFILES: Final[dict[str, dict[str, str]]] = {
    "embedded": {
        "recognizer": "pocketsphinx",
        "llm": "frames",
        "synthesizer": "auto",
        "endpointer": "smart-turn",
        "vad": "silero",
        "translator": "auto",
        "noise": "auto",
    },
    "null": {
        "recognizer": "instant",
        "llm": "echo",
        "synthesizer": "tone",
        "endpointer": NONE,
        "vad": "silero",
        "translator": "instant",
        "noise": "auto",
    },
}


def engine_names(settings: Settings, model: str) -> dict[str, str]:
    """Return the name of a model's engine for each role.

    What a model does not name itself comes from `[defaults]`, and what those do not name from the profile; a language model that is
    configured as the default one is the brain of every model that names no other.
    """
    own = settings.models.get(model, ModelSettings()).engines
    return {role: _name(settings, role, own) for role in ROLES}


def _name(settings: Settings, role: str, own: EngineNames) -> str:
    chosen = getattr(own, role) or getattr(settings.defaults, role)
    if chosen:
        return str(chosen)
    if role == "llm" and DEFAULT_LLM in settings.llms:
        return DEFAULT_LLM
    return _PROFILES[settings.profile][role]

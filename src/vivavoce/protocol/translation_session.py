"""The configuration of a translation session: its wire form, a nested dict, and what the core reads from it.

Source: wire reference C.3, and the official types `RealtimeTranslationSession` and `RealtimeTranslationSessionUpdateRequest`.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.noise import NOISE_REDUCTION, NoiseReduction, merge_noise_reduction, noise_reduction
from vivavoce.protocol.schema import Nullable, Record, Text

_TRANSCRIPTION: Final = Record({"model": Text(256, 1)}, ("model",))

TRANSLATION_SESSION: Final = Record(
    {
        "audio": Record(
            {
                "input": Record({"transcription": Nullable(_TRANSCRIPTION), "noise_reduction": NOISE_REDUCTION}),
                "output": Record({"language": Text(16, 1)}),
            }
        )
    }
)
"""What an update may hold: the session's kind and model are set when it is made."""


@dataclass(frozen=True, slots=True)
class TranslationDefaults:
    """What a model's translation sessions start with, and what its engines can do.

    `pairs` are the (source, target) languages that recognizer, translator and voice can do together, ISO-639-1; a source of `*` is any.
    """

    model: str
    pairs: tuple[tuple[str, str], ...]
    denoises: bool = False
    """Whether noise can be taken out of input audio."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the languages that can be spoken, in the order of the pairs."""
        return tuple(dict.fromkeys(target for _, target in self.pairs))

    @property
    def language(self) -> str:
        """Return the language of a session that names none: English where it can be spoken, else the first that can be."""
        return "en" if "en" in self.targets else next(iter(self.targets), "en")

    def translates(self, source: str, target: str) -> bool:
        """Tell whether a language can be translated into another; an unknown (empty) one is taken to be one that can."""
        return any(to == target and (not source or of in ("*", source)) for of, to in self.pairs)


@dataclass(frozen=True, slots=True)
class TranslationConfig:
    """A translation session's configuration as the core reads it."""

    language: str
    """What to speak: ISO-639-1, without a region."""
    transcription: str | None
    """The model the client named for source transcripts; None where it wants none."""
    noise: NoiseReduction | None = None


def initial(defaults: TranslationDefaults, session_id: str, expires_at: int) -> dict[str, Any]:
    """Return the session object of a new translation session. `expires_at` is in unix seconds."""
    return {
        "id": session_id,
        "type": "translation",
        "model": defaults.model,
        "expires_at": expires_at,
        "audio": {
            "input": {"transcription": None, "noise_reduction": None},
            "output": {"language": defaults.language},
        },
    }


def updated(session: dict[str, Any], update: Any, defaults: TranslationDefaults) -> dict[str, Any]:
    """Return the session after an update, or refuse the whole of it.

    Args:
        session: the session object in force; not changed.
        update: the client's `session` object, unchecked.
        defaults: what the model can do.

    Raises:
        ClientFault: any field is wrong, or nobody can speak the language; nothing changes.
    """
    wanted = TRANSLATION_SESSION.check(update, "session").get("audio", {})
    language = wanted.get("output", {}).get("language")
    if language is not None and base(language) not in defaults.targets:
        raise errors.language_not_spoken("session.audio.output.language", language, defaults.targets)
    merged = deepcopy(session)
    audio_in = merged["audio"]["input"]
    for name, value in wanted.get("input", {}).items():
        if name == "noise_reduction":
            audio_in[name] = merge_noise_reduction(audio_in[name], value, available=defaults.denoises)
        else:
            audio_in[name] = deepcopy(value)
    merged["audio"]["output"].update(wanted.get("output", {}))
    return merged


def without_kind(update: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a client secret as an update: without the kind and the model it says the session is of."""
    return {name: value for name, value in update.items() if name not in ("type", "model")}


def view(session: dict[str, Any]) -> TranslationConfig:
    """Read a session object."""
    audio = session["audio"]
    transcription = audio["input"]["transcription"]
    noise = noise_reduction(audio["input"]["noise_reduction"])
    return TranslationConfig(base(audio["output"]["language"]), transcription and transcription["model"], noise)


def base(language: str) -> str:
    """Return a language code without its region, in lower case (`es-MX` is `es`)."""
    return language.strip().lower().replace("_", "-").partition("-")[0]

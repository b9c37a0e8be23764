"""What can speak on this machine, as data for `doctor`, and the choice of a default."""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.engines.ports import EngineFault, Synthesizer
from vivavoce.engines.tts import espeak as espeak_engine
from vivavoce.engines.tts import flite as flite_engine
from vivavoce.engines.tts import tone as tone_engine
from vivavoce.engines.tts.by_language import ByLanguageSynthesizer
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.tts.espeak_library import find_espeak
from vivavoce.engines.tts.flite import FliteSynthesizer
from vivavoce.engines.tts.flite_library import find_flite

FLITE_HINT = "apt install libflite1"
ESPEAK_HINT = "pip install 'vivavoce[espeak]', or apt install libespeak-ng1"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A synthesizer that exists: whether it can be used here, where it was found or why not, and how to get it."""

    name: str
    usable: bool
    detail: str
    licence: str
    languages: tuple[str, ...]
    how_to_get: str


def describe() -> list[Candidate]:
    """Return all synthesizers in order of preference. Nothing is loaded to find out."""
    flite, espeak = find_flite(), find_espeak()
    return [
        Candidate(
            name=flite_engine.CAPABILITIES.name,
            usable=flite is not None,
            detail=f"found {flite}" if flite is not None else "libflite is neither in VIVAVOCE_FLITE_DIR nor installed",
            licence=flite_engine.CAPABILITIES.licence,
            languages=flite_engine.CAPABILITIES.languages,
            how_to_get=FLITE_HINT,
        ),
        Candidate(
            name=espeak_engine.CAPABILITIES.name,
            usable=espeak is not None,
            detail=f"found {espeak.path} ({espeak.origin})" if espeak is not None else "neither espeakng-loader nor the system's",
            licence=espeak_engine.CAPABILITIES.licence,
            languages=espeak_engine.CAPABILITIES.languages,
            how_to_get=ESPEAK_HINT,
        ),
        Candidate(
            name=tone_engine.CAPABILITIES.name,
            usable=True,
            detail="built in; tones, no speech: only for measuring and testing",
            licence=tone_engine.CAPABILITIES.licence,
            languages=tone_engine.CAPABILITIES.languages,
            how_to_get="profile null",
        ),
    ]


def default_synthesizer() -> Synthesizer:
    """Return the synthesizer to use where none is configured.

    The permissive one, flite, speaks English where it is installed; espeak-ng, where it is installed, speaks what flite cannot.

    Raises:
        EngineFault: nothing here can speak; the message says how to change that.
    """
    found: list[Synthesizer] = []
    if find_flite() is not None:
        found.append(FliteSynthesizer())
    if find_espeak() is not None:
        found.append(EspeakSynthesizer())
    if not found:
        raise EngineFault(f"no voice is installed: {FLITE_HINT} (English), or {ESPEAK_HINT}", temporary=False)
    return found[0] if len(found) == 1 else ByLanguageSynthesizer(found)

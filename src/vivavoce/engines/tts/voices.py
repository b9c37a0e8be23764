"""The public voice names and what each engine makes of them: distinct, stable, never refused.

The names are those of the API; the voices are the engine's own and do not imitate anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

VOICE_NAMES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
DEFAULT_VOICE = "alloy"

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class VoiceTable(Generic[V]):
    """An engine's settings for each public voice name."""

    settings: Mapping[str, V]

    def __getitem__(self, voice: str) -> V:
        """Return the settings of a voice, those of the default voice for a name nobody knows."""
        return self.settings.get(voice.strip().lower(), self.settings[DEFAULT_VOICE])


@dataclass(frozen=True, slots=True)
class FliteVoice:
    """One of flite's voices, and how it is changed.

    `pitch_hz` moves the mean of the pitch, None leaves it (rms does not follow it). `rate_hz` is the rate the 16 kHz samples are
    declared to have: below 16,000 makes a larger, darker speaker, above a smaller, brighter one. `pace` 1.0 is the voice's own, kept
    whatever the rate. `gain` brings the voices to one loudness.
    """

    base: str
    pitch_hz: float | None = None
    rate_hz: int = 16_000
    pace: float = 1.0
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """An espeak-ng voice variant and its prosody; pitch and its range 0 to 100, 50 being the variant's own.

    `accent` is what plain English is spoken in; at a `volume` of 100 the Klatt variants clip.
    """

    variant: str
    words_per_minute: int = 160
    pitch: int = 50
    pitch_range: int = 50
    accent: str = "en-us"
    volume: int = 65


FLITE_VOICES = VoiceTable(
    {
        "alloy": FliteVoice("rms"),
        "ash": FliteVoice("rms", rate_hz=16_500, pace=1.04),
        "ballad": FliteVoice("awb", pitch_hz=115, pace=0.93),
        "cedar": FliteVoice("rms", rate_hz=15_000),
        "coral": FliteVoice("slt", pitch_hz=185, gain=0.5),
        "echo": FliteVoice("rms", rate_hz=17_000, pace=0.96),
        "fable": FliteVoice("awb", pitch_hz=140),
        "marin": FliteVoice("slt", gain=0.55),
        "nova": FliteVoice("slt", pitch_hz=174, pace=1.08, gain=0.55),
        "onyx": FliteVoice("rms", rate_hz=14_500, pace=0.96),
        "sage": FliteVoice("slt", pitch_hz=155, pace=0.96, gain=0.65),
        "shimmer": FliteVoice("slt", pitch_hz=200, pace=1.04, gain=0.45),
        "verse": FliteVoice("awb"),
    }
)
"""The default is the voice a recognizer understands best: of 20 sentences read back by pocketsphinx with its general model, rms lost
2 to 4 % of the words, slt 13, awb 10 to 13."""

ESPEAK_VOICES = VoiceTable(
    {
        "alloy": EspeakVoice("klatt4", 165, pitch=35),
        "ash": EspeakVoice("klatt5"),
        "ballad": EspeakVoice("klatt3", 155, pitch=40, pitch_range=65),
        "cedar": EspeakVoice("klatt5", 160, pitch=45),
        "coral": EspeakVoice("klatt4", 165, pitch=85, pitch_range=60),
        "echo": EspeakVoice("klatt5", 165, pitch=30),
        "fable": EspeakVoice("klatt4", 160, pitch=55, accent="en-gb-x-rp"),
        "marin": EspeakVoice("klatt4", 160, pitch=75),
        "nova": EspeakVoice("klatt5", 170, pitch=75),
        "onyx": EspeakVoice("klatt4", 150, pitch=15, pitch_range=40),
        "sage": EspeakVoice("klatt4", 155, pitch=65, pitch_range=40),
        "shimmer": EspeakVoice("klatt5", 160, pitch=90),
        "verse": EspeakVoice("klatt3", 165, pitch=60, pitch_range=70),
    }
)
"""Klatt's formant synthesizer: the same test gives 11.6 % for the default, 11 to 23 for the other American settings, 34 for the
British one, against 41.9 % for espeak-ng's own default voice and 49 to 83 % for its male and female variants. With a small language
model of coffee orders all Klatt settings are at 1 to 4 %."""

TONE_VOICES = VoiceTable({name: 220.0 * 2 ** (index / 12) for index, name in enumerate(VOICE_NAMES)})
"""A pitch in Hz for each voice, a semitone apart."""

"""Speech in many languages by espeak-ng, which runs in processes of its own (`espeak_child`)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import Capabilities, EngineFault, SpeechSpan, VoiceStyle
from vivavoce.engines.tts.espeak_library import EspeakLibrary, find_espeak
from vivavoce.engines.tts.espeak_process import Answer, EspeakProcess, Utterance
from vivavoce.engines.tts.reading import Reading, clamped_speed, silent_span, span_of
from vivavoce.engines.tts.spoken import SpokenText, spoken_text
from vivavoce.engines.tts.voices import ESPEAK_VOICES, EspeakVoice

LANGUAGES = (
    "en", "es", "fr", "de", "it", "pt", "zh", "ko", "ru", "hi", "id", "vi",
    "nl", "pl", "sv", "da", "fi", "no", "cs", "ro", "hu", "tr", "uk", "el", "ca",
)  # fmt: skip
"""ISO-639-1. Japanese is missing on purpose: espeak-ng reads every ideograph as the words "Chinese letter"."""

_REGIONS = {
    "en-gb": "en-gb-x-rp", "en-uk": "en-gb-x-rp", "en-us": "en-us", "pt-br": "pt-br", "pt-pt": "pt", "es-419": "es-419",
    "es-mx": "es-419", "fr-be": "fr-be", "fr-ch": "fr-ch",
}  # fmt: skip
_PRIMARY = {"zh": "cmn", "no": "nb"}

_SLOWEST_WPM, _FASTEST_WPM = 80, 450
_AUDIBLE = 40
"""Samples above this (of 32,767) count as sound; espeak-ng's own silence is zeros."""

_SILENCE_RATE_HZ = 22_050

CAPABILITIES = Capabilities(
    name="espeak-ng",
    licence="GPL-3.0 (runs as a separate process)",
    languages=LANGUAGES,
    word_times=True,
    quality="demo",
    notes="whole clauses; the tone is ignored; not slower than 80 words a minute; no Japanese",
)


class EspeakSynthesizer:
    """Speaks with espeak-ng, clause by clause, in a bounded pool of child processes shared by all streams.

    Args:
        processes: how many children at most; a second one is started only when the first is busy.
        find: how to find the library; for tests.
    """

    def __init__(self, processes: int = 2, find: Callable[[], EspeakLibrary | None] = find_espeak) -> None:
        self._limit = max(1, processes)
        self._find = find
        self._children: list[EspeakProcess] = []
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Describe the engine: `CAPABILITIES`."""
        return CAPABILITIES

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the living children."""
        return tuple(child.pid for child in self._children if child.alive)

    async def warm(self) -> None:
        """Start one child and have it load English.

        Raises:
            EngineFault: espeak-ng is not installed, or does not start.
        """
        child = await self._child()
        await child.say(_utterance("Ready.", VoiceStyle(), 1.0))

    async def close(self) -> None:
        """End the children."""
        self._closed = True
        async with self._starting:
            children, self._children = self._children, []
        await asyncio.gather(*(child.close() for child in children))

    async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncIterator[SpeechSpan]:
        """Say each clause as one span, with espeak-ng's own word times.

        Nothing is held between clauses, so a stream may be closed or forgotten at any of them.

        Raises:
            EngineFault: not installed, the child died (the next clause gets a new one), or the language is not spoken.
        """
        speed = clamped_speed(style.speed)
        espeak_language(style.language)
        async for clause in clauses:
            spoken = spoken_text(clause)
            if spoken.text:
                child = await self._child()
                answer = await child.say(_utterance(spoken.text, style, speed))
                yield span_of(clause, spoken, _reading(spoken, answer, child.rate_hz), speed)
            else:
                yield silent_span(clause, _SILENCE_RATE_HZ, speed)

    async def _child(self) -> EspeakProcess:
        """Return the least busy child, having started one if none lives or all are busy and there may be more."""
        async with self._starting:
            if self._closed:
                raise EngineFault("the espeak-ng synthesizer is closed", temporary=False)
            dead = [child for child in self._children if not child.alive]
            self._children = [child for child in self._children if child.alive]
            for child in dead:
                await child.close()
            if not self._children or (len(self._children) < self._limit and all(child.pending for child in self._children)):
                library = await asyncio.to_thread(self._find)  # asking the system's loader starts a program
                if library is None:
                    raise EngineFault("espeak-ng is not installed: pip install 'vivavoce[espeak]'", temporary=False)
                self._children.append(await EspeakProcess.start(library))
            return min(self._children, key=lambda child: child.pending)


def espeak_language(language: str, accent: str = "en-us") -> str:
    """Return espeak-ng's name for a language tag; `accent` is what plain English is spoken in.

    Raises:
        EngineFault: espeak-ng does not speak the language well enough to be let.
    """
    tag = language.strip().lower().replace("_", "-") or "en"
    primary = tag.partition("-")[0]
    if primary not in LANGUAGES:
        raise EngineFault(f"espeak-ng does not speak {language!r} here", temporary=False)
    if tag == "en":
        return accent
    return _REGIONS.get(tag) or _PRIMARY.get(primary) or ("en-us" if primary == "en" else primary)


def _utterance(text: str, style: VoiceStyle, speed: float) -> Utterance:
    voice: EspeakVoice = ESPEAK_VOICES[style.voice]
    return Utterance(
        text=text,
        voice=f"{espeak_language(style.language, voice.accent)}+{voice.variant}",
        rate=min(_FASTEST_WPM, max(_SLOWEST_WPM, round(voice.words_per_minute * speed))),
        pitch=voice.pitch,
        range=voice.pitch_range,
        volume=voice.volume,
    )


def _reading(spoken: SpokenText, answer: Answer, rate_hz: int) -> Reading:
    """Turn word starts into intervals: a word ends where the next begins, less the silence before that."""
    loud = np.flatnonzero(np.abs(answer.pcm.astype(np.int32)) > _AUDIBLE)
    per_ms = rate_hz / 1000
    if len(loud) == 0:
        return Reading(answer.pcm, rate_hz, (), 0.0, 0.0)
    ends_at = (len(spoken.text), len(answer.pcm) / per_ms)
    marks = [
        (_first_letter(spoken.text, offset), float(start), _last_sound(loud, start * per_ms, until * per_ms) / per_ms)
        for (offset, start), (_, until) in pairwise([*answer.words, ends_at])
    ]
    return Reading(answer.pcm, rate_hz, tuple(marks), loud[0] / per_ms, (loud[-1] + 1) / per_ms)


def _first_letter(text: str, offset: int) -> int:
    """Move an offset off the white space before a word, where some of espeak-ng's events point."""
    letter = re.compile(r"\S").search(text, max(0, offset))
    return letter.start() if letter else offset


def _last_sound(loud: NDArray[np.intp], start: float, end: float) -> float:
    """Return the end of the last loud sample within [start, end), or `start` if there is none."""
    index = int(np.searchsorted(loud, end)) - 1
    return float(loud[index] + 1) if index >= 0 and loud[index] >= start else start

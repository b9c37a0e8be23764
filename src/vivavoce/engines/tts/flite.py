"""English speech by CMU Flite, in threads of this process.

Flite is BSD-like, so it may live in the server; ctypes lets go of the interpreter while it speaks. It returns whole utterances, so
it is given one clause at a time: 6 to 30 ms of work for a short one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vivavoce.engines.ports import Capabilities, EngineFault, SpeechSpan, VoiceStyle
from vivavoce.engines.tts.flite_library import DURATION_STRETCH, NATIVE_RATE_HZ, PITCH_MEAN, FliteLibrary
from vivavoce.engines.tts.reading import clamped_speed, retuned, silent_span, span_of
from vivavoce.engines.tts.spoken import spoken_text
from vivavoce.engines.tts.voices import FLITE_VOICES

_MAX_THREADS = 2

CAPABILITIES = Capabilities(
    name="flite",
    licence="BSD-like (CMU)",
    languages=("en",),
    word_times=True,
    quality="demo",
    notes="whole clauses; the tone is ignored",
)


class FliteSynthesizer:
    """Speaks English with the system's flite.

    Args:
        library_dir: folder that holds `libflite.so.1` and its voices; without it `VIVAVOCE_FLITE_DIR`, then the system's.
    """

    def __init__(self, library_dir: Path | None = None) -> None:
        self._library_dir = library_dir
        self._library: FliteLibrary | None = None
        self._loading = asyncio.Lock()
        self._threads = ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1), thread_name_prefix="flite")

    @property
    def capabilities(self) -> Capabilities:
        """Describe the engine: `CAPABILITIES`."""
        return CAPABILITIES

    async def warm(self) -> None:
        """Load the library and its voices, and speak one word so that the tables are in memory.

        Raises:
            EngineFault: flite is not installed here.
        """
        library = await self._loaded()
        await self._run(library, "Ready.", VoiceStyle())

    async def close(self) -> None:
        """Let the threads end; the library itself stays loaded, as the system's loader has no safe way back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncIterator[SpeechSpan]:
        """Say each clause as one span, with flite's own word times.

        Raises:
            EngineFault: flite is not installed, or the language is not English.
        """
        if style.language.lower().partition("-")[0] not in ("", "en"):
            raise EngineFault(f"flite speaks English only, not {style.language!r}", temporary=False)
        library = await self._loaded()
        async for clause in clauses:
            yield await self._run(library, clause, style)

    async def _loaded(self) -> FliteLibrary:
        async with self._loading:
            if self._library is None:
                self._library = await asyncio.get_running_loop().run_in_executor(None, FliteLibrary, self._library_dir)
            return self._library

    async def _run(self, library: FliteLibrary, clause: str, style: VoiceStyle) -> SpeechSpan:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, say_clause, library, clause, style)
        except RuntimeError as error:
            raise EngineFault("the flite synthesizer is closed", temporary=False) from error


def say_clause(library: FliteLibrary, clause: str, style: VoiceStyle) -> SpeechSpan:
    """Say one clause, cut flite's silence off both ends and put on the pause its punctuation asks for."""
    spoken = spoken_text(clause, ascii_only=True)
    speed = clamped_speed(style.speed)
    if not spoken.text:
        return silent_span(clause, FLITE_VOICES[style.voice].rate_hz, speed)
    voice = FLITE_VOICES[style.voice]
    settings = {DURATION_STRETCH: voice.rate_hz / NATIVE_RATE_HZ / (voice.pace * speed)}
    if voice.pitch_hz is not None:
        settings[PITCH_MEAN] = voice.pitch_hz
    reading = library.read(spoken.text.encode("ascii"), voice.base, settings)
    return span_of(clause, spoken, retuned(reading, voice.rate_hz, voice.gain), speed)

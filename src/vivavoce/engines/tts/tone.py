"""A synthesizer of tones: a burst per word, instantly and always the same. It measures the platform, not a voice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import Capabilities, SpeechSpan, VoiceStyle, WordTime
from vivavoce.engines.tts.pauses import pause_after_ms, silence
from vivavoce.engines.tts.reading import clamped_speed, silent_span
from vivavoce.engines.tts.spoken import spoken_text
from vivavoce.engines.tts.voices import TONE_VOICES
from vivavoce.engines.tts.word_times import syllable_weight

RATE_HZ = 24_000
"""The rate of the API's audio: nothing has to be resampled."""

_SYLLABLE_MS = 160
_GAP_MS = 40
_LEVEL = 6_000.0
_EDGE_MS = 8

CAPABILITIES = Capabilities(name="tone", licence="Apache-2.0", word_times=True, quality="null", notes="tone bursts, no speech")


class ToneSynthesizer:
    """Says every word as a tone burst as long as its syllables, with exact word times. Needs nothing and never fails."""

    @property
    def capabilities(self) -> Capabilities:
        """Describe the engine: `CAPABILITIES`."""
        return CAPABILITIES

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncIterator[SpeechSpan]:
        """Say each clause as one span."""
        async for clause in clauses:
            yield tone_span(clause, style)


def tone_span(clause: str, style: VoiceStyle) -> SpeechSpan:
    """Return the bursts for one clause: int16 at `RATE_HZ`, 160 ms a syllable at speed 1.0."""
    speed = clamped_speed(style.speed)
    spoken = spoken_text(clause)
    if not spoken.text:
        return silent_span(clause, RATE_HZ, speed)
    pieces: list[NDArray[np.int16]] = []
    words: list[WordTime] = []
    now_ms = 0
    for word, (start, end) in zip(spoken.words, spoken.spans, strict=True):
        length_ms = round(_SYLLABLE_MS * max(1.0, syllable_weight(word.text)) / speed) if end > start else 0
        words.append(WordTime(word.text, now_ms, now_ms + length_ms))
        if length_ms:
            gap_ms = round(_GAP_MS / speed)
            pieces += [_burst(length_ms, TONE_VOICES[style.voice]), silence(gap_ms, RATE_HZ)]
            now_ms += length_ms + gap_ms
    pieces.append(silence(pause_after_ms(clause, speed), RATE_HZ))
    return SpeechSpan(np.concatenate(pieces), RATE_HZ, clause, tuple(words))


def _burst(length_ms: int, pitch_hz: float) -> NDArray[np.int16]:
    count = length_ms * RATE_HZ // 1000
    edge = min(count // 2, _EDGE_MS * RATE_HZ // 1000)
    tone: NDArray[np.float64] = _LEVEL * np.sin(2 * np.pi * pitch_hz / RATE_HZ * np.arange(count))
    ramp = np.arange(edge) / max(1, edge)
    tone[:edge] *= ramp
    tone[count - edge :] *= ramp[::-1]
    return tone.astype(np.int16)

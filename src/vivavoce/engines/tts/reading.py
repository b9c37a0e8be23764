"""From what an engine produced for one clause to the span the session gets: trimmed, timed, with the right pause at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.ports import SpeechSpan, WordTime
from vivavoce.engines.tts.pauses import BLANK_MS, SILENT_MS, pause_after_ms, silence, widen_ellipses
from vivavoce.engines.tts.spoken import SpokenText
from vivavoce.engines.tts.word_times import marked_words
from vivavoce.engines.tts.written import written_words

SLOWEST, FASTEST = 0.25, 1.5
"""The speeds the API allows."""

_LEAD_MS = 5
_TAIL_MS = 25
_FADE_MS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What an engine made of one spoken text.

    `pcm` is int16 at `rate_hz`; `marks` are (character offset in the spoken text, start ms, end ms) for each word said, in order;
    sound begins at `speech_start_ms` and ends at `speech_end_ms`, both 0 when there is none.
    """

    pcm: NDArray[np.int16]
    rate_hz: int
    marks: tuple[tuple[int, float, float], ...]
    speech_start_ms: float
    speech_end_ms: float


def retuned(reading: Reading, rate_hz: int, gain: float = 1.0) -> Reading:
    """Declare another rate for the same samples, which moves pitch and formants together, and scale them."""
    if rate_hz == reading.rate_hz and gain == 1.0:
        return reading
    scale = reading.rate_hz / rate_hz
    return replace(
        reading,
        pcm=np.clip(reading.pcm * np.float32(gain), -32768, 32767).astype(np.int16),
        rate_hz=rate_hz,
        marks=tuple((offset, start * scale, end * scale) for offset, start, end in reading.marks),
        speech_start_ms=reading.speech_start_ms * scale,
        speech_end_ms=reading.speech_end_ms * scale,
    )


def clamped_speed(speed: float) -> float:
    """Keep a speed within what the API allows."""
    return min(FASTEST, max(SLOWEST, speed))


def silent_span(clause: str, rate_hz: int, speed: float = 1.0) -> SpeechSpan:
    """Return the span of a clause in which nothing is pronounced: a short silence, its words at its start, taking no time."""
    pcm = silence(max(SILENT_MS if clause.strip() else BLANK_MS, pause_after_ms(clause, speed)), rate_hz)
    return SpeechSpan(pcm, rate_hz, clause, tuple(WordTime(word.text, 0, 0) for word in written_words(clause)))


def span_of(clause: str, spoken: SpokenText, reading: Reading, speed: float = 1.0) -> SpeechSpan:
    """Return the span that says a clause.

    The engine's own silence is cut off both ends (flite starts with 0.2 s of it, which would be added to every answer), and the
    pause the clause's punctuation asks for is put after it.
    """
    if reading.speech_end_ms <= reading.speech_start_ms:
        return silent_span(clause, reading.rate_hz, speed)
    start_ms = max(0.0, reading.speech_start_ms - _LEAD_MS)
    pcm = _faded(_cut(reading, start_ms, reading.speech_end_ms + _TAIL_MS), reading.rate_hz)
    marks = [(offset, start - start_ms, end - start_ms) for offset, start, end in reading.marks]
    words = marked_words(spoken, marks, len(pcm) * 1000 // reading.rate_hz)
    pcm, words = widen_ellipses(pcm, words, reading.rate_hz, speed)
    pause = silence(max(0, pause_after_ms(clause, speed) - _TAIL_MS), reading.rate_hz)
    return SpeechSpan(np.concatenate((pcm, pause)), reading.rate_hz, clause, words)


def _cut(reading: Reading, start_ms: float, end_ms: float) -> NDArray[np.int16]:
    per_ms = reading.rate_hz / 1000
    return reading.pcm[round(start_ms * per_ms) : round(end_ms * per_ms)]


def _faded(pcm: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Fade a few ms at both ends, so that a cut does not click."""
    length = min(len(pcm) // 2, _FADE_MS * rate_hz // 1000)
    ramp = np.arange(1, length + 1, dtype=np.float32) / (length + 1)
    faded = pcm.astype(np.float32)
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded.astype(np.int16)

"""What the transcript of a file looks like on the wire: the answers of every format, and the events of a stream.

Source: wire reference A.6 and E.2; the official client's types.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Protocol

from vivavoce.protocol.language_names import language_name
from vivavoce.protocol.subtitles import Cue, Timed, cues_of, spread

_LEAST_CONFIDENCE: Final = 1e-6
_FRAME_MS: Final = 10
"""What `seek` counts. Source: Whisper's log-mel frames, 100 in a second."""

_LABELS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Word(Timed, Protocol):
    """A recognized word: `confidence` in [0, 1], `speaker` a label of the recognizer's, empty where it cannot tell."""

    @property
    def confidence(self) -> float:
        """How sure the recognizer is."""
        ...

    @property
    def speaker(self) -> str:
        """Who says it."""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech between pauses. Times in ms from the start of the audio.

    `text` begins with whatever separates it from the one before, so that the texts concatenate to the transcript.
    """

    text: str
    start_ms: int
    end_ms: int
    words: Sequence[Word] = ()
    confidence: float = 1.0
    language: str = ""
    """ISO-639-1, empty where nobody can tell."""

    def timed(self) -> Sequence[Timed]:
        """Return the words with their times; spread over the segment where the recognizer told none."""
        return self.words or spread(self.text.strip(), self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """What one speaker says in one go: an entry of `diarized_json`. `speaker` is `A`, `B`, …"""

    id: str
    text: str
    start_ms: int
    end_ms: int
    speaker: str

    def wire(self) -> dict[str, Any]:
        """Return the segment; it is an event of a stream just the same."""
        return {
            "id": self.id,
            "type": "transcript.text.segment",
            "start": _seconds(self.start_ms),
            "end": _seconds(self.end_ms),
            "text": self.text.strip(),
            "speaker": self.speaker,
        }


class Speakers:
    """Names speakers `A`, `B`, … in the order they are first heard, whatever the recognizer calls them, and numbers what they say."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._parts = 0

    def parts(self, segment: Segment) -> Iterator[SpokenPart]:
        """Yield a segment by speaker; the texts concatenate to that of all segments."""
        for speaker, words in groupby(segment.words, key=lambda word: word.speaker):
            said = list(words)
            text = " ".join(word.text for word in said)
            separator = " " if self._parts else ""
            self._parts += 1
            yield SpokenPart(f"seg_{self._parts:03}", separator + text, said[0].start_ms, said[-1].end_ms, self._label(speaker))

    def _label(self, speaker: str) -> str:
        number = len(self._labels)
        fresh = _LABELS[number % 26] + (str(number // 26) if number >= 26 else "")
        return self._labels.setdefault(speaker, fresh)


# --- answers --------------------------------------------------------------------------------------------------------------------


def plain(
    text: str,
    usage: dict[str, Any] | None = None,
    languages: Sequence[str] | None = None,
    logprobs: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the `json` answer; what is None is left out."""
    return {"text": text, **_extras(languages, logprobs), **({} if usage is None else {"usage": usage})}


def verbose(
    task: str,
    language: str,
    duration_ms: float,
    segments: Sequence[Segment],
    *,
    tell_segments: bool = True,
    tell_words: bool = False,
    usage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the `verbose_json` answer; `task` is `transcribe` or `translate`, `language` an ISO-639-1 code."""
    answer: dict[str, Any] = {
        "task": task,
        "language": language_name(language),
        "duration": _seconds(duration_ms),
        "text": whole(segments),
    }
    if tell_segments:
        answer["segments"] = [_segment(number, segment) for number, segment in enumerate(segments)]
    if tell_words:
        answer["words"] = [
            {"word": word.text.strip(), "start": _seconds(word.start_ms), "end": _seconds(word.end_ms)}
            for segment in segments
            for word in segment.timed()
        ]
    return answer if usage is None else {**answer, "usage": usage}


def diarized(duration_ms: float, parts: Sequence[SpokenPart], usage: dict[str, Any]) -> dict[str, Any]:
    """Return the `diarized_json` answer."""
    return {
        "task": "transcribe",
        "duration": _seconds(duration_ms),
        "text": "".join(part.text for part in parts),
        "segments": [part.wire() for part in parts],
        "usage": usage,
    }


def cues(segments: Iterable[Segment]) -> Iterator[Cue]:
    """Yield the subtitles of a transcript."""
    for segment in segments:
        yield from cues_of(segment.text.strip(), segment.words, start_ms=segment.start_ms, end_ms=segment.end_ms)


def whole(segments: Iterable[Segment]) -> str:
    """Return the transcript."""
    return "".join(segment.text for segment in segments).strip()


def logprobs(words: Iterable[Word]) -> list[dict[str, Any]]:
    """Return the wire's logprobs: one token per word, as sure as the recognizer is of it."""
    return [{"token": word.text, "logprob": _log(word.confidence), "bytes": list(word.text.encode())} for word in words]


# --- events ---------------------------------------------------------------------------------------------------------------------


def text_delta(delta: str, logprobs: Sequence[dict[str, Any]] | None = None, segment_id: str | None = None) -> dict[str, Any]:
    """Return a `transcript.text.delta`."""
    event: dict[str, Any] = {"type": "transcript.text.delta", "delta": delta, **_extras(None, logprobs)}
    return event if segment_id is None else {**event, "segment_id": segment_id}


def text_done(
    text: str,
    usage: dict[str, Any],
    languages: Sequence[str] | None = None,
    logprobs: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the `transcript.text.done`; what is None is left out."""
    return {"type": "transcript.text.done", **plain(text, usage, languages, logprobs)}


def _extras(languages: Sequence[str] | None, logprobs: Sequence[dict[str, Any]] | None) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if languages is not None:
        extras["languages"] = [{"code": code} for code in languages]
    if logprobs is not None:
        extras["logprobs"] = list(logprobs)
    return extras


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """Return an entry of `segments`.

    There is no token, for the recognizers here have none of their own; temperature 0, for nothing is sampled; and no doubt that there
    is speech, or there would be no segment. Source: Whisper's `transcribe`, for what the others mean.
    """
    text = segment.text.encode()
    sure = [word.confidence for word in segment.words] or [segment.confidence]
    return {
        "id": number,
        "seek": segment.start_ms // _FRAME_MS,
        "start": _seconds(segment.start_ms),
        "end": _seconds(segment.end_ms),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": sum(map(_log, sure)) / len(sure),
        "compression_ratio": len(text) / len(zlib.compress(text)),
        "no_speech_prob": 0.0,
    }


def _log(confidence: float) -> float:
    return math.log(min(1.0, max(confidence, _LEAST_CONFIDENCE)))


def _seconds(ms: float) -> float:
    return round(ms / 1000, 3)

"""Transcription of user audio on the wire: append-only deltas, one terminal event per part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

STREAMING_MODELS: Final = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Transcription models whose deltas come while the person speaks; the others tell the whole text at once."""


@dataclass(slots=True)
class Job:
    """A recognition on its way to a content part."""

    item_id: str
    content_index: int
    audio_ms: float
    emitted: str = ""
    """What the deltas have said so far."""
    shown: bool = True
    """Whether the client knows the item: those in a response's own input are never on the wire."""

    def extend(self, partial: str) -> str:
        """Return the delta that leads from what was said to this partial; empty where it does not extend it."""
        if not partial.startswith(self.emitted):
            return ""
        delta, self.emitted = partial[len(self.emitted) :], partial
        return delta

    def complete(self, final: str) -> tuple[str, str]:
        """Return the last delta and the whole transcript.

        Deltas are never taken back: where the final disagrees with what was said, the transcript keeps the words said and goes on
        with the final's words from there.
        """
        if not final.startswith(self.emitted):
            rest = final.split()[len(self.emitted.split()) :]
            final = " ".join([self.emitted.rstrip(), *rest])
        return final[len(self.emitted) :], final


def logprobs(words: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    """Return the wire's logprobs for words and their confidences in [0, 1]."""
    return [
        {"token": word, "logprob": math.log(max(confidence, 1e-6)), "bytes": list(word.encode())} for word, confidence in words
    ]

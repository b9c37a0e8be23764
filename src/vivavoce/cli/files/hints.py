"""What is known about a recording beforehand, and which models make what of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

LIVE_MODEL: Final = "gpt-realtime-whisper"
"""Tells the words while they are spoken."""

STREAMING_MODEL: Final = "gpt-transcribe"
"""Where the text alone is wanted: it comes while the server works."""

TIMED_MODEL: Final = "whisper-1"
"""Where times are wanted: the only one of the API's models that gives them. Source: wire reference A.6."""

_KEYWORD_MODELS: Final = frozenset({"gpt-transcribe", "gpt-live-transcribe"})


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known about a recording beforehand. `language` is an ISO-639-1 code or empty."""

    language: str = ""
    keywords: tuple[str, ...] = ()
    prompt: str = ""

    def fields(self, model: str) -> dict[str, Any]:
        """Return the API's fields for them. To a model that takes no keywords they are said in the prompt."""
        given: dict[str, Any] = {}
        prompt = self.prompt
        if self.keywords and model in _KEYWORD_MODELS:
            given["keywords"] = list(self.keywords)
        elif self.keywords:
            prompt = ". ".join(part for part in (prompt, ", ".join(self.keywords)) if part)
        if self.language:
            given["language"] = self.language
        if prompt:
            given["prompt"] = prompt
        return given

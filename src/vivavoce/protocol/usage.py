"""Usage objects: token counts of responses and transcriptions, and how content is counted.

Source: wire reference E.1 and E.2 (recorded frames): user audio one token per 100 ms, assistant audio one per 50 ms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

USER_AUDIO_MS_PER_TOKEN: Final = 100
ASSISTANT_AUDIO_MS_PER_TOKEN: Final = 50
_CHARACTERS_PER_TOKEN: Final = 4
_CACHE_STEP: Final = 64
_IDEOGRAPHS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+")
_OTHER_ALPHABETS: Final = re.compile(r"[\u0370-\u1fff]+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts of one kind of content each."""

    text: int = 0
    audio: int = 0
    image: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio, self.image + other.image)

    @property
    def total(self) -> int:
        """Return the sum of the three."""
        return self.text + self.audio + self.image


@dataclass(frozen=True, slots=True)
class Usage:
    """What one response, or a whole session, consumed. `reasoning` is contained in the output's text."""

    input: Tokens = Tokens()
    output: Tokens = Tokens()
    cached: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input, self.output + other.output, self.cached + other.cached, self.reasoning + other.reasoning
        )

    @property
    def total(self) -> int:
        """Return all tokens, in and out."""
        return self.input.total + self.output.total

    def wire(self) -> dict[str, Any]:
        """Return the `usage` object of `response.done`, in the recorded key order."""
        cached = min(self.cached - self.cached % _CACHE_STEP, self.input.text)
        output = {"text_tokens": self.output.text, "audio_tokens": self.output.audio}
        if self.reasoning:
            output["reasoning_tokens"] = self.reasoning
        return {
            "total_tokens": self.total,
            "input_tokens": self.input.total,
            "output_tokens": self.output.total,
            "input_token_details": {
                "text_tokens": self.input.text,
                "audio_tokens": self.input.audio,
                "image_tokens": self.input.image,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": output,
        }


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit of a caller as `rate_limits.updated` tells it: `name` is `requests` or `tokens`, counted per minute."""

    name: str
    limit: int
    remaining: int
    reset_seconds: float

    def wire(self) -> dict[str, Any]:
        """Return the entry of `rate_limits.updated`."""
        return {"name": self.name, "limit": self.limit, "remaining": self.remaining, "reset_seconds": self.reset_seconds}


@dataclass(frozen=True, slots=True)
class Letters:
    """Characters of a text by script: what its tokens are estimated from. Texts that come in pieces are counted piece by piece."""

    latin: int = 0
    other: int = 0
    ideographs: int = 0

    @classmethod
    def of(cls, text: str) -> Letters:
        """Count a text."""
        if text.isascii():
            return cls(len(text))
        # Run by run: texts of megabytes have millions of them.
        ideographs = sum(map(len, _IDEOGRAPHS.findall(text)))
        other = sum(map(len, _OTHER_ALPHABETS.findall(text)))
        return cls(len(text) - ideographs - other, other, ideographs)

    def __add__(self, more: Letters) -> Letters:
        return Letters(self.latin + more.latin, self.other + more.other, self.ideographs + more.ideographs)

    @property
    def tokens(self) -> int:
        """Estimate the tokens: one per four characters of Latin script, two of other alphabets, one of ideographs, rounded up.

        Source: the usual rule of thumb for English with byte-pair vocabularies, and for other scripts what the published multilingual
        vocabularies come to; corrected by the backend's own count where it gives one (`core.token_scale`).
        """
        return self.ideographs + -(-self.other // 2) + -(-self.latin // _CHARACTERS_PER_TOKEN)


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text, as `Letters.tokens` does."""
    return Letters.of(text).tokens


def user_audio_tokens(ms: float) -> int:
    """Return the tokens of heard audio."""
    return int(ms // USER_AUDIO_MS_PER_TOKEN)


def assistant_audio_tokens(ms: float) -> int:
    """Return the tokens of spoken audio."""
    return int(-(-ms // ASSISTANT_AUDIO_MS_PER_TOKEN))


_BY_TOKENS: Final = ("gpt-4o", "gpt-transcribe")
"""Families of transcription models whose usage is told in tokens; the others tell seconds. Source: wire reference E.2."""


def transcription_usage(model: str, ms: float, text: str, prompt: str = "") -> dict[str, Any]:
    """Return the `usage` of a transcription: tokens, or the duration rounded up to a second as recorded.

    Args:
        model: the transcription model.
        ms: how long the audio lasts.
        text: what was heard.
        prompt: what the model was told beforehand.
    """
    if not model.startswith(_BY_TOKENS):
        return {"type": "duration", "seconds": int(-(-ms // 1000))}
    audio, prompted, output = user_audio_tokens(ms), text_tokens(prompt), text_tokens(text)
    return {
        "type": "tokens",
        "total_tokens": audio + prompted + output,
        "input_tokens": audio + prompted,
        "input_token_details": {"text_tokens": prompted, "audio_tokens": audio},
        "output_tokens": output,
    }

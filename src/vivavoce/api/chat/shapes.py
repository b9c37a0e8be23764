"""Chat completions as the official clients read them: whole ones, and chunks of them.

Source: wire reference A.5; the response types of the official Python client.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.usage import Usage

TIER: Final = "default"
"""The only service tier there is, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Head:
    """What all chunks of one completion share; `created` in unix seconds."""

    model: str
    created: int
    include_usage: bool = False
    obfuscate: bool = True
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(14)}")
    ids: IdSource = field(default_factory=IdSource)

    def whole(self, message: Mapping[str, Any], finish: str, usage: Usage) -> dict[str, Any]:
        """Return a completion."""
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return {**self._common("chat.completion"), "choices": [choice], "usage": usage_object(usage)}

    def chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        """Return a chunk with more of the only choice."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._chunk([choice], _padded(delta))

    def last_of_audio(self, expires_at: int) -> dict[str, Any]:
        """Return the chunk that ends the audio. It has no `finish_reason`, as the official type says."""
        return self._chunk([{"index": 0, "delta": {"audio": {"expires_at": expires_at}}, "logprobs": None}], "")

    def usage(self, usage: Usage) -> dict[str, Any]:
        """Return the chunk with the usage, which has no choices."""
        return {**self._chunk([], ""), "usage": usage_object(usage)}

    def _chunk(self, choices: list[dict[str, Any]], padded: str) -> dict[str, Any]:
        chunk = {**self._common("chat.completion.chunk"), "choices": choices}
        if self.include_usage:
            chunk["usage"] = None
        if self.obfuscate:
            chunk["obfuscation"] = self.ids.padding(padded)
        return chunk

    def _common(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": TIER,
            "system_fingerprint": None,
        }


def _padded(delta: Mapping[str, Any]) -> str:
    """Return the text of a delta whose length is to be hidden."""
    if "content" in delta:
        return str(delta["content"] or "")
    if "audio" in delta:
        return str(delta["audio"].get("transcript", ""))
    return "".join(call["function"].get("arguments", "") for call in delta.get("tool_calls", ()))


def usage_object(usage: Usage) -> dict[str, Any]:
    """Return the `usage` of a completion, with every detail there is."""
    return {
        "prompt_tokens": usage.input.total,
        "completion_tokens": usage.output.total,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "text_tokens": usage.input.text,
            "audio_tokens": usage.input.audio,
            "image_tokens": usage.input.image,
            "cached_tokens": min(usage.cached, usage.input.text),
            "cache_write_tokens": 0,
        },
        "completion_tokens_details": {
            "text_tokens": usage.output.text,
            "audio_tokens": usage.output.audio,
            "reasoning_tokens": usage.reasoning,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }

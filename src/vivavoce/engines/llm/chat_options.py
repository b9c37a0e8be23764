"""The optional parameters of a chat request, and which of them a backend has turned out not to take.

"OpenAI-compatible" endpoints differ in what they accept beyond messages and tools. What one refuses is left out from then on, so
that each peculiarity costs one extra request in the life of the process.
"""

from __future__ import annotations

import json
from typing import Any

import openai

from vivavoce.engines.llm.chat_faults import complaint_of
from vivavoce.engines.ports import LlmRequest

REFUSALS = (400, 422)
"""Statuses with which backends refuse a parameter (422 is FastAPI's)."""


class ChatOptions:
    """What to send beside messages and tools; learns from refusals.

    Args:
        official: whether the endpoint is OpenAI's own, which has renamed `max_tokens` and takes `prompt_cache_key`. Others may
            ignore the new name without a word, so they are given the old one first.
    """

    def __init__(self, *, official: bool = False) -> None:
        self._official = official
        self._refused: set[tuple[str, str]] = set()
        self._usage_taken = False

    def of(self, request: LlmRequest) -> dict[str, Any]:
        """Return the optional parameters for this request, without those known to be refused."""
        wanted: dict[str, Any] = {"stream_options": {"include_usage": True}}
        if request.effort:
            wanted["reasoning_effort"] = request.effort
        if request.tools and not request.parallel_tool_calls:
            wanted["parallel_tool_calls"] = False
        if request.session and self._official:
            wanted["prompt_cache_key"] = request.session
        if request.max_output_tokens is not None:
            wanted.update(self._token_limit(request.max_output_tokens))
        return {name: value for name, value in wanted.items() if not self._is_refused(name, value)}

    def learn(self, sent: dict[str, Any], error: openai.APIStatusError) -> bool:
        """Remember which of the parameters `sent` the backend refuses; tell whether it named any."""
        parameter = (error.param or "").partition(".")[0]
        complaint = complaint_of(error)
        named = [name for name in sent if name == parameter] or [name for name in sent if name in complaint]
        for name in named:
            self.refuse(name, sent[name])
        return bool(named)

    def refuse(self, name: str, value: object) -> None:
        """Leave this parameter out from now on (`reasoning_effort` only with this value)."""
        self._refused.add(_key(name, value))

    def accepted(self, sent: dict[str, Any]) -> None:
        """Note that the backend took a request with these parameters."""
        self._usage_taken = self._usage_taken or "stream_options" in sent

    def usage_in_doubt(self, sent: dict[str, Any]) -> bool:
        """Tell whether `stream_options` was sent to a backend that has never yet taken it."""
        return "stream_options" in sent and not self._usage_taken

    def _token_limit(self, limit: int) -> dict[str, int]:
        names = ("max_completion_tokens", "max_tokens") if self._official else ("max_tokens", "max_completion_tokens")
        return next(({name: limit} for name in names if not self._is_refused(name, limit)), {})

    def _is_refused(self, name: str, value: object) -> bool:
        return _key(name, value) in self._refused


def _key(name: str, value: object) -> tuple[str, str]:
    """Only an effort is refused by value: a backend may know `low` and not `minimal`."""
    return name, json.dumps(value) if name == "reasoning_effort" else ""

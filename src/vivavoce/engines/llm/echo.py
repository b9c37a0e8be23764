"""A brain that does not think: the `null` profile's language model.

It answers at once, so that everything measured with it (latency, sessions per core, the wire) is the platform's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from vivavoce.engines.ports import Capabilities, LlmDelta, LlmFinish, LlmRequest, TextDelta

SENTENCE = "I heard you."


class EchoBrain:
    """Answer with a fixed sentence, or with what the user said last.

    Tools are ignored. Tokens are counted as words.

    Args:
        sentence: the answer; None echoes the last user text, or says `SENTENCE` if there is none.
    """

    def __init__(self, sentence: str | None = SENTENCE) -> None:
        self._sentence = sentence

    @property
    def capabilities(self) -> Capabilities:
        """Nothing but speed."""
        return Capabilities("echo", "Apache-2.0", streaming=True, quality="null", notes="measures the platform itself")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def prepare(self, instructions: str, tools: tuple[Mapping[str, Any], ...]) -> None:
        """Do nothing: there is nothing to get ready."""

    async def close(self) -> None:
        """Do nothing: nothing is held."""

    async def generate(self, request: LlmRequest) -> AsyncGenerator[LlmDelta, None]:
        """Answer in a single delta, and finish."""
        answer = self._sentence or _last_user_text(request) or SENTENCE
        yield TextDelta(answer)
        yield LlmFinish()


def _last_user_text(request: LlmRequest) -> str:
    return next((message.text for message in reversed(request.messages) if message.role == "user" and message.text), "")

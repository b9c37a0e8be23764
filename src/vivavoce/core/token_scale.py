"""How long texts are in the tokens of the backend, learned from what it counts."""

from __future__ import annotations

from typing import Final

from vivavoce.protocol.usage import text_tokens

_LEAST: Final = 0.25
_MOST: Final = 4.0
"""Bounds for what is learned: a backend that counts nonsense must not empty the window."""


class TokenScale:
    """Counts text by the estimate, corrected by how far the estimate was off in the requests so far.

    The tokenizer of a backend is rarely at hand, but its count of the whole request comes with every answer. What it counted and what
    we estimated of the same request give a ratio that later counts are multiplied by.
    """

    def __init__(self) -> None:
        self._ratio = 1.0

    def tokens(self, text: str) -> int:
        """Return how many tokens a text is."""
        return self.scaled(text_tokens(text))

    def scaled(self, estimate: int) -> int:
        """Return an estimate, corrected."""
        return estimate if self._ratio == 1.0 else round(estimate * self._ratio)

    def learn(self, told: int, counted: int) -> float:
        """Learn from what a backend counted of a request that we `counted` as so long; return by which factor we were off."""
        before = self._ratio
        self._ratio = min(_MOST, max(_LEAST, before * told / max(1, counted)))
        return self._ratio / before

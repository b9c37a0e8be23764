"""The model's window: which items of the conversation it still sees.

Whole items are dropped, the oldest first, and nothing is announced to the client (wire reference C.10). An item once dropped stays
dropped, even where later deletions would make room: the context then keeps its beginning from one response to the next, and that
beginning is what backends cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from vivavoce.protocol.session import AgentConfig

USUAL_ANSWER: Final = 4_096
"""Tokens of the window kept for the answer where the response sets no limit of its own. Source: the documented 28,224 tokens of
input that a model with 4,096 of output holds."""


class ContextOverflow(Exception):
    """The context does not fit the window, and nothing may or can be dropped."""


class Window:
    """What one conversation's context has lost.

    Args:
        tokens: the model's window, input and answer together.
    """

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._dropped: set[str] = set()

    def sees(self, item_id: str) -> bool:
        """Tell whether an item has not been dropped."""
        return item_id not in self._dropped

    def drop(self, item_ids: Iterable[str]) -> None:
        """Remember that these items were dropped."""
        self._dropped.update(item_ids)

    def forget(self, item_id: str) -> None:
        """Forget an item that is gone from the conversation."""
        self._dropped.discard(item_id)

    def overflow(self, sizes: Sequence[int], fixed: int, config: AgentConfig) -> int:
        """Return how many of the oldest items have to go.

        With a retention ratio, the context is cut to that share of the limit at once, so that the next cut is some turns away.

        Args:
            sizes: the tokens of each item, the oldest first.
            fixed: the tokens of instructions and tools.
            config: the response's configuration.

        Raises:
            ContextOverflow: some have to, and `truncation` is `disabled`; or the last item does not fit even alone.
        """
        limit, ratio = self._limit(fixed, config.max_output_tokens, config.truncation)
        size = sum(sizes)
        if size <= limit:
            return 0
        if config.truncation == "disabled":
            raise ContextOverflow(f"The conversation is {size + fixed} tokens long, more than the model's window allows.")
        if sizes[-1] > limit:
            raise ContextOverflow(f"The last item alone is {sizes[-1]} tokens long, more than the model's window allows.")
        # What is being answered stays, whatever the ratio.
        target, count = limit * ratio, 0
        while count < len(sizes) - 1 and size > target:
            size -= sizes[count]
            count += 1
        return count

    def _limit(self, fixed: int, answer: int | None, truncation: str | dict[str, Any]) -> tuple[int, float]:
        limit = max(0, self._tokens - (USUAL_ANSWER if answer is None else answer) - fixed)
        if isinstance(truncation, str):
            return limit, 1.0
        post = (truncation.get("token_limits") or {}).get("post_instructions")
        return limit if post is None else min(limit, post), float(truncation["retention_ratio"])

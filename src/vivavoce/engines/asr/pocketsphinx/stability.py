"""Which part of a changing hypothesis may be shown: by the session's `delay`, words several steps agreed on, never taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vivavoce.engines.asr.agreement.prefix import AgreedPrefix
from vivavoce.engines.asr.pocketsphinx.protocol import Word

DELAYS: Final[Mapping[str, tuple[int, int]]] = {
    "minimal": (3, 0),
    "low": (4, 0),
    "medium": (6, 0),
    "high": (8, 1000),
    "xhigh": (10, 2000),
}
"""Steps of 100 ms that must agree on a word, the newest included, and how long ago it must have ended, ms.

Source: raw hypotheses of 100 recordings, replayed under each setting (median delay, word error rate with what was shown kept for
good; 57.7 % is the final's own): 2 steps 210 ms, 73 %; 3 330 ms, 65.1; 4 430 ms, 61.6; 6 630 ms, 60.6; 8 and 1 s 1030 ms, 59.9; 10
and 2 s 1612 ms, 58.9. `python -m bench.asr` measures them.
"""
DEFAULT_DELAY: Final = "medium"


class StablePrefix:
    """Follows the hypotheses of one segment.

    Args:
        delay: one of `DELAYS`; what is none of them counts as the default.
    """

    def __init__(self, delay: str = DEFAULT_DELAY) -> None:
        steps, hold_ms = DELAYS.get(delay, DELAYS[DEFAULT_DELAY])
        self._agreed: AgreedPrefix[Word] = AgreedPrefix(steps, hold_ms)

    def advance(self, words: Sequence[Word], now_ms: int) -> tuple[Word, ...] | None:
        """Take the newest hypothesis, of everything heard until `now_ms`; return all words to show if there are more, else None."""
        return tuple(self._agreed.shown) if self._agreed.advance(words, now_ms) else None

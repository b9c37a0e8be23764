"""How often a window is decoded and how much agreement a word needs, by the session's `delay`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vivavoce.engines.ports import Delay


@dataclass(frozen=True, slots=True)
class Pace:
    """One setting of the trade between speed and certainty."""

    steps: int
    """Hypotheses in a row that must agree on a word."""
    chunk_ms: int
    """New audio before the window is decoded again."""
    hold_ms: int
    """How long ago a word must have ended to be shown."""


PACES: Final[Mapping[Delay, Pace]] = {
    "minimal": Pace(1, 500, 300),
    "low": Pace(2, 500, 0),
    "medium": Pace(2, 700, 200),
    "high": Pace(2, 1000, 500),
    "xhigh": Pace(3, 1000, 800),
}
"""Source: Liu et al. 2020 found two hypotheses to be the best trade, Machacek et al. 2023 chunks of one second; the rest is spread around
these. What each delay costs and gains with the embedded recognizer: `python -m bench.asr` (medians of 1.2, 1.6, 1.8, 2.0, 2.8 s)."""

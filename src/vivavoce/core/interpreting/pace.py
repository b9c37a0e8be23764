"""Pace: how fast a translation is spoken, so that the voice does not fall behind the speaker.

A translation that is longer than its source would come later with every clause. Interpreters speak faster then; so does this one, as
much as its lag asks for and no more than listeners bear.
"""

from __future__ import annotations

from typing import Final

NORMAL: Final = 1.0
FASTEST: Final = 1.25
"""Speech is understood as well at 1.25 times its pace, and better liked than at more. Source: Foulke and Sticht, "Review of research on the
intelligibility and comprehension of accelerated speech" (1969): comprehension falls off beyond about 275 words a minute."""

CALM_MS: Final = 200.0
"""A wait no longer than this is not worth hurrying for."""

LATE_MS: Final = 2_000.0
"""A wait from which on it goes as fast as it may."""

STEP: Final = 0.05
"""The speeds there are; the voice slows down by one step from one phrase to the next, so that it does not swing."""


class Pace:
    """Chooses the speed of each phrase. It rises at once and falls step by step."""

    def __init__(self) -> None:
        self.speed = NORMAL

    def choose(self, wait_ms: float) -> float:
        """Return the speed of a phrase that would have to wait so long until the voice has said what comes before it."""
        share = (wait_ms - CALM_MS) / (LATE_MS - CALM_MS)
        wanted = NORMAL + (FASTEST - NORMAL) * min(1.0, max(0.0, share))
        steps = int((wanted - NORMAL) / STEP + 1e-9)
        self.speed = max(NORMAL + steps * STEP, self.speed - STEP, NORMAL)
        self.speed = round(self.speed, 2)
        return self.speed

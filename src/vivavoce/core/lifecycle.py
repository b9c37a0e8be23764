"""The life of a response, as a table.

                 HEARD            ANSWERED        SPOKEN       CANCELLED        FAILED
    WAITING      → GENERATING     ·               ·            → DONE           → DONE
    GENERATING   ·                → SPEAKING      ·            → DONE           → DONE
    SPEAKING     ·                ·               → DONE       → DONE           → DONE
    DONE         ·                ·               ·            ·                ·

WAITING: some of the user's audio in the context is still being recognized. HEARD: none is. ANSWERED: the brain has finished.
SPOKEN: so has the voice (at once, in text mode). DONE is final, and entering it is the one place that sends `response.done` (I1).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Stage(Enum):
    """Where a response is."""

    WAITING = auto()
    GENERATING = auto()
    SPEAKING = auto()
    DONE = auto()


class Happening(Enum):
    """What may move it."""

    HEARD = auto()
    ANSWERED = auto()
    SPOKEN = auto()
    CANCELLED = auto()
    FAILED = auto()


TRANSITIONS: Final[dict[tuple[Stage, Happening], Stage]] = {
    (Stage.WAITING, Happening.HEARD): Stage.GENERATING,
    (Stage.GENERATING, Happening.ANSWERED): Stage.SPEAKING,
    (Stage.SPEAKING, Happening.SPOKEN): Stage.DONE,
    **{
        (stage, end): Stage.DONE
        for stage in (Stage.WAITING, Stage.GENERATING, Stage.SPEAKING)
        for end in (Happening.CANCELLED, Happening.FAILED)
    },
}
"""(stage, happening) → stage. A pair that is not here changes nothing."""

"""Turn-taking: when the user's turn starts and ends, as a table.

Theory of operation. The detector gives one speech probability per 32 ms frame. A frame is *voiced* at or above the threshold,
*unvoiced* below the threshold less a margin, and *between* otherwise (hysteresis as in Silero's own iterator). After each frame
the clock is looked at: speech that has lasted is *confirmed*, a pause that has lasted *expires*; with semantic_vad a pause is first
*due* for a judgement, and only a pause judged incomplete waits for its expiry.

              VOICED                    UNVOICED            CONFIRMED      DUE            COMPLETE       EXPIRED
    SILENT    → ONSET                   ·                   ·              ·              ·              ·
    ONSET     ·                         → SILENT            → SPEAKING     ·              ·              ·
    SPEAKING  ·                         → PAUSING           ·              ·              ·              ·
    PAUSING   → SPEAKING                ·                   ·              → JUDGED       ·              → SILENT
    JUDGED    → SPEAKING                ·                   ·              ·              → SILENT       → SILENT

CONFIRMED starts the turn, DUE asks the endpointer, COMPLETE and EXPIRED stop the turn. Positions are ticks of the listening epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from vivavoce.protocol.formats import TICKS_PER_MS
from vivavoce.protocol.listening import TurnDetection

FRAME_TICKS: Final = 768
"""One detector frame: 512 samples at 16 kHz, 32 ms."""

CONFIRM_FRAMES: Final = 2
"""Voiced frames before a turn starts: 64 ms keeps clicks out. Source: embedded engines, section 3 (start after 60 ms)."""

HYSTERESIS: Final = 0.15
"""How far below the threshold speech must fall to pause. Source: Silero's VADIterator."""

TAIL_MS: Final = 32
"""Speech the detector hears after it has ended, not counted against the configured silence. Silero's tail is 48 ms at the median and 80 ms
at the 95th percentile; taking off one frame of it keeps offsets within a frame of what the detector says and within 80 ms of the
true end. Source: `python -m bench.turn`."""

JUDGE_AFTER_MS: Final = 200
"""Silence before the endpointer is asked, once. Source: embedded engines, section 3 (smart-turn)."""

COMPLETE_AT: Final = 0.5
"""The endpointer's probability at which a turn counts as complete."""


class State(Enum):
    """Where the user's turn is."""

    SILENT = auto()
    ONSET = auto()
    SPEAKING = auto()
    PAUSING = auto()
    JUDGED = auto()


class Event(Enum):
    """What may move it."""

    VOICED = auto()
    UNVOICED = auto()
    CONFIRMED = auto()
    DUE = auto()
    COMPLETE = auto()
    EXPIRED = auto()


class Action(Enum):
    """What the session has to do about it."""

    START = auto()
    JUDGE = auto()
    STOP = auto()


TRANSITIONS: Final[dict[tuple[State, Event], tuple[State, Action | None]]] = {
    (State.SILENT, Event.VOICED): (State.ONSET, None),
    (State.ONSET, Event.UNVOICED): (State.SILENT, None),
    (State.ONSET, Event.CONFIRMED): (State.SPEAKING, Action.START),
    (State.SPEAKING, Event.UNVOICED): (State.PAUSING, None),
    (State.PAUSING, Event.VOICED): (State.SPEAKING, None),
    (State.PAUSING, Event.DUE): (State.JUDGED, Action.JUDGE),
    (State.PAUSING, Event.EXPIRED): (State.SILENT, Action.STOP),
    (State.JUDGED, Event.VOICED): (State.SPEAKING, None),
    (State.JUDGED, Event.COMPLETE): (State.SILENT, Action.STOP),
    (State.JUDGED, Event.EXPIRED): (State.SILENT, Action.STOP),
}
"""(state, event) → (state, action). A pair that is not here changes nothing."""


@dataclass(slots=True)
class TurnTaking:
    """The turn detector of one listening epoch."""

    settings: TurnDetection
    state: State = State.SILENT
    position: int = 0
    """End of the last frame."""
    onset: int = 0
    """Start of the first voiced frame of the turn at hand."""
    voiced_frames: int = 0
    last_voiced: int = 0
    """End of the last voiced frame."""

    @property
    def speaking(self) -> bool:
        """Tell whether a turn has started and not yet stopped."""
        return self.state in (State.SPEAKING, State.PAUSING, State.JUDGED)

    @property
    def pause_ms(self) -> float:
        """Return how long the pause has lasted."""
        return (self.position - self.last_voiced) / TICKS_PER_MS

    def frame(self, probability: float) -> Action | None:
        """Take the next frame; return what the session has to do."""
        start = self.position
        self.position += FRAME_TICKS
        if probability >= self.settings.threshold:
            self.voiced_frames = self.voiced_frames + 1 if self.state is State.ONSET else 1
            if self.state is State.SILENT:
                self.onset = start
            self.last_voiced = self.position
            self._move(Event.VOICED)
            return self._move(Event.CONFIRMED) if self.voiced_frames >= CONFIRM_FRAMES else None
        if probability < self.settings.threshold - HYSTERESIS:
            self._move(Event.UNVOICED)
        return self._pause()

    def judged(self, probability: float) -> Action | None:
        """Take the endpointer's verdict on the pause at hand."""
        return self._move(Event.COMPLETE) if probability >= COMPLETE_AT else None

    def reset(self) -> None:
        """Forget the turn at hand (the client committed or cleared the buffer)."""
        self.state = State.SILENT
        self.voiced_frames = 0

    def _pause(self) -> Action | None:
        # To the nearest frame: waiting for the frame that ends beyond the window would add 16 ms on average.
        waited = self.pause_ms + TAIL_MS + FRAME_TICKS / TICKS_PER_MS / 2
        if self.settings.max_wait_ms is None:
            return self._move(Event.EXPIRED) if waited >= self.settings.silence_duration_ms else None
        if waited >= self.settings.max_wait_ms:
            return self._move(Event.EXPIRED)
        return self._move(Event.DUE) if waited >= JUDGE_AFTER_MS else None

    def _move(self, event: Event) -> Action | None:
        self.state, action = TRANSITIONS.get((self.state, event), (self.state, None))
        return action

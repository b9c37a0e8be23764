"""Lag: how far the translation is behind the speaker, kept as sums, whatever the length of the session.

Two figures. **Average lag**: for each word of the translation, when it is heard less when an interpreter without any lag would have
said it, the words of a clause taken to be as evenly spread over its source as they are many. **Clause lag**: from the end of a clause in
the source to the end of its translation in the voice.

Source: LAAL, Papi et al., "Over-generation cannot be rewarded: length-adaptive average lagging for simultaneous speech translation"
(2022), which counts the words of the translation itself where they are more than the reference's; and LongYAAL, Polák et al., "Better
late than never" (2025), which counts every word of a segment in long-form speech, also those heard after the segment's end. There is no
reference here, and the segments are the clauses. Times are those of real computation: a word is heard when the voice's playout comes
to it, and was spoken when the audio that holds it came in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vivavoce.core.interpreting.frames import FRAME_MS, grid

MARKS: Final = 600_000 // FRAME_MS

RECENT: Final = 0.1
"""The share of the newest clause in the recent lag: it looks back over about ten clauses, half a minute of speech."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How a translation stands, in ms; `None` until something has been said."""

    lag_ms: float | None = None
    """Average lag of the whole session."""
    recent_lag_ms: float | None = None
    """Average lag of about the last ten clauses."""
    clause_lag_ms: float | None = None
    """Average clause lag of the whole session."""
    recent_clause_lag_ms: float | None = None
    worst_clause_lag_ms: float | None = None
    clauses: int = 0
    words: int = 0
    speed: float = 1.0
    """How fast the voice spoke last."""


class LagMeter:
    """The books of one session's lag. All times are ms of the session's own clock."""

    def __init__(self) -> None:
        self.lag = Lag()
        self._word_sum = 0.0
        self._clause_sum = 0.0

    def clause(
        self, start_ms: float, end_ms: float, heard_ms: Sequence[float], said_ms: float, speed: float
    ) -> tuple[float, float]:
        """Enter a clause that has been said; return its average and its clause lag.

        Args:
            start_ms: when its source began.
            end_ms: when its source ended.
            heard_ms: when each word of the translation begins in the voice's playout; at least one.
            said_ms: when the last of them ends.
            speed: how fast they were spoken.
        """
        before, clause_lag = self.lag, said_ms - end_ms
        ideal = (end_ms - start_ms) / len(heard_ms)
        lags = [heard - (start_ms + place * ideal) for place, heard in enumerate(heard_ms)]
        self._word_sum += sum(lags)
        self._clause_sum += clause_lag
        clauses, words = before.clauses + 1, before.words + len(lags)
        self.lag = Lag(
            self._word_sum / words,
            _blend(before.recent_lag_ms, sum(lags) / len(lags)),
            self._clause_sum / clauses,
            _blend(before.recent_clause_lag_ms, clause_lag),
            clause_lag if before.worst_clause_lag_ms is None else max(before.worst_clause_lag_ms, clause_lag),
            clauses,
            words,
            speed,
        )
        return sum(lags) / len(lags), clause_lag


class Arrivals:
    """When audio came in, by its place in the session: one mark per frame of 200 ms, of the last ten minutes."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque(maxlen=MARKS)

    def note(self, end_ms: float, now_ms: float) -> None:
        """Note that the audio up to a position has come."""
        if self._marks and grid(self._marks[-1][0]) == grid(end_ms):
            self._marks.pop()
        self._marks.append((end_ms, now_ms))

    def at(self, position_ms: float) -> float:
        """Return when the audio at a position came, as far as that is remembered."""
        place = bisect_left(self._marks, position_ms, key=lambda mark: mark[0])
        return self._marks[min(place, len(self._marks) - 1)][1] if self._marks else 0.0


def _blend(before: float | None, now: float) -> float:
    return now if before is None else before + RECENT * (now - before)

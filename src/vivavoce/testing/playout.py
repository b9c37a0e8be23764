"""The playout of a call in virtual time: frames of 20 ms, one process away from the session.

It does what a server does that paces the audio of a call itself: what it is given it plays one frame after the other, and it reports what
it has started, played to the end, or thrown away. Messages take as long as the test wants, each way, and stay in order. What it has really
played, and when, is there to be compared with what the session believes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vivavoce.core import effects, inputs
from vivavoce.core.playout import Report
from vivavoce.protocol.formats import PCM

FRAME_MS: Final = 20
FRAME_BYTES: Final = FRAME_MS * PCM.bytes_per_ms

Place = tuple[str, str]
"""A response and its item."""


@dataclass(frozen=True, slots=True)
class Sounded:
    """A stretch of an item that was played, from one moment to another."""

    place: Place
    at_ms: float
    ms: float


@dataclass(slots=True)
class _Queued:
    place: Place
    size: int


class _Line:
    """One way of the link: messages arrive late, but in order."""

    def __init__(self, now: Callable[[], float], later: Callable[[float, Callable[[], None]], None], took: Callable[[], float]):
        self._now = now
        self._later = later
        self._took = took
        self._due_ms = 0.0

    def send(self, what: Callable[[], None]) -> None:
        self._due_ms = max(self._due_ms, self._now() + self._took())
        self._later(self._due_ms - self._now(), what)


class PlayoutModel:
    """Plays what a session says.

    Args:
        now: the time in ms.
        later: does something after so many ms.
        report: takes its reports.
        link_ms: how long the next message takes, to it or from it.
    """

    def __init__(
        self,
        now: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None],
        report: Callable[[Report], None],
        link_ms: Callable[[], float],
    ) -> None:
        self.sounded: list[Sounded] = []
        """What was played, in order."""
        self._now = now
        self._later = later
        self._report = report
        self._there = _Line(now, later, link_ms)
        self._back = _Line(now, later, link_ms)
        self._queue: deque[_Queued] = deque()
        self._open: dict[str, bool] = {}
        """Responses of which more may be played, and whether all of their audio is here."""
        self._started: set[str] = set()
        self._ticking = False

    # --- what the session wants -------------------------------------------------------------------------------------------------

    def take(self, effect: effects.Play | effects.EndPlay | effects.FlushPlayback) -> None:
        """Take an effect of the session."""
        match effect:
            case effects.Play():
                self._there.send(lambda: self._play(effect))
            case effects.EndPlay():
                self._there.send(lambda: self._end(effect.response_id))
            case effects.FlushPlayback():
                self._there.send(lambda: self._flush(effect.token))

    # --- what was played --------------------------------------------------------------------------------------------------------

    def heard_ms(self, item_id: str, until_ms: float = float("inf")) -> float:
        """Return how much of an item has been played; what was begun by then counts whole."""
        return sum(sounded.ms for sounded in self.sounded if sounded.place[1] == item_id and sounded.at_ms <= until_ms)

    @property
    def busy(self) -> bool:
        """Tell whether something plays."""
        return self._ticking

    # --- inside -----------------------------------------------------------------------------------------------------------------

    def _play(self, play: effects.Play) -> None:
        self._open.setdefault(play.response_id, False)
        self._queue.append(_Queued((play.response_id, play.item_id), len(play.audio)))
        self._start()

    def _end(self, response_id: str) -> None:
        if response_id in self._open:
            self._open[response_id] = True
            self._start()

    def _flush(self, token: int) -> None:
        cuts = dict.fromkeys(queued.place for queued in self._queue)
        self._queue.clear()
        for response_id, _ in cuts:
            self._open.pop(response_id, None)
        told = tuple(inputs.Cut(*place, self.heard_ms(place[1])) for place in cuts)
        self._tell(inputs.PlaybackCut(token, told))

    def _start(self) -> None:
        """Let the clock tick: frames begin at multiples of their length."""
        if not self._ticking:
            self._ticking = True
            self._later(-self._now() % FRAME_MS, self._tick)

    def _tick(self) -> None:
        """End the frame at hand and begin the next."""
        waiting = {queued.place[0] for queued in self._queue}
        for response_id in [each for each, whole in self._open.items() if whole and each not in waiting]:
            del self._open[response_id]
            self._tell(inputs.PlaybackStopped(response_id))
        self._ticking = bool(self._queue)
        if self._queue:
            self._sound()
            self._later(FRAME_MS, self._tick)

    def _sound(self) -> None:
        room = FRAME_BYTES
        while room and self._queue:
            first = self._queue[0]
            size = min(room, first.size)
            if first.place[0] not in self._started:
                self._started.add(first.place[0])
                self._tell(inputs.PlaybackStarted(first.place[0]))
            self.sounded.append(Sounded(first.place, self._now(), size / PCM.bytes_per_ms))
            first.size -= size
            room -= size
            if not first.size:
                self._queue.popleft()

    def _tell(self, report: Report) -> None:
        self._back.send(lambda: self._report(report))

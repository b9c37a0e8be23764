"""The playout clock: what was queued for the track, 20 ms of it at every tick, and reports of what has been played.

Pure: no clock of its own; whoever ticks owns it. Everything queued is played once and in the order it came, whichever responses it
belongs to. A frame may hold the end of one item and the beginning of the next.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

FRAME: Final = 480
"""Samples in a frame: 20 ms at 24 kHz."""
SAMPLES_PER_MS: Final = 24
_FADE: Final = 120
"""Samples from full strength to nothing where sound is cut: 5 ms, which is heard as a stop and not as a click."""


@dataclass(frozen=True, slots=True)
class Started:
    """The first audio of a response has been played."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last audio of a response has been played."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What a flush threw away: response, item, and ms of the item that had been played; one for each item, in their order."""

    token: int
    cuts: tuple[tuple[str, str, float], ...]


Report = Started | Stopped | Cut


@dataclass(slots=True)
class _Span:
    """Audio of one item that waits, and where the next sample is."""

    response_id: str
    item_id: str
    pcm: Samples
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.pcm) - self.at


@dataclass(slots=True)
class _Response:
    """A response with audio that has not stopped."""

    waiting: int = 0
    """Samples of it in the queue."""
    started: bool = False
    ended: bool = False


class Playout:
    """One track."""

    def __init__(self) -> None:
        self._queue: deque[_Span] = deque()
        self._responses: dict[str, _Response] = {}
        self._played: dict[tuple[str, str], int] = {}
        """Samples played of each item of a response that has not stopped."""
        self._sounding: tuple[str, str] | None = None
        """The item whose audio the last frame ended with."""
        self._fading: Samples | None = None

    @property
    def waiting(self) -> int:
        """Samples in the queue."""
        return sum(response.waiting for response in self._responses.values())

    def play(self, response_id: str, item_id: str, pcm: Samples) -> None:
        """Queue audio of an item."""
        if not len(pcm):
            return
        self._queue.append(_Span(response_id, item_id, pcm))
        self._responses.setdefault(response_id, _Response()).waiting += len(pcm)

    def end(self, response_id: str) -> None:
        """Note that no more audio comes for a response; one that never had any is of no concern."""
        response = self._responses.get(response_id)
        if response is not None:
            response.ended = True

    def flush(self, token: int) -> list[Report]:
        """Throw away what waits, fading out what sounds, and report it."""
        reports = self._stops()
        last: _Span | None = self._queue[0] if self._queue else None
        if last is not None and (last.response_id, last.item_id) == self._sounding:
            head = last.pcm[last.at : last.at + _FADE]
            self._fading = (head * np.linspace(1, 0, len(head), dtype=np.float32)).astype(np.int16)
        items = dict.fromkeys((span.response_id, span.item_id) for span in self._queue)
        cuts = tuple((*item, self._played.get(item, 0) / SAMPLES_PER_MS) for item in items)
        self._queue.clear()
        self._sounding = None
        for response_id, _ in items:
            self._forget(response_id)
        return [*reports, Cut(token, cuts)]

    def tick(self) -> tuple[Samples, list[Report]]:
        """Return the next 480 samples, silence where nothing waits, and what has come to pass."""
        reports = self._stops()  # what the last tick finished has been played only now
        frame = np.zeros(FRAME, dtype=np.int16)
        if self._fading is not None:
            frame[: len(self._fading)] = self._fading
            self._fading = None
            return frame, reports
        filled = 0
        self._sounding = None
        while filled < FRAME and self._queue:
            span = self._queue[0]
            count = min(FRAME - filled, span.left)
            frame[filled : filled + count] = span.pcm[span.at : span.at + count]
            filled += count
            span.at += count
            self._account(span, count, reports)
            if not span.left:
                self._queue.popleft()
        return frame, reports

    def _account(self, span: _Span, count: int, reports: list[Report]) -> None:
        item = (span.response_id, span.item_id)
        self._sounding = item
        self._played[item] = self._played.get(item, 0) + count
        response = self._responses[span.response_id]
        response.waiting -= count
        if not response.started:
            response.started = True
            reports.append(Started(span.response_id))

    def _stops(self) -> list[Report]:
        """Return and forget the responses that are played to their end."""
        over = [name for name, response in self._responses.items() if response.ended and not response.waiting]
        for name in over:
            self._forget(name)
        return [Stopped(name) for name in over]

    def _forget(self, response_id: str) -> None:
        if self._responses.pop(response_id, None) is not None:
            self._played = {item: count for item, count in self._played.items() if item[0] != response_id}

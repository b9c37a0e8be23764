"""Twenty milliseconds, again and again, by the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

TICK_S: Final = 0.02
_LATE_S: Final = 0.2
"""A loop that stood still for longer than this does not make up for it: the listener has heard silence, and a burst would come too late."""


class Ticker:
    """Call a function every 20 ms until stopped; ticks that come late are made up for, up to 200 ms.

    Args:
        tick: called with the number of ticks left out before this one, almost always 0.
    """

    def __init__(self, tick: Callable[[int], None]) -> None:
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.time()
        self._handle: asyncio.TimerHandle | None = self._loop.call_at(self._next, self._run)

    def catch_up(self) -> None:
        """Do the ticks that are due. A loop that stood still takes what came from the network before it looks at its timers; what depends on
        our clock standing right calls this first."""
        while self._handle is not None and self._loop.time() >= self._next:
            self._handle.cancel()
            self._run()

    def stop(self) -> None:
        """Call no more. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        late = self._loop.time() - self._next
        left_out = int(late / TICK_S) if late > _LATE_S else 0
        self._next += (1 + left_out) * TICK_S
        self._handle = self._loop.call_at(self._next, self._run)
        self._tick(left_out)

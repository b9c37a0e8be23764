"""An event loop whose clock does not wait: hours of sessions, timers and sleeping tasks in as long as it takes to compute them.

    with VirtualClockLoop() as loop:
        loop.run(conversation())          # `asyncio.sleep(3600)` in it takes no time

Whenever nothing is ready, the clock jumps to the next timer. Everything that asks the loop for the time (`loop.time()`, `call_later`,
`asyncio.sleep`, `asyncio.timeout`) lives in virtual time, `time.time()` and threads do not: what runs on this loop must be coroutines
and callbacks alone.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.BaseSelector):
    """A selector that lets virtual time pass instead of waiting."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.passed_s = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            # No timer runs: only the outside world can wake the loop.
            return self._real.select(None)
        ready = self._real.select(0)
        if not ready and timeout > 0:
            self.passed_s += timeout
        return ready

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0 s."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual.passed_s

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, and cancel what it leaves behind."""
        asyncio.set_event_loop(self)
        try:
            return self.run_until_complete(work)
        finally:
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.run_until_complete(self.shutdown_asyncgens())
            asyncio.set_event_loop(None)

    def __enter__(self) -> VirtualClockLoop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

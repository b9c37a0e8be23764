"""The workers, lent one segment at a time, and replaced when they die."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vivavoce.engines.asr.pocketsphinx.link import WorkerLink, WorkerLost
from vivavoce.engines.asr.pocketsphinx.nursery import Nursery
from vivavoce.engines.ports import EngineFault

OVERLOADED = "server_is_overloaded"


class WorkerPool:
    """A fixed number of workers.

    Args:
        nursery: where workers come from; it stays its owner's to close.
        size: how many segments may be heard at once.
        lease_timeout_s: how long a segment waits for a worker before it is refused.
    """

    def __init__(self, nursery: Nursery, size: int, lease_timeout_s: float) -> None:
        if size < 1:
            raise ValueError(f"a pool needs a worker, not {size}")
        self._nursery = nursery
        self._size = size
        self._lease_timeout_s = lease_timeout_s
        self._idle: list[WorkerLink] = []
        self._places = 0
        """Places taken: by idle workers, lent ones, and ones being forked."""
        self._waiting: deque[asyncio.Future[WorkerLink | None]] = deque()
        """Leases in line. Each is handed a worker, or a place to fork one in."""
        self._closed = False

    async def warm(self) -> None:
        """Fork every worker.

        Raises:
            EngineFault: they cannot be started here.
        """
        while self._places < self._size and not self._closed:
            self._places += 1
            self._return(await self._fork())

    async def close(self) -> None:
        """Hang up on every idle worker; lent ones end when they come back. Idempotent."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft().set_result(None)
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def lease(self, model: str = "") -> AsyncIterator[WorkerLink]:
        """Lend a worker, preferably one that has `model` loaded; on leaving, it is free again, or replaced if it was lost.

        Raises:
            EngineFault: `server_is_overloaded` when none is free in time, `server_error` when none can be started.
        """
        worker = await self._take(model)
        try:
            yield worker
        finally:
            if worker.lost or self._closed:
                worker.kill()
                self._vacate()
            else:
                self._return(worker)

    async def _take(self, model: str) -> WorkerLink:
        self._drop_dead()
        worker: WorkerLink | None = None
        if self._closed:
            pass
        elif self._idle:
            worker = self._best_idle(model)
        elif self._places < self._size:
            self._places += 1
        else:
            worker = await self._wait_in_line()
        if self._closed:
            if worker is not None:
                worker.kill()
            raise EngineFault("the recognizer is closed", temporary=False)
        if worker is None or worker.lost:
            worker = await self._fork()
        if model:
            worker.models.add(model)
        return worker

    def _best_idle(self, model: str) -> WorkerLink:
        """Take the idle worker best acquainted with `model`, the latest used among equals."""
        best = max(range(len(self._idle)), key=lambda index: (model in self._idle[index].models, index))
        return self._idle.pop(best)

    async def _wait_in_line(self) -> WorkerLink | None:
        """Return the worker handed over, or None for a place to fork one in."""
        turn: asyncio.Future[WorkerLink | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait((turn,), timeout=self._lease_timeout_s)
        except asyncio.CancelledError:
            if turn.done():  # our turn came as we left
                self._pass_on(turn.result())
            else:
                self._waiting.remove(turn)
            raise
        if not turn.done():
            self._waiting.remove(turn)
            raise EngineFault("every recognizer is busy; try again in a moment", code=OVERLOADED)
        return turn.result()

    def _drop_dead(self) -> None:
        for worker in [worker for worker in self._idle if worker.lost]:
            self._idle.remove(worker)
            worker.kill()
            self._vacate()

    def _pass_on(self, worker: WorkerLink | None) -> None:
        if worker is None:
            self._vacate()
        else:
            self._return(worker)

    def _return(self, worker: WorkerLink) -> None:
        """Hand a worker to whoever is first in line, or let it idle."""
        if self._waiting:
            self._waiting.popleft().set_result(worker)
        else:
            self._idle.append(worker)

    def _vacate(self) -> None:
        """Hand a place to whoever is first in line, or leave it empty."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._places -= 1

    async def _fork(self) -> WorkerLink:
        """Start a worker in a place already taken; without success the place is free again."""
        try:
            return await self._nursery.worker()
        except WorkerLost as error:
            self._vacate()
            raise EngineFault(str(error)) from error
        except asyncio.CancelledError:
            self._vacate()
            raise

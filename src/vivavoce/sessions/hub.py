"""The sessions that are open now: their number is bounded, and a server that stops lets them finish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from vivavoce.protocol import errors
from vivavoce.sessions.outlet import Outlet

GOING_AWAY: Final = 1001


class SessionHub:
    """Counts sessions in and out.

    Args:
        limit: how many may be open at once; None for no limit of its own.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._open: set[Outlet] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    def check_room(self) -> None:
        """Check that one more session may open.

        Raises:
            ClientFault: the server is full or going down.
        """
        if self.draining:
            raise errors.overloaded("it is shutting down")
        if self._limit is not None and len(self._open) >= self._limit:
            raise errors.overloaded(f"all {self._limit} sessions are taken")

    @contextmanager
    def session(self, outlet: Outlet) -> Iterator[None]:
        """Hold a place for as long as a session lasts."""
        self._open.add(outlet)
        self._empty.clear()
        try:
            yield
        finally:
            self._open.discard(outlet)
            if not self._open:
                self._empty.set()

    async def drain(self, seconds: float) -> None:
        """Take no new sessions, wait for the open ones, and close what is left with 1001."""
        self.draining = True
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            for outlet in list(self._open):
                outlet.close(GOING_AWAY, "The server is shutting down.")
            try:
                await asyncio.wait_for(self._empty.wait(), 5.0)
            except TimeoutError:
                return

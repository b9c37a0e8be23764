"""A session that several clients share: the owner of its media, and observers beside it.

Every event goes to all of them, an answer that concerns one alone to that one. Only the owner can hold the engines up: an observer that
does not read is let go, and nobody waits for it.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from vivavoce.core.front import OWNER
from vivavoce.protocol import errors
from vivavoce.sessions.outlet import Outlet

MOST_OBSERVERS: Final = 32
"""Observers of one session: each costs a copy of every event, and a queue."""


class Observer(Protocol):
    """The way to an observer. What it does not read in time it loses, with its connection."""

    def send(self, event: dict[str, Any]) -> None:
        """Queue a server event; never blocks."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close once everything queued has been sent."""
        ...


class Party:
    """The outlet of a shared session.

    Args:
        owner: the way to the client whose media it is.
    """

    def __init__(self, owner: Outlet) -> None:
        self._owner = owner
        self._observers: dict[int, Observer] = {}
        self._last = OWNER
        self._closing: tuple[int, str] | None = None

    @property
    def observers(self) -> int:
        """How many observers there are now."""
        return len(self._observers)

    def join(self, observer: Observer) -> int:
        """Add an observer; return its number.

        Raises:
            ClientFault: there are as many as there may be.
        """
        if len(self._observers) >= MOST_OBSERVERS:
            raise errors.too_many_observers(MOST_OBSERVERS)
        self._last += 1
        self._observers[self._last] = observer
        if self._closing is not None:
            observer.close(*self._closing)
        return self._last

    def leave(self, number: int) -> None:
        """Let an observer go; the session goes on."""
        self._observers.pop(number, None)

    def send(self, event: dict[str, Any], to: int | None = None) -> None:
        """Queue a server event for everybody, or for one of them; who has left misses nothing."""
        if to is None or to == OWNER:
            self._owner.send(event)
        for number, observer in self._observers.items():
            if to is None or to == number:
                observer.send(event)

    async def room(self) -> None:
        """Wait until the owner has read enough."""
        await self._owner.room()

    def close(self, code: int, reason: str) -> None:
        """Close everybody's way once what is queued has been sent."""
        self._closing = self._closing or (code, reason)
        self._owner.close(code, reason)
        for observer in self._observers.values():
            observer.close(code, reason)

"""What a session needs of a transport."""

from __future__ import annotations

from typing import Any, Protocol


class Outlet(Protocol):
    """The way to the client, or to all clients of a session that has several."""

    def send(self, event: dict[str, Any], to: int | None = None) -> None:
        """Queue a server event for every client of the session, or for one by its number (0 is the owner); never blocks.

        An outlet that is closed drops it.
        """
        ...

    async def room(self) -> None:
        """Wait until the client has read enough for more to be made. Raises nothing: a client that never reads is closed."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close once everything queued has been sent."""
        ...

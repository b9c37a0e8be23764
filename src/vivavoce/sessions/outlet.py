"""What a session needs of a transport."""

from __future__ import annotations

from typing import Any, Protocol


class Outlet(Protocol):
    """The way to the client."""

    def send(self, event: dict[str, Any]) -> None:
        """Queue a server event; never blocks. An outlet that is closed drops it."""
        ...

    async def room(self) -> None:
        """Wait until the client has read enough for more to be made. Raises nothing: a client that never reads is closed."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close once everything queued has been sent."""
        ...

"""The spelling of events, where a client has another than today's."""

from __future__ import annotations

from typing import Any, Protocol


class Dialect(Protocol):
    """How a client spells the events, where it does so differently."""

    def take(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Return a client's frame in today's names.

        Raises:
            ClientFault: it cannot be said in them.
        """
        ...

    def give(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what the client is told instead of a server event: any number of events. The event must not be changed."""
        ...

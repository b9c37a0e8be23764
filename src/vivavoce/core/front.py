"""Where a session's core meets its clients, the same for every kind of session.

Client events are answered in order, whoever sent them; a bad one costs one `error` that names it, told to its sender alone, and changes
nothing (I7). The session's time is told and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from vivavoce.core import effects, inputs
from vivavoce.core.effects import Effect
from vivavoce.protocol import client_events as client
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.errors import ClientFault, Fatal
from vivavoce.protocol.ids import IdSource

OWNER: Final = 0
"""The number of the client whose session it is; others may join later, and are told of no beginning."""

EXPIRY: Final = "expiry"
"""The timer of the session's end."""


class Front:
    """One session's clients.

    Args:
        ids: the session's id source.
        out: the list effects are put into, shared with the session.
        max_minutes: the session's length.
    """

    def __init__(self, ids: IdSource, out: list[Effect], max_minutes: float) -> None:
        self._ids = ids
        self._out = out
        self._max_minutes = max_minutes
        self.handlers: dict[type, Callable[[Any], None]] = {}
        """What the session does about each client event; what it cannot do it raises as a `ClientFault`, having changed nothing."""

    def open(self, session: dict[str, Any]) -> None:
        """Tell of the session, and let its time run."""
        self.send(events.session_created(session), to=OWNER)
        self._out.append(effects.SetTimer(EXPIRY, 0, round(self._max_minutes * 60_000)))

    def received(self, received: inputs.Received) -> None:
        """Take a client event."""
        event = received.event
        try:
            if isinstance(event, client.Refused):
                raise event.fault
            self.handlers[type(event)](event)
        except ClientFault as fault:
            self.send(events.error(fault.wire(event.event_id)), to=received.sender)

    def fail(self, message: str, code: str | None = None) -> None:
        """Tell of a fault of ours: the session goes on."""
        self.send(events.error(ClientFault(message, code, type=errors.SERVER_ERROR).wire(None)))

    def expire(self) -> None:
        """End the session: its time is over."""
        fault = errors.session_expired(self._max_minutes)
        self._out.append(effects.Close(Fatal(1001, fault.message, fault)))

    def send(self, event: dict[str, Any], to: int | None = None) -> None:
        """Send a server event, to everybody or to one client by its number."""
        self._out.append(effects.Send(events.stamp(event, self._ids.event()), to))

    def taken(self) -> list[Effect]:
        """Return what is to be done now, and begin anew."""
        done = self._out[:]
        self._out.clear()
        return done

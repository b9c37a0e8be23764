"""What a fault is: the official error of something that went wrong, and the end of a socket.

Three families: a `ClientFault` (they did wrong: official error, the session lives), an `EngineFault` (ours or a backend's, see
`engines.ports`: the response fails, the session lives) and a `Fatal` (an error, then the socket closes with a code).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

INVALID_REQUEST: Final = "invalid_request_error"
SERVER_ERROR: Final = "server_error"


class ClientFault(Exception):
    """The client did wrong; it gets one `error` event (or an HTTP error body) and nothing changes.

    Args:
        message: what is wrong, in words a developer can act on.
        code: the official code, or None where the service has none.
        param: dotted path of the offending field.
        type: the official error type.
        status: the HTTP status where the fault answers a request.
        retry_after_s: seconds after which the same may succeed, where that is known.
    """

    def __init__(
        self,
        message: str,
        code: str | None,
        param: str | None = None,
        *,
        type: str = INVALID_REQUEST,
        status: int = 400,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.type = type
        self.status = status
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        """Return the error object of an HTTP answer."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    def wire(self, event_id: str | None) -> dict[str, Any]:
        """Return the error object of an `error` event that answers the client event `event_id`."""
        return {"type": self.type, "code": self.code, "message": self.message, "param": self.param, "event_id": event_id}


@dataclass(frozen=True, slots=True)
class Fatal:
    """The end of a socket: the error event sent first, if any, then the close code and reason."""

    close_code: int
    reason: str
    error: ClientFault | None = None


def json_type(value: object) -> str:
    """Name a decoded JSON value's type as the service does: `an object`, `a string`, …"""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def quoted(value: object, limit: int = 64) -> str:
    """Return the value as a short quoted text, safe to put into a message: in one line, with nothing in it that cannot be seen."""
    text = value if isinstance(value, str) else repr(value)
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in shown)
    return f"'{shown if len(text) <= limit else shown + '…'}'"


def figure(value: float) -> str:
    """Return a number as a short text; clients send integers of any length, and not every one has a float."""
    return f"{value:g}" if -1e15 < value < 1e15 else f"{str(value)[:20]}…"

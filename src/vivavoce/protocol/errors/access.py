"""Who may come in, and how often."""

from __future__ import annotations

from vivavoce.protocol.faults import ClientFault, quoted


def no_key() -> ClientFault:
    """Return the fault of a request without a key."""
    return ClientFault(
        "You didn't provide an API key. Provide it in an Authorization header using Bearer auth (Authorization: Bearer YOUR_KEY).",
        None,
        status=401,
    )


def bad_key() -> ClientFault:
    """Return the fault of a key that is not known."""
    return ClientFault("Incorrect API key provided.", "invalid_api_key", status=401)


def secret_expired() -> ClientFault:
    """Return the fault of a client secret that was good once."""
    return ClientFault("The client secret has expired. Ask for a new one.", "invalid_api_key", status=401)


def secret_orphaned() -> ClientFault:
    """Return the fault of a client secret whose API key is not accepted any more."""
    return ClientFault("The API key this client secret was made with is not accepted any more.", "invalid_api_key", status=401)


def secret_is_no_key() -> ClientFault:
    """Return the fault of a client secret where only an API key will do."""
    return ClientFault("A client secret can only open sessions: this needs an API key.", None, status=403)


def secret_too_long(maximum: int, got: int) -> ClientFault:
    """Return the fault of a session configuration that no header could carry."""
    return ClientFault(
        f"Invalid 'session': too long for a client secret. It takes {got} characters and may take {maximum}: shorten the instructions "
        "or the tools, or send them in a session.update.",
        "string_above_max_length",
        "session",
    )


def origin_refused() -> ClientFault:
    """Return the fault of a web page that may not talk to this server."""
    return ClientFault("Requests from pages of this origin are not allowed by this server.", None, status=403)


def unknown_subprotocol() -> ClientFault:
    """Return the fault of a handshake for another protocol. What was offered stays unsaid: it may hold a key."""
    return ClientFault("None of the offered WebSocket subprotocols is known here: offer 'realtime'.", None, status=401)


def rate_limited(name: str, limit: int, remaining: int, wait_s: float) -> ClientFault:
    """Return the fault of a key that has used up a limit; `name` is `requests` or `tokens`, `wait_s` the seconds until it may go on."""
    return ClientFault(
        f"Rate limit reached for {name} per minute: Limit {limit}, Remaining {remaining}. Please try again in {wait_s:.3f}s.",
        "rate_limit_exceeded",
        type=name,
        status=429,
        retry_after_s=wait_s,
    )


def too_many_sessions(limit: int) -> ClientFault:
    """Return the fault of a key that has as many sessions open as it may."""
    return ClientFault(
        f"Rate limit reached for concurrent sessions: Limit {limit}. Close one of them first.",
        "rate_limit_exceeded",
        type="requests",
        status=429,
    )


def model_of_secret(asked: str, bound: str) -> ClientFault:
    """Return the fault of asking for one model with a client secret for another."""
    return ClientFault(f"The client secret is for the model {quoted(bound)}, not for {quoted(asked)}.", "invalid_model", "model")


def secret_of_another_kind(kind: str, place: str) -> ClientFault:
    """Return the fault of opening one kind of session with a client secret for another."""
    return ClientFault(f"This client secret opens {kind} sessions: use it at {place}.", "invalid_value", "type")

"""What the server serves, and how a request has to look."""

from __future__ import annotations

from typing import Final

from vivavoce.protocol.faults import SERVER_ERROR, ClientFault, quoted


def invalid_body(detail: str) -> ClientFault:
    """Return the fault of a request body that is not the JSON it should be."""
    return ClientFault(f"We could not parse the JSON body of your request: {detail}.", "invalid_json")


def invalid_http() -> ClientFault:
    """Return the fault of bytes that are no HTTP request."""
    return ClientFault("We could not parse your request: it is not valid HTTP.", None)


def body_too_large(maximum: int) -> ClientFault:
    """Return the fault of a request body that is longer than anything this route could use."""
    return ClientFault(f"The body of the request is too large: at most {maximum} bytes are read.", None, status=413)


def headers_too_large(maximum: int) -> ClientFault:
    """Return the fault of a handshake whose headers cannot be read."""
    return ClientFault(f"The headers of the request are too large: at most {maximum} bytes in a line.", None, status=431)


def kind_not_served(param: str, kind: str) -> ClientFault:
    """Return the fault of a kind of session that exists and that this server does not serve."""
    return ClientFault(f"Sessions of type {quoted(kind)} are not supported by this server.", "invalid_value", param)


def model_not_found(model: str, param: str = "model") -> ClientFault:
    """Return the fault of a model name nobody serves."""
    return ClientFault(
        f"The model {quoted(model)} does not exist or you do not have access to it.", "model_not_found", param, status=404
    )


def session_not_found(session_id: str) -> ClientFault:
    """Return the fault of asking after a session that is not this key's, or not remembered."""
    return ClientFault(f"No session with id {quoted(session_id)} found.", None, "session_id", status=404)


_PURPOSES: Final = {
    "agent": "realtime sessions",
    "transcription": "transcription",
    "translation": "translation sessions",
    "speech": "speech",
    "chat": "chat completions",
}


def wrong_model(model: str, kind: str, param: str = "model") -> ClientFault:
    """Return the fault of a model that cannot serve what it is asked for: a kind of model, as the catalogue has them."""
    return ClientFault(f"The model {quoted(model)} is not supported for {_PURPOSES[kind]}.", "invalid_model", param)


def no_interpreter(model: str, why: str) -> ClientFault:
    """Return the fault of a translation model whose engines have no pair of languages in common; `why` says what to configure."""
    return ClientFault(f"The model {quoted(model)} cannot translate anything on this server: {why}.", "invalid_model", "model")


def not_found(path: str) -> ClientFault:
    """Return the fault of a path nothing is at."""
    return ClientFault(f"Invalid URL ({path})", None, status=404)


def wrong_method(path: str) -> ClientFault:
    """Return the fault of a method that a path does not have; `path` begins with it."""
    return ClientFault(f"Invalid method for URL ({path})", "method_not_supported", status=405)


def overloaded(what: str) -> ClientFault:
    """Return the fault of a server with no room."""
    return ClientFault(
        f"The server is overloaded: {what}. Try again in a moment.", "server_is_overloaded", type=SERVER_ERROR, status=503
    )


def engine_failed(message: str, code: str = SERVER_ERROR, *, temporary: bool = True) -> ClientFault:
    """Return the fault of an engine that failed a request: 429 where its backend is at a limit, 503 where trying again may help."""
    if code == "rate_limit_exceeded":
        return ClientFault(message, code, type="requests", status=429)
    if code == "insufficient_quota":
        return ClientFault(message, code, type=code, status=429)
    return ClientFault(message, code, type=SERVER_ERROR, status=503 if temporary else 502)


def internal() -> ClientFault:
    """Return the fault of our own making; the cause is in the log, under the event's id."""
    return ClientFault("The server had an error while processing your request.", None, type=SERVER_ERROR, status=500)

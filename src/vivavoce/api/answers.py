"""Answers to HTTP requests: errors in the official shape, and JSON bodies of a bounded size."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from vivavoce.protocol import errors
from vivavoce.protocol.client_events import MAX_DEPTH, is_deeper
from vivavoce.protocol.errors import ClientFault

MAX_BODY_BYTES: Final = 1024 * 1024
"""Longest JSON body: far more than any session configuration, and little enough for everybody to send at once."""

_SOON_S: Final = 1
"""When to ask again where nobody can know: as soon as another session has ended."""


def refusal(fault: ClientFault) -> JSONResponse:
    """Return a fault as an HTTP answer; a refusal that passes says when to try again, in whole seconds (RFC 9110 section 10.2.3)."""
    headers = None
    if fault.status in (429, 503):
        seconds = _SOON_S if fault.retry_after_s is None else max(1, math.ceil(fault.retry_after_s))
        headers = {"Retry-After": str(seconds)}
    return JSONResponse({"error": fault.body()}, fault.status, headers)


async def read_object(request: Request, most_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Return the JSON object in a request's body; an empty body is an empty object.

    Raises:
        ClientFault: it is too large, which shows before all of it is read, or not a JSON object.
    """
    body = bytearray()
    if _announced(request) > most_bytes:
        raise errors.body_too_large(most_bytes)
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise errors.body_too_large(most_bytes)
    if not body:
        return {}
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.invalid_body(str(error)) from error
    if not isinstance(decoded, dict):
        raise errors.invalid_body("it must be an object")
    if is_deeper(decoded, MAX_DEPTH):
        raise errors.invalid_body(f"it is nested more than {MAX_DEPTH} levels deep")
    return decoded


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0

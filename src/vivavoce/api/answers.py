"""Answers to HTTP requests: errors in the official shape, and JSON bodies of a bounded size."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse

from vivavoce.api.body import Body
from vivavoce.api.room import take_room
from vivavoce.protocol import errors
from vivavoce.protocol.client_events import MAX_DEPTH, is_deeper
from vivavoce.protocol.errors import ClientFault

MAX_BODY_BYTES: Final = 1024 * 1024
"""Longest JSON body: far more than any session configuration, and little enough for everybody to send at once. Routes that take longer
ones have room for so many (`api.room`)."""

MOST_VALUES: Final = 500_000
"""Values in a longer body. One of brackets and commas alone takes seconds to decode, and thirty times its length; commas in texts count too,
which leaves more of them than any model reads."""

_PER_VALUE: Final = (b"{", b"[", b",")

_SOON_S: Final = 1
"""When to ask again where nobody can know: as soon as another session has ended."""


def refusal(fault: ClientFault) -> JSONResponse:
    """Return a fault as an HTTP answer.

    A refusal that passes says when to try again, in whole seconds (RFC 9110 section 10.2.3). Official clients try every 429 and 5xx again,
    unless `x-should-retry` says that it is of no use.
    """
    headers = None
    if fault.status == HTTPStatus.BAD_GATEWAY or fault.code == "insufficient_quota":
        headers = {"x-should-retry": "false"}
    elif fault.status in (429, 503):
        seconds = _SOON_S if fault.retry_after_s is None else max(1, math.ceil(fault.retry_after_s))
        headers = {"Retry-After": str(seconds)}
    return JSONResponse({"error": fault.body()}, fault.status, headers)


async def read_object(request: Request, most_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Return the JSON object in a request's body; an empty body is an empty object.

    Raises:
        ClientFault: it is too large, which shows before all of it is read, not a JSON object, or comes too slowly; there is no room.
        ClientDisconnect: the client went away.
    """
    source, body, taken = Body(request.receive, request.scope), bytearray(), 0
    if source.announced > most_bytes:
        raise errors.body_too_large(most_bytes)
    if source.announced > MAX_BODY_BYTES:
        await take_room(request, taken := source.announced)
    async for chunk in source.chunks():
        body += chunk
        if len(body) > most_bytes:
            raise errors.body_too_large(most_bytes)
        if len(body) > MAX_BODY_BYTES and not taken:
            await take_room(request, taken := most_bytes)
    if not body:
        return {}
    if len(body) > MAX_BODY_BYTES and sum(map(body.count, _PER_VALUE)) > MOST_VALUES:
        raise errors.invalid_body(f"it holds more than {MOST_VALUES:,} values")
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise errors.invalid_body(str(error)) from error
    if not isinstance(decoded, dict):
        raise errors.invalid_body("it must be an object")
    if is_deeper(decoded, MAX_DEPTH):
        raise errors.invalid_body(f"it is nested more than {MAX_DEPTH} levels deep")
    return decoded

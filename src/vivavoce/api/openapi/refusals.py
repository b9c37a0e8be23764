"""Refusals: the official error body under every status this server refuses with."""

from __future__ import annotations

from typing import Any, Final

from vivavoce.protocol.schema import Nullable, Record, Schema, Text

Json = dict[str, Any]

ERROR: Final[Schema] = Record(
    {
        "error": Record(
            {
                "message": Text(shortest=1),
                "type": Text(shortest=1),
                "param": Nullable(Text()),
                "code": Nullable(Text()),
            },
            ("message", "type", "param", "code"),
        )
    },
    ("error",),
)
"""The body of every refusal."""

_REFUSALS: Final = {
    400: ("BadRequest", "The request is wrong: `param` says where, `code` how."),
    401: ("Unauthorized", "No API key, or one that is not accepted."),
    403: ("Forbidden", "A client secret where an API key is needed, or a web page of another origin."),
    404: ("NotFound", "There is no such thing, or none for this key."),
    408: ("RequestTimeout", "The upload did not come to its end in time."),
    413: ("ContentTooLarge", "The body is longer than this route takes."),
    415: ("UnsupportedMediaType", "The body is of another content type than this route takes."),
    429: ("TooManyRequests", "A limit of the key, or of the backend, is reached: try again later."),
    500: ("ServerError", "The server failed. The cause is in its log, under the answer's `x-request-id`."),
    502: ("BadGateway", "An engine failed, and would fail again."),
    503: ("Overloaded", "The server has no room, is not ready yet, or an engine failed for now: try again."),
}
_PASSING: Final = (429, 503)
"""Those that say in `Retry-After` when to try again."""


def refused(status: int) -> Json:
    """Return the reference to a refusal."""
    return {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}


def refusals() -> Json:
    """Return all of them, as components of the document."""
    return {name: _response(status, description) for status, (name, description) in _REFUSALS.items()}


def _response(status: int, description: str) -> Json:
    names = ("x-request-id", "Retry-After") if status in _PASSING else ("x-request-id",)
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }

"""The OpenAPI document as a whole.

Source: the OpenAPI Specification 3.1.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from vivavoce.api.openapi.answers import BETA_SESSION, answers
from vivavoce.api.openapi.operation import Json
from vivavoce.api.openapi.operations import OPERATIONS
from vivavoce.api.openapi.refusals import refusals
from vivavoce.api.openapi.requests import beta_requests, requests
from vivavoce.protocol.schema_document import json_schema
from vivavoce.version import product_version

_ABOUT: Final = (
    "A Realtime voice API to host yourself: official clients work when their base URL is changed. Live sessions are WebSockets, which "
    "this document does not describe: `/v1/realtime`, and `/v1/realtime/translations`; or calls over WebRTC, of which it describes how "
    "they are offered and ended. Requests a document cannot tell apart from good "
    "ones, such as fields that exclude each other, are refused with status 400. A method that a path does not have is refused with 405 "
    "and `Allow`."
)

_HEADERS: Final[Json] = {
    "x-request-id": {
        "description": "The answer's name, under which the server's log speaks of it.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds after which the same may succeed.", "schema": {"type": "integer", "minimum": 1}},
    "Location": {
        "description": "Where the call is: the last segment is its id.",
        "schema": {"type": "string", "pattern": "^/v1/realtime/calls/rtc_"},
    },
    "Cache-Control": {"description": "Secrets are not to be stored.", "schema": {"type": "string", "const": "no-store"}},
}

_SCHEMES: Final[Json] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer` and an API key."},
    "header": {"type": "apiKey", "in": "header", "name": "api-key"},
    "query": {"type": "apiKey", "in": "query", "name": "api-key"},
}


@cache
def document(*, keyed: bool, beta: bool) -> Json:
    """Return the document; it is made once and must not be changed.

    Args:
        keyed: whether the server asks for API keys.
        beta: whether the routes of the beta are switched on.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        if beta or not operation.beta:
            paths.setdefault(operation.path, {})[operation.method.lower()] = operation.wire()
    schemas = answers() | requests()
    if beta:
        schemas |= {"BetaSession": json_schema(BETA_SESSION), **beta_requests()}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Vivavoce",
            "version": product_version(),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [*({name: []} for name in _SCHEMES), *([] if keyed else [{}])],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals(),
            "headers": _HEADERS,
            "securitySchemes": _SCHEMES,
        },
    }

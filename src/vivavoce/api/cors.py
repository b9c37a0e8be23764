"""Which routes pages of other origins may post to: those that take calls. Everything else is for servers, and for pages of this one.

A page may ask because it has a key or a client secret; none is sent along by the browser itself, so `*` gives nothing away. Where no keys
are asked for, `api.origins` still lets pages of this machine in alone.

Source: wire reference A.2 (recorded headers); WHATWG Fetch, section 3.2 (the CORS protocol).
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROUTES: Final = re.compile(r"/v1/realtime/(calls|translations/calls|calls/[^/]+/hangup)")
_BETA_ROUTE: Final = "/v1/realtime"
_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")

_PREFLIGHT_S: Final = "600"
"""How long browsers may remember the answer to a preflight."""


class CallsFromAnywhere:
    """The middleware that lets pages of other origins call.

    Args:
        app: what answers.
        beta: whether the beta's way to call is switched on.
    """

    def __init__(self, app: ASGIApp, beta: bool) -> None:
        self._app = app
        self._beta = beta

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer a preflight."""
        if scope["type"] != "http" or not self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers)(scope, receive, send)
            return

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                told["Access-Control-Allow-Origin"] = "*"
                told["Access-Control-Expose-Headers"] = "Location, X-Request-Id"
            await send(message)

        await self._app(scope, receive, shared)

    def _is_open(self, path: str) -> bool:
        return _ROUTES.fullmatch(path) is not None or (self._beta and path == _BETA_ROUTE)


def _preflight(headers: Headers) -> Response:
    """Return the answer to a preflight. The headers asked for are allowed by name: `*` would not cover `authorization`."""
    told = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Max-Age": _PREFLIGHT_S,
        "Vary": "Access-Control-Request-Headers",
    }
    asked = headers.get("access-control-request-headers", "")
    if _NAMES.fullmatch(asked.strip()):
        told["Access-Control-Allow-Headers"] = asked.strip()
    return Response(status_code=204, headers=told)

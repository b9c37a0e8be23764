"""A name for every answer, in `x-request-id`: clients show it with their errors, and pipelines tell their answers apart by it."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "x-request-id"

_KEY: Final = "vivavoce.request_id"


class RequestIds:
    """The middleware that names the answers to HTTP requests. Sessions have names of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and name its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = scope[_KEY] = f"req_{secrets.token_hex(16)}"

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        await self._app(scope, receive, named)


def request_id(request: Request) -> str:
    """Return the name of the answer to a request."""
    return str(request.scope.get(_KEY, ""))

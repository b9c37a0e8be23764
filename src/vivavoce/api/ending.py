"""Requests that are still being answered when the server has waited for them long enough."""

from __future__ import annotations

import asyncio

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vivavoce.api.answers import refusal
from vivavoce.protocol import errors
from vivavoce.sessions.service import VoiceService

_log = structlog.get_logger("vivavoce.api")


class Ending:
    """The middleware that gives them an answer: where none has begun, that the server is shutting down; else the connection breaks off."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            service: VoiceService = scope["app"].state.service
            if scope["type"] != "http" or not service.hub.draining:
                raise
            # The server cancels what it does not wait for any more, and would tell of it as if it were a crash.
            _log.warning("a request was cut off by the shutdown", path=scope["path"], begun=begun)
            if not begun:
                await refusal(errors.overloaded("it is shutting down"))(scope, receive, send)

"""Routes that take an audio file: what they have in common, from the first byte to the end of the answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vivavoce.api.answers import refusal
from vivavoce.api.audio.events import told
from vivavoce.api.audio.listening import Account, opened
from vivavoce.api.audio.places import Places
from vivavoce.api.audio.uploads import Upload, received
from vivavoce.api.body import Body, refuse
from vivavoce.api.streaming import EVENT_STREAM, GONE, Stream, attended
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.transcription_request import FileRequest, spoken_languages
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.service import VoiceService

_log = structlog.get_logger("vivavoce.audio")

_CRASHED: Final = 500


@dataclass(frozen=True, slots=True)
class Work:
    """One file to be worked on: what is wanted, what hears it, and who pays."""

    request: FileRequest
    service: VoiceService
    stack: Stack
    account: Account


@dataclass(frozen=True, slots=True)
class Maker:
    """What a route makes of a file.

    Attributes:
        read: reads the form's fields; raises the official fault.
        check: looks at what can be seen before the file is opened; raises the official fault.
        answer: makes the answer.
        events: makes the events of a stream; None where the route has none.
    """

    read: Callable[[Sequence[tuple[str, str]]], FileRequest]
    check: Callable[[Work], None]
    answer: Callable[[Work], Coroutine[Any, Any, Response]]
    events: Callable[[Work], AsyncGenerator[dict[str, Any]]] | None = None


class FileRoute:
    """A route that takes an audio file: an ASGI app, for it answers before the body has been read where that is to be refused.

    Args:
        path: what it is counted as.
        maker: what it makes of files.
    """

    def __init__(self, path: str, maker: Maker) -> None:
        self._path = path
        self._maker = maker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request, body = Request(scope, receive), Body(receive, scope)
        service: VoiceService = request.app.state.service
        model, status = "", _CRASHED
        try:
            caller = self._admit(request)
            places: Places = request.app.state.files
            with places.upload():
                async with received(body, request.headers.get("content-type", "")) as upload, AsyncExitStack() as held:
                    work = self._work(service, caller, upload)
                    model = work.request.model
                    response = await attended(request, self._respond(work, upload, places, held, request))
                    status = response.status_code
                    if not isinstance(response, Stream):
                        await held.aclose()  # the next in line need not wait until this client has read everything
                    await response(scope, receive, send)
        except ClientFault as fault:
            status = fault.status
            if status >= _CRASHED:
                _log.warning("a file was not answered", path=self._path, status=status, cause=fault.message, code=fault.code)
            await refuse(refusal(fault), body, send)
        except ClientDisconnect:
            status = GONE
        finally:
            service.metrics.requests.labels(self._path, model, str(status)).inc()

    @staticmethod
    def _admit(request: Request) -> Caller:
        caller: Caller = request.app.state.gate.check(request)
        service: VoiceService = request.app.state.service
        if service.hub.draining:
            raise errors.overloaded("it is shutting down")
        refused = caller.limiter.request()
        if refused is not None:
            raise refused
        return caller

    def _work(self, service: VoiceService, caller: Caller, upload: Upload) -> Work:
        wanted = self._maker.read(upload.fields)
        stack = service.stack(service.model(wanted.model, "transcription"))
        account = Account(wanted, caller, service.metrics, service.prices)
        work = Work(wanted, service, stack, account)
        spoken_languages(wanted, stack.recognizer.capabilities.languages)
        self._maker.check(work)
        return work

    async def _respond(self, work: Work, upload: Upload, places: Places, held: AsyncExitStack, request: Request) -> Response:
        await held.enter_async_context(places.work())
        recording = opened(request.app.state.media, upload.path, work.request.longest_ms)
        work.account.recording = await held.enter_async_context(recording)
        if self._maker.events is not None and work.request.stream:
            return await Stream.started(told(self._maker.events(work)), EVENT_STREAM)
        return await self._maker.answer(work)

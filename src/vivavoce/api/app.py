"""The app factory: every route of the server, and every error in the official shape."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vivavoce.api import calls, legacy, playground
from vivavoce.api import translations as interpreters
from vivavoce.api.access import Gate
from vivavoce.api.answers import refusal
from vivavoce.api.audio import speech, transcriptions
from vivavoce.api.audio import translations as audio_translations
from vivavoce.api.audio.places import Places
from vivavoce.api.chat import completions
from vivavoce.api.chat.hearing import Hearing
from vivavoce.api.chat.memory import SpokenAnswers
from vivavoce.api.client_secrets import ClientSecrets, create_client_secret
from vivavoce.api.cors import CallsFromAnywhere
from vivavoce.api.ending import Ending
from vivavoce.api.openapi import routes as openapi
from vivavoce.api.realtime import realtime
from vivavoce.api.request_ids import HEADER, RequestIds, request_id
from vivavoce.api.responses import routes as responses
from vivavoce.api.room import RoomForBodies
from vivavoce.api.sessions import retrieve_session
from vivavoce.api.signing import Signer, signing_key
from vivavoce.api.streaming import GONE
from vivavoce.audio.media import MediaWorkers
from vivavoce.config import Settings, WebRtcSettings
from vivavoce.engines.ports import EngineFault
from vivavoce.models.languages import model_details
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.sessions.calls import Calls
from vivavoce.sessions.service import VoiceService
from vivavoce.transports.webrtc.pool import EdgePool

_log = structlog.get_logger("vivavoce.api")


def create_app(service: VoiceService, *, warm: bool = True) -> Starlette:
    """Return the ASGI app.

    Args:
        service: what answers.
        warm: whether the app starts and stops the service's engines; off where the caller does.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # In the background: until the engines are warm, /readyz has to say that they are not.
        starting = asyncio.create_task(_start(service)) if warm else None
        yield
        await app.state.calls.close()
        await app.state.edges.close()
        await app.state.media.close()
        if starting is not None:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await service.stop()

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/v1/models", list_models),
            Route("/v1/models/{model}", retrieve_model),
            Route("/v1/realtime/client_secrets", create_client_secret, methods=["POST"]),
            WebSocketRoute("/v1/realtime", realtime),
            WebSocketRoute("/v1/realtime/", realtime),
            Route("/v1/sessions/{session}", retrieve_session),
            *calls.ROUTES,
            *interpreters.ROUTES,
            *legacy.ROUTES,
            *transcriptions.ROUTES,
            *audio_translations.ROUTES,
            *responses.ROUTES,
            *speech.ROUTES,
            *completions.ROUTES,
            *openapi.ROUTES,
            *playground.ROUTES,
            WebSocketRoute("/{path:path}", no_such_socket),
        ],
        middleware=[
            Middleware(RequestIds),
            Middleware(CallsFromAnywhere, beta=service.settings.server.beta),
            Middleware(Ending),
            Middleware(RoomForBodies),
        ],
        exception_handlers={ClientFault: _on_fault, ClientDisconnect: _on_gone, HTTPException: _on_http, Exception: _on_crash},
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.media = MediaWorkers()
    app.state.edges = EdgePool(_reachable(service.settings))
    app.state.calls = Calls(service.metrics)
    app.state.files = Places()
    app.state.hearing = Hearing(app.state.media, app.state.files)
    app.state.spoken_answers = SpokenAnswers()
    signer = Signer(lambda: signing_key(service.settings))
    app.state.gate = Gate(service.settings, signer)
    app.state.secrets = ClientSecrets(service, app.state.gate, signer)
    return app


def _reachable(settings: Settings) -> WebRtcSettings:
    """Return how calls reach the server: where only this machine can, they come over loopback as well."""
    webrtc = settings.webrtc
    return replace(webrtc, loopback=settings.server.on_loopback if webrtc.loopback is None else webrtc.loopback)


async def healthz(request: Request) -> Response:
    """Answer that the process lives."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Answer whether sessions can be opened: 503 until every engine is warm, and while the server drains."""
    service: VoiceService = request.app.state.service
    if service.ready and not service.hub.draining:
        return PlainTextResponse("ready\n")
    why = service.failure or ("shutting down" if service.hub.draining else "engines are warming up")
    return PlainTextResponse(why + "\n", 503)


async def metrics(request: Request) -> Response:
    """Answer the process's metrics in the Prometheus text format."""
    service: VoiceService = request.app.state.service
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def list_models(request: Request) -> Response:
    """Answer `GET /v1/models`."""
    request.app.state.gate.check(request)
    service: VoiceService = request.app.state.service
    return JSONResponse({"object": "list", "data": [model.wire() for model in service.served()]})


async def retrieve_model(request: Request) -> Response:
    """Answer `GET /v1/models/{id}`: the official keys, and once its engines are there which languages they can do."""
    request.app.state.gate.check(request)
    service: VoiceService = request.app.state.service
    name = request.path_params["model"]
    found = next((model for model in service.served() if model.name == name), None)
    if found is None:
        raise errors.model_not_found(name)
    details = model_details(found.kind, service.stack(found)) if service.ready else {}
    return JSONResponse(found.wire() | details)


async def no_such_socket(socket: WebSocket) -> None:
    """Refuse a handshake at a path nothing is at, as a request there is refused."""
    await socket.send_denial_response(refusal(errors.not_found(f"GET {socket.url.path}")))


async def _start(service: VoiceService) -> None:
    try:
        await service.start()
        # What is here now stays: looking through it again and again for garbage would stall every session for tens of ms.
        gc.collect()
        gc.freeze()
    except EngineFault as fault:
        # The process stays up so that /readyz can say why it is not ready.
        _log.error("engines failed to start", cause=fault.message)
    except Exception as error:  # noqa: BLE001 - nobody awaits this task: what it does not say is never known
        _log.error("engines crashed at the start", exc_info=error)
        service.failure = f"an engine crashed at the start: {error!r}"


async def _on_fault(request: Request, fault: Any) -> Response:
    return refusal(fault)


async def _on_gone(request: Request, gone: Any) -> Response:
    """Answer a client that hung up while its request was being read: nobody sees it, and nothing is wrong."""
    return Response(status_code=GONE)


async def _on_http(request: Request, error: Any) -> Response:
    if error.status_code == 404:
        return refusal(errors.not_found(f"{request.method} {request.url.path}"))
    if error.status_code == 405:
        answer = refusal(errors.wrong_method(f"{request.method} {request.url.path}"))
        answer.headers["Allow"] = (error.headers or {}).get("Allow", "")
        return answer
    return refusal(ClientFault(str(error.detail), None, status=error.status_code))


async def _on_crash(request: Request, error: Exception) -> Response:
    _log.error("request crashed", path=request.url.path, request=request_id(request), exc_info=error)
    answer = refusal(errors.internal())
    answer.headers[HEADER] = request_id(request)  # this one is made outside of the middleware
    return answer

"""`/v1/realtime/translations`: the handshake of translation sessions, their client secrets, and their calls over WebRTC."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vivavoce.api import calls
from vivavoce.api.access import wants_beta
from vivavoce.api.answers import read_object, refusal
from vivavoce.api.client_secrets import DEFAULT_SECONDS, EXPIRES_AFTER, ClientSecrets
from vivavoce.api.handshake import Opening, admit
from vivavoce.api.offers import read_offer
from vivavoce.protocol import errors
from vivavoce.protocol.schema import Record, Text
from vivavoce.protocol.translation_events import parse
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.service import VoiceService

BODY: Final = Record(
    {"expires_after": EXPIRES_AFTER, "session": Record({"model": Text(256, 1)}, ("model",), extra="keep")},
    ("session",),
)


async def translate(socket: WebSocket) -> None:
    """Open a session on `/v1/realtime/translations?model=…`, or refuse the handshake with the official error."""
    service: VoiceService = socket.app.state.service
    if wants_beta(socket) and service.settings.server.beta:
        await socket.send_denial_response(refusal(errors.not_served("Translation sessions in the shapes of the Realtime beta")))
        return
    await admit(socket, partial(_choose, service, socket.query_params))


async def create_client_secret(request: Request) -> Response:
    """Answer `POST /v1/realtime/translations/client_secrets`. The session object has no `type`: the route says it."""
    caller = request.app.state.gate.check(request)
    secrets: ClientSecrets = request.app.state.secrets
    body = BODY.check(await read_object(request), "")
    wanted: dict[str, Any] = body["session"]
    if "type" in wanted:
        raise errors.unknown("session.type")
    seconds = (body.get("expires_after") or {}).get("seconds", DEFAULT_SECONDS)
    minted = secrets.mint(caller, {"type": "translation", **wanted}, seconds)
    return JSONResponse(minted._asdict(), headers={"Cache-Control": "no-store"})


async def create_call(request: Request) -> Response:
    """Answer `POST /v1/realtime/translations/calls`: raw SDP with a client secret, which has decided everything else."""
    caller = calls.admitted(request)
    if "model" in request.query_params:
        raise errors.model_of_translation()
    if caller.session is None:
        raise errors.needs_translation_secret()
    offer = await read_offer(request, form=False)
    service: VoiceService = request.app.state.service
    return await calls.answer(
        request, offer, caller, lambda caller: _choose(service, request.query_params, caller), beta=wants_beta(request)
    )


def _choose(service: VoiceService, query: QueryParams, caller: Caller) -> Opening:
    if "intent" in query:
        raise errors.refused_value("intent", "Translation sessions have no intent: leave it out.")
    asked = query.get("model") or None
    if caller.session is not None:
        if caller.session["type"] != "translation":
            raise errors.secret_of_another_kind(caller.session["type"], "/v1/realtime")
        bound: str = caller.session["model"]
        if asked not in (None, bound):
            raise errors.model_of_secret(str(asked), bound)
        asked = bound
    if asked is None:
        raise errors.missing("model")
    info = service.model(asked, "translation")
    service.translation_defaults(info)
    return Opening(lambda outlet, caller, playout: service.open_translation(info, outlet, caller, playout), parse)


ROUTES: Final = (
    Route("/v1/realtime/translations/client_secrets", create_client_secret, methods=["POST"]),
    Route("/v1/realtime/translations/calls", create_call, methods=["POST"]),
    WebSocketRoute("/v1/realtime/translations", translate),
    WebSocketRoute("/v1/realtime/translations/", translate),
)

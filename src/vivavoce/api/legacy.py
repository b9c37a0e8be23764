"""The HTTP routes of the beta, for clients that never left it: behind the same switch as the beta's shapes.

`POST /v1/realtime/sessions` makes a client secret out of a flat session. What the secret opens speaks the beta only where the connection
asks for it, like every other. `POST /v1/realtime` takes a WebRTC call whose events are spelled as the beta did. The route of transcription
sessions, which are held in today's shapes only, is here to be refused in words that help.

Source: wire reference A.4; the beta types of the `openai` package.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vivavoce.api import calls
from vivavoce.api.answers import read_object
from vivavoce.api.client_secrets import ClientSecrets
from vivavoce.api.offers import read_offer
from vivavoce.api.realtime import choose
from vivavoce.protocol import errors
from vivavoce.protocol.beta_session import DEFAULT_TEMPERATURE, path_given, session_given, session_taken
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.schema import Choice, Integer, Nullable, Record
from vivavoce.sessions.service import VoiceService

LIFE_S: Final = 60
"""How long a secret of the beta is good for unless asked otherwise. Source: wire reference A.4."""

CLIENT_SECRET: Final = Nullable(
    Record(
        {"expires_after": Nullable(Record({"anchor": Choice(("created_at",)), "seconds": Integer(10, 7_200)}, ("anchor",)))},
    )
)


async def create_session(request: Request) -> Response:
    """Answer `POST /v1/realtime/sessions`: a client secret, and the flat session it opens."""
    _check(request, "POST /v1/realtime/client_secrets")
    caller = request.app.state.gate.check(request)
    secrets: ClientSecrets = request.app.state.secrets
    body = await read_object(request)
    try:
        wanted = CLIENT_SECRET.check(body.pop("client_secret", None), "session.client_secret")
        seconds = ((wanted or {}).get("expires_after") or {}).get("seconds", LIFE_S)
        minted = secrets.mint(caller, session_taken(body), seconds)
    except ClientFault as fault:
        raise _told_flat(fault) from None
    session = session_given(minted.session, body.get("temperature", DEFAULT_TEMPERATURE))
    told = {**session, "client_secret": {"value": minted.value, "expires_at": minted.expires_at}}
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


async def create_transcription_session(request: Request) -> Response:
    """Answer `POST /v1/realtime/transcription_sessions`: they are held in today's shapes only."""
    _check(request, "POST /v1/realtime/client_secrets")
    request.app.state.gate.check(request)
    raise errors.not_in_beta()


async def offer_call(request: Request) -> Response:
    """Answer `POST /v1/realtime?model=…`, the beta's way to offer a WebRTC call: raw SDP."""
    _check(request, "POST /v1/realtime/calls")
    caller = calls.admitted(request)
    offer = await read_offer(request, form=False)
    service: VoiceService = request.app.state.service
    return await calls.answer(request, offer, caller, lambda caller: choose(service, request.query_params, caller), beta=True)


ROUTES: Final = (
    Route("/v1/realtime/sessions", create_session, methods=["POST"]),
    Route("/v1/realtime/transcription_sessions", create_transcription_session, methods=["POST"]),
    Route("/v1/realtime", offer_call, methods=["POST"]),
)


def _check(request: Request, instead: str) -> None:
    service: VoiceService = request.app.state.service
    if not service.settings.server.beta:
        raise errors.beta_route_disabled(f"{request.method} {request.url.path}", instead)


def _told_flat(fault: ClientFault) -> ClientFault:
    """Return a fault of the session inside as one of the body, which is the session itself here."""
    if fault.param is None or not fault.param.startswith("session."):
        return fault
    name = path_given(fault.param, fault.code).removeprefix("session.")
    message = fault.message.replace(f"'{fault.param}'", f"'{name}'")
    return ClientFault(message, fault.code, name, type=fault.type, status=fault.status)

"""`/v1/realtime`: which session opens, an agent's or a transcriber's.

`?model=` names an agent, or a transcription model, where the service itself would refuse it; `?intent=transcription` opens a transcriber
whose model may be named later. A client secret has decided already. `?call_id=` opens none: it is a sideband of a call that is up.
"""

from __future__ import annotations

from functools import partial

from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket

from vivavoce.api.handshake import Opening, admit
from vivavoce.api.sidebands import attend
from vivavoce.protocol import errors
from vivavoce.protocol.client_events import parse_transcription
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.service import VoiceService


async def realtime(socket: WebSocket) -> None:
    """Open a session on `/v1/realtime?…`, or refuse the handshake with the official error."""
    if "call_id" in socket.query_params:
        await attend(socket)
        return
    await admit(socket, partial(choose, socket.app.state.service, socket.query_params))


def choose(service: VoiceService, query: QueryParams, caller: Caller) -> Opening:
    """Return what opens for a caller, by the query of a handshake or of an offer.

    Raises:
        ClientFault: nothing does.
    """
    intent, asked = query.get("intent"), query.get("model") or None
    if intent not in (None, "transcription"):
        raise errors.refused_value("intent", f"Sessions of intent {errors.quoted(str(intent))} are not supported by this server.")
    if caller.session is not None:
        return _of_secret(service, caller.session, intent, asked)
    if asked is not None and service.models.get(asked) is not None and service.models[asked].kind == "transcription":
        intent = "transcription"
    if intent is not None:
        return _transcription(service, asked)
    if asked is None:
        raise errors.missing("model")
    return _agent(service, asked)


def _of_secret(service: VoiceService, session: dict[str, object], intent: str | None, asked: str | None) -> Opening:
    if session["type"] == "translation":
        raise errors.secret_of_another_kind("translation", "/v1/realtime/translations")
    if session["type"] == "transcription":
        return _transcription(service, asked)
    if intent is not None:
        raise errors.secret_of_another_kind("realtime", "/v1/realtime without intent=")
    bound = str(session["model"])
    if asked not in (None, bound):
        raise errors.model_of_secret(str(asked), bound)
    return _agent(service, bound)


def _agent(service: VoiceService, name: str) -> Opening:
    info = service.model(name)
    return Opening(lambda outlet, caller, playout: service.open_agent(info, outlet, caller, playout), beta=True)


def _transcription(service: VoiceService, name: str | None) -> Opening:
    info = None if name is None else service.model(name, "transcription")
    return Opening(lambda outlet, caller, playout: service.open_transcription(info, outlet, caller, playout), parse_transcription)

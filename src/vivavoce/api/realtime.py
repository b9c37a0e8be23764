"""`/v1/realtime`: the handshake of agent sessions."""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from vivavoce.api.access import Gate, subprotocols, wants_beta
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.ids import IdSource
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.service import VoiceService
from vivavoce.transports.websocket import WebSocketOutlet, serve

_BETA_REFUSED: Final = 4000


async def realtime(socket: WebSocket) -> None:
    """Open a session on `/v1/realtime?model=…`, or refuse the handshake with the official error."""
    service: VoiceService = socket.app.state.service
    gate: Gate = socket.app.state.gate
    try:
        gate.check(socket)
        if not service.ready:
            raise errors.overloaded("its engines are not ready yet")
        info = service.model(_model(socket))
        service.hub.check_room()
    except ClientFault as fault:
        await socket.send_denial_response(JSONResponse({"error": fault.body()}, fault.status))
        return
    await socket.accept(subprotocol="realtime" if "realtime" in subprotocols(socket) else None)
    if wants_beta(socket):
        refusal = errors.beta_disabled()
        await socket.send_json(events.stamp(events.error(refusal.wire(None)), IdSource().event()))
        await socket.close(_BETA_REFUSED, refusal.message[:120])
        return
    outlet = WebSocketOutlet(socket)
    with service.hub.session(outlet):
        await serve(socket, lambda out: service.open_agent(info, out, Caller()), outlet)


def _model(socket: WebSocket) -> str:
    query = socket.query_params
    if "call_id" in query:
        raise ClientFault("No call with this id.", "invalid_value", "call_id", status=404)
    if "intent" in query:
        raise errors.refused_value(
            "intent", f"Sessions of intent {errors.quoted(query['intent'])} are not supported by this server."
        )
    if not query.get("model"):
        raise errors.missing("model")
    return query["model"]

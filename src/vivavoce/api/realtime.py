"""`/v1/realtime`: the handshake of agent sessions."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from starlette.websockets import WebSocket

from vivavoce.api.access import Gate, subprotocols, wants_beta
from vivavoce.api.answers import refusal
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.beta import BetaDialect
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
    beta = wants_beta(socket)
    outlet = WebSocketOutlet(socket, BetaDialect(IdSource()) if beta else None)
    with ExitStack() as places:
        try:
            caller = gate.check(socket, secrets=True)
            if not service.ready:
                raise errors.overloaded("its engines are not ready yet")
            info = service.model(_model(socket, caller))
            if caller.session is not None:
                service.preview(caller.session)  # what was right when the secret was made may not be so any more
            service.hub.check_room()
            places.enter_context(caller.limiter.session())
            refused = caller.limiter.request()
            if refused is not None:
                raise refused
            places.enter_context(service.hub.session(outlet))
        except ClientFault as fault:
            await socket.send_denial_response(refusal(fault))
            return
        await socket.accept(subprotocol="realtime" if "realtime" in subprotocols(socket) else None)
        if beta and not service.settings.server.beta:
            await _refuse_beta(socket)
            return
        await serve(socket, lambda out: service.open_agent(info, out, caller), outlet)


async def _refuse_beta(socket: WebSocket) -> None:
    fault = errors.beta_disabled()
    await socket.send_json(events.stamp(events.error(fault.wire(None)), IdSource().event()))
    await socket.close(_BETA_REFUSED, fault.message[:120])


def _model(socket: WebSocket, caller: Caller) -> str:
    query = socket.query_params
    if "call_id" in query:
        raise ClientFault("No call with this id.", "invalid_value", "call_id", status=404)
    if "intent" in query:
        raise errors.refused_value(
            "intent", f"Sessions of intent {errors.quoted(query['intent'])} are not supported by this server."
        )
    asked = query.get("model") or None
    if caller.session is not None:
        bound: str = caller.session["model"]
        if asked not in (None, bound):
            raise errors.model_of_secret(str(asked), bound)
        return bound
    if asked is None:
        raise errors.missing("model")
    return asked

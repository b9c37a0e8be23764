"""`/v1/realtime?call_id=rtc_…`: a sideband, through which a server watches and steers a call whose media somebody else has.

It gets every event from now on and no `session.created`; whatever `model` it names does not matter. Leaving ends nothing; the end of the
call closes it.

Source: wire reference B.1 and B.4.
"""

from __future__ import annotations

from starlette.websockets import WebSocket

from vivavoce.api.access import Gate, subprotocols, wants_beta
from vivavoce.api.answers import refusal
from vivavoce.api.handshake import refuse_beta
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.sessions.calls import Call, Calls
from vivavoce.sessions.service import VoiceService
from vivavoce.transports.websocket import OBSERVER_BYTES, WebSocketOutlet, observe


async def attend(socket: WebSocket) -> None:
    """Open a sideband and serve it to its end, or refuse the handshake."""
    service: VoiceService = socket.app.state.service
    outlet = WebSocketOutlet(socket, most_bytes=OBSERVER_BYTES)
    try:
        call = _found(socket)
        if wants_beta(socket) and service.settings.server.beta:
            raise errors.no_beta_sideband()
        number = call.party.join(outlet)
    except ClientFault as fault:
        await socket.send_denial_response(refusal(fault))
        return
    try:
        await socket.accept(subprotocol="realtime" if "realtime" in subprotocols(socket) else None)
        if wants_beta(socket):
            await refuse_beta(socket)
            return
        with service.metrics.sidebands.track_inprogress():
            await observe(socket, call.runner, number, outlet, call.parse)
    finally:
        call.party.leave(number)


def _found(socket: WebSocket) -> Call:
    gate: Gate = socket.app.state.gate
    calls: Calls = socket.app.state.calls
    return calls.find(socket.query_params["call_id"], gate.check(socket, secrets=True))

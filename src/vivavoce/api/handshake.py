"""The handshake of a session's socket: who may come in, what opens, and the official error where nothing does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from starlette.websockets import WebSocket

from vivavoce.api.access import Gate, subprotocols, wants_beta
from vivavoce.api.answers import refusal
from vivavoce.core.client_clock import ClientClock
from vivavoce.core.playout import Playout
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.beta import BetaDialect
from vivavoce.protocol.client_events import Parse, parse
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.ids import IdSource
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.outlet import Outlet
from vivavoce.sessions.runner import SessionRunner
from vivavoce.sessions.service import VoiceService
from vivavoce.transports.websocket import WebSocketOutlet, serve

_BETA_REFUSED: Final = 4000


@dataclass(frozen=True, slots=True)
class Opening:
    """A session that is going to open: what makes its runner, given who owns its playout clock, and how its events are parsed."""

    runner: Callable[[Outlet, Caller, Playout], SessionRunner]
    parse: Parse = parse
    beta: bool = False
    """Whether it can be held in the beta's shapes."""


async def admit(socket: WebSocket, choose: Callable[[Caller], Opening]) -> None:
    """Open a session on a socket and serve it to its end, or refuse the handshake.

    Args:
        socket: not accepted yet.
        choose: what opens for whom; raises a `ClientFault` where nothing does.
    """
    service: VoiceService = socket.app.state.service
    gate: Gate = socket.app.state.gate
    beta = wants_beta(socket)
    outlet = WebSocketOutlet(socket, BetaDialect(IdSource()) if beta else None)
    with ExitStack() as places:
        try:
            caller = gate.check(socket, secrets=True)
            if not service.ready:
                raise errors.overloaded("its engines are not ready yet")
            opening = choose(caller)
            if beta and service.settings.server.beta and not opening.beta:
                raise errors.not_in_beta()
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
            await refuse_beta(socket)
            return
        await serve(socket, lambda out: opening.runner(out, caller, ClientClock()), outlet, opening.parse)


async def refuse_beta(socket: WebSocket) -> None:
    """Tell an accepted socket that the beta's shapes are switched off, and close it."""
    fault = errors.beta_disabled()
    await socket.send_json(events.stamp(events.error(fault.wire(None)), IdSource().event()))
    await socket.close(_BETA_REFUSED, fault.message[:120])

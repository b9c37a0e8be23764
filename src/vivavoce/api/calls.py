"""Calls over WebRTC: `POST /v1/realtime/calls`, and what may be done to a call that is up.

An offer is refused before any media process hears of it: who may not come in, what would not open, and what there is no room for. What
opens is decided as for a socket. The session begins with the offer and holds its places until its call is over, however it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vivavoce.api.access import Gate, wants_beta
from vivavoce.api.client_secrets import DEFAULT_MODEL
from vivavoce.api.handshake import Opening
from vivavoce.api.offers import SDP, Offer, read_offer
from vivavoce.api.realtime import choose
from vivavoce.core.server_clock import ServerClock
from vivavoce.protocol import errors
from vivavoce.protocol.beta import BetaDialect
from vivavoce.protocol.ids import IdSource
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.calls import Call, Calls, call_id_of
from vivavoce.sessions.party import Party
from vivavoce.sessions.service import VoiceService
from vivavoce.transports.webrtc.call import CallEvents, CallOutlet, serve
from vivavoce.transports.webrtc.faults import EdgeFault, OfferRefused
from vivavoce.transports.webrtc.pool import EdgePool

_log = structlog.get_logger("vivavoce.calls")

CREATED: Final = 201

Choose = Callable[[Caller], Opening]

_HUNG_UP: Final = (1000, "The call was hung up.")
_OVER: Final = (1000, "The call is over.")


async def create_call(request: Request) -> Response:
    """Answer `POST /v1/realtime/calls`: the SDP answer, and where the call is, in `Location`."""
    caller = admitted(request)
    offer = await read_offer(request)
    service: VoiceService = request.app.state.service
    query = request.query_params
    if offer.session is not None:
        if caller.session is not None:
            raise errors.session_of_secret()
        caller, query = replace(caller, session=_with_model(offer.session, query)), QueryParams()
    return await answer(request, offer, caller, lambda caller: choose(service, query, caller), beta=wants_beta(request))


async def hang_up(request: Request) -> Response:
    """Answer `POST /v1/realtime/calls/{call}/hangup`: an empty answer, and the call is over."""
    call = _found(request)
    calls: Calls = request.app.state.calls
    calls.forget(call)
    call.party.close(*_HUNG_UP)
    call.hang_up()
    return Response()


async def sip_action(request: Request) -> Response:
    """Answer what can be done to SIP calls alone."""
    _found(request)
    raise errors.not_a_sip_call(request.url.path.rpartition("/")[2])


ROUTES: Final = (
    Route("/v1/realtime/calls", create_call, methods=["POST"]),
    Route("/v1/realtime/calls/{call}/hangup", hang_up, methods=["POST"]),
    Route("/v1/realtime/calls/{call}/accept", sip_action, methods=["POST"]),
    Route("/v1/realtime/calls/{call}/reject", sip_action, methods=["POST"]),
    Route("/v1/realtime/calls/{call}/refer", sip_action, methods=["POST"]),
)


def admitted(request: Request) -> Caller:
    """Return who offers a call, before the offer is read.

    Raises:
        ClientFault: calls are switched off, the engines are not ready, or the caller may not come in.
    """
    service: VoiceService = request.app.state.service
    gate: Gate = request.app.state.gate
    caller = gate.check(request, secrets=True)
    if not service.settings.webrtc.enabled:
        raise errors.calls_disabled()
    if wants_beta(request) and not service.settings.server.beta:
        raise errors.beta_disabled()
    if not service.ready:
        raise errors.overloaded("its engines are not ready yet")
    return caller


async def answer(request: Request, offer: Offer, caller: Caller, choosing: Choose, *, beta: bool) -> Response:
    """Open a call and return its answer.

    Args:
        request: the request.
        offer: what it brought.
        caller: who it is for, with the session's configuration if there is one.
        choosing: what opens.
        beta: whether events are spelled as the beta did.

    Raises:
        ClientFault: nothing opens, there is no room, or the offer cannot be accepted.
    """
    service: VoiceService = request.app.state.service
    edges: EdgePool = request.app.state.edges
    if caller.session is not None:
        service.preview(caller.session)
    opening = choosing(caller)
    if beta and not opening.beta:
        raise errors.not_in_beta()
    outlet = CallOutlet(BetaDialect(IdSource()) if beta else None)
    party, events = Party(outlet), CallEvents(outlet)
    with ExitStack() as places:
        service.hub.check_room()
        places.enter_context(caller.limiter.session())
        refused = caller.limiter.request()
        if refused is not None:
            raise refused
        places.enter_context(service.hub.session(party))
        try:
            leg, sdp = await edges.open(offer.sdp, events)
        except OfferRefused as refusal:
            caller.limiter.unmade()
            raise errors.invalid_offer(str(refusal), refusal.code) from refusal
        except EdgeFault as fault:
            caller.limiter.unmade()
            _log.error("a call cannot be taken", cause=str(fault))
            raise errors.overloaded("it cannot take calls now") from fault
        places.callback(outlet.hang_up)
        outlet.attach(leg)
        runner = opening.runner(party, caller, ServerClock())
        call = Call(call_id_of(runner.record.id), runner.record.kind, caller, runner, party, opening.parse, outlet.hang_up)
        kept = places.pop_all()
    request.app.state.calls.begin(call, _life(call, events, outlet, kept))
    return Response(sdp, CREATED, {"Location": f"/v1/realtime/calls/{call.id}"}, SDP)


async def _life(call: Call, events: CallEvents, outlet: CallOutlet, places: ExitStack) -> None:
    """Serve a call to its end, and give its places back."""
    with places:
        try:
            await serve(call.runner, events, outlet, call.parse)
        finally:
            call.party.close(*_OVER)


def _found(request: Request) -> Call:
    gate: Gate = request.app.state.gate
    calls: Calls = request.app.state.calls
    return calls.find(request.path_params["call"], gate.check(request, secrets=True))


def _with_model(session: dict[str, Any], query: QueryParams) -> dict[str, Any]:
    """Return the session of an offer with a model, where its type has one. What the address says must not say otherwise."""
    if "intent" in query:
        raise errors.refused_value("intent", "The session says what it is: leave out 'intent'.")
    named = query.get("model")
    if named and (session.get("type") != "realtime" or session.get("model") not in (None, named)):
        raise errors.refused_value("model", "The session names its model: leave out 'model' in the address.")
    if session.get("type") == "translation":
        raise errors.refused_value(
            "session.type", "Translation calls have a route of their own: POST /v1/realtime/translations/calls."
        )
    if session.get("type") != "realtime" or session.get("model"):
        return session
    return {**session, "model": named or DEFAULT_MODEL}

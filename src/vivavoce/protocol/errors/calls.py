"""Calls over WebRTC: their offers, their sidebands, their end."""

from __future__ import annotations

from vivavoce.protocol.faults import ClientFault, quoted


def calls_disabled() -> ClientFault:
    """Return the fault of offering a call to a server that takes none."""
    return ClientFault("WebRTC calls are switched off on this server (webrtc.enabled).", None, status=404)


def invalid_offer(message: str, code: str = "invalid_offer") -> ClientFault:
    """Return the fault of an SDP offer that nothing can come of; `message` is a sentence."""
    return ClientFault(message, code, "sdp")


def offer_type(got: str, accepted: tuple[str, ...]) -> ClientFault:
    """Return the fault of an offer in a body of another kind."""
    wanted = " or ".join(f"'{kind}'" for kind in accepted)
    return ClientFault(
        f"Unsupported content type: {quoted(got)}. This API method only accepts {wanted} requests.",
        "unsupported_content_type",
        status=415,
    )


def session_of_secret() -> ClientFault:
    """Return the fault of a session beside a client secret, which has brought its own."""
    return ClientFault(
        "The client secret brings its session along: leave out 'session', and change it with a session.update.",
        "invalid_value",
        "session",
    )


def model_of_translation() -> ClientFault:
    """Return the fault of naming the model of a translation call beside its client secret."""
    return ClientFault("The client secret names the model of a translation call: leave out 'model'.", "invalid_value", "model")


def needs_translation_secret() -> ClientFault:
    """Return the fault of offering a translation call with an API key, which brings no session."""
    return ClientFault(
        "Translation calls are opened with a client secret of POST /v1/realtime/translations/client_secrets.", None, status=403
    )


def call_not_found(call_id: str) -> ClientFault:
    """Return the fault of a call that there is not, or not any more, or that belongs to somebody else."""
    return ClientFault(f"No call with id {quoted(call_id)} found.", "invalid_value", "call_id", status=404)


def not_a_sip_call(action: str) -> ClientFault:
    """Return the fault of doing to a WebRTC call what only SIP calls know."""
    return ClientFault(f"Only SIP calls can be asked to {action}: this call came over WebRTC.", "invalid_value", "call_id")


def too_many_observers(limit: int) -> ClientFault:
    """Return the fault of one sideband too many."""
    return ClientFault(
        f"Rate limit reached for sidebands of one call: Limit {limit}. Close one of them first.",
        "rate_limit_exceeded",
        type="requests",
        status=429,
    )


def no_beta_sideband() -> ClientFault:
    """Return the fault of asking for a sideband in the beta's shapes."""
    return ClientFault(
        "Sidebands are held in today's shapes only. Ask for this one without 'OpenAI-Beta: realtime=v1'.",
        "invalid_value",
        "call_id",
    )


def event_too_large(kind: str, size: int, maximum: int) -> ClientFault:
    """Return the fault that takes the place of an event that the peer's data channel could not take."""
    return ClientFault(
        f"An event of type '{kind}' was left out: it has {size} bytes, and the data channel of this call takes {maximum} in a message. "
        "A sideband (/v1/realtime?call_id=…) has no such limit.",
        "event_too_large",
    )

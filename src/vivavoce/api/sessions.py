"""`GET /v1/sessions/{id}`: what a session has used and cost. An extension of ours; the official service has no such route."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vivavoce.protocol import errors
from vivavoce.sessions.service import VoiceService


async def retrieve_session(request: Request) -> Response:
    """Answer the record of a session of the caller's own key; others' are not found."""
    caller = request.app.state.gate.check(request)
    service: VoiceService = request.app.state.service
    record = service.records.find(request.path_params["session"])
    if record is None or record.key != caller.key:
        raise errors.session_not_found(request.path_params["session"])
    return JSONResponse(record.wire())

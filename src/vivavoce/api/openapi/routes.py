"""`GET /openapi.json`: for everybody, since nothing in it is secret."""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vivavoce.api.openapi.document import document
from vivavoce.sessions.service import VoiceService


async def retrieve_document(request: Request) -> Response:
    """Answer `GET /openapi.json`."""
    service: VoiceService = request.app.state.service
    settings = service.settings
    return Response(_encoded(keyed=settings.keyed, beta=settings.server.beta), media_type="application/json")


@cache
def _encoded(*, keyed: bool, beta: bool) -> bytes:
    """Return the document as it is sent: made once, since anybody may ask for it as often as they like."""
    return msgspec.json.encode(document(keyed=keyed, beta=beta))


ROUTES: Final = (Route("/openapi.json", retrieve_document),)

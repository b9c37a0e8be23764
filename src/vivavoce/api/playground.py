"""The playground: the page at `/` for browsers, its files, and what it asks of the server besides the official routes.

Nothing here opens a session. Where the server asks for no keys, `POST /playground/secret` makes a client secret for a call of limited
length; where it does, the page asks its user for a key and makes secrets on the official route like any other client.

`server.playground = false` takes all of it away.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from vivavoce.api.answers import read_object
from vivavoce.api.client_secrets import ClientSecrets
from vivavoce.models.catalogue import ModelInfo
from vivavoce.models.languages import way_out
from vivavoce.models.prices import Price
from vivavoce.playground.files import INDEX, StaticFile, static_files
from vivavoce.playground.presets import PRESETS
from vivavoce.protocol import errors
from vivavoce.protocol.schema import Record
from vivavoce.protocol.session_schema import DELAYS, EFFORTS, VOICES
from vivavoce.sessions.service import VoiceService

BODY: Final = Record({"session": Record({}, extra="keep")}, ("session",))

SECRET_SECONDS: Final = 60
"""How long a secret of the page is good for: it is made when a call begins, and used at once."""

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""What the page may do: run its own scripts, speak to its own server, play the file its user chose, and nothing else.

Source: Content Security Policy Level 3 (W3C).
"""

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self), speaker-selection=(self), autoplay=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Of every file. `no-cache` keeps it in the browser and asks whether it has changed, so that page and server are of one version."""

_KINDS: Final = ("agent", "transcription", "translation")


async def page(request: Request) -> Response:
    """Answer `GET /` with the page, to those who take HTML: a client whose base URL went wrong is told so in JSON."""
    accepted = request.headers.get("accept", "*/*")
    if not any(kind in accepted for kind in ("text/html", "text/*", "*/*")):
        raise errors.not_found(f"{request.method} {request.url.path}")
    _check_on(request)
    return _sent(request, static_files()[INDEX])


async def retrieve_file(request: Request) -> Response:
    """Answer `GET /playground/{path}` with a file of the page."""
    _check_on(request)
    found = static_files().get(request.path_params["path"])
    if found is None:
        raise errors.not_found(f"{request.method} {request.url.path}")
    return _sent(request, found)


async def describe_server(request: Request) -> Response:
    """Answer `GET /playground/server.json`: what the page has to know before anybody has shown a key."""
    settings = _check_on(request).settings
    return _fresh(
        {
            "keyed": settings.keyed,
            "webrtc": settings.webrtc.enabled,
            "minutes": settings.server.max_session_minutes if settings.keyed else settings.server.playground_minutes,
            "voices": VOICES,
            "efforts": EFFORTS,
            "delays": DELAYS,
        }
    )


async def list_presets(request: Request) -> Response:
    """Answer `GET /playground/presets.json`: agents to begin with."""
    _check_on(request)
    return _fresh({"presets": [preset.wire() for preset in PRESETS]})


async def list_prices(request: Request) -> Response:
    """Answer `GET /playground/prices.json`: the models sessions can be opened on, what they can do, and what they cost."""
    service = _check_on(request)
    request.app.state.gate.check(request)
    models = [_described(service, model) for model in service.served() if model.kind in _KINDS]
    return _fresh({"models": models})


async def create_secret(request: Request) -> Response:
    """Answer `POST /playground/secret`: a client secret for one call of limited length, from pages of this machine only."""
    service = _check_on(request)
    caller = request.app.state.gate.check(request)
    secrets: ClientSecrets = request.app.state.secrets
    session: dict[str, Any] = BODY.check(await read_object(request), "")["session"]
    minted = secrets.mint(caller, session, SECRET_SECONDS, max_minutes=service.settings.server.playground_minutes)
    return _fresh(minted._asdict())


def _check_on(request: Request) -> VoiceService:
    service: VoiceService = request.app.state.service
    if not service.settings.server.playground:
        raise errors.not_found(f"{request.method} {request.url.path}")
    return service


def _described(service: VoiceService, model: ModelInfo) -> dict[str, Any]:
    about = {"name": model.name, "kind": model.kind, "price": asdict(_price(service, model))}
    if model.kind == "agent":
        return about | {"reasoning": model.defaults.reasoning, "voice": model.defaults.voice}
    if model.kind == "translation" and service.ready:
        return about | {"missing": way_out(service.stack(model))}
    return about


def _price(service: VoiceService, model: ModelInfo) -> Price:
    price: Price = getattr(service.prices, model.kind)(model.name)
    return price


def _sent(request: Request, found: StaticFile) -> Response:
    headers = {**HEADERS, "ETag": found.etag}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def _fresh(value: dict[str, Any]) -> Response:
    return JSONResponse(value, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


# None of this is the API: the OpenAPI document leaves it out.
ROUTES: Final = (
    Route("/", page, include_in_schema=False),
    Mount(
        "/playground",
        routes=[
            Route("/server.json", describe_server),
            Route("/presets.json", list_presets),
            Route("/prices.json", list_prices),
            Route("/secret", create_secret, methods=["POST"]),
            Route("/{path:path}", retrieve_file),
        ],
    ),
)

"""`POST /v1/realtime/client_secrets`: short-lived keys for browsers and phones, each bound to a session configuration.

A secret is a signed token that carries the configuration itself, so that every process with the same signing key can open it, as often
as it is shown, until it expires. It is checked when a session opens and never again.

Other routes that hand out secrets make them with `request.app.state.secrets.mint(caller, update, seconds)`, and may bound how long the
sessions they open last (`max_minutes`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vivavoce.api.access import SECRET_PREFIX, Gate
from vivavoce.api.answers import read_object
from vivavoce.api.signing import Signer
from vivavoce.protocol import errors
from vivavoce.protocol.schema import Choice, Integer, Nullable, Record
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.service import VoiceService

DEFAULT_SECONDS: Final = 600
"""How long a secret is good for unless its maker says otherwise. Source: wire reference A.1."""

DEFAULT_MODEL: Final = "gpt-realtime"
"""The model of a secret that names none."""

LONGEST_VALUE: Final = 120 * 1024
"""Characters of a secret: it has to fit into one header line, with other subprotocols beside it (see `server.LONGEST_HEADER`)."""

EXPIRES_AFTER: Final = Nullable(Record({"anchor": Choice(("created_at",)), "seconds": Integer(10, 7_200)}))
"""When a secret expires, as its maker says it."""

BODY: Final = Record(
    {
        "expires_after": EXPIRES_AFTER,
        "session": Nullable(Record({}, extra="keep")),
    }
)


class Minted(NamedTuple):
    """A new client secret: its value (`ek_…`), when it expires in unix seconds, and the session it opens, as echoed."""

    value: str
    expires_at: int
    session: dict[str, Any]


class ClientSecrets:
    """Makes client secrets. One per app, at `app.state.secrets`.

    Args:
        service: knows what sessions may be.
        gate: knows the keys.
        signer: signs.
        now: unix seconds.
    """

    def __init__(self, service: VoiceService, gate: Gate, signer: Signer, now: Callable[[], float] = time.time) -> None:
        self._service = service
        self._gate = gate
        self._signer = signer
        self._now = now

    def mint(self, caller: Caller, session_update: dict[str, Any], seconds: int, *, max_minutes: float | None = None) -> Minted:
        """Make a secret that opens sessions with a configuration. It counts as one request of the caller.

        Args:
            caller: who asks, as `Gate.check` returned it; the secret lives by its key, and its limits.
            session_update: a GA session object as `session.update` takes it, with `type` and, if it matters, `model`; unchecked.
            seconds: how long it is good for; whoever calls this checks the bounds.
            max_minutes: how long a session opened with it may last, where that is less than the server allows.

        Raises:
            ClientFault: the configuration is wrong, with `param` below `session`, or the caller has used up its requests.
        """
        if session_update.get("type") == "realtime":
            session_update = {**session_update, "model": session_update.get("model") or DEFAULT_MODEL}
        effective = self._service.preview(session_update)
        expires_at = int(self._now()) + seconds
        claims = {
            "id": secrets.token_urlsafe(9),  # no two are alike: who holds one sees the calls it opened
            "expires_at": expires_at,
            "key": self._gate.tag(caller),
            "safety_identifier": caller.safety_identifier,
            "session": session_update,
        }
        if max_minutes is not None:
            claims["max_minutes"] = max_minutes
        value = self._signer.seal(SECRET_PREFIX, claims)
        if len(value) > LONGEST_VALUE:
            raise errors.secret_too_long(LONGEST_VALUE, len(value))
        refused = caller.limiter.request()
        if refused is not None:
            raise refused
        return Minted(value, expires_at, effective)


async def create_client_secret(request: Request) -> Response:
    """Answer `POST /v1/realtime/client_secrets`. A server asks for its clients, so there is no CORS here."""
    caller = request.app.state.gate.check(request)
    maker: ClientSecrets = request.app.state.secrets
    body = BODY.check(await read_object(request), "")
    wanted = body.get("session")
    if wanted is not None and wanted.get("type") == "translation":
        raise errors.refused_value(
            "session.type", "Translation sessions have a route of their own: POST /v1/realtime/translations/client_secrets."
        )
    seconds = (body.get("expires_after") or {}).get("seconds", DEFAULT_SECONDS)
    minted = maker.mint(caller, {"type": "realtime"} if wanted is None else wanted, seconds)
    return JSONResponse(minted._asdict(), headers={"Cache-Control": "no-store"})

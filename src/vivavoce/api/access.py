"""Who may come in: API keys, from the header or, for browsers, from the subprotocols."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from starlette.requests import HTTPConnection

from vivavoce.config import Secret
from vivavoce.protocol import errors

_SUBPROTOCOL_KEY: Final = "openai-insecure-api-key."


class Gate:
    """Checks keys; without any configured, everybody on this machine may come in.

    Args:
        keys: the accepted keys, kept as digests only.
    """

    def __init__(self, keys: Sequence[Secret]) -> None:
        self._digests = tuple(_digest(key.reveal()) for key in keys)

    def check(self, connection: HTTPConnection) -> None:
        """Check a request's or handshake's key.

        Raises:
            ClientFault: keys are configured and it brings none, or one that is not among them.
        """
        if not self._digests:
            return
        key = _bearer(connection) or _from_subprotocol(connection)
        if key is None:
            raise errors.no_key()
        digest = _digest(key)
        # Every key is compared, so that the time taken says nothing about which one nearly matched.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(matches):
            raise errors.bad_key()


def subprotocols(connection: HTTPConnection) -> list[str]:
    """Return the WebSocket subprotocols the client offers."""
    offered = connection.headers.get("sec-websocket-protocol", "")
    return [name.strip() for name in offered.split(",") if name.strip()]


def wants_beta(connection: HTTPConnection) -> bool:
    """Tell whether the client asks for the beta shapes."""
    return "realtime=v1" in connection.headers.get("openai-beta", "") or "openai-beta.realtime-v1" in subprotocols(connection)


def _bearer(connection: HTTPConnection) -> str | None:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _from_subprotocol(connection: HTTPConnection) -> str | None:
    names = subprotocols(connection)
    return next((name.removeprefix(_SUBPROTOCOL_KEY) for name in names if name.startswith(_SUBPROTOCOL_KEY)), None)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()

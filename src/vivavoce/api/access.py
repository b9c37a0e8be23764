"""Who may come in: API keys and client secrets, from a header, a subprotocol or a query parameter, and from which pages.

Keys are kept as digests only. What a client shows goes into no message and no log line; it is known by its key's public name.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from vivavoce.api.origins import Origins
from vivavoce.api.signing import Signer
from vivavoce.config_values import HASHED, ConfigError, Secret
from vivavoce.protocol import errors
from vivavoce.sessions.caller import OPEN, Caller, safety_identifier
from vivavoce.sessions.limits import KeyLimiter
from vivavoce.settings import Settings

SECRET_PREFIX: Final = "ek_"
"""What client secrets begin with."""

_SUBPROTOCOL_KEY: Final = "openai-insecure-api-key."
_REALTIME: Final = "realtime"
_OPENAI: Final = "openai-"


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that is accepted: its public name, the SHA-256 of it, and what is left of its limits."""

    name: str
    digest: bytes
    limiter: KeyLimiter


class Gate:
    """Finds out who is calling; without any keys configured, everybody is the same caller, `open`.

    Args:
        settings: keys, limits, origins.
        signer: opens client secrets.
        now: unix seconds.

    Raises:
        ConfigError: a configured hash is none.
    """

    def __init__(self, settings: Settings, signer: Signer, now: Callable[[], float] = time.time) -> None:
        self._origins = Origins(settings)
        self._signer = signer
        self._now = now
        self._keys = tuple(_configured(settings))
        self._open = None if settings.keyed else _Key(OPEN, b"", KeyLimiter(settings.limits))

    def check(self, connection: HTTPConnection, *, secrets: bool = False) -> Caller:
        """Return who makes a request or a handshake.

        Args:
            connection: the request or handshake.
            secrets: whether a client secret will do in place of an API key: it opens sessions, and nothing else.

        Raises:
            ClientFault: a page that may not come in, no key where one is needed, or one that is not accepted.
        """
        self._origins.check(connection)
        offered = subprotocols(connection)
        if offered and not any(name == _REALTIME or name.startswith(_OPENAI) for name in offered):
            raise errors.unknown_subprotocol()
        shown = _shown(connection)
        identifier = safety_identifier(connection.headers.get("openai-safety-identifier"))
        known = None if shown is None else self._find(shown)
        if known is not None:
            return Caller(known.name, known.limiter, identifier)
        if shown is not None and shown.startswith(SECRET_PREFIX):
            if not secrets:
                raise errors.secret_is_no_key()
            return self._holder(shown, identifier)
        if self._open is not None:
            return Caller(self._open.name, self._open.limiter, identifier)
        raise errors.no_key() if shown is None else errors.bad_key()

    def tag(self, caller: Caller) -> str:
        """Return what a client secret remembers its key by: it dies with the key, and shows nothing of it."""
        digests = {key.name: key.digest for key in self._accepted()}
        return self._signer.tag(digests[caller.key])

    def _find(self, shown: str) -> _Key | None:
        digest = hashlib.sha256(shown.encode()).digest()
        # Every key is compared, so that the time taken says nothing about which one nearly matched.
        matches = [key for key in self._keys if hmac.compare_digest(digest, key.digest)]
        return matches[0] if matches else None

    def _holder(self, secret: str, identifier: str | None) -> Caller:
        claims = self._signer.unseal(SECRET_PREFIX, secret)
        if claims is None:
            raise errors.bad_key()
        if self._now() >= claims["expires_at"]:
            raise errors.secret_expired()
        key = next((key for key in self._accepted() if self._signer.tag(key.digest) == claims["key"]), None)
        if key is None:
            raise errors.secret_orphaned()
        # Who made the secret knows its user better than whoever holds it.
        return Caller(
            key.name,
            key.limiter,
            claims["safety_identifier"] or identifier,
            claims["session"],
            self._signer.tag(hashlib.sha256(secret.encode()).digest()),
            claims.get("max_minutes"),
        )

    def _accepted(self) -> tuple[_Key, ...]:
        return self._keys if self._open is None else (self._open,)


def subprotocols(connection: HTTPConnection) -> list[str]:
    """Return the WebSocket subprotocols the client offers."""
    offered = ",".join(connection.headers.getlist("sec-websocket-protocol"))
    return [name.strip() for name in offered.split(",") if name.strip()]


def wants_beta(connection: HTTPConnection) -> bool:
    """Tell whether the client asks for the beta shapes."""
    return "realtime=v1" in connection.headers.get("openai-beta", "") or "openai-beta.realtime-v1" in subprotocols(connection)


def _configured(settings: Settings) -> Iterator[_Key]:
    for name, key in settings.keys.items():
        yield _Key(name, _digest(key.key, f"keys.{name}.key"), KeyLimiter(key.limits))
    unnamed = (
        name
        for number in range(1, len(settings.server.api_keys) + len(settings.keys) + 1)
        if (name := f"key-{number}") not in settings.keys
    )
    for secret, name in zip(settings.server.api_keys, unnamed, strict=False):
        yield _Key(name, _digest(secret, "server.api_keys"), KeyLimiter(settings.limits))


def _digest(key: Secret, where: str) -> bytes:
    text = key.reveal()
    if not text.startswith(HASHED):
        return hashlib.sha256(text.encode()).digest()
    try:
        digest = bytes.fromhex(text.removeprefix(HASHED))
    except ValueError:  # the cause would quote the hash
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ConfigError(
            f"{where} = ***: must be a key, or {HASHED} and 64 hexadecimal digits (`vivavoce keys hash` makes them)"
        )
    return digest


def _shown(connection: HTTPConnection) -> str | None:
    """Return the key or secret a client shows, wherever it does."""
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    browser = (name.removeprefix(_SUBPROTOCOL_KEY) for name in subprotocols(connection) if name.startswith(_SUBPROTOCOL_KEY))
    places = (
        bearer.strip() if scheme.lower() == "bearer" else "",
        next(browser, ""),
        connection.headers.get("api-key", "").strip(),
        connection.query_params.get("api-key", "").strip(),
    )
    return next((text for text in places if text), None)

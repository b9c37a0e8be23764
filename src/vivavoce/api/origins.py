"""Which web pages may talk to the server: browsers say where a page comes from, in `Origin`.

A browser opens WebSockets and posts to any address for any page, without asking the server first. Where a key is needed the page has
to know one. Where none is, `http://127.0.0.1:8000` would be open to every page its user happens to visit, so only pages of this machine
may come in. Names that merely lead here do not count: whoever owns a name can point it at 127.0.0.1.

Source: RFC 6454 (origins); RFC 6455 section 10.2 (WebSocket servers must check them).
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from vivavoce.protocol import errors
from vivavoce.settings import Settings

_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origins:
    """The pages that may come in.

    Args:
        settings: `server.origins` if there are any; else every page where keys are asked for, and this machine's where none are.
    """

    def __init__(self, settings: Settings) -> None:
        self._listed = frozenset(_normal(origin) for origin in settings.server.origins)
        self._keyed = settings.keyed
        self._host = settings.server.host.strip("[]").lower()

    def check(self, connection: HTTPConnection) -> None:
        """Check where a handshake, or a request that changes anything, comes from. Programs that are no browsers send no origin.

        Raises:
            ClientFault: a page that may not come in.
        """
        origin = connection.headers.get("origin")
        if origin is None or connection.scope.get("method") in _SAFE_METHODS:
            return
        if not self.allows(origin):
            raise errors.origin_refused()

    def allows(self, origin: str) -> bool:
        """Tell whether pages of this origin may come in."""
        if self._listed:
            return _normal(origin) in self._listed
        return self._keyed or self._is_here(origin)

    def _is_here(self, origin: str) -> bool:
        try:
            name = urlsplit(origin).hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name.endswith(".localhost") or name == self._host:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _normal(origin: str) -> str:
    """Return an origin as browsers write it: lower case, no slash at the end, no port that goes without saying."""
    text = origin.strip().rstrip("/").lower()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return text
    return text.removesuffix(f":{port}") if port is not None and port == _DEFAULT_PORTS.get(parts.scheme) else text

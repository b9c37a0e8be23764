"""Signed tokens: what this server gave out, a later request brings back, and no database remembers in between.

A token is a prefix and one base64url text: 32 bytes of HMAC-SHA256, then the zlib-compressed JSON of its claims. It is signed, not
encrypted: who holds it can read it. Every process with the same signing key can open it.

Source: RFC 2104 (HMAC), RFC 4648 section 5 (base64url: letters, digits, `-` and `_`, which headers and subprotocols may hold).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from vivavoce.settings import Settings

_log = structlog.get_logger("vivavoce.signing")

KEY_BYTES: Final = 32
"""Source: RFC 2104 section 3: a key as long as the hash; more adds nothing."""

_MAC_BYTES: Final = 32
_FILE: Final = "signing.key"


class Signer:
    """Seals claims into tokens and opens them again.

    Args:
        key: gives the signing key; asked once, when the first token is made or shown.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._make_key = key
        self._key: bytes | None = None

    def seal(self, prefix: str, claims: dict[str, Any]) -> str:
        """Return a token with these claims. Its `prefix` says what it is for, and is signed as well."""
        body = zlib.compress(msgspec.json.encode(claims), 9)
        return prefix + base64.urlsafe_b64encode(self._mac(prefix, body) + body).decode().rstrip("=")

    def unseal(self, prefix: str, token: str) -> dict[str, Any] | None:
        """Return the claims of a token with this prefix, or None where it is none of ours. Nothing is unpacked before it is proved."""
        text = token.removeprefix(prefix)
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, body = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not token.startswith(prefix) or not hmac.compare_digest(mac, self._mac(prefix, body)):
            return None
        claims: dict[str, Any] = msgspec.json.decode(zlib.decompress(body))
        return claims

    def tag(self, digest: bytes) -> str:
        """Return a short name for an API key that says nothing about it to those who do not have the signing key."""
        return self._mac("key", digest).hex()[:24]

    def _mac(self, purpose: str, message: bytes) -> bytes:
        if self._key is None:
            self._key = self._make_key()
        return hmac.digest(self._key, purpose.encode() + b"\0" + message, hashlib.sha256)


def signing_key(settings: Settings) -> bytes:
    """Return the operator's signing key, else the one kept in the home folder, made where there is none yet.

    Where the home folder cannot be used, the key lives as long as this process, and a warning says so.
    """
    chosen = settings.server.signing_key
    if chosen is not None:
        return hashlib.sha256(chosen.reveal().encode()).digest()
    path = settings.home / _FILE
    try:
        return _kept_key(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        _log.warning("client secrets hold for this process only: set server.signing_key", file=str(path), cause=why)
        return secrets.token_bytes(KEY_BYTES)


def _kept_key(path: Path) -> bytes:
    """Read the key in a file, or make it: whole or not at all, the same for all who make it at once, and for its owner only.

    Raises:
        OSError: it can be neither read nor written.
        ValueError: the file holds something else.
    """
    with suppress(FileNotFoundError):
        return _read_key(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster: its key is the one
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:  # the cause would quote the key
        raise ValueError("the file does not hold a key") from None
    if len(key) != KEY_BYTES:
        raise ValueError("the file does not hold a key")
    return key

"""TLS: the operator's certificate, checked before anything starts, or one of our own making for this machine.

JavaScript clients connect to `wss:` and nothing else. What they need is a certificate they can be told to trust: the one made here is
its own issuer, so the same file that the server shows is the file they trust (`NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`).

The key is made once and certificates are made from it, so that two servers that start at the same moment cannot leave a pair behind
that does not match.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vivavoce.config import ConfigError, Settings

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: with forward secrecy and authenticated. TLS 1.3 knows no others.

Source: RFC 9325, section 4.2.
"""

LIFE: Final = timedelta(days=60)
"""How long a certificate of our making is valid."""

RENEWAL: Final = timedelta(days=14)
"""How much of it must be left when a server starts; with less, another one is made."""

_BACKDATED: Final = timedelta(hours=1)
"""Clients whose clock is a little behind shall take it at once."""

_ANY_HOST: Final = frozenset({"0.0.0.0", "::"})


class _Encrypted(Exception):
    """The key asks for a password."""


def tls_files(settings: Settings) -> tuple[Path, Path] | None:
    """Return the certificate and the key to serve with, made if they have to be; None without TLS.

    Raises:
        ConfigError: they cannot be read, do not match, or cannot be made.
    """
    server = settings.server
    if server.tls_self_signed:
        files = self_signed(settings.home, server.host)
        _check(*files, "server.tls_self_signed", "server.tls_self_signed")
        return files
    if server.tls_cert is None or server.tls_key is None:
        return None
    _check(server.tls_cert, server.tls_key, "server.tls_cert", "server.tls_key")
    return server.tls_cert, server.tls_key


def kept_files(home: Path) -> tuple[Path, Path]:
    """Return where the certificate of our making and its key are, or will be."""
    return home / "tls" / "localhost.pem", home / "tls" / "localhost.key"


def self_signed(home: Path, host: str = "127.0.0.1", *, now: datetime | None = None) -> tuple[Path, Path]:
    """Return a certificate and a key for this machine: those kept in a folder while they last, new ones otherwise.

    Args:
        home: the data folder; they are kept in its `tls`, the key readable by its owner alone.
        host: the address the server listens on; unless it means all of them, the certificate names it too.
        now: the time, for tests.

    Raises:
        ConfigError: the folder cannot be written, or holds a key that is none.
    """
    now = now or datetime.now(UTC)
    cert_file, key_file = kept_files(home)
    folder = cert_file.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key = _key(key_file)
        kept = _kept(cert_file, key)
        names, named = _names(host), _named(kept) if kept is not None else set()
        if kept is None or kept.not_valid_after_utc - now < RENEWAL or not names <= named:
            # What it named before it goes on naming: servers on two addresses must not take turns in making each other's useless.
            _write(cert_file, _issue(key, names | named, now), 0o644)
    except OSError as error:
        raise ConfigError(
            f"server.tls_self_signed: no certificate can be kept in {folder} ({error.strerror or error}): "
            "set VIVAVOCE_HOME to a folder that can be written"
        ) from error
    return cert_file, key_file


def expiry(cert_file: Path) -> datetime:
    """Return when the first certificate of a PEM file ends.

    Raises:
        ConfigError: it is no certificate.
    """
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(cert_file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise ConfigError(f"{cert_file} is no certificate in PEM form") from error


def _check(cert: Path, key: Path, cert_setting: str, key_setting: str) -> None:
    """Load the pair as a server would: what cannot be served with is refused here, in words."""
    for setting, file in ((cert_setting, cert), (key_setting, key)):
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise ConfigError(f"{setting} = {str(file)!r} cannot be read: {error.strerror}") from error

    def refuse() -> str:
        raise _Encrypted

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=refuse)
    except _Encrypted as error:
        raise ConfigError(f"{key_setting} = {str(key)!r} is encrypted: give a key without a password") from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"{key_setting} = {str(key)!r} is not the key of the certificate {str(cert)!r}") from error
        raise ConfigError(_which_is_bad(cert, key, cert_setting, key_setting)) from error


def _which_is_bad(cert: Path, key: Path, cert_setting: str, key_setting: str) -> str:
    """Return what is wrong with a pair that OpenSSL refuses without saying which of the two it is."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cert)
    except ssl.SSLError:
        return f"{cert_setting} = {str(cert)!r} is no certificate in PEM form"
    return f"{key_setting} = {str(key)!r} is no private key in PEM form that goes with the certificate"


def _key(file: Path) -> EllipticCurvePrivateKey:
    """Return the key in a file, made if there is none; of several that make it at once, all get the same."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if not file.exists():
        made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(file, made, 0o600, replace=False)
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"server.tls_self_signed: {file} is no key: delete it, and another one is made") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"server.tls_self_signed: {file} is not the key that was made here: delete it, and another one is made")
    if file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return key


def _kept(file: Path, key: EllipticCurvePrivateKey) -> x509.Certificate | None:
    """Return the certificate in a file, if it is one and of this key."""
    from cryptography import x509

    try:
        kept = x509.load_pem_x509_certificate(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return kept if kept.public_key() == key.public_key() else None


def _names(host: str) -> set[str]:
    """Return what clients may call this server."""
    bare = host.strip("[]")
    return {"localhost", "127.0.0.1", "::1", _ascii(socket.gethostname()), bare if bare not in _ANY_HOST else ""} - {""}


def _ascii(name: str) -> str:
    """Return a host name as certificates write it; empty where it cannot be written."""
    try:
        return name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def _named(certificate: x509.Certificate) -> set[str]:
    from cryptography import x509

    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def _issue(key: EllipticCurvePrivateKey, names: set[str], now: datetime) -> bytes:
    """Return a certificate in PEM form that vouches for itself.

    It is no authority (`CA:FALSE`): who trusts it trusts this server, and nobody else in its name.

    Source: RFC 5280, section 4.2, for the extensions.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    me = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vivavoce on this machine")])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
    )
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(me)
        .issuer_name(me)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in sorted(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, encipher_only=False, decipher_only=False, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(file: Path, data: bytes, mode: int, *, replace: bool = True) -> None:
    """Write a file that others see whole or not at all; without `replace` one that is there stays."""
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "wb") as fresh:
            fresh.write(data)
        Path(name).chmod(mode)
        if replace:
            Path(name).replace(file)
        else:
            with suppress(FileExistsError):
                os.link(name, file)
    finally:
        Path(name).unlink(missing_ok=True)

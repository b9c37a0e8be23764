"""Addresses: taking one to listen on, reading one to connect to, and telling others how."""

from __future__ import annotations

import errno
import shlex
import socket
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from vivavoce.cli.errors import FAILED, MISUSED, Trouble

_SCHEMES = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address, before anything expensive is loaded.

    Raises:
        Trouble: the port is taken or not allowed, or this machine has no such address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Trouble(f"server.host = {host!r} is no address of this machine: use 127.0.0.1 or 0.0.0.0", MISUSED) from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)  # listening waits until the engines are warm: nobody should queue for a server that is not ready
    except OSError as error:
        listening.close()
        raise refused(host, port, error) from error
    return listening


def refused(host: str, port: int, error: OSError) -> Trouble:
    """Return what to say when an address cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return Trouble(
            f"port {port} on {host} is in use: stop what listens there, or choose another with --port (0 takes any)", FAILED
        )
    if error.errno == errno.EACCES:
        return Trouble(f"port {port} on {host} may not be used by this user: choose one above 1023 with --port", FAILED)
    return Trouble(f"server.host = {host!r} cannot be listened on ({error.strerror}): use 127.0.0.1 or 0.0.0.0", MISUSED)


def base_url(host: str, port: int, *, secure: bool = False) -> str:
    """Return the address clients on this machine connect to; those elsewhere put the machine's name in its place."""
    bare = host.strip("[]")
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare)
    name = f"[{local}]" if ":" in local else local
    return f"{'https' if secure else 'http'}://{name}:{port}/v1"


def http_base_url(url: str) -> str:
    """Return the base address an OpenAI client takes for whatever form of it a user types.

    `ws://host/v1/realtime?model=…`, `http://host:8000`, and `host:8000` all mean `http://host…/v1`.

    Raises:
        Trouble: it is no address.
    """
    text = url.strip() if "://" in url else f"http://{url.strip()}"
    try:
        parts = urlsplit(text)
        scheme = _SCHEMES[parts.scheme]
        sound = bool(parts.hostname) and parts.port != 0
    except (ValueError, KeyError):
        sound = False
    if not sound:
        raise Trouble(f"--url {url!r} is no address: write it like http://127.0.0.1:8000/v1", MISUSED)
    path = parts.path.rstrip("/").removesuffix("/realtime") or "/v1"
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def how_to_connect(address: str, *, keyed: bool = False, certificate: Path | None = None) -> str:
    """Return three lines of Python that open a session at a base address.

    Args:
        address: the base address.
        keyed: whether clients must bring a key.
        certificate: the server's own certificate, if nobody else vouches for it: clients have to be told to trust it.
    """
    key = "one of the server's API keys" if keyed else "any"
    trust = "" if certificate is None else how_to_trust(certificate) + "\n\n"
    return trust + (
        "from openai import AsyncOpenAI\n"
        f'client = AsyncOpenAI(base_url="{address}", api_key="{key}")\n'
        'async with client.realtime.connect(model="gpt-realtime-2") as connection: ...'
    )


def how_to_trust(certificate: Path) -> str:
    """Return what Node and Python clients are started with so that they trust a certificate nobody else vouches for."""
    path = shlex.quote(str(certificate))
    return f"export NODE_EXTRA_CA_CERTS={path}   # Node\nexport SSL_CERT_FILE={path}         # Python"

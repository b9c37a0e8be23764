"""The process: uvicorn around the app, with a shutdown that lets open sessions finish."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.frames import Frame

from vivavoce.api.app import create_app
from vivavoce.api.http_protocol import HttpProtocol, whole_refusal
from vivavoce.api.tls import CIPHERS, tls_files
from vivavoce.config import Settings
from vivavoce.protocol import errors
from vivavoce.sessions.service import VoiceService

_log = structlog.get_logger("vivavoce.server")

LINGER_S: Final = 5.0
"""How long a connection may take to close once its session is over: a client that reads nothing would hold it open."""

_CLOSING_S: Final = 5
"""What connections have to close in, even where the drain time is over."""

LONGEST_HEADER: Final = 128 * 1024
"""Longest line of a handshake, in bytes: client secrets carry their session's configuration in one. websockets takes 8 KiB unless
`WEBSOCKETS_MAX_LINE_LENGTH` says otherwise when it is imported, which may long have happened; so the limit it read is raised."""

http11.MAX_LINE_LENGTH = max(http11.MAX_LINE_LENGTH, LONGEST_HEADER)


class Protocol(WebSocketsSansIOProtocol):
    """A WebSocket connection that does not outlive its session, and whose refusals are sent."""

    frames: list[bytes | bytearray]  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Take what arrived. A handshake that cannot be read is answered: uvicorn would leave its client waiting."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.handshake_complete = True  # there is nothing left to answer when the server stops
            self.transport.write(whole_refusal(errors.headers_too_large(LONGEST_HEADER)))
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment into one buffer: kept one by one, empty ones would be without number and without a limit."""
        whole = self.frames[0] if isinstance(self.frames[0], bytearray) else bytearray(self.frames[0])
        whole += event.data
        self.frames = [whole]
        if event.fin:
            self.send_receive_event_to_app()

    async def run_asgi(self) -> None:
        """Run the app, then give the close a moment."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(LINGER_S, self.transport.abort)


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell whether a log line of uvicorn's is about the server: text that is no UTF-8 is a client's fault, and answered with 1007."""
    return "Invalid UTF-8" not in str(record.msg)


class Server(uvicorn.Server):
    """A server that drains before it stops."""

    def __init__(self, config: uvicorn.Config, service: VoiceService, drain_seconds: float) -> None:
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let the open sessions and what is being answered finish within the drain time, then stop."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._drain_seconds
        for listening in self.servers:
            listening.close()
        for sock in sockets or []:
            sock.close()
        await self._service.hub.drain(self._drain_seconds)
        self.config.timeout_graceful_shutdown = max(_CLOSING_S, math.ceil(until_s - loop.time()))
        await super().shutdown(sockets)


def build_server(settings: Settings, service: VoiceService | None = None, *, tls: tuple[Path, Path] | None = None) -> Server:
    """Return a server ready to run.

    Args:
        settings: address, keys, limits.
        service: what answers; built from the settings by default.
        tls: certificate and key files; those of the settings by default.

    Raises:
        ConfigError: the address is public and no keys are configured, or the certificate cannot be used.
    """
    settings.check()
    # Below warnings, uvicorn and websockets write down request lines and headers: keys and secrets are in them.
    log = logging.getLogger("uvicorn.error")
    log.setLevel(logging.WARNING)
    if _is_ours not in log.filters:
        log.addFilter(_is_ours)
    tls = tls or tls_files(settings)
    if settings.keyed and not settings.server.on_loopback and tls is None:
        _log.warning("API keys come in clear: serve TLS, or let a proxy in front of this server do so", host=settings.server.host)
    service = service or VoiceService(settings)
    config = uvicorn.Config(
        create_app(service),
        host=settings.server.host,
        port=settings.server.port,
        loop="auto",
        http=HttpProtocol,
        ws=Protocol,
        ws_max_size=16 * 1024 * 1024,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_CLOSING_S,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
        ssl_ciphers=CIPHERS,
    )
    return Server(config, service, settings.server.drain_seconds)

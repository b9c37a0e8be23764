"""The process: uvicorn around the app, with a shutdown that lets open sessions finish."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from vivavoce.api.app import create_app
from vivavoce.config import Settings
from vivavoce.sessions.service import VoiceService

LINGER_S: Final = 5.0
"""How long a connection may take to close once its session is over: a client that reads nothing would hold it open."""


class Protocol(WebSocketsSansIOProtocol):
    """A WebSocket connection that does not outlive its session."""

    async def run_asgi(self) -> None:
        """Run the app, then give the close a moment."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(LINGER_S, self.transport.abort)


class Server(uvicorn.Server):
    """A server that drains before it stops."""

    def __init__(self, config: uvicorn.Config, service: VoiceService, drain_seconds: float) -> None:
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let the open sessions finish within the drain time, then stop."""
        for listening in self.servers:
            listening.close()
        for sock in sockets or []:
            sock.close()
        await self._service.hub.drain(self._drain_seconds)
        await super().shutdown(sockets)


def build_server(settings: Settings, service: VoiceService | None = None, *, tls: tuple[Path, Path] | None = None) -> Server:
    """Return a server ready to run.

    Args:
        settings: address, keys, limits.
        service: what answers; built from the settings by default.
        tls: certificate and key files.

    Raises:
        ConfigError: the address is public and no keys are configured.
    """
    settings.check()
    service = service or VoiceService(settings)
    config = uvicorn.Config(
        create_app(service),
        host=settings.server.host,
        port=settings.server.port,
        loop="auto",
        ws=Protocol,
        ws_max_size=16 * 1024 * 1024,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    return Server(config, service, settings.server.drain_seconds)

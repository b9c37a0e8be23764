"""Run an ASGI application on a free port of this machine for the length of a `with` block."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def serve_on_loopback(app: ASGIApp) -> AsyncGenerator[str, None]:
    """Serve the application inside the running event loop, leaving the process's signal handlers and logging alone.

    Leaving the block ends every answer still under way and closes every connection at once. Lifespan events are not sent.

    Yields:
        Its address, such as `http://127.0.0.1:40123`.
    """
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        await server.startup(sockets=[listener])
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for listening in getattr(server, "servers", []):
            listening.close()
        answers = list(server.server_state.tasks)
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        listener.close()

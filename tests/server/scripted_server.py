"""A server process with scripted engines: `python scripted_server.py '{"drain_seconds": 2}'` prints its port and serves."""

from __future__ import annotations

import json
import sys
from typing import Any

from kit import ScriptedShelf, scripted, settings
from vivavoce.api.server import Server, build_server
from vivavoce.logs import configure_logs
from vivavoce.sessions.service import VoiceService


class Announced(Server):
    """A server that says where it is."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


def main() -> None:
    """Serve until told to stop."""
    wanted = settings(**json.loads(sys.argv[1]))
    configure_logs("debug", json=True)
    server = build_server(wanted, VoiceService(wanted, ScriptedShelf(scripted())))
    server.__class__ = Announced
    server.run()


if __name__ == "__main__":
    main()

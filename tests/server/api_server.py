"""A server process whose engines know every trick: `python api_server.py '{"beta": true}'` prints its port and serves.

What is asked of it comes from a machine, so nothing it says takes long: every HTTP route has an engine behind it that answers.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from scripted_server import Announced

from kit import ScriptedShelf, scripted, settings
from vivavoce.api.server import build_server
from vivavoce.logs import configure_logs
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.translator import ScriptedTranslator


def main() -> None:
    """Serve until told to stop."""
    wanted = settings(**json.loads(sys.argv[1]))
    stack = replace(scripted(), translator=ScriptedTranslator())
    configure_logs("warning", json=True)
    server = build_server(wanted, VoiceService(wanted, ScriptedShelf(stack)))
    server.__class__ = Announced
    server.run()


if __name__ == "__main__":
    main()

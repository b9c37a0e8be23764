"""Drive the LiveKit plugin for OpenAI, its realtime model and its other services, unmodified, against the server; see `driver.py` for how."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import answering
import failing
import hearing
import remembering
import serving
import settling
from scenarios import run

ALL = (answering, hearing, remembering, settling, failing, serving)

if __name__ == "__main__":
    run("livekit-plugins-openai", version("livekit-plugins-openai"), [one for idea in ALL for one in idea.SCENARIOS])

"""Drive pipecat's services for OpenAI, unmodified, in real pipelines against the server; see `driver.py` for how."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import calling
import failing
import listening
import serving
import speaking
from scenarios import run

ALL = (speaking, listening, calling, failing, serving)

if __name__ == "__main__":
    run("pipecat-ai", version("pipecat-ai"), [one for idea in ALL for one in idea.SCENARIOS])

"""Where Vivavoce keeps its data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vivavoce.config import usual_home


def data_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return `VIVAVOCE_HOME`, else the usual folder."""
    if chosen := environment.get("VIVAVOCE_HOME"):
        return Path(chosen).expanduser().absolute()
    return usual_home(environment)

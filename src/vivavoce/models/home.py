"""Where Vivavoce keeps its data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def data_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return `VIVAVOCE_HOME`, else `vivavoce` in the user's data folder.

    Source: XDG Base Directory Specification 0.8: `XDG_DATA_HOME`, ignored unless absolute, else `~/.local/share`.
    """
    if chosen := environment.get("VIVAVOCE_HOME"):
        return Path(chosen).expanduser().absolute()
    shared = Path(environment.get("XDG_DATA_HOME", ""))
    return (shared if shared.is_absolute() else Path.home() / ".local" / "share") / "vivavoce"

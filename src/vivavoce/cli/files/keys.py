"""The key a server is to be shown."""

from __future__ import annotations

import os
from typing import Final

KEY_VARIABLES: Final = ("VIVAVOCE_API_KEY", "OPENAI_API_KEY")


def key_of(given: str | None) -> str:
    """Return the key to bring: the flag's, else the environment's; a server without keys takes any."""
    keys = (given, *(os.environ.get(name) for name in KEY_VARIABLES))
    return next((key.strip() for key in keys if key and key.strip()), "any")

"""Who a session is for: the key that opened it, and what that key may still do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vivavoce.sessions.limits import KeyLimiter

OPEN = "open"
"""The name of everybody, where no keys are asked for."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever opened a session.

    `key` is the key's public name, never the key; `session` the configuration that a client secret brought along.
    """

    key: str = OPEN
    limiter: KeyLimiter = field(default_factory=KeyLimiter)
    safety_identifier: str | None = None
    session: dict[str, Any] | None = None

"""Who a session is for: the key that opened it, and what that key may still do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.sessions.limits import KeyLimiter

OPEN = "open"
"""The name of everybody, where no keys are asked for."""

SAFETY_IDENTIFIER_CHARACTERS: Final = 64
"""Source: OpenAPI document, `safety_identifier`: at most 64 characters."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever opened a session.

    `key` is the key's public name, never the key; `limiter` is shared by all who come with it. `safety_identifier` is the client's
    name for its user. Of a client secret: `session` is the configuration it brought along, `secret` a name for it that shows nothing of
    it, and `max_minutes` how long its sessions may last at most, where its maker said so.
    """

    key: str = OPEN
    limiter: KeyLimiter = field(default_factory=KeyLimiter)
    safety_identifier: str | None = None
    session: dict[str, Any] | None = None
    secret: str | None = None
    max_minutes: float | None = None

    def names(self) -> dict[str, str]:
        """Return what log lines say of the caller."""
        named = {"key": self.key}
        return named if self.safety_identifier is None else {**named, "safety_identifier": self.safety_identifier}


def safety_identifier(text: str | None) -> str | None:
    """Return an `OpenAI-Safety-Identifier` as it is recorded: printable, and cut to the length it may have; None where there is none."""
    printable = "".join(character for character in text or "" if character.isprintable()).strip()
    return printable[:SAFETY_IDENTIFIER_CHARACTERS] or None

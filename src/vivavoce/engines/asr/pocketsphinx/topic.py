"""What a session is about, as it travels to a worker: the port's `Vocabulary` as plain data, named by its content."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

_FORMAT = b"1"
"""Changes whenever the same topic would give another model."""


class Topic(msgspec.Struct, frozen=True, array_like=True):
    """Everything that shapes a vocabulary's model."""

    instructions: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    """Function tools in wire form."""
    keywords: tuple[str, ...] = ()
    prompt: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing is said of what may be said, so that only the general model fits. Instructions alone do not count."""
        return not (self.tools or any(keyword.strip() for keyword in self.keywords) or self.prompt.strip())

    @property
    def digest(self) -> str:
        """A name for the content: equal contents have equal names."""
        return hashlib.blake2b(_FORMAT + msgspec.msgpack.encode(self), digest_size=16).hexdigest()

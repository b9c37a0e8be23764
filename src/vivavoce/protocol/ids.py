"""Identifiers as the service makes them: a prefix and random alphanumerics."""

from __future__ import annotations

import random
import string
from typing import Final

_ALPHABET: Final = string.ascii_letters + string.digits
_TAIL: Final = 21
_CALL_TAIL: Final = 16


class IdSource:
    """Makes ids; seeded in tests, so that a replay gives the same ones.

    Args:
        seed: makes the sequence reproducible. Without it the operating system's entropy seeds the generator: ids are names, not
            secrets.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def event(self) -> str:
        """Return a new server event id."""
        return self._make("event_", _TAIL)

    def item(self) -> str:
        """Return a new conversation item id."""
        return self._make("item_", _TAIL)

    def response(self) -> str:
        """Return a new response id."""
        return self._make("resp_", _TAIL)

    def message(self) -> str:
        """Return a new id of a message in a response's output."""
        return self._make("msg_", _TAIL)

    def function_call(self) -> str:
        """Return a new id of a function call in a response's output; the call itself has another."""
        return self._make("fc_", _TAIL)

    def call(self) -> str:
        """Return a new function call id."""
        return self._make("call_", _CALL_TAIL)

    def session(self) -> str:
        """Return a new session id."""
        return self._make("sess_", _TAIL)

    def conversation(self) -> str:
        """Return a new conversation id."""
        return self._make("conv_", _TAIL)

    def segment(self) -> str:
        """Return a new id of a transcript's segment."""
        return self._make("seg_", _TAIL)

    def padding(self, delta: str) -> str:
        """Return the `obfuscation` of a text delta: random characters that pad it to a multiple of 16.

        The service adds it so that the sizes of encrypted frames do not give the text away. Source: recorded frames.
        """
        return "".join(self._random.choices(_ALPHABET, k=-len(delta) % 16))

    def _make(self, prefix: str, length: int) -> str:
        return prefix + "".join(self._random.choices(_ALPHABET, k=length))

"""Why a call cannot be taken."""

from __future__ import annotations


class OfferRefused(ValueError):
    """The offer cannot be answered; the message says why in one line fit to be shown to a client.

    Args:
        message: one line.
        code: the official error's code.
    """

    def __init__(self, message: str, code: str = "invalid_offer") -> None:
        super().__init__(" ".join(message.split()))
        self.code = code


class EdgeFault(Exception):
    """No media process can take the call: none starts, none answers, or no port is free. Our fault, not the caller's."""

"""What one key may do: sessions at once, requests and tokens per minute, over all its sessions."""

from __future__ import annotations

import time
from collections.abc import Callable

from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.usage import RateLimit
from vivavoce.settings import LimitSettings


class KeyLimiter:
    """The limits of one key, and how much of them is spent.

    Args:
        limits: what the operator allows; None is no limit.
        clock: monotonic seconds.
    """

    def __init__(self, limits: LimitSettings | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or LimitSettings()
        self._clock = clock

    def request(self) -> ClientFault | None:
        """Count one request, or return why it may not be made now."""
        return None

    def use(self, tokens: int) -> None:
        """Count the tokens of a response that is over."""

    def state(self) -> tuple[RateLimit, ...]:
        """Return what is left of the limits there are, requests before tokens."""
        return ()

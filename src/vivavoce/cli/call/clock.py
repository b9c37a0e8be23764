"""The time of a call: milliseconds since it began."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns the milliseconds since the call began; never goes backwards."""


def start_clock() -> Clock:
    """Return a clock that starts now."""
    began = time.monotonic()
    return lambda: (time.monotonic() - began) * 1000


SAMPLE_RATE_HZ = 24_000
"""The rate of the wire's PCM, both ways."""

SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000

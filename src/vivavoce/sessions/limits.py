"""What one key may do: sessions at once, requests and tokens per minute, over all its sessions in this process.

The limits per minute are token buckets: a bucket holds a minute's allowance and fills continuously, so that a key may use its minute
in one go, and then goes on at the average rate. Requests are paid for before they are made. What a response costs in tokens is known
when it is over: it is charged then, also where that overdraws the bucket, and the next request waits until the debt is paid.

Source: the token bucket as in RFC 2697 section 3 (committed rate and burst size, filled at a constant rate), with debt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.usage import RateLimit
from vivavoce.settings import LimitSettings

_MINUTE_S: Final = 60.0

_GRAIN: Final = 1e-6
"""What sums of floating point numbers may lack: a bucket that is fuller than this by rights is as full as it should be."""


class _Bucket:
    """An allowance of `limit` per minute; `now_s` is always monotonic seconds."""

    def __init__(self, name: str, limit: int, now_s: float) -> None:
        self.name = name
        self.limit = limit
        self._level = float(limit)
        self._at_s = now_s

    def level(self, now_s: float) -> float:
        """Return what is left now; negative where more was used than there was."""
        filled = max(0.0, now_s - self._at_s) * self.limit / _MINUTE_S
        self._level = min(float(self.limit), self._level + filled)
        self._at_s = now_s
        return self._level

    def take(self, amount: float, now_s: float) -> None:
        """Use some of it, there or not."""
        self._level = self.level(now_s) - amount

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until one is left."""
        missing = 1.0 - self.level(now_s)
        return missing * _MINUTE_S / self.limit if missing > _GRAIN else 0.0

    def state(self, now_s: float) -> RateLimit:
        """Return what is left, and the seconds until the bucket is full again."""
        level = self.level(now_s)
        full_s = (self.limit - level) * _MINUTE_S / self.limit
        return RateLimit(self.name, self.limit, max(0, int(level + _GRAIN)), round(full_s, 3))


class KeyLimiter:
    """The limits of one key, and how much of them is spent.

    Args:
        limits: what the operator allows; None is no limit.
        clock: monotonic seconds.
    """

    def __init__(self, limits: LimitSettings | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        limits = limits or LimitSettings()
        self._clock = clock
        self._most_sessions = limits.concurrent_sessions
        self._sessions = 0
        now_s = clock()
        per_minute = {"requests": limits.requests_per_minute, "tokens": limits.tokens_per_minute}
        self._buckets = {name: _Bucket(name, limit, now_s) for name, limit in per_minute.items() if limit is not None}

    @contextmanager
    def session(self) -> Iterator[None]:
        """Hold one of the places for sessions.

        Raises:
            ClientFault: all of them are taken.
        """
        if self._most_sessions is not None and self._sessions >= self._most_sessions:
            raise errors.too_many_sessions(self._most_sessions)
        self._sessions += 1
        try:
            yield
        finally:
            self._sessions -= 1

    def request(self) -> ClientFault | None:
        """Count one request, or return why it may not be made now: then nothing is counted."""
        now_s = self._clock()
        short = max(self._buckets.values(), key=lambda bucket: bucket.wait_s(now_s), default=None)
        if short is not None and (wait_s := short.wait_s(now_s)) > 0:
            return errors.rate_limited(short.name, short.limit, short.state(now_s).remaining, wait_s)
        if "requests" in self._buckets:
            self._buckets["requests"].take(1, now_s)
        return None

    def unmade(self) -> None:
        """Give a request back that came to nothing."""
        if "requests" in self._buckets:
            self._buckets["requests"].take(-1, self._clock())

    def use(self, tokens: int) -> None:
        """Count the tokens of a response that is over."""
        if "tokens" in self._buckets:
            self._buckets["tokens"].take(tokens, self._clock())

    def state(self) -> tuple[RateLimit, ...]:
        """Return what is left of the limits there are, requests before tokens."""
        now_s = self._clock()
        return tuple(bucket.state(now_s) for bucket in self._buckets.values())

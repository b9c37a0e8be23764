"""What there is to tell about sessions, open and recently ended: who for, what used, at what cost. Never audio, texts or keys.

`GET /v1/sessions/{id}` answers it: an extension of ours; the official service has no such route.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.models.prices import PriceTable
from vivavoce.protocol.usage import Usage

KEPT: Final = 200
"""Ended sessions whose records are kept."""

RECENT: Final = 20
"""Responses that a record tells of one by one."""


@dataclass(slots=True)
class SessionRecord:
    """The books of one session. Times are unix seconds, money US dollars."""

    id: str
    kind: str
    model: str
    key: str
    safety_identifier: str | None
    expires_at: int
    prices: PriceTable
    created_at: float = field(default_factory=time.time)
    ended_at: float | None = None
    usage: Usage = field(default_factory=Usage)
    transcribed_seconds: int = 0
    translated_seconds: int = 0
    lag: dict[str, Any] = field(default_factory=dict)
    """Where a translation stands: see `core.interpreting.lag`."""
    cost: float = 0.0
    _responses: Counter[str] = field(default_factory=Counter)
    _recent: deque[tuple[str, str, Usage, float]] = field(default_factory=lambda: deque(maxlen=RECENT))

    def used(self, response_id: str, status: str, usage: Usage) -> float:
        """Enter a response that is over; return what it cost."""
        cost = self.prices.agent(self.model).of(usage)
        self.usage = self.usage + usage
        self.cost += cost
        self._responses[status] += 1
        self._recent.append((response_id, status, usage, cost))
        return cost

    def transcribed(self, model: str, seconds: int) -> float:
        """Enter a transcription for the client; return what it cost."""
        cost = self.prices.transcription(model).of_seconds(seconds)
        self.transcribed_seconds += seconds
        self.cost += cost
        return cost

    def interpreted(self, seconds: int) -> float:
        """Enter audio that went into a translation; return what it cost."""
        cost = self.prices.translation(self.model).of_seconds(seconds)
        self.translated_seconds += seconds
        self.cost += cost
        return cost

    def ended(self) -> None:
        """Enter the end of the session."""
        self.ended_at = time.time()

    def wire(self) -> dict[str, Any]:
        """Return the record as the route answers it."""
        translation = {"translation": {"seconds": self.translated_seconds, **self.lag}} if self.kind == "translation" else {}
        return {
            "object": "vivavoce.session",
            "id": self.id,
            "kind": self.kind,
            "model": self.model,
            "status": "open" if self.ended_at is None else "ended",
            "key": self.key,
            "safety_identifier": self.safety_identifier,
            "created_at": int(self.created_at),
            "ended_at": None if self.ended_at is None else int(self.ended_at),
            "expires_at": self.expires_at,
            "usage": self.usage.wire(),
            "transcribed_seconds": self.transcribed_seconds,
            "cost_usd": _money(self.cost),
            "responses": dict(self._responses),
            "recent_responses": [
                {"id": id, "status": status, "usage": usage.wire(), "cost_usd": _money(cost)}
                for id, status, usage, cost in self._recent
            ],
            **translation,
        }


class SessionRecords:
    """The records of this process: all open sessions, and the last ones that ended."""

    def __init__(self) -> None:
        self._records: dict[str, SessionRecord] = {}

    def add(self, record: SessionRecord) -> None:
        """Add a session that opens, and let the oldest ended ones go."""
        self._records[record.id] = record
        ended = [old.id for old in self._records.values() if old.ended_at is not None]
        for id in ended[: max(0, len(ended) - KEPT)]:
            del self._records[id]

    def find(self, session_id: str) -> SessionRecord | None:
        """Return a session's record, None where there is none (any more)."""
        return self._records.get(session_id)


def _money(dollars: float) -> float:
    return round(dollars, 6)

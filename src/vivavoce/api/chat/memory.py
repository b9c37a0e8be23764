"""What was said aloud in earlier answers, for requests that refer to it by `audio.id`.

The brain reads, so the transcript is all that is kept. It is kept by this process, for the key that got the answer, for an hour, and
less where more is said than there is room for.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

KEPT_S: Final = 3_600
"""How long an answer can be referred to. Source: the `expires_at` of recorded answers."""

KEPT_ANSWERS: Final = 10_000
KEPT_CHARACTERS: Final = 16 * 1024 * 1024
"""Room for all of them together; the oldest go first."""


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """An answer that was spoken: its transcript and duration, and when it is forgotten, in unix seconds."""

    transcript: str
    ms: float
    expires_at: int


class SpokenAnswers:
    """Remembers spoken answers. One per app, at `app.state.spoken_answers`.

    Args:
        now: unix seconds.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._kept: OrderedDict[tuple[str, str], SpokenAnswer] = OrderedDict()
        self._characters = 0

    def new_id(self) -> str:
        """Return the id of an answer that begins: it cannot be guessed."""
        return f"audio_{secrets.token_hex(16)}"

    def expiry(self) -> int:
        """Return until when an answer of now will be kept, in unix seconds."""
        return int(self.now()) + KEPT_S

    def keep(self, key: str, audio_id: str, answer: SpokenAnswer) -> None:
        """Remember an answer for those who come with a key."""
        self._kept[key, audio_id] = answer
        self._characters += len(answer.transcript)
        while self._kept and (self._too_much() or self._oldest().expires_at <= self.now()):
            _, gone = self._kept.popitem(last=False)
            self._characters -= len(gone.transcript)

    def find(self, key: str, audio_id: str) -> SpokenAnswer | None:
        """Return an answer, if it was given to that key and has not expired."""
        answer = self._kept.get((key, audio_id))
        return answer if answer is not None and answer.expires_at > self.now() else None

    def _too_much(self) -> bool:
        return len(self._kept) > KEPT_ANSWERS or self._characters > KEPT_CHARACTERS

    def _oldest(self) -> SpokenAnswer:
        return next(iter(self._kept.values()))

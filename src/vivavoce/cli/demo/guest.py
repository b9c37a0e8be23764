"""The guest: what to say next, given what the agent just said. Rules a person would follow, so that a mishearing gets repaired."""

from __future__ import annotations

import re
from typing import Final

from vivavoce.cli.demo.order import Order

YES: Final = "Yes, please."

MOST_TURNS: Final = 12
"""Turns after which a guest would give up."""

_REPEAT: Final = re.compile(
    r"\b(repeat|say (that|it) (again|once more)|once more|didn'?t (quite )?(catch|hear|get|understand)|pardon|come again)\b", re.I
)
_CONSENT: Final = re.compile(
    r"\b(go ahead|confirm|yes or no|sounds? (good|right)|is (that|this|everything) (right|correct|okay|ok)"
    r"|(shall|should|may) i (go|place|order|put|send|submit|proceed|get)|would you like me to"
    r"|place (the|your|this) order)\b|\b(right|correct|okay)\?",
    re.I,
)
_SIZE: Final = re.compile(r"\bsize\b|\bhow (large|big)\b|\bsmall\b.*\blarge\b", re.I)


class Guest:
    """Orders one drink without naming the size, and answers what is asked.

    Args:
        wanted: the order.
    """

    def __init__(self, wanted: Order) -> None:
        self._wanted = wanted
        self._turns = 0
        self._last = ""

    def next(self, agent_said: str, *, ordered: bool) -> str | None:
        """Return what to say next, None to hang up.

        Args:
            agent_said: the agent's last answer, empty before the first one and when none came.
            ordered: whether the order has been placed.
        """
        if ordered or self._turns >= MOST_TURNS:
            return None
        self._turns += 1
        self._last = self._choose(agent_said)
        return self._last

    def _choose(self, agent_said: str) -> str:
        if self._turns == 1:
            return f"A {self._wanted.drink} with a {self._wanted.shots}, please."
        question = _last_sentence(agent_said)
        if not agent_said or (_REPEAT.search(agent_said) and not self._is_read_back(agent_said)):
            return self._last
        if _CONSENT.search(question):
            return YES if self._is_right(agent_said) else f"No. {self._whole_order()}"
        if _SIZE.search(question):
            return f"{self._wanted.size.capitalize()}, please."
        return self._whole_order()

    def _is_read_back(self, agent_said: str) -> bool:
        return bool(_CONSENT.search(_last_sentence(agent_said))) and self._wanted.drink in agent_said.lower()

    def _is_right(self, agent_said: str) -> bool:
        """Tell whether what is read back is the order; what is not mentioned at all is let pass, but for drink and size."""
        said = agent_said.lower()
        return self._wanted.drink in said and self._wanted.size in said

    def _whole_order(self) -> str:
        return f"A {self._wanted.size} {self._wanted.drink} with a {self._wanted.shots}, please."


def _last_sentence(text: str) -> str:
    sentences = [part for part in re.split(r"(?<=[.?!])\s+", text.strip()) if part]
    questions = [sentence for sentence in sentences if sentence.endswith("?")]
    return (questions or sentences or [""])[-1]

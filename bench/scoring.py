"""Compare what an order was labelled with the function call it led to.

A label names slots as they were spoken ("a little bit of cream"); the tool has a parameter for each part of it (milk and how much). A
slot is right if all its parts are among the arguments with the same values. An order is right if every slot is and nothing was filled
that no slot names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from vivavoce.cli.coffee_bar import ORDER_DRINK

_PROPERTIES: Final[dict[str, Any]] = ORDER_DRINK["parameters"]["properties"]
_AMOUNTS: Final = tuple(sorted(_PROPERTIES["milkAmount"]["enum"], key=len, reverse=True))
_PAIRS: Final = {"milkAmount": ("milk", "milkAmount"), "sugarAmount": ("sweetener", "sweetenerAmount")}
"""Slots that say two things at once: what, and how much of it."""

Parts = dict[str, str]
"""Arguments by name."""

Cause = Literal["heard wrong", "filled wrong", "no call"]


def expected_parts(slot: str, spoken: str) -> Parts:
    """Return the arguments that a labelled slot stands for."""
    said = " ".join(spoken.split())
    if slot not in _PAIRS:
        return {slot: said}
    what, how_much = _PAIRS[slot]
    for amount in _AMOUNTS:
        if said.startswith(amount + " "):
            return {what: said.removeprefix(amount + " ").removeprefix("of "), how_much: amount}
    return {what: said}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A slot that is wrong, or an argument that no slot asked for (then `expected` is empty)."""

    slot: str
    expected: Parts
    got: Parts
    cause: Cause


@dataclass(frozen=True, slots=True)
class Score:
    """How well one order was understood."""

    slots: int
    mistakes: tuple[Mistake, ...]

    @property
    def slots_right(self) -> int:
        """Return how many labelled slots are right."""
        return self.slots - sum(bool(mistake.expected) for mistake in self.mistakes)

    @property
    def right(self) -> bool:
        """Tell whether the whole order is right."""
        return not self.mistakes


def score(labels: Mapping[str, str], arguments: Mapping[str, Any] | None, transcript: str) -> Score:
    """Compare an order's labels with the arguments of its call.

    Args:
        labels: slots as spoken.
        arguments: of the function call; None if there was none.
        transcript: what the recognizer understood. It decides the cause of a mistake: a value that is in it was heard and has been
            filled wrong; one that is not was heard wrong.
    """
    given = {name: str(value) for name, value in (arguments or {}).items()}
    mistakes: list[Mistake] = []
    asked_for: set[str] = set()
    for slot, spoken in labels.items():
        expected = expected_parts(slot, spoken)
        asked_for |= expected.keys()
        got = {name: given[name] for name in expected if name in given}
        if got != expected:
            missed = [value for name, value in expected.items() if got.get(name) != value]
            heard = all(_says(transcript, value) for value in missed)
            cause: Cause = "no call" if arguments is None else "filled wrong" if heard else "heard wrong"
            mistakes.append(Mistake(slot, expected, got, cause))
    for name in sorted(given.keys() - asked_for):
        extra = {name: given[name]}
        mistakes.append(Mistake(name, {}, extra, "heard wrong" if _says(transcript, given[name]) else "filled wrong"))
    return Score(len(labels), tuple(mistakes))


def _says(transcript: str, value: str) -> bool:
    words = " ".join("".join(c if c.isalnum() else " " for c in transcript.casefold()).split())
    return f" {value.casefold()} " in f" {words} "

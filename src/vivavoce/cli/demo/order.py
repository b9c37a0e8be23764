"""The counter: where orders arrive, and what the guest wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_FIRST_NUMBER: Final = 47
_MINUTES: Final = 4


@dataclass(frozen=True, slots=True)
class Order:
    """A drink as the guest wants it; the words are those of the tool's schema."""

    drink: str
    size: str
    shots: str

    def is_met_by(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether a call asks for this drink in this size."""
        return arguments.get("coffeeDrink") == self.drink and arguments.get("size") == self.size


WANTED: Final = Order("cappuccino", "large", "double shot")
"""What the demo's own guest has come for."""


class Counter:
    """Takes orders: the function behind the tool `orderDrink`."""

    def __init__(self) -> None:
        self.orders: list[Mapping[str, Any]] = []

    def order_drink(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take an order and return its number and how long it will be."""
        self.orders.append(arguments)
        return {"order_number": _FIRST_NUMBER + len(self.orders) - 1, "minutes": _MINUTES}

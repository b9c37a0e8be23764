"""The coffee bar, under the name the demo, the benchmarks and the examples know it by; the playground offers it as well."""

from __future__ import annotations

from vivavoce.playground.coffee_bar import INSTRUCTIONS, MODEL, ORDER_DRINK

__all__ = ["INSTRUCTIONS", "MODEL", "ORDER_DRINK"]

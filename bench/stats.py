"""Distributions of measured values, and the words they are reported in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share (0 to 100) of the values does not exceed, interpolated; NaN where there are none."""
    return float(np.percentile(values, share)) if len(values) else float("nan")


@dataclass(frozen=True, slots=True)
class Distribution:
    """What is told of a measured quantity: how often it was measured, its median, 95th percentile and extremes."""

    count: int
    least: float
    p50: float
    p95: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Distribution:
        """Return the distribution of some values, in their unit."""
        return cls(len(values), *(percentile(values, share) for share in (0, 50, 95, 100)))

    def cells(self, digits: int = 0) -> tuple[str, ...]:
        """Return the columns of a table: count, minimum, median, 95th percentile, maximum."""
        if not self.count:
            return ("0", "-", "-", "-", "-")
        return (str(self.count), *(f"{value:.{digits}f}" for value in (self.least, self.p50, self.p95, self.largest)))


DISTRIBUTION_COLUMNS = ("n", "min", "p50", "p95", "max")
"""The headings of `Distribution.cells`."""

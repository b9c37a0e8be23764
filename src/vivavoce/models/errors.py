"""What can go wrong with the model store, each said in one line with a way out."""

from __future__ import annotations


class StoreError(Exception):
    """Something about an asset did not work.

    Args:
        problem: what happened, a sentence without its full stop.
        way_out: what the user can do about it, likewise.
    """

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(f"{problem}. {way_out}.")
        self.problem = problem
        self.way_out = way_out


class UnknownAsset(StoreError):
    """There is no asset of that name."""


class BadSource(StoreError):
    """A source's address cannot be understood."""

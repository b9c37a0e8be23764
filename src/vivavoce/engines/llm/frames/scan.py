"""Finding every stretch of words that some reader can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class Stretch(Protocol):
    """What was read; `end` is the index of the first word after it."""

    @property
    def end(self) -> int:
        """Index of the first word that does not belong to it."""
        ...


S = TypeVar("S", bound=Stretch)


def scan(words: Sequence[str], read: Callable[[Sequence[str], int], S | None]) -> tuple[S, ...]:
    """Return what `read` reads in `words`, left to right, none overlapping.

    Args:
        words: an utterance, folded to lower case.
        read: returns the stretch that starts at an index, or None.
    """
    found: list[S] = []
    index = 0
    while index < len(words):
        stretch = read(words, index)
        if stretch is None:
            index += 1
        else:
            found.append(stretch)
            index = stretch.end
    return tuple(found)

"""Agreement between successive translations: what may be said of a clause before its end is known.

A clause that goes on is translated again and again as it grows. What two translations in a row begin with alike is taken to be settled
and may be said; it is never taken back. Source: Liu, Spanakis and Niehues, "Low-latency sequence-to-sequence speech recognition and
translation by partial hypothesis selection" (Interspeech 2020), local agreement with n = 2, here on the target side.
"""

from __future__ import annotations

from collections.abc import Sequence


def agreed(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many units two translations begin with alike."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left.strip() != right.strip():
            break
        count += 1
    return count


def continuation(said: Sequence[str], whole: Sequence[str]) -> list[str]:
    """Return the units of a whole translation that are still to be said after some have been.

    Where the translation does not begin with what was said, the words said stand: what is left begins where the beginning of the
    translation is nearest to them, by edit distance, the longer beginning where two are as near.

    Source: Sellers, "The theory and computation of evolutionary distances" (1980): the last row of the edit matrix.
    """
    if agreed(said, whole) == len(said):
        return list(whole[len(said) :])
    row = list(range(len(whole) + 1))
    for count, unit in enumerate(said, 1):
        corner, row[0] = row[0], count
        for place, other in enumerate(whole, 1):
            same = _bare(unit) == _bare(other)
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (not same))
    nearest = min(row)
    cut = max(place for place, distance in enumerate(row) if distance == nearest)
    return list(whole[cut:])


def _bare(unit: str) -> str:
    return "".join(character for character in unit.casefold() if character.isalnum()) or unit.strip()

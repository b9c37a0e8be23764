"""Tell a full stop that abbreviates from one that ends a sentence."""

from __future__ import annotations

import re

_ALWAYS = frozenset(
    (
        "dr", "mr", "mrs", "ms", "mx", "prof", "rev", "hon", "gen", "col", "sgt", "capt", "lt", "st", "mt", "vs", "cf",
        "e.g", "i.e", "al", "ca", "approx", "dept", "est", "sr", "sra", "srta", "ud", "uds", "mme", "mlle", "mgr",
        "z.b", "d.h", "u.a", "bzw", "ggf", "dott", "sig", "ing",
    )
)  # fmt: skip
"""A word follows these."""

_BEFORE_NUMBERS = frozenset(("no", "nos", "nr", "nº", "fig", "figs", "p", "pp", "vol", "ch", "sec", "art", "ext", "apt", "tel"))
"""These abbreviate only before a number; otherwise they are words ("No.") that end a sentence."""

_MAY_END = frozenset(("etc", "inc", "ltd", "corp", "co", "jr", "bros", "a.m", "p.m", "u.s", "u.k", "e.u", "usw", "ecc"))
"""These end a sentence when a capital letter follows."""

_LAST = re.compile(r"[^\s(\[\"'“‘«]*$")
_DOTTED = re.compile(r"(?:\w\.)+\w")


def ends_in_abbreviation(text: str, following: str) -> bool:
    """Tell whether the full stop at the end of a text belongs to an abbreviation, an initial or a number.

    Args:
        text: what has been written up to and including the full stop.
        following: the next character that is not white space.
    """
    found = _LAST.search(text[:-1])
    word = found.group() if found else ""
    lowered = word.lower()
    if lowered in _MAY_END:
        return not following.isupper()
    if lowered in _BEFORE_NUMBERS:
        return following.isdigit() or following == "#"
    if word.isdigit():
        # "1. Eggs" opens a list, "am 3. mai" is an ordinal; "It costs 5. Then" ends.
        opens = not text[: -1 - len(word)].strip("*_#- \t\n")
        return opens or following.islower()
    initial = len(word) == 1 and word.isalpha() and word.isascii() and word != "I"
    return initial or lowered in _ALWAYS or _DOTTED.fullmatch(word) is not None

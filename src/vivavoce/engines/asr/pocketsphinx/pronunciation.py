"""A pronunciation for words the dictionary lacks: compounds by their parts, initials by letter names, the rest by spelling rules.

Product and place names are what a dictionary of 126,000 words leaves out, and a rough pronunciation is enough: it only has to be
nearer to what is said than any other phrase of a small model.

Source: the idea of context-light letter-to-sound rules, longest match first, is H. S. Elovitz et al., "Automatic translation of
English text to phonetics by means of letter-to-sound rules", NRL Report 7948, 1976; the rules are our own short list.
"""

from __future__ import annotations

from collections.abc import Callable

Lookup = Callable[[str], str | None]
"""A word's phones, space-separated, or None when the dictionary does not have it."""

_SHORTEST_PART = 3
_VOWELS = frozenset("aeiouy")

_LETTER_NAMES = {
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH", "i": "AY",
    "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY", "q": "K Y UW", "r": "AA R",
    "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S", "y": "W AY", "z": "Z IY",
}  # fmt: skip

_SPELLINGS = {
    "ough": "AO", "augh": "AO", "eigh": "EY", "tion": "SH AH N", "sion": "ZH AH N", "cious": "SH AH S", "tious": "SH AH S",
    "ture": "CH ER", "sch": "SH", "tch": "CH", "dge": "JH", "igh": "AY", "ing": "IH NG", "ism": "IH Z AH M", "ght": "T",
    "air": "EH R", "ear": "IH R", "eer": "IH R", "our": "AW R", "oor": "AO R", "eau": "OW", "que": "K", "cch": "K", "cci": "CH IY",
    "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W", "gh": "G", "kn": "N", "wr": "R",
    "ee": "IY", "ea": "IY", "ai": "EY", "ay": "EY", "oa": "OW", "oo": "UW", "ou": "AW", "ow": "OW", "oi": "OY", "oy": "OY",
    "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY", "ey": "IY", "ue": "UW", "ui": "UW", "ew": "UW", "eu": "Y UW", "ia": "IY AH",
    "io": "IY OW", "ar": "AA R", "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER", "ce": "S EH", "ci": "S IH", "cy": "S IY",
    "ge": "JH EH", "gi": "JH IH", "gn": "N", "ss": "S", "zz": "T S", "ll": "L", "tt": "T", "pp": "P", "bb": "B", "dd": "D",
    "ff": "F", "gg": "G", "mm": "M", "nn": "N", "rr": "R", "cc": "K",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L",
    "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S",
    "y": "Y", "z": "Z",
}  # fmt: skip
_LONGEST_SPELLING = max(map(len, _SPELLINGS))

_FINAL = {"a": "AH", "i": "IY", "o": "OW", "u": "UW", "y": "IY", "es": "IH Z", "ed": "D", "ie": "IY"}
"""Spellings that end a word differently."""

_LONG_VOWELS = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW"}


def pronounce(word: str, lookup: Lookup) -> str:
    """Return phones (ARPAbet, space-separated) for a lower-case word of letters and apostrophes; empty when it has no letter.

    Args:
        word: the word.
        lookup: the dictionary, asked for the word itself and for its parts.
    """
    known = lookup(word)
    if known:
        return known
    letters = "".join(letter for letter in word if letter in _LETTER_NAMES)
    if word.endswith("'s") and len(letters) > 1:
        return f"{pronounce(word[:-2], lookup)} Z"
    return _compound(letters, lookup) or (_spelled_out(letters) if _VOWELS.isdisjoint(letters) else _by_rule(letters))


def _compound(letters: str, lookup: Lookup) -> str:
    """Return the phones of two dictionary words that make up `letters`, the most even split first, or nothing."""
    cuts = range(_SHORTEST_PART, len(letters) - _SHORTEST_PART + 1)
    for cut in sorted(cuts, key=lambda cut: abs(len(letters) - 2 * cut)):
        head, tail = lookup(letters[:cut]), lookup(letters[cut:])
        if head and tail:
            return f"{head} {tail}"
    return ""


def _spelled_out(letters: str) -> str:
    return " ".join(_LETTER_NAMES[letter] for letter in letters)


def _by_rule(letters: str) -> str:
    """Return the phones the spelling suggests, reading from the left, the longest known spelling first."""
    phones: list[str] = []
    place = 0
    while place < len(letters):
        rest = letters[place:]
        if place and rest in _FINAL:
            phones.append(_FINAL[rest])
            break
        if place and rest == "e":
            break
        if len(rest) == 3 and rest[0] in _LONG_VOWELS and rest[1] not in _VOWELS and rest[2] == "e":
            # The silent e that makes the vowel before it long: "latte" aside, "mode", "zune", "skype".
            phones += (_LONG_VOWELS[rest[0]], _SPELLINGS["s" if rest[1] == "c" else rest[1]])
            break
        for length in range(min(_LONGEST_SPELLING, len(rest)), 0, -1):
            found = _SPELLINGS.get(rest[:length])
            if found:
                phones.append(found)
                place += length
                break
    return " ".join(phones)

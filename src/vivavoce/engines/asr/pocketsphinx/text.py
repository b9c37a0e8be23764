"""Written text as the words a person would say.

The decoder's dictionary knows spoken words only: `orderDrink`, `12 oz.` and `café` must become `order drink`, `twelve oz` and
`cafe` before they can stand in a language model.
"""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*|\d+")
_QUOTED = re.compile(r"[\"“«]([^\"”»]{2,200})[\"”»]|(?<!\w)['‘]([^'’]{8,200})['’](?!\w)")
_SENTENCE = re.compile(r"[.!?;:\n]+")
_PLACEHOLDER = re.compile(r"[{<\[][^}>\]]*[}>\]]")
_SYMBOLS = {"&": " and ", "%": " percent ", "+": " plus ", "@": " at ", "=": " equals ", "$": " dollars ", "€": " euros "}

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_LONGEST_CARDINAL = 4
"""Digits: a longer run is an identifier and is said digit by digit."""


def spoken_words(text: str) -> tuple[str, ...]:
    """Return the lower-case words of `text` as they are said.

    Camel and snake case fall apart into words, accents are dropped, digits become number words (runs of more than four digits,
    or with a leading zero, digit by digit), a few symbols become their names, and everything else disappears.
    """
    for symbol, name in _SYMBOLS.items():
        text = text.replace(symbol, name)
    text = _CAMEL.sub(" ", text).replace("’", "'")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    words: list[str] = []
    for token in _TOKEN.findall(plain):
        words.extend(number_words(token) if token.isdigit() else (token,))
    return tuple(words)


def number_words(digits: str) -> tuple[str, ...]:
    """Return a run of ASCII digits as words: a cardinal when short, digit by digit otherwise."""
    if len(digits) > _LONGEST_CARDINAL or (len(digits) > 1 and digits[0] == "0"):
        return tuple(_UNITS[int(digit)] for digit in digits)
    return _cardinal(int(digits))


def _cardinal(number: int) -> tuple[str, ...]:
    if number < 20:
        return (_UNITS[number],)
    if number < 100:
        tens, rest = divmod(number, 10)
        return (_TENS[tens], *(_cardinal(rest) if rest else ()))
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    head, rest = divmod(number, unit)
    return (*_cardinal(head), name, *(_cardinal(rest) if rest else ()))


def quoted_sentences(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the quoted passages of `text` as spoken words, one entry per sentence; placeholders such as `{name}` are dropped."""
    passages = (double or single for double, single in _QUOTED.findall(text))
    return tuple(sentence for passage in passages for sentence in sentences(passage))


def sentences(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the sentences of `text` as spoken words; empty ones are left out."""
    parts = (spoken_words(part) for part in _SENTENCE.split(_PLACEHOLDER.sub(" ", text)))
    return tuple(part for part in parts if part)

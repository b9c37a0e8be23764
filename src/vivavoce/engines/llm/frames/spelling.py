"""Spelled identifiers: letters, digits and separators said one after the other become the written form.

"a b c one two three" is ABC123, "b c dash nine eight seven" is BC-987, "j o h n at example dot com" is john@example.com, "ninety
nine eleven" is 9911. Several readings of one sequence are all returned, the most usual first (guide ids SP-01 to SP-05 and NU-01
to NU-07).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product

from vivavoce.engines.llm.frames.numbers import TENS, UNITS, cardinal
from vivavoce.engines.llm.frames.scan import scan
from vivavoce.engines.llm.frames.text import Word
from vivavoce.engines.llm.frames.wordlists import word_list, word_set

SEPARATORS = {
    "dash": "-",
    "hyphen": "-",
    "minus": "-",
    "dot": ".",
    "point": ".",
    "period": ".",
    "underscore": "_",
    "slash": "/",
    "plus": "+",
}
_SPOKEN_SEPARATORS = {"-": "dash", ".": "dot", "_": "underscore", "/": "slash", "+": "plus", "@": "at"}
_NATO = {
    word: word[0]
    for word in word_list(
        """alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra
    tango uniform victor whiskey yankee zulu"""
    )
} | {"alfa": "a", "juliett": "j", "xray": "x", "whisky": "w"}
_LETTER_NAMES = {"bee": "b", "see": "c", "cee": "c", "dee": "d", "gee": "g", "jay": "j", "kay": "k", "el": "l", "em": "m", "en": "n",
                 "pee": "p", "cue": "q", "queue": "q", "tee": "t", "ex": "x", "zee": "z", "zed": "z"}  # fmt: skip
_REPEATS = {"double": 2, "triple": 3}
_MAX_READINGS = 8
_LONGEST_PATTERN = 200
_LONGEST_VALUE = 64
_NESTED_REPEAT = re.compile(r"[+*}]\??\)+[+*{]|\|[^()]*\)[+*{]")
_TYPED = re.compile(r"[A-Za-z0-9]+(?:[-_./][A-Za-z0-9]+)*")
_TYPED_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Spelled:
    """A spelled sequence in words `start` to `end` (exclusive): its readings, most usual first."""

    start: int
    end: int
    readings: tuple[str, ...]

    @property
    def text(self) -> str:
        """The most usual reading."""
        return self.readings[0]


def fits(value: str, pattern: str) -> bool:
    """Tell whether `value` matches the JSON schema `pattern` (unanchored, as the schema says).

    A pattern that is broken, or that could run for ever on a hostile input (it comes from a client), excludes nothing.
    """
    if not pattern or len(pattern) > _LONGEST_PATTERN or len(value) > _LONGEST_VALUE or _NESTED_REPEAT.search(pattern):
        return True
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def spelled_runs(words: Sequence[str]) -> tuple[Spelled, ...]:
    """Find the maximal spelled sequences in `words`, in order."""
    return scan(words, _run)


def _run(words: Sequence[str], start: int) -> Spelled | None:
    units: list[tuple[str, ...]] = []
    index = start
    while index < len(words):
        step = _unit(words, index, first=not units)
        if step is None:
            break
        options, index = step
        units.append(options)
    while units and units[-1][0] in _SPOKEN_SEPARATORS:
        units.pop()
        index -= 1
    if not units:
        return None
    readings = tuple(dict.fromkeys("".join(choice) for choice in islice(product(*units), _MAX_READINGS)))
    return Spelled(start, index, readings)


def _unit(words: Sequence[str], index: int, *, first: bool) -> tuple[tuple[str, ...], int] | None:
    """Read one unit at `index`: its possible written forms and the index behind it."""
    word = words[index]
    following = words[index + 1] if index + 1 < len(words) else ""
    if word in SEPARATORS and not first:
        return (SEPARATORS[word],), index + 1
    if word in _REPEATS and following:
        again = _unit(words, index + 1, first=False)
        if again is not None and len(again[0][0]) == 1:
            return (again[0][0] * _REPEATS[word],), again[1]
    if word == "capital" and (letter := _letter(following, sure=True)):
        return (letter.upper(),), index + 2
    if following == "as" and len(word) == 1 and list(words[index + 2 : index + 3]) == ["in"] and index + 3 < len(words):
        return (words[index + 3][0].upper(),), index + 4
    if (number := _number_unit(words, index)) is not None:
        return number
    if word in {"oh", "o"} and not (first and _digit(following) is None):
        return (("0", "O") if _digit(following) is not None or not following else ("O", "0")), index + 1
    letter = _letter(word, sure=not first)
    if letter and word in {"a", "i"} and _unit_follows(words, index + 1) is None:
        return None
    if letter and word in _LETTER_NAMES and _unit_follows(words, index + 1) is None and first:
        return None
    return ((letter.upper(),), index + 1) if letter else None


def _unit_follows(words: Sequence[str], index: int) -> str | None:
    if index >= len(words):
        return None
    word = words[index]
    spelled = len(word) == 1 or word in _NATO or word in _LETTER_NAMES or word in UNITS or word in TENS or word in SEPARATORS
    return word if spelled or word.isdigit() or word in _REPEATS else None


def _digit(word: str) -> int | None:
    value = UNITS.get(word)
    return value if value is not None and value < 10 else (int(word) if len(word) == 1 and word.isdigit() else None)


def _letter(word: str, *, sure: bool) -> str:
    if len(word) == 1 and word.isalpha():
        return word
    if word in _NATO:
        return _NATO[word]
    return _LETTER_NAMES.get(word, "") if sure else ""


def _number_unit(words: Sequence[str], index: int) -> tuple[tuple[str, ...], int] | None:
    word = words[index]
    if word.isdigit() or (any(char.isdigit() for char in word) and word.isalnum()):
        return (word.upper(),), index + 1
    if word == "a":
        return None
    read = cardinal(words, index)
    if read is None:
        return None
    value, end = read
    options = [str(value)]
    said = list(words[index:end])
    if len(said) == 2 and said[0] in TENS:  # "twenty three" may be 23 or, by a careful speaker, 20 and 3
        options.append(f"{TENS[said[0]]}{UNITS[said[1]]}")
    elif "hundred" in said[:-1] and said[-1] != "hundred":
        head = said.index("hundred") + 1
        rest = [word for word in said[head:] if word != "and"]
        tail = cardinal(rest, 0)
        whole = cardinal(said[:head], 0)
        if tail is not None and whole is not None and "thousand" not in said:
            options.append(f"{whole[0]}{tail[0]}")
    return tuple(options), end


def typed_codes(text: str) -> tuple[str, ...]:
    """Return the codes somebody typed in `text`: three or more characters of which at least one is a digit, as written."""
    return tuple(code for code in _TYPED.findall(text) if len(code) >= 3 and any(char.isdigit() for char in code))


def find_email(text: str, words: Sequence[Word]) -> tuple[int, int, str] | None:
    """Find the e-mail address typed or spelled in an utterance: word range and the address in lower case.

    The words around "at" and "dot" are taken as said; single letters are joined (SP-03, EM-03).
    """
    typed = _TYPED_EMAIL.search(text)
    if typed:
        inside = [index for index, word in enumerate(words) if word.start < typed.end() and word.end > typed.start()]
        return inside[0], inside[-1] + 1, typed.group().lower()
    said = [word.text for word in words]
    for at in reversed([index for index, word in enumerate(said) if word == "at"]):
        local, start = _local_part(said[:at])
        domain, behind = _domain(said[at + 1 :])
        if local and domain:
            return start, at + 1 + behind, f"{local}@{domain}"
    return None


def _local_part(words: Sequence[str]) -> tuple[str, int]:
    parts: list[str] = []
    start = len(words)
    for word in reversed(words):
        spelled = len(word) == 1 or word in UNITS or word.isdigit() or word in SEPARATORS
        if parts and not spelled and parts[0] not in SEPARATORS.values():
            break  # a whole word may stand at the front or next to a separator, not in front of letters spelled one by one
        if not spelled and word in word_set("is it's its address mail email my to yes no sure"):
            break
        parts.insert(0, SEPARATORS.get(word, str(UNITS[word]) if word in UNITS else word))
        start -= 1
    return "".join(parts).strip(".-_/+"), start


def _domain(words: Sequence[str]) -> tuple[str, int]:
    parts: list[str] = []
    dots = 0
    for word in words:
        written = SEPARATORS.get(word, str(UNITS[word]) if word in UNITS else word)
        if parts and dots and parts[-1] not in {".", "-"} and written not in {".", "-"} and len(word) > 1:
            break
        dots += written == "."
        parts.append(written)
    joined = "".join(parts).strip(".-_/+")
    return (joined if re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", joined) else ""), len(parts)


def spoken(value: str) -> str:
    """Return `value` for reading aloud, sign by sign with pauses: "8... 3... 5" (ID-02); e-mail addresses in words (EM-02)."""
    if "@" in value:
        return " ".join(_say_email_part(part) for part in re.split(r"([@.])", value) if part)
    return "... ".join(_SPOKEN_SEPARATORS.get(char, char) for char in value if not char.isspace())


def _say_email_part(part: str) -> str:
    if part in "@.":
        return _SPOKEN_SEPARATORS[part]
    if part in word_set("com org net gmail example outlook yahoo hotmail icloud"):
        return part
    return "-".join(_SPOKEN_SEPARATORS.get(char, char) for char in part)

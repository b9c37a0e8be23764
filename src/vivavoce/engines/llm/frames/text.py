"""Words of an utterance: the one tokenisation that every other module of the brain works on.

Speech recognizers write lower case without punctuation; typed text has both. Either way an utterance becomes a tuple of `Word`s
that remember where they stood, so that an argument can be cut from the original text unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from vivavoce.engines.llm.frames.wordlists import word_set

_WORD = re.compile(r"\d+(?:[.,]\d+)+(?!\w)|[^\W_]+(?:['’][^\W_]+)*")
_BREAK = re.compile(r"[,;:.!?]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")

ARTICLES = frozenset({"a", "an", "the"})

FILLERS = word_set("um uh er erm hmm hm mm ah oh well so like okay ok please just")

FUNCTION_WORDS = ARTICLES | word_set(
    """about actually after again all also am and any are as at back be because been but by can can't cannot could did do
    does doesn't don't for from get give go got had has have he hello her here hey hi him his how i i'd i'll i'm i've
    if in into is it it's just know let let's like made make makes may me mean might more most much my never new no
    not now of off oh okay on one or other our out over please put said say see she should so some something such take
    tell than thank thanks that that's the their them then there these they thing think this those to today too up us
    very wait want was we well went were what what's when where which who why will with without would yeah yes you
    your"""
)
"""Words so common that they are never taken for a misheard name of something."""

_ABBREVIATIONS = {"oz": "ounce", "lb": "pound", "lbs": "pound", "kg": "kilogram", "min": "minute", "mins": "minute"}


@dataclass(frozen=True, slots=True)
class Word:
    """One word: `text` in lower case, `start` and `end` as character offsets, whether punctuation follows it."""

    text: str
    start: int
    end: int
    pause: bool = False

    @property
    def folded(self) -> str:
        """The word without its plural or possessive ending."""
        return fold(self.text)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[Word, ...]:
    """Split `text` into words; hyphens and underscores separate, apostrophes do not."""
    found = list(_WORD.finditer(text))
    words: list[Word] = []
    for index, match in enumerate(found):
        following = found[index + 1].start() if index + 1 < len(found) else len(text)
        pause = bool(_BREAK.search(text[match.end() : following]))
        words.append(Word(match.group().lower().replace("’", "'"), match.start(), match.end(), pause))
    return tuple(words)


def texts(words: Sequence[Word]) -> list[str]:
    """Return the bare words."""
    return [word.text for word in words]


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return `text` as lower-case words with single spaces: what is left when writing is taken away."""
    return " ".join(word.text for word in words_of(text))


def span_text(original: str, words: Sequence[Word]) -> str:
    """Cut from `original` the stretch the words cover."""
    return original[words[0].start : words[-1].end] if words else ""


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """Split an identifier or an enum value into lower-case words: `coffeeDrink`, `coffee_drink` and `Coffee drink` are alike."""
    return tuple(word.text for word in words_of(_CAMEL.sub(" ", name)))


def fold(word: str) -> str:
    """Strip a plural or possessive ending: `ounces` and `ounce`, `cities` and `city`, `guest's` and `guest` fall together."""
    if word in _ABBREVIATIONS:
        return _ABBREVIATIONS[word]
    if word.endswith("'s"):
        return word[:-2]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def find_phrase(words: Sequence[str], phrase: Sequence[str]) -> int:
    """Return the index where `phrase` starts in `words`, or -1."""
    size = len(phrase)
    wanted = list(phrase)
    return next((start for start in range(len(words) - size + 1) if list(words[start : start + size]) == wanted), -1)

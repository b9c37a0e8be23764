"""Where an utterance names allowed values: exact phrases first, the longest winning, then close misrecognitions in what is left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from vivavoce.engines.llm.frames.schema import ANSWER_ONLY, Phrase, Property
from vivavoce.engines.llm.frames.similarity import alike
from vivavoce.engines.llm.frames.text import FILLERS, FUNCTION_WORDS, Word, fold, texts

_FUZZY_WEIGHT = 0.85
_WHOLE_PHRASE = 0.9
"""Only whole phrases are listened for in misheard words, not their short forms."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One meaning of a mention: a value of a property, and how surely it was said (0 to 1)."""

    prop: str
    value: Any
    weight: float


@dataclass(frozen=True, slots=True)
class Mention:
    """Words `start` to `end` (exclusive) that name a value; `readings` are its possible meanings, surest first."""

    start: int
    end: int
    readings: tuple[Reading, ...]
    exact: bool = True

    @property
    def owners(self) -> tuple[str, ...]:
        """The properties this mention may belong to with equal right."""
        best = self.readings[0].weight
        return tuple(dict.fromkeys(reading.prop for reading in self.readings if reading.weight == best))

    def value_for(self, prop: str) -> object:
        """Return the value meant if the mention belongs to `prop`, or None."""
        return next((reading.value for reading in self.readings if reading.prop == prop), None)


Lexicon = dict[Phrase, tuple[Reading, ...]]


def lexicon(properties: Sequence[Property], asked: str | None = None) -> Lexicon:
    """Collect the phrases of all allowed values; those too short to stand alone only for the property just asked about."""
    entries: dict[Phrase, dict[str, Reading]] = {}
    for prop in properties:
        for choice in prop.choices:
            for phrase, weight in choice.phrases:
                if weight < ANSWER_ONLY and prop.name != asked:
                    continue
                readings = entries.setdefault(phrase, {})
                if prop.name not in readings or readings[prop.name].weight < weight:
                    readings[prop.name] = Reading(prop.name, choice.value, weight)
    return {phrase: tuple(sorted(readings.values(), key=lambda reading: -reading.weight)) for phrase, readings in entries.items()}


def find_exact(words: Sequence[Word], phrases: Lexicon) -> tuple[Mention, ...]:
    """Find the values named as the schema names them, in order and without overlap; longer and surer phrases win."""
    return _spread(_exact(texts(words), phrases))


def find_misheard(words: Sequence[Word], phrases: Lexicon, taken: Collection[int]) -> tuple[Mention, ...]:
    """Find values that sound or look like words not yet `taken` (indices), in order and without overlap."""
    return _spread(_fuzzy(texts(words), phrases, frozenset(taken)))


def _exact(said: Sequence[str], phrases: Lexicon) -> list[Mention]:
    folded = [fold(word) for word in said]
    longest = max((len(phrase) for phrase in phrases), default=0)
    found: list[Mention] = []
    for start in range(len(said)):
        for end in range(start + 1, min(start + longest, len(said)) + 1):
            readings = phrases.get(tuple(said[start:end])) or phrases.get(tuple(folded[start:end]))
            if readings:
                found.append(Mention(start, end, readings))
    return found


def _fuzzy(said: Sequence[str], phrases: Lexicon, taken: frozenset[int]) -> list[Mention]:
    found: list[Mention] = []
    for start in range(len(said)):
        best: dict[int, tuple[float, tuple[Reading, ...]]] = {}
        for phrase, readings in phrases.items():
            meant = "".join(phrase)
            shared = len(readings) > 1 and readings[1].weight == readings[0].weight
            if readings[0].weight < _WHOLE_PHRASE or shared:
                continue
            for end in range(start + 1, min(start + len(phrase) + 1, len(said)) + 1):
                window = said[start:end]
                if taken & set(range(start, end)) or _too_common(window):
                    continue
                score = alike("".join(window), meant)
                if score > best.get(end, (0.0, ()))[0]:
                    best[end] = (score, readings)
        found.extend(
            Mention(start, end, tuple(Reading(r.prop, r.value, score * _FUZZY_WEIGHT) for r in readings), exact=False)
            for end, (score, readings) in best.items()
        )
    return found


def _too_common(window: Sequence[str]) -> bool:
    return all(word in FUNCTION_WORDS or word in FILLERS for word in window) or window[0] in {"the", "with", "and", "of"}


def _spread(candidates: list[Mention]) -> tuple[Mention, ...]:
    """Choose mentions that do not overlap: exact ones by length then weight, the rest by weight."""

    def rank(mention: Mention) -> tuple[float, float, int]:
        size, weight = mention.end - mention.start, mention.readings[0].weight
        return (-size, -weight, mention.start) if mention.exact else (-weight, -size, mention.start)

    chosen: list[Mention] = []
    for mention in sorted(candidates, key=rank):
        if all(mention.end <= other.start or mention.start >= other.end for other in chosen):
            chosen.append(mention)
    return tuple(sorted(chosen, key=lambda mention: mention.start))

"""What a caller may say in a session, written out as weighted phrases from what the developer declared.

Requests are drawn at random but evenly (each slot deals its values from a shuffled deck, so that none is left out), the rest is
listed. The same vocabulary always gives the same phrases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Generic, TypeVar

from vivavoce.engines.asr.pocketsphinx import turns
from vivavoce.engines.asr.pocketsphinx.language_model import WeightedPhrase
from vivavoce.engines.asr.pocketsphinx.schema import Action, Slot, Words, actions, digit_words
from vivavoce.engines.asr.pocketsphinx.text import quoted_sentences, sentences, spoken_words
from vivavoce.engines.asr.pocketsphinx.topic import Topic

REQUESTS = 5_000
"""Requests drawn in all, shared by the tools."""
_FEWEST_REQUESTS = 400
"""Requests drawn for one tool, however many there are."""
_MOST_TEXT_SENTENCES = 400
_TURN_WEIGHT = 3.0
_SEED = 20_011
"""Any number: fixed, so that a vocabulary has one model."""

T = TypeVar("T")


class Deck(Generic[T]):
    """Deals its cards in random order, every one before any comes again."""

    def __init__(self, cards: Sequence[T], rng: Random) -> None:
        self._cards = list(cards)
        self._rng = rng
        self._left: list[T] = []

    def deal(self) -> T:
        """Return the next card."""
        if not self._left:
            self._left = self._cards.copy()
            self._rng.shuffle(self._left)
        return self._left.pop()


def phrases(topic: Topic) -> list[WeightedPhrase]:
    """Return the phrases of a session; empty when it declares no tools, keywords or prompt."""
    declared = actions(topic.tools)
    hints = [spoken_words(keyword) for keyword in topic.keywords]
    prompt = sentences(topic.prompt)
    if not (declared or any(hints) or prompt):
        return []
    rng = Random(_SEED)
    found = [WeightedPhrase(tuple(turn.split()), _TURN_WEIGHT) for turn in turns.SHORT_TURNS]
    for action in declared:
        found += _about(action, max(_FEWEST_REQUESTS, REQUESTS // len(declared)), rng)
    quoted = quoted_sentences(topic.instructions)
    found += (WeightedPhrase(words, 2.0) for words in (*quoted, *prompt)[:_MOST_TEXT_SENTENCES])
    found += (phrase for words in hints if words for phrase in _hint(words))
    return [phrase for phrase in found if phrase.words]


def _hint(words: Words) -> Iterator[WeightedPhrase]:
    """Yield a keyword alone and as people ask for it."""
    yield WeightedPhrase(words, 8.0)
    yield WeightedPhrase((*words, "please"), 2.0)
    for opening in turns.OPENINGS:
        yield WeightedPhrase((*opening.split(), *words), 0.3)
        yield WeightedPhrase((*opening.split(), "a", *words), 0.3)


def _about(action: Action, requests: int, rng: Random) -> Iterator[WeightedPhrase]:
    """Yield the phrases one tool suggests."""
    yield from (WeightedPhrase(words, 1.0) for words in _mentions(action))
    for slot in action.slots:
        share = max(4.0, 60.0 / max(1, len(slot.values)))
        for value in slot.values:
            yield from (WeightedPhrase(words, share / 4) for words in _answers(value))
            yield WeightedPhrase(value, share)
            yield WeightedPhrase((*slot.name, *value), share / 8)
        if slot.digits:
            yield from (WeightedPhrase(words, 0.5) for words in _codes(slot, rng))
    composer = _Composer(action, rng)
    if composer.slots:
        yield from (WeightedPhrase(composer.request()) for _ in range(requests))


def _mentions(action: Action) -> Iterator[Words]:
    """Yield the tool named, with and without a verb's company."""
    verb, *rest = action.name
    named = {action.name, (verb, "a", *rest), (verb, "the", *rest), *action.description}
    for words in sorted(named):
        yield words
        yield from ((*intention.split(), *words) for intention in turns.INTENTIONS)
    for words in sorted({action.name, tuple(rest)}):
        yield from ((*opening.split(), *words) for opening in turns.OPENINGS if words)


def _answers(value: Words) -> Iterator[Words]:
    """Yield a value as the answer to a question, or as a correction."""
    for article in ("a", "the"):
        yield (article, *value)
        yield (article, *value, "please")
    yield (*value, "please")
    yield ("yes", *value)
    yield from ((*correction.split(), *value) for correction in turns.CORRECTIONS)
    yield from ((*correction.split(), "a", *value) for correction in turns.CORRECTIONS)


def _codes(slot: Slot, rng: Random) -> Iterator[Words]:
    """Yield strings of digits, alone and after the slot's name."""
    digits = Deck(digit_words(), rng)
    for length in range(1, 11):
        for _ in range(30):
            code = tuple(digits.deal() for _ in range(length))
            yield code
            yield (*slot.name, *code)


class _Composer:
    """Puts requests together for one tool."""

    def __init__(self, action: Action, rng: Random) -> None:
        self.slots = action.slots
        self._rng = rng
        self._values = [Deck(slot.values, rng) if slot.values else None for slot in action.slots]
        self._digits = Deck(digit_words(), rng)
        self._openings = Deck(turns.OPENINGS, rng)
        self._intentions = Deck(turns.INTENTIONS, rng)
        self._joints = Deck(turns.JOINTS, rng)
        self._articles = Deck(turns.ARTICLES, rng)
        self._closings = Deck(turns.CLOSINGS, rng)
        self._greetings = Deck((*turns.GREETINGS, *turns.HESITATIONS), rng)
        self._verbs = sorted({action.name[:1], action.name, (action.name[0], "a"), (action.name[0], "the")})

    def request(self) -> Words:
        """Return one request: an opening, some slots in some order, a closing."""
        words: list[str] = []
        if self._chance(0.1):
            words += self._greetings.deal().split()
        if self._chance(0.75):
            words += self._openings.deal().split()
        elif self._chance(0.6):
            words += (*self._intentions.deal().split(), *self._rng.choice(self._verbs))
        if self._chance(0.75):
            words.append(self._articles.deal())
        for place, index in enumerate(self._chosen()):
            if place and self._chance(0.45):
                words += self._joints.deal().split()
            words += self._said(index)
        if self._chance(0.25):
            words += self._closings.deal().split()
        return tuple(words)

    def _chosen(self) -> list[int]:
        """Return indices of the slots to be said, qualifiers left to the slot they qualify."""
        free = [index for index, slot in enumerate(self.slots) if slot.qualifies is None]
        chosen = [index for index in free if self._chance(0.75 if self.slots[index].required else 0.4)] or [
            self._rng.choice(free)
        ]
        if self._chance(0.75):
            self._rng.shuffle(chosen)
        return chosen

    def _said(self, index: int) -> Words:
        """Return one slot as said, after a qualifier of it if there is one and chance wills."""
        words: list[str] = []
        for number, slot in enumerate(self.slots):
            if slot.qualifies == index and self._chance(0.4):
                words += self._value(number)
                if self._chance(0.7):
                    words.append("of")
        if self._chance(0.04):
            words += self.slots[index].name
        elif self._chance(0.03):
            words += self._rng.choice(turns.NEGATIONS).split()
        return (*words, *self._value(index))

    def _value(self, index: int) -> Words:
        deck, slot = self._values[index], self.slots[index]
        if deck is not None:
            return deck.deal()
        if slot.digits:
            return tuple(self._digits.deal() for _ in range(self._rng.randint(1, 10)))
        return slot.name

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

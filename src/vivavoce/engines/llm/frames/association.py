"""Which property a value belongs to when several could take it: the one whose own words stand nearest.

"a little bit of cream and lots of sugar" has two amounts for two amount properties; "from boston to denver" two cities for two
city properties; "two adults and three children" two numbers. Each property has anchors in the utterance (words of its name, a
preposition that goes with it, the values of the property it qualifies); every value goes to the owner with the cheapest anchor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vivavoce.engines.llm.frames.mentions import Mention
from vivavoce.engines.llm.frames.schema import Property
from vivavoce.engines.llm.frames.text import Word
from vivavoce.engines.llm.frames.wordlists import word_set

_GLUE = word_set("of the a an that my in is to at be very real really for as should set")
_FENCES = frozenset({"and", "with", "but", "plus", "also", "then", "or"})
_REACH = 2
_FENCE_COST = 4.0
_BEHIND_COST = 1.5
_DEAREST = 4.5

_PREPOSITIONS = {
    "origin": "from", "source": "from", "departure": "from", "from": "from", "sender": "from", "start": "from",
    "destination": "to", "target": "to", "arrival": "to", "to": "to", "recipient": "to", "end": "to", "until": "to",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anchor:
    """Words `start` to `end` (exclusive) that speak of a property; a preposition counts only in front of the value."""

    start: int
    end: int
    leads_only: bool = False


def prepositions(prop: Property) -> frozenset[str]:
    """Return the prepositions that introduce a value of `prop`: "to" for a destination."""
    return frozenset(_PREPOSITIONS[topic] for topic in prop.topics if topic in _PREPOSITIONS)


def anchors(words: Sequence[Word], prop: Property, rivals: Sequence[Property], sure: Sequence[Mention]) -> tuple[Anchor, ...]:
    """Find the anchors of `prop`: words of its name that no rival shares, its prepositions, values of the one it qualifies."""
    shared = frozenset().union(*(rival.topics for rival in rivals if rival.name != prop.name)) if len(rivals) > 1 else frozenset()
    own = prop.topics - shared
    leads = prepositions(prop)
    found = [
        Anchor(index, index + 1, leads_only=word.text in leads)
        for index, word in enumerate(words)
        if word.folded in own or word.text in leads
    ]
    if prop.sibling:
        found.extend(Anchor(mention.start, mention.end) for mention in sure if prop.sibling in mention.owners)
    return tuple(found)


def associate(
    words: Sequence[Word],
    spans: Sequence[tuple[int, int]],
    owners: Mapping[str, Sequence[Anchor]],
    busy: Sequence[tuple[int, int]],
) -> dict[int, str]:
    """Assign spans to owners, cheapest pair first, each owner and each span at most once.

    Args:
        words: the utterance.
        spans: the values in question, as word ranges.
        owners: property name to its anchors.
        busy: word ranges of other values, which no association reaches across.

    Returns:
        Index of the span to the name of its property; spans no anchor reaches are left out.
    """
    pairs = sorted(
        (cost, index, name)
        for index, span in enumerate(spans)
        for name, anchored in owners.items()
        for anchor in anchored
        if (cost := _cost(words, span, anchor, busy)) is not None
    )
    assigned: dict[int, str] = {}
    for _, index, name in pairs:
        if index not in assigned and name not in assigned.values():
            assigned[index] = name
    return assigned


def _cost(words: Sequence[Word], span: tuple[int, int], anchor: Anchor, busy: Sequence[tuple[int, int]]) -> float | None:
    start, end = span
    if start < anchor.end and anchor.start < end:
        return None
    before = anchor.end <= start
    if anchor.leads_only and not before:
        return None
    gap = range(anchor.end, start) if before else range(end, anchor.start)
    if any(low < gap.stop and gap.start < high for low, high in busy):
        return None
    content = [words[index].text for index in gap if words[index].text not in _GLUE]
    fences = sum(word in _FENCES for word in content)
    strange = len(content) - fences
    if strange > (_REACH if not before else 1):
        return None
    pauses = sum(words[index].pause for index in range(anchor.end - 1 if before else end - 1, gap.stop))
    cost = len(gap) * 0.5 + strange + (fences + pauses) * _FENCE_COST
    if before and not anchor.leads_only:
        cost += _BEHIND_COST
    return cost if cost <= _DEAREST else None

"""From words to arguments: what an utterance says about the properties of a tool, and nothing it does not say.

`extract` is the plain function (text and tool in wire form to arguments); `find` also tells what was taken back, what was
ambiguous and which words carried evidence, for the dialogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vivavoce.engines.llm.frames import association, free_text, identifiers, moments, numbers
from vivavoce.engines.llm.frames.booleans import find_boolean
from vivavoce.engines.llm.frames.mentions import Mention, find_exact, find_misheard, lexicon
from vivavoce.engines.llm.frames.negation import is_corrected, is_denied, is_removed
from vivavoce.engines.llm.frames.schema import Kind, Property, Tool, parse_tool
from vivavoce.engines.llm.frames.text import Word, texts, words_of

_LONGEST_UTTERANCE = 300
_LONGEST_GUESS = 60
"""Words of an utterance that are read at all, and up to which misheard words are looked for: a bound on work, not on sense."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An identifier that was heard but cannot be used: its readings (none if incomplete)."""

    prop: str
    readings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one utterance says about one tool."""

    values: Mapping[str, Any]
    removed: frozenset[str] = frozenset()
    """Properties whose value was taken back without another in its place."""
    doubts: tuple[Doubt, ...] = ()
    evidence: int = 0
    """How many values were named exactly as the schema names them."""
    covered: frozenset[int] = frozenset()
    """Indices of the words that were understood as values."""
    loose: bool = False
    """Whether a value is free text, which proves little: any words could stand there."""


def extract(text: str, tool: Mapping[str, Any]) -> dict[str, object]:
    """Return the arguments `text` gives for `tool` (wire form), in schema order; what is not said is not there."""
    parsed = parse_tool(tool)
    values = find(text, parsed).values
    return {prop.name: values[prop.name] for prop in parsed.properties if prop.name in values}


def find(text: str, tool: Tool, *, asked: str | None = None, held: Mapping[str, Any] | None = None) -> Extraction:
    """Find what `text` says about `tool`.

    Args:
        text: one utterance, spoken or typed.
        tool: the tool to fill.
        asked: the property the last question was about: short answers belong to it.
        held: the values known so far; they decide whether "no sugar" takes something back.
    """
    return _find(text, tool, asked, json.dumps(held or {}))


@lru_cache(maxsize=4096)
def _find(text: str, tool: Tool, asked: str | None, held: str) -> Extraction:
    """Remember what was found: a conversation is replayed for every response, so its utterances come again and again."""
    return _Finder(text, tool, asked, json.loads(held)).run()


class _Finder:
    """One pass over one utterance; each step takes words out of play for the next."""

    def __init__(self, text: str, tool: Tool, asked: str | None, held: Mapping[str, Any]) -> None:
        self._text = text
        self._tool = tool
        self._asked = asked
        self._held = held
        self._words: tuple[Word, ...] = words_of(text)[:_LONGEST_UTTERANCE]
        self._said = texts(self._words)
        self._busy: set[int] = set()
        self._values: dict[str, Any] = {}
        self._removed: set[str] = set()
        self._doubts: list[Doubt] = []
        self._evidence = 0
        self._loose = False

    def run(self) -> Extraction:
        for prop in self._tool.properties:
            if prop.kind is Kind.CONSTANT:
                self._values[prop.name] = prop.constant
        if self._words:
            self._choices()
            self._identifiers()
            self._moments()
            self._numbers()
            self._booleans()
            self._texts()
        removed = frozenset(self._removed - set(self._values))
        return Extraction(dict(self._values), removed, tuple(self._doubts), self._evidence, frozenset(self._busy), self._loose)

    def _free(self, start: int, end: int) -> bool:
        return not self._busy & set(range(start, end))

    # --- enums ---------------------------------------------------------------------------------------------------------------

    def _choices(self) -> None:
        listed = [prop for prop in self._tool.properties if prop.kind in {Kind.CHOICE, Kind.CHOICES}]
        if not listed:
            return
        phrases = lexicon(listed, self._asked)
        exact = [mention for mention, _ in self._owned(find_exact(self._words, phrases))]
        taken = {index for mention in exact for index in range(mention.start, mention.end)}
        misheard = find_misheard(self._words, phrases, taken) if len(self._words) <= _LONGEST_GUESS else ()
        owned = self._owned(sorted((*exact, *misheard), key=lambda mention: mention.start))
        for mention, _ in owned:
            self._busy.update(range(mention.start, mention.end))
            self._evidence += mention.exact
        for prop in listed:
            self._settle(prop, [mention for mention, owner in owned if owner == prop.name])

    def _owned(self, mentions: Sequence[Mention]) -> list[tuple[Mention, str]]:
        """Give every mention to one property; those nobody can claim for certain are dropped."""
        owners = {index: self._owners(mention) for index, mention in enumerate(mentions)}
        sure = [mention for index, mention in enumerate(mentions) if len(owners[index]) == 1]
        open_ones = [index for index in owners if len(owners[index]) > 1]
        busy = [(mention.start, mention.end) for mention in mentions]
        result = {index: names[0] for index, names in owners.items() if len(names) == 1}
        rivals = {name for index in open_ones for name in owners[index]}
        anchored: dict[str, Sequence[association.Anchor]] = {}
        for name in sorted(rivals):
            prop = self._tool.find(name)
            if prop is not None:
                peers = [self._tool.find(rival) for rival in rivals]
                anchored[name] = association.anchors(self._words, prop, [peer for peer in peers if peer is not None], sure)
        spans = [(mentions[index].start, mentions[index].end) for index in open_ones]
        for position, name in association.associate(self._words, spans, anchored, busy).items():
            result[open_ones[position]] = name
        self._leftovers(open_ones, owners, result)
        return [(mentions[index], name) for index, name in sorted(result.items())]

    def _owners(self, mention: Mention) -> tuple[str, ...]:
        if self._asked is not None and mention.value_for(self._asked) is not None:
            return (self._asked,)
        return mention.owners

    def _leftovers(self, open_ones: Sequence[int], owners: Mapping[int, tuple[str, ...]], result: dict[int, str]) -> None:
        """Settle the one value and the one owner that remain when all others have found each other."""
        rest = [index for index in open_ones if index not in result]
        if len(rest) != 1:
            return
        left = [name for name in owners[rest[0]] if name not in result.values() and name not in self._held]
        placed = len(open_ones) > 1 or any(name in self._held for name in owners[rest[0]])
        if len(left) == 1 and placed and not self._qualifies(left[0]):
            result[rest[0]] = left[0]

    def _qualifies(self, name: str) -> bool:
        prop = self._tool.find(name)
        return prop is not None and bool(prop.sibling)

    def _settle(self, prop: Property, mentions: Sequence[Mention]) -> None:
        """Choose the value of one property from its mentions: the first, unless a correction leads to a later one.

        A second value without any sign of a change of mind is more often a misheard word than a wish.
        """
        kept: list[Mention] = []
        for mention in mentions:
            value = mention.value_for(prop.name)
            same = prop.name in self._held and self._held[prop.name] == value
            if is_denied(self._said, mention.start) or (
                is_removed(self._said, mention.start) and (same or not self._fits_as_answer(prop))
            ):
                self._removed.add(prop.name)
            else:
                kept.append(mention)
        if prop.kind is Kind.CHOICES:
            if kept:
                self._values[prop.name] = list(dict.fromkeys(mention.value_for(prop.name) for mention in kept))
            return
        chosen: Mention | None = None
        for mention in kept:
            if chosen is None or is_corrected(self._said, chosen.end, mention.start):
                chosen = mention
        if chosen is not None:
            self._values[prop.name] = chosen.value_for(prop.name)

    def _fits_as_answer(self, prop: Property) -> bool:
        """Tell whether "no X" can mean "no, X": when X replaces another value of the property or answers the question."""
        return prop.name in self._held or prop.name == self._asked

    # --- everything else -----------------------------------------------------------------------------------------------------

    def _identifiers(self) -> None:
        for prop in self._tool.identifiers:
            taken = {value for value in self._values.values() if isinstance(value, str)}
            found = identifiers.find_identifier(self._text, self._words, prop, asked=self._asked == prop.name, taken=taken)
            if found is None:
                continue
            self._busy.update(range(found.start, found.end))
            if found.value:
                self._values[prop.name] = found.value
                self._evidence += 1
            else:
                self._doubts.append(Doubt(prop.name, found.readings))

    def _moments(self) -> None:
        wanted = [prop for prop in self._tool.properties if prop.kind is Kind.MOMENT]
        found = [moment for moment in moments.find_moments(self._said) if self._free(moment.start, moment.end)]
        for moment in found if wanted else ():
            parts = moments.split_moment(self._said, moment) if len(wanted) > 1 else (moment, moment)
            for prop in wanted:
                part = self._part_for(prop, parts)
                if part is not None and prop.name not in self._values:
                    cut = self._words[part.start : part.end]
                    self._values[prop.name] = self._text[cut[0].start : cut[-1].end]
                    self._busy.update(range(part.start, part.end))
                    self._evidence += 1
                    if len(wanted) == 1:
                        break
        for moment in found:
            if moment.clock or moment.day:
                self._busy.update(range(moment.start, moment.end)) if wanted else None
        asked = next((prop for prop in wanted if prop.name == self._asked and prop.name not in self._values), None)
        if (
            asked is not None
            and (answer := free_text.answered(self._text, self._words, asked))
            and any(map(str.isdigit, answer.value))
        ):
            self._values[asked.name] = answer.value

    @staticmethod
    def _part_for(prop: Property, parts: tuple[moments.Moment | None, moments.Moment | None]) -> moments.Moment | None:
        day, clock = parts
        topics = prop.topics
        if "time" in topics and "date" not in topics and day is not clock:
            return clock
        if topics & {"date", "day"} and day is not clock:
            return day
        return day or clock

    def _numbers(self) -> None:
        wanted = [prop for prop in self._tool.properties if prop.kind in {Kind.INTEGER, Kind.NUMBER}]
        found = [quantity for quantity in numbers.quantities(self._said) if self._free(quantity.start, quantity.end)]
        if not wanted or not found:
            return
        spans = [(quantity.start, quantity.end) for quantity in found]
        anchored = {prop.name: association.anchors(self._words, prop, wanted, ()) for prop in wanted}
        assigned = association.associate(self._words, spans, anchored, spans) if len(wanted) > 1 or len(found) > 1 else {}
        open_props = [prop for prop in wanted if prop.name not in assigned.values()]
        rest = [index for index in range(len(found)) if index not in assigned]
        asked = next((prop for prop in open_props if prop.name == self._asked), None)
        if asked is not None and rest:
            assigned[rest[-1]] = asked.name
        elif len(wanted) == 1 and rest and not assigned:
            assigned[rest[-1]] = wanted[0].name
        elif len(open_props) == 1 and len(rest) == 1 and assigned:
            assigned[rest[0]] = open_props[0].name
        for index, name in assigned.items():
            prop = next(prop for prop in wanted if prop.name == name)
            self._take_number(prop, found[index])

    def _take_number(self, prop: Property, quantity: numbers.Quantity) -> None:
        value = numbers.convert(quantity, prop.unit)
        if (prop.minimum is not None and value < prop.minimum) or (prop.maximum is not None and value > prop.maximum):
            return
        if prop.kind is Kind.INTEGER and not float(value).is_integer():
            return
        self._values[prop.name] = int(value) if float(value).is_integer() else value
        self._busy.update(range(quantity.start, quantity.end))
        self._evidence += 1

    def _booleans(self) -> None:
        for prop in self._tool.properties:
            if prop.kind is Kind.BOOLEAN:
                value = find_boolean(self._words, prop, asked=self._asked == prop.name, busy=self._busy)
                if value is not None:
                    self._values[prop.name] = value

    def _texts(self) -> None:
        wanted = [
            prop for prop in self._tool.properties if prop.kind in {Kind.TEXT, Kind.TEXTS} and prop.name not in self._values
        ]
        for prop in wanted:
            found = free_text.carried(self._text, self._words, prop, self._busy)
            if found is None and prop.name == self._asked and not self._busy:
                found = free_text.answered(self._text, self._words, prop)
            if found is None:
                continue
            self._busy.update(range(found.start, found.end))
            self._loose = True
            self._values[prop.name] = found.value if prop.kind is Kind.TEXT else _listed(found.value)


def _listed(value: str) -> list[str]:
    parts = [part.strip() for part in value.replace(",", " and ").split(" and ")]
    return [part for part in parts if part]

"""Free text in an utterance: names, cities, topics and messages, found behind the words people put in front of them.

Nothing is ever made up: an argument is a stretch of the utterance, or there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vivavoce.engines.llm.frames.association import prepositions
from vivavoce.engines.llm.frames.schema import Property
from vivavoce.engines.llm.frames.text import ARTICLES, FILLERS, Word, span_text, texts
from vivavoce.engines.llm.frames.wordlists import word_set

_PLACES = word_set("""city location place address town country airport station destination origin region street venue area""")
_PEOPLE = word_set("""name customer guest recipient contact person who caller friend attendee passenger patient employee""")
_TOPICS = word_set("query question search topic subject keyword term about")
_MESSAGES = word_set("""message text body content note comment reason instruction feedback complaint detail issue problem""")

_CARRIERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "place": (("in",), ("near",), ("around",), ("at",), ("for",)),
    "person": (
        ("my", "name", "is"), ("my", "name's"), ("the", "name", "is"), ("name", "is"), ("name", "of"), ("this", "is"),
        ("call", "me"), ("under",), ("named",), ("called",), ("i'm",), ("i", "am"), ("for",),
    ),
    "topic": (("search", "for"), ("look", "up"), ("about",), ("for",), ("on",)),
    "message": (("saying", "that"), ("saying",), ("that", "says"), ("says",), ("telling", "them"), ("because",), ("that",)),
    "other": (("called",), ("titled",), ("named",)),
}  # fmt: skip
_LEADS = (
    ("my", "name", "is"), ("the", "name", "is"), ("name", "is"), ("it", "is"), ("it's",), ("that's",), ("that", "is"), ("this", "is"),
    ("i'm", "in"), ("i'm",), ("i", "am"), ("i'd", "like"), ("i", "would", "like"), ("i", "want"), ("to",), ("in",), ("for",), ("at",),
    ("from",), ("on",), ("about",), ("the",), ("it", "would", "be"), ("let's", "say"), ("make", "it"), ("call", "me"), ("no",), ("yes",),
    ("yeah",), ("actually",), ("sorry",),
)  # fmt: skip
_STOPS = word_set(
    """please thanks thank and with from to in at on for by under saying says that because tomorrow today tonight now right
    is are was will can could i you my"""
)
_NEVER_FIRST = word_set(
    """me you it him her them us that this what when where which who how why if going not sure fine good okay ok here there
    looking trying calling having just about all any some more so"""
)
_LONGEST_NAME = 4


@dataclass(frozen=True, slots=True)
class FoundText:
    """A value in words `start` to `end` (exclusive)."""

    start: int
    end: int
    value: str


def role(prop: Property) -> str:
    """Return what the property holds: `place`, `person`, `topic`, `message` or `other`, by the words of its name."""
    for name, words in (("place", _PLACES), ("message", _MESSAGES), ("topic", _TOPICS), ("person", _PEOPLE)):
        if prop.topics & words:
            return name
    return "place" if prepositions(prop) else "other"


def carried(original: str, words: Sequence[Word], prop: Property, busy: Collection[int]) -> FoundText | None:
    """Find the text for `prop` behind one of its carrier phrases ("in Paris", "my name is Ada", "saying I'm late").

    Args:
        original: the utterance as written.
        words: its words.
        prop: the property to fill.
        busy: indices of words that already mean something else.
    """
    said = texts(words)
    kind = role(prop)
    own = _own_carriers(prop)
    for carrier in (*_CARRIERS[kind], *own) if kind == "message" else (*own, *_CARRIERS[kind]):
        for start in range(len(said) - len(carrier)):
            if tuple(said[start : start + len(carrier)]) == carrier and start not in busy:
                found = _take(original, words, start + len(carrier), kind, busy)
                if found is not None:
                    return found
    return None


def answered(original: str, words: Sequence[Word], prop: Property) -> FoundText | None:
    """Take a whole answer to a direct question as the value, without its lead-in ("it's", "um", "my name is") and courtesies."""
    start, end = 0, len(words)
    said = texts(words)
    moved = True
    while moved and start < end:
        moved = False
        if said[start] in FILLERS:
            start, moved = start + 1, True
        for lead in _LEADS:
            if tuple(said[start : start + len(lead)]) == lead and start + len(lead) < end:
                start, moved = start + len(lead), True
                break
    while end > start and said[end - 1] in FILLERS | {"please", "thanks", "thank", "you"}:
        end -= 1
    kind = role(prop)
    limit = len(words) if kind in {"message", "topic", "other"} else 2 * _LONGEST_NAME
    if start >= end or end - start > limit:
        return None
    return FoundText(start, end, _written(span_text(original, words[start:end]), kind, original))


def _own_carriers(prop: Property) -> tuple[tuple[str, ...], ...]:
    label = tuple(prop.label.split())
    forms = [(*label, "is"), (*label, "to"), (*label, "of"), label]
    if len(label) > 1:
        forms += [(label[-1], "is"), (label[-1], "of")]
    return (*forms, *((preposition,) for preposition in prepositions(prop)))


def _take(original: str, words: Sequence[Word], start: int, kind: str, busy: Collection[int]) -> FoundText | None:
    while start < len(words) and words[start].text in ARTICLES and kind != "message":
        if kind == "person":
            return None
        start += 1
    if kind == "message":
        end = len(words)
        return FoundText(start, end, span_text(original, words[start:end])) if end > start else None
    limit = start + (_LONGEST_NAME if kind in {"place", "person"} else 8)
    end = start
    stops = _STOPS if kind in {"place", "person"} else frozenset({"please", "thanks"})
    while end < min(len(words), limit) and words[end].text not in stops and end not in busy:
        end += 1
        if words[end - 1].pause:
            break
    if end == start or words[start].text in _NEVER_FIRST or words[start].text.isdigit():
        return None
    return FoundText(start, end, _written(span_text(original, words[start:end]), kind, original))


def _written(value: str, kind: str, original: str) -> str:
    """Give names back the capitals a recognizer never writes; text that somebody typed with capitals stays as it is."""
    if kind in {"place", "person"} and original == original.lower():
        return " ".join(part[:1].upper() + part[1:] for part in value.split())
    return value

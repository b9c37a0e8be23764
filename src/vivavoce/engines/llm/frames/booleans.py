"""Yes-or-no arguments: named ("gift wrapped"), denied ("without a lid"), or answered ("yes please")."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vivavoce.engines.llm.frames.consent import Reply, read_reply
from vivavoce.engines.llm.frames.negation import is_denied, is_removed
from vivavoce.engines.llm.frames.schema import Property
from vivavoce.engines.llm.frames.text import Word, fold, texts
from vivavoce.engines.llm.frames.wordlists import word_set

_STATES = {"on": True, "off": False, "enabled": True, "disabled": False, "enable": True, "disable": False}
_STATE_NAMES = frozenset({"on", "enabled", "enable", "active", "power", "state"})
_PREFIXES = word_set("is has with want wants needs include includes use allow")


def find_boolean(words: tuple[Word, ...], prop: Property, *, asked: bool, busy: Collection[int]) -> bool | None:
    """Return what the words say about a boolean property, or None if they say nothing."""
    said = texts(words)
    if prop.topics & _STATE_NAMES:
        states = [_STATES[word] for index, word in enumerate(said) if word in _STATES and index not in busy]
        if states:
            return states[-1]
    topics = [word for word in prop.label.split() if word not in _PREFIXES]
    start = _named(said, topics)
    if start >= 0 and start not in busy:
        return not (is_denied(said, start) or is_removed(said, start))
    if asked:
        return {Reply.YES: True, Reply.NO: False}.get(read_reply(words))
    return None


def _named(said: Sequence[str], topics: Sequence[str]) -> int:
    """Return where all words of the name stand in a row, inflections aside ("gift wrapped" for `gift_wrap`), or -1."""
    size = len(topics)
    for start in range(len(said) - size + 1) if size else ():
        if all(_inflects(heard, topic) for heard, topic in zip(said[start : start + size], topics, strict=True)):
            return start
    return -1


def _inflects(heard: str, topic: str) -> bool:
    stem = topic[:-1] if topic.endswith("e") and len(topic) > 4 else topic
    return fold(heard) == fold(topic) or (len(stem) > 3 and heard.startswith(stem) and len(heard) - len(stem) <= 4)

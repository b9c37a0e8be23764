"""Which tool an utterance is about, if any: sentence embeddings or word overlap, plus the values it names.

A floor keeps small talk away from every tool, and so do example phrases of what belongs to none: an utterance must be closer to
a tool than to them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.engines.llm.frames.schema import Tool
from vivavoce.engines.llm.frames.slots import Extraction, find
from vivavoce.engines.llm.frames.text import FILLERS, FUNCTION_WORDS, fold, name_words, words_of

Floats = NDArray[np.float32]

_FLOOR = 0.40
_CLEAR_FLOOR = 0.28
_CLEAR_MARGIN = 0.08
"""A weaker similarity is enough where it is clearly above that of anything no tool does."""

_LEXICAL_FLOOR = 0.55
_EVIDENCE_BONUS = 0.20
_LEXICAL_BONUS = 0.15
_EVIDENCE_CAP = 3
_CACHED_TEXTS = 4096
_CACHED_RANKINGS = 1024
"""A conversation is replayed for every response, so its utterances come again and again."""

_NO_TOOL = (
    "How are you today?",
    "Tell me a joke.",
    "What is your name?",
    "What is the meaning of life?",
    "I love my dog.",
    "I had a long day at work.",
    "You sound like a robot.",
    "What do you think about politics?",
    "Who won the game last night?",
    "How large is the moon?",
    "That is funny.",
    "My sister is visiting tomorrow.",
    "I am just talking to someone else.",
    "Sing me a song.",
    "How do I fix my car?",
    "What is two plus two?",
    "I was thinking about something.",
)

_NO_CONTENT = FUNCTION_WORDS | FILLERS


class Encoder(Protocol):
    """What the router needs of a sentence encoder."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Embed texts as unit vectors, float32 [n, d]."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """A candidate tool with what the utterance says about it."""

    tool: Tool
    score: float
    accepted: bool
    extraction: Extraction


class Router:
    """Ranks tools for an utterance; keeps the embeddings of what it has seen. Thread-safe.

    Args:
        encoder: a sentence encoder, or None to compare words.
    """

    def __init__(self, encoder: Encoder | None) -> None:
        self._encoder = encoder
        self._vectors: OrderedDict[str, Floats] = OrderedDict()
        self._ranked: OrderedDict[tuple[str, tuple[Tool, ...]], tuple[Route, ...]] = OrderedDict()
        self._lock = Lock()

    def rank(self, text: str, tools: Sequence[Tool]) -> tuple[Route, ...]:
        """Return a route for every tool, best first; `accepted` marks those the utterance is really about."""
        key = (text, tuple(tools))
        with self._lock:
            ranked = self._ranked.get(key)
        if ranked is None:
            ranked = self._rank(text, tools) if tools else ()
            with self._lock:
                self._ranked[key] = ranked
                while len(self._ranked) > _CACHED_RANKINGS:
                    self._ranked.popitem(last=False)
        return ranked

    def _rank(self, text: str, tools: Sequence[Tool]) -> tuple[Route, ...]:
        extractions = [find(text, tool) for tool in tools]
        similarities, rival = self._semantic(text, tools) if self._encoder else _lexical(text, tools, extractions)
        each = _EVIDENCE_BONUS if self._encoder else _LEXICAL_BONUS
        routes: list[Route] = []
        for tool, similarity, extraction in zip(tools, similarities, extractions, strict=True):
            score = similarity + each * min(extraction.evidence, _EVIDENCE_CAP)
            routes.append(Route(tool, score, self._accepts(score, rival, extraction.evidence), extraction))
        return tuple(sorted(routes, key=lambda route: -route.score))

    def _accepts(self, score: float, rival: float, evidence: int) -> bool:
        if self._encoder is None:
            return score >= _LEXICAL_FLOOR or evidence > 1
        return (score >= _FLOOR and score > rival) or (score >= _CLEAR_FLOOR and score >= rival + _CLEAR_MARGIN)

    def best(self, text: str, tools: Sequence[Tool]) -> Route | None:
        """Return the best accepted route, if there is one."""
        return next((route for route in self.rank(text, tools) if route.accepted), None)

    def prepare(self, tools: Sequence[Tool]) -> None:
        """Embed the phrases of `tools` and the no-tool phrases in advance."""
        if self._encoder:
            self._embed([*_NO_TOOL, *(phrase for tool in tools for phrase in phrases_of(tool))])

    def _semantic(self, text: str, tools: Sequence[Tool]) -> tuple[list[float], float]:
        spoken = self._embed([text])[0]
        similarities = [max(0.0, float((self._embed(phrases_of(tool)) @ spoken).max())) for tool in tools]
        rival = float((self._embed(_NO_TOOL) @ spoken).max())
        return similarities, rival

    def _embed(self, texts: Sequence[str]) -> Floats:
        encoder = self._encoder
        if encoder is None:
            raise ValueError("no encoder to embed with")
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        unseen = [text for text in dict.fromkeys(texts) if text not in known]
        if unseen:
            known.update(zip(unseen, encoder.encode(unseen), strict=True))
        with self._lock:
            for text in texts:
                self._vectors[text] = known[text]
                self._vectors.move_to_end(text)
            while len(self._vectors) > _CACHED_TEXTS:
                self._vectors.popitem(last=False)
        return np.stack([known[text] for text in texts])


def phrases_of(tool: Tool) -> tuple[str, ...]:
    """Return the texts that stand for a tool: description, name, name with its properties, examples."""
    labels = ", ".join(prop.label for prop in tool.properties)
    described = tool.description or tool.label
    with_labels = f"{tool.label}: {labels}" if labels else tool.label
    return tuple(dict.fromkeys([described, tool.label, with_labels, *tool.examples]))


def _lexical(text: str, tools: Sequence[Tool], extractions: Sequence[Extraction]) -> tuple[list[float], float]:
    """Return per tool the share of the content words it knows among those that are no values, rare words counting more; no rival.

    An utterance that is nothing but values ("a large latte") counts as fully known.
    Source: inverse document frequency, Sparck Jones 1972.
    """
    documents = [_vocabulary(tool) for tool in tools]
    words = words_of(text)
    shares: list[float] = []
    for known, extraction in zip(documents, extractions, strict=True):
        rest = {word.folded for index, word in enumerate(words) if index not in extraction.covered} - _NO_CONTENT
        weights = {word: 1 + math.log((1 + len(tools)) / (1 + sum(word in document for document in documents))) for word in rest}
        total = sum(weights.values())
        found = sum(weight for word, weight in weights.items() if word in known)
        shares.append(found / total if total else float(extraction.evidence > 0 and not extraction.loose))
    return shares, 0.0


def _vocabulary(tool: Tool) -> frozenset[str]:
    texts = [tool.description, tool.label, *tool.examples]
    for prop in tool.properties:
        texts += [prop.label, prop.description, *(" ".join(name_words(str(choice.value))) for choice in prop.choices)]
    return frozenset(fold(word.text) for text in texts for word in words_of(text)) - FUNCTION_WORDS

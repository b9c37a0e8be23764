"""Routing: which tool an utterance is about, by embeddings or by words, and when it is about none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from frames_talk import CLOCK, LIGHT, ORDER_STATUS, TABLE, WEATHER, Talk
from numpy.typing import NDArray

from vivavoce.cli.coffee_bar import INSTRUCTIONS, ORDER_DRINK
from vivavoce.engines.llm.frames.brain import FramesBrain
from vivavoce.engines.llm.frames.router import Router, phrases_of
from vivavoce.engines.llm.frames.schema import Risk, Tool, parse_tool
from vivavoce.engines.llm.minilm import SentenceEncoder

TOOLS = tuple(parse_tool(entry) for entry in (LIGHT, ORDER_STATUS, WEATHER, CLOCK, TABLE, ORDER_DRINK))


class TopicEncoder:
    """An encoder that knows three topics and counts what it is asked to embed."""

    TOPICS = (("weather", "umbrella", "rain"), ("order", "package", "parcel"), ("joke", "dog", "robot"))

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded.extend(texts)
        rows = np.zeros((len(texts), len(self.TOPICS) + 1), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:-1] = [any(word in text.lower() for word in topic) for topic in self.TOPICS]
            row[-1] = 0.05
            row /= np.linalg.norm(row)
        return rows


def best(router: Router, text: str) -> str | None:
    route = router.best(text, TOOLS)
    return route.tool.name if route else None


def test_paraphrases_are_found_by_embedding() -> None:
    router = Router(TopicEncoder())
    assert best(router, "do i need an umbrella") == "get_weather"
    assert best(router, "where is my parcel") == "get_order_status"


def test_an_utterance_nearer_to_idle_talk_than_to_any_tool_reaches_none() -> None:
    router = Router(TopicEncoder())
    assert best(router, "my dog is a robot") is None
    assert best(router, "zebras") is None


def test_everything_is_embedded_once() -> None:
    encoder = TopicEncoder()
    router = Router(encoder)
    router.prepare(TOOLS)
    prepared = len(encoder.embedded)
    for _ in range(3):
        router.rank("do i need an umbrella", TOOLS)
    assert len(encoder.embedded) == prepared + 1


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("a large latte", "orderDrink"),
        ("what's the weather in paris", "get_weather"),
        ("turn on the kitchen light", "set_light"),
        ("the status of my order", "get_order_status"),
        ("how large is the moon", None),
        ("i have a lot of work to do", None),
        ("tell me a joke", None),
        ("", None),
    ],
)
def test_without_an_encoder_shared_words_decide(said: str, name: str | None) -> None:
    assert best(Router(None), said) == name


def test_risk_is_read_off_the_verb_and_the_identifiers() -> None:
    """TE-07."""
    risks: dict[str, Risk] = {entry.name: entry.risk for entry in TOOLS}
    assert risks == {
        "set_light": Risk.WRITE,
        "get_order_status": Risk.READ_ID,
        "get_weather": Risk.READ,
        "get_time": Risk.READ,
        "book_table": Risk.WRITE,
        "orderDrink": Risk.WRITE,
    }


def test_a_tool_with_an_unknown_verb_is_taken_for_one_that_writes() -> None:
    unknown: Tool = parse_tool({"name": "frobnicate", "description": "Frobnicates."})
    assert unknown.risk is Risk.WRITE and phrases_of(unknown) == ("Frobnicates.", "frobnicate")


@pytest.fixture(scope="module")
def published() -> SentenceEncoder:
    """The published weights, where the model store has them."""
    home = os.environ.get("VIVAVOCE_HOME")
    found = sorted(Path(home).rglob("model.safetensors")) if home else []
    folder = next((path.parent for path in found if (path.parent / "vocab.txt").is_file()), None)
    if folder is None:
        pytest.skip("no all-MiniLM-L6-v2 under VIVAVOCE_HOME")
    return SentenceEncoder(folder)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("will it snow in berlin", "get_weather"),
        ("where is my package", "get_order_status"),
        ("it's too dark in the bedroom", "set_light"),
        ("can i make a dinner reservation", "book_table"),
        ("i want something to drink", "orderDrink"),
        ("i love my dog", None),
        ("what is the capital of france", None),
        ("how large is the moon", None),
        ("the movie was great", None),
    ],
)
def test_the_published_encoder_understands_paraphrases(published: SentenceEncoder, said: str, name: str | None) -> None:
    assert best(Router(published), said) == name


def test_an_order_works_the_same_with_the_published_encoder(published: SentenceEncoder) -> None:
    talk = Talk([ORDER_DRINK], INSTRUCTIONS, FramesBrain(published))
    assert talk.say("could i have something with coffee in it").startswith("Which ")
    talk.say("a large latte")
    talk.say("yes")
    assert talk.calls == [("orderDrink", {"coffeeDrink": "latte", "size": "large"})]

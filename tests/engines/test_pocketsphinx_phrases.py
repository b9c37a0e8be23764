"""The phrases of a session cover what its developer declared, whatever the domain, and nothing of any other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from vivavoce.engines.asr.pocketsphinx.language_model import WeightedPhrase
from vivavoce.engines.asr.pocketsphinx.phrases import phrases
from vivavoce.engines.asr.pocketsphinx.schema import Action, actions
from vivavoce.engines.asr.pocketsphinx.topic import Topic
from vivavoce.engines.asr.pocketsphinx.turns import AGREEMENT, REFUSAL
from vivavoce.engines.asr.pocketsphinx.vocabulary import build, pronunciations


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    required = list(properties)[:1]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "name": name, "description": description, "parameters": schema}


PIZZA = tool(
    "orderPizza",
    "Order one pizza.",
    kind={"type": "string", "enum": ["margherita", "quattro formaggi", "hawaiian"]},
    toppings={"type": "array", "items": {"type": "string", "enum": ["olives", "extra cheese"]}},
    slices={"type": "integer", "minimum": 4, "maximum": 12},
    cut={"type": "boolean"},
)
LIGHT = tool(
    "set_light",
    "Turn a light on or off.",
    room={"type": "string", "enum": ["kitchen", "living_room", "bedroom 2"]},
    state={"enum": ["on", "off"]},
    settings={"type": "object", "properties": {"colour": {"const": "warm white"}}},
)
PARCEL = tool("trackParcel", "Look a parcel up.", trackingNumber={"type": "string", "description": "The number on the slip."})


def said(topic: Topic) -> set[str]:
    return {" ".join(phrase.words) for phrase in phrases(topic)}


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        (PIZZA, ["margherita", "quattro formaggi", "hawaiian", "olives", "extra cheese", "four", "twelve", "without cut"]),
        (LIGHT, ["kitchen", "living room", "bedroom two", "on", "off", "warm white"]),
    ],
)
def test_every_value_is_said_alone_and_in_requests(declared: dict[str, Any], values: list[str]) -> None:
    spoken = said(Topic(tools=(declared,)))
    for value in values:
        assert value in spoken
        assert sum(f" {value} " in f" {phrase} " for phrase in spoken) > 20


def test_short_turns_belong_to_every_session() -> None:
    spoken = said(Topic(tools=(LIGHT,)))
    assert {*AGREEMENT, *REFUSAL} <= spoken


def test_another_domain_leaves_no_trace() -> None:
    words = {word for phrase in phrases(Topic(tools=(LIGHT,))) for word in phrase.words}
    assert not words & {"pizza", "coffee", "latte", "milk", "margherita"}


def test_identifiers_are_read_out_digit_by_digit() -> None:
    spoken = said(Topic(tools=(PARCEL,)))
    digits = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
    assert any(len(phrase.split()) == 8 and set(phrase.split()) <= digits for phrase in spoken)


def test_an_amount_is_said_with_its_thing() -> None:
    soup = tool(
        "serveSoup",
        rice={"type": "string", "enum": ["rice"]},
        riceAmount={"type": "string", "enum": ["a bowl"]},
        bread={"type": "string", "enum": ["bread"]},
    )
    spoken = said(Topic(tools=(soup,)))
    assert any("a bowl of rice" in phrase for phrase in spoken)
    assert not any("a bowl of bread" in phrase for phrase in spoken)


def test_keywords_prompt_and_quotes_are_said() -> None:
    spoken = said(Topic('Ask: "Which wing, north or south?"', keywords=("Vivavoce",), prompt="A call about roof tiles."))
    assert {"vivavoce", "vivavoce please", "which wing north or south", "a call about roof tiles"} <= spoken


def test_an_open_session_has_no_phrases() -> None:
    topic = Topic(instructions="Chat about anything.", keywords=(" ",))
    assert topic.is_open
    assert phrases(topic) == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"name": 7},
        {"name": "go", "parameters": None},
        {"name": "go", "parameters": {"properties": [1]}},
        {"name": "go", "parameters": {"properties": {"a": 1, "b": {"enum": "xy"}, "c": {"enum": [None, {}]}}, "required": 3}},
        {"name": "go", "parameters": {"properties": {"a": {"type": "integer", "minimum": 9, "maximum": 2}}}},
        {"name": "go", "parameters": {"properties": {"a": {"type": ["number", "null"], "minimum": 1e300}}}},
        {"name": "go", "parameters": {"properties": {"x": {"enum": ["p"]}, "": {"enum": ["q"]}}}},
    ],
)
def test_a_broken_schema_is_skipped(broken: dict[str, Any]) -> None:
    assert isinstance(actions([broken]), tuple)
    assert isinstance(phrases(Topic(tools=(broken,), keywords=("ok",))), list)


def test_slots_that_qualify_each_other_in_a_ring_are_still_said() -> None:
    declared = tool("go", a={"enum": ["x"]}, aB={"enum": ["y"]})
    (action,) = actions([declared])
    assert isinstance(action, Action)
    assert action.slots[1].qualifies == 0


def test_the_same_topic_has_the_same_phrases_and_name() -> None:
    first, second = Topic("x", (PIZZA, LIGHT)), Topic("x", (dict(PIZZA), dict(LIGHT)))
    assert phrases(first) == phrases(second)
    assert first.digest == second.digest
    assert first.digest != Topic("x", (LIGHT, PIZZA)).digest


def test_a_hundred_tools_stay_bounded() -> None:
    started = time.perf_counter()
    many = tuple(
        tool(f"doThing{n}", value={"type": "string", "enum": [f"choice {n} {m}" for m in range(30)]}) for n in range(100)
    )
    found = phrases(Topic(tools=many))
    assert len(found) < 300_000
    assert all(isinstance(phrase, WeightedPhrase) for phrase in found)
    assert time.perf_counter() - started < 60  # against an explosion only


def test_the_model_lies_beside_its_pronunciations(tmp_path: Path) -> None:
    dictionary = {"kitchen": "K IH CH AH N", "the": "DH AH", "the(2)": "DH IY", "viva": "V IY V AH", "voce": "V OW CH EY"}
    arpa = tmp_path / "model.lm"
    assert build(Topic(tools=(LIGHT,), keywords=("vivavoce",)), arpa, lambda word: dictionary.get(word), {"the": 1.0})
    assert arpa.read_text("ascii").startswith("\\data\\")
    ways = pronunciations(arpa)
    assert ways["the"] == ["DH AH", "DH IY"]
    assert ways["vivavoce"] == ["V IY V AH V OW CH EY"]
    assert all(all(said) for said in ways.values())
    assert not build(Topic(), tmp_path / "none.lm", lambda word: None, {})
    assert not (tmp_path / "none.lm").exists()

"""Slot filling: from one utterance to the arguments it supports, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from frames_talk import INTEGER, STRING, choice, tool
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.cli.coffee_bar import ORDER_DRINK
from vivavoce.engines.llm.frames.slots import extract
from vivavoce.engines.llm.frames.wordlists import word_list

FLIGHT = tool("book_flight", "Book a flight.", from_city=STRING, to_city=STRING, date=STRING, adults=INTEGER, children=INTEGER)
SEARCH = tool(
    "search_flights",
    "Search flights.",
    origin=choice("Boston", "Denver", "New York"),
    destination=choice("Boston", "Denver", "New York"),
    departure_date=STRING,
)
TIMER = tool("set_timer", "Set a timer.", minutes=INTEGER, label=STRING)
PIZZA = tool(
    "order_pizza",
    "Order a pizza.",
    toppings={"type": "array", "items": choice("mushrooms", "olives", "extra_cheese")},
    gift_wrap={"type": "boolean"},
    quantity={"type": "integer", "minimum": 1, "maximum": 10},
)
VISIT = tool("book_visit", "Book a visit.", name=STRING, date=STRING, time=STRING, email=STRING, phone=STRING)
NOTE = tool("send_message", "Send a message.", recipient=STRING, message=STRING)
LAMP = tool("dim_light", "Dim a light.", room=choice("kitchen", "living_room"), brightness={"type": "integer", "maximum": 100})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a latte", {"coffeeDrink": "latte"}),
        ("an Iced-Coffee, large!", {"coffeeDrink": "iced coffee", "size": "large"}),
        ("can i get a large iced coffee", {"coffeeDrink": "iced coffee", "size": "large"}),
        ("house coffee with whole milk", {"coffeeDrink": "house coffee", "milk": "whole milk"}),
        ("two lattes", {"coffeeDrink": "latte"}),
        ("twelve ounces of drip coffee", {"coffeeDrink": "drip coffee", "size": "twelve ounce"}),
        ("16 oz coffee", {"coffeeDrink": "coffee", "size": "sixteen ounce"}),
        ("medium roast espresso", {"coffeeDrink": "espresso", "roast": "medium roast"}),
        ("medium medium roast espresso", {"coffeeDrink": "espresso", "roast": "medium roast", "size": "medium"}),
        ("a double espresso", {"coffeeDrink": "espresso", "numberOfShots": "double shot"}),
        ("mocha with almond", {"coffeeDrink": "mocha", "milk": "almond milk"}),
        ("cappucino with sweetner", {"coffeeDrink": "cappuccino", "sweetener": "sweetener"}),
        ("a large lot a", {"coffeeDrink": "latte", "size": "large"}),
        ("", {}),
        ("what time do you close", {}),
    ],
)
def test_the_longest_allowed_value_wins_however_it_is_written(said: str, expected: dict[str, Any]) -> None:
    assert extract(said, ORDER_DRINK) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "with a little bit of cream and lots of sugar",
            {"milk": "cream", "milkAmount": "a little bit", "sweetener": "sugar", "sweetenerAmount": "lots"},
        ),
        (
            "lots of brown sugar and some soy milk",
            {"milk": "soy milk", "milkAmount": "some", "sweetener": "brown sugar", "sweetenerAmount": "lots"},
        ),
        (
            "cream a little bit and sugar a lot",
            {"milk": "cream", "milkAmount": "a little bit", "sweetener": "sugar", "sweetenerAmount": "a lot"},
        ),
        ("a bit sugar", {"sweetener": "sugar", "sweetenerAmount": "a bit"}),
        ("can i have some coffee with milk", {"coffeeDrink": "coffee", "milk": "milk"}),
        ("a lot of people like coffee", {"coffeeDrink": "coffee"}),
    ],
)
def test_an_amount_goes_to_the_thing_it_stands_next_to_or_nowhere(said: str, expected: dict[str, Any]) -> None:
    assert extract(said, ORDER_DRINK) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a small no make it a large latte", {"coffeeDrink": "latte", "size": "large"}),
        ("not a latte a mocha", {"coffeeDrink": "mocha"}),
        ("a mocha instead of a latte", {"coffeeDrink": "mocha"}),
        ("latte without sugar", {"coffeeDrink": "latte"}),
        ("latte no sugar", {"coffeeDrink": "latte"}),
        ("a latte sorry i mean a mocha", {"coffeeDrink": "mocha"}),
        ("large cup medium something latte", {"coffeeDrink": "latte", "size": "large"}),
    ],
)
def test_what_is_taken_back_is_not_an_argument(said: str, expected: dict[str, Any]) -> None:
    assert extract(said, ORDER_DRINK) == expected


@pytest.mark.parametrize(
    ("said", "given_tool", "expected"),
    [
        (
            "from boston to denver next friday two adults and three children",
            FLIGHT,
            {"from_city": "Boston", "to_city": "Denver", "date": "next friday", "adults": 2, "children": 3},
        ),
        (
            "i want to fly to new york from denver tomorrow",
            SEARCH,
            {"origin": "Denver", "destination": "New York", "departure_date": "tomorrow"},
        ),
        ("new york to boston", SEARCH, {"origin": "New York", "destination": "Boston"}),
        ("set a timer for twenty five minutes", TIMER, {"minutes": 25}),
        ("set a timer for half an hour called pasta", TIMER, {"minutes": 30, "label": "pasta"}),
        ("an hour and a half", TIMER, {"minutes": 90}),
        (
            "a couple of pizzas with mushrooms and extra cheese gift wrapped",
            PIZZA,
            {"toppings": ["mushrooms", "extra_cheese"], "gift_wrap": True, "quantity": 2},
        ),
        ("olives no mushrooms without gift wrap", PIZZA, {"toppings": ["olives"], "gift_wrap": False}),
        ("fifty pizzas", PIZZA, {}),
        ("the living room at forty percent", LAMP, {"room": "living_room", "brightness": 40}),
        ("brightness two hundred", LAMP, {}),
        (
            "for john smith tomorrow at seven thirty pm",
            VISIT,
            {"name": "John Smith", "date": "tomorrow", "time": "seven thirty pm"},
        ),
        ("on march third at noon", VISIT, {"date": "march third", "time": "noon"}),
        ("my email is j o h n at example dot com", VISIT, {"email": "john@example.com"}),
        ("my phone is five five five one two three four", VISIT, {"phone": "5551234"}),
        ("send a message to anna saying i will be late", NOTE, {"recipient": "Anna", "message": "i will be late"}),
    ],
)
def test_other_domains_are_filled_from_their_schemas_alone(
    said: str, given_tool: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert extract(said, given_tool) == expected


def test_numbers_in_other_phrases_are_left_alone() -> None:
    """NU-07."""
    assert extract("two for the price of one", VISIT) == {}


@pytest.mark.parametrize(
    "parameters", [None, 3, {"properties": 7}, {"properties": {"a": None, "b": {"enum": []}}, "required": 5}, {}]
)
def test_a_malformed_schema_is_survived(parameters: object) -> None:
    assert extract("a large latte please", {"type": "function", "name": "x", "parameters": parameters}) == {}


VALUES = {
    "size": st.sampled_from(["small", "large", "twelve ounce"]),
    "roast": st.sampled_from(["light roast", "medium roast", "dark roast"]),
    "numberOfShots": st.sampled_from(["single shot", "double shot"]),
    "coffeeDrink": st.sampled_from(ORDER_DRINK["parameters"]["properties"]["coffeeDrink"]["enum"]),
}


@given(chosen=st.fixed_dictionaries({}, optional=VALUES), carrier=st.sampled_from(["can i get a", "i'd like a", "", "make me a"]))
def test_any_order_made_of_allowed_values_is_understood_completely(chosen: dict[str, str], carrier: str) -> None:
    said = " ".join([carrier, *(chosen[name] for name in VALUES if name in chosen)])
    assert extract(said, ORDER_DRINK) == chosen


WORDS = st.sampled_from(
    word_list(
        """a the latte large small sugar cream not no some lots of medium roast two twenty five hundred shot milk and with for to
        from in boston denver tomorrow at seven dot dash b c yes adults children half hour minutes olives gift wrap kitchen forty"""
    )
)


@given(
    words=st.lists(WORDS, max_size=14), given_tool=st.sampled_from([ORDER_DRINK, FLIGHT, SEARCH, TIMER, PIZZA, VISIT, NOTE, LAMP])
)
def test_whatever_is_said_the_arguments_are_valid_for_the_schema(words: list[str], given_tool: dict[str, Any]) -> None:
    said = " ".join(words)
    for name, value in extract(said, given_tool).items():
        assert_valid(value, given_tool["parameters"]["properties"][name])
    assert extract(said, given_tool) == extract(said, given_tool)


def assert_valid(value: object, schema: dict[str, Any]) -> None:
    if "enum" in schema:
        assert value in schema["enum"]
    elif schema["type"] == "array":
        assert isinstance(value, list) and all(item in schema["items"]["enum"] for item in value)
    elif schema["type"] == "integer":
        assert isinstance(value, int) and not isinstance(value, bool)
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value)
    elif schema["type"] == "boolean":
        assert isinstance(value, bool)
    else:
        assert isinstance(value, str) and value

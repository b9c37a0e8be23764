"""What the order benchmark calls right."""

from __future__ import annotations

import pytest
from bench.scoring import Mistake, expected_parts, score
from bench.stats import Distribution


@pytest.mark.parametrize(
    ("slot", "spoken", "parts"),
    [
        ("coffeeDrink", "iced mocha", {"coffeeDrink": "iced mocha"}),
        ("size", "twelve ounce", {"size": "twelve ounce"}),
        ("milkAmount", " whole milk", {"milk": "whole milk"}),
        ("milkAmount", "a little bit of cream", {"milk": "cream", "milkAmount": "a little bit"}),
        ("milkAmount", "some milk", {"milk": "milk", "milkAmount": "some"}),
        ("sugarAmount", "lots of brown sugar", {"sweetener": "brown sugar", "sweetenerAmount": "lots"}),
        ("sugarAmount", "a bit of sugar", {"sweetener": "sugar", "sweetenerAmount": "a bit"}),
        ("sugarAmount", "sweetener", {"sweetener": "sweetener"}),
    ],
)
def test_a_label_names_what_and_how_much(slot: str, spoken: str, parts: dict[str, str]) -> None:
    assert expected_parts(slot, spoken) == parts


LABELS = {"coffeeDrink": "mocha", "milkAmount": "a little bit of cream"}


def test_an_order_with_every_part_is_right() -> None:
    arguments = {"coffeeDrink": "mocha", "milk": "cream", "milkAmount": "a little bit"}
    result = score(LABELS, arguments, "a mocha with a little bit of cream")
    assert result.right
    assert result.slots_right == result.slots == 2


def test_a_slot_with_one_part_wrong_is_wrong() -> None:
    result = score(LABELS, {"coffeeDrink": "mocha", "milk": "cream"}, "a mocha with cream")
    assert result.slots_right == 1
    assert [mistake.slot for mistake in result.mistakes] == ["milkAmount"]


def test_an_argument_nobody_asked_for_spoils_the_order_but_no_slot() -> None:
    arguments = {"coffeeDrink": "mocha", "milk": "cream", "milkAmount": "a little bit", "size": "large"}
    result = score(LABELS, arguments, "a large mocha with a little bit of cream")
    assert result.slots_right == 2
    assert not result.right
    assert result.mistakes == (Mistake("size", {}, {"size": "large"}, "heard wrong"),)


def test_what_the_transcript_holds_was_heard_and_filled_wrong() -> None:
    result = score({"roast": "dark roast"}, {}, "A dark roast, please.")
    assert result.mistakes[0].cause == "filled wrong"


def test_what_the_transcript_lacks_was_heard_wrong() -> None:
    result = score({"roast": "dark roast"}, {"roast": "light roast"}, "a dark rose")
    assert result.mistakes[0].cause == "heard wrong"


def test_a_value_is_heard_only_as_whole_words() -> None:
    assert score({"coffeeDrink": "latte"}, {}, "a lattes").mistakes[0].cause == "heard wrong"


def test_without_a_call_every_slot_is_wrong() -> None:
    result = score(LABELS, None, "")
    assert result.slots_right == 0
    assert {mistake.cause for mistake in result.mistakes} == {"no call"}


def test_an_amount_said_otherwise_is_not_the_amount_labelled() -> None:
    result = score({"sugarAmount": "a bit of sugar"}, {"sweetener": "sugar", "sweetenerAmount": "a little bit"}, "a bit of sugar")
    assert result.mistakes[0].cause == "filled wrong"


def test_a_distribution_of_nothing_has_no_figures() -> None:
    assert Distribution.of([]).cells() == ("0", "-", "-", "-", "-")


def test_a_distribution_names_median_and_tail() -> None:
    spread = Distribution.of([float(value) for value in range(101)])
    assert (spread.count, spread.least, spread.p50, spread.p95, spread.largest) == (101, 0, 50, 95, 100)

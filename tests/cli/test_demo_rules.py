"""The guest's rules, the counter, and when a demo counts as a success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from vivavoce.cli.demo.conversation import shortcoming
from vivavoce.cli.demo.guest import MOST_TURNS, YES, Guest
from vivavoce.cli.demo.order import WANTED, Counter

ORDER = "A cappuccino with a double shot, please."
WHOLE = "A large cappuccino with a double shot, please."
ASKS_SIZE = "Which size would you like: small, medium, large, or twenty ounce?"
RIGHT: Mapping[str, Any] = {"coffeeDrink": "cappuccino", "size": "large"}


def guest_after(*answers: str) -> tuple[Guest, str | None]:
    """A guest who has heard these answers, and what it said to the last of them."""
    guest = Guest(WANTED)
    said = guest.next("", ordered=False)
    for answer in answers:
        said = guest.next(answer, ordered=False)
    return guest, said


def test_the_guest_orders_without_a_size_confirms_and_hangs_up() -> None:
    guest = Guest(WANTED)
    said = [guest.next(answer, ordered=False) for answer in ("", ASKS_SIZE, "So that's cappuccino, large. Shall I go ahead?")]
    assert said == [ORDER, "Large, please.", YES]
    assert guest.next("Thank you, your order number is 47.", ordered=True) is None


@pytest.mark.parametrize(
    "answer", ["Sorry, could you repeat that clearly?", "I didn't catch that. Could you say it once more?", "Pardon?", ""]
)
def test_asked_to_repeat_or_not_answered_the_guest_says_it_again(answer: str) -> None:
    assert guest_after(answer)[1] == ORDER


@pytest.mark.parametrize(
    "answer",
    [
        "So that's cappuccino, large, double shot. Shall I go ahead?",
        "I need a clear yes or no. So that's cappuccino, large. Shall I go ahead?",
        "That's a large cappuccino with a double shot. Is that right?",
        "One large cappuccino, correct?",
        "Great! Would you like me to place the order for the large cappuccino?",
    ],
)
def test_a_right_order_read_back_is_confirmed(answer: str) -> None:
    assert guest_after(ASKS_SIZE, answer)[1] == YES


@pytest.mark.parametrize(
    "answer",
    ["So that's cappuccino, small. Shall I go ahead?", "So that's latte, large. Is that right?", "Shall I place the order?"],
)
def test_a_wrong_or_vague_order_is_corrected(answer: str) -> None:
    assert guest_after(ASKS_SIZE, answer)[1] == f"No. {WHOLE}"


@pytest.mark.parametrize(
    "answer", [ASKS_SIZE, "What size cappuccino would you like?", "How large should it be?", "Small, medium, or large?"]
)
def test_asked_for_the_size_the_guest_says_it(answer: str) -> None:
    assert guest_after(answer)[1] == "Large, please."


@pytest.mark.parametrize(
    "answer", ["Okay. What should I change?", "Which drink would you like?", "Sorry, I can't help with that."]
)
def test_whatever_else_is_asked_the_whole_order_is_an_answer(answer: str) -> None:
    assert guest_after(ASKS_SIZE, answer)[1] == WHOLE


def test_the_guest_gives_up_in_the_end() -> None:
    guest, _ = guest_after(*["Which drink would you like?"] * (MOST_TURNS - 1))
    assert guest.next("Which drink would you like?", ordered=False) is None


def test_the_counter_numbers_orders() -> None:
    counter = Counter()
    first, second = counter.order_drink(RIGHT), counter.order_drink(RIGHT)
    assert second["order_number"] == first["order_number"] + 1
    assert counter.orders == [RIGHT, RIGHT]


@pytest.mark.parametrize(
    ("orders", "answered", "why"),
    [
        ([RIGHT], True, None),
        ([], True, "no order was placed"),
        ([RIGHT, RIGHT], True, "2 orders were placed instead of one"),
        (
            [{"coffeeDrink": "latte", "size": "large"}],
            True,
            "the wrong order was placed: large latte instead of large cappuccino",
        ),
        ([RIGHT], False, "the order was placed, but the agent did not say so"),
    ],
)
def test_success_is_one_right_order_and_a_word_about_it(orders: list[Mapping[str, Any]], answered: bool, why: str | None) -> None:
    assert shortcoming(WANTED, orders, answered=answered) == why


def test_of_a_recorded_caller_any_order_counts() -> None:
    latte = {"coffeeDrink": "latte", "size": "small"}
    assert shortcoming(None, [latte, latte], answered=True) is None
    assert shortcoming(None, [], answered=False) == "no order was placed"

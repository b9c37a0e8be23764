"""Whole conversations, turn by turn: what the guest says, what the brain answers, what it calls and when."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from frames_talk import CLOCK, LIGHT, ORDER_STATUS, RESET, TABLE, WEATHER, Talk, tool

from vivavoce.cli.coffee_bar import INSTRUCTIONS, ORDER_DRINK
from vivavoce.engines.ports import Message

READ_BACK = "So that's latte, large, a little bit of cream, lots of sugar. Shall I go ahead?"


def coffee() -> Talk:
    return Talk([ORDER_DRINK], INSTRUCTIONS)


def home(**options: Any) -> Talk:
    return Talk([LIGHT, ORDER_STATUS, WEATHER, CLOCK, RESET, TABLE], "You are Nova, a support agent for Acme.", **options)


# --- the coffee bar -----------------------------------------------------------------------------------------------------------


def test_the_bar_greets_a_guest_who_has_said_nothing() -> None:
    assert coffee().respond() == "Hello, welcome to the coffee bar. How can I help you?"


def test_an_order_without_a_size_is_completed_read_back_confirmed_and_reported() -> None:
    """VB-02, TE-08, TE-09, TE-10, VB-03."""
    talk = coffee()
    asked = talk.say("can i get a latte with a little bit of cream and lots of sugar")
    assert asked.startswith("Which size would you like") and asked.count("?") == 1 and not talk.calls
    assert talk.say("large please") == READ_BACK and not talk.calls
    assert talk.say("yes that's right") == ""
    expected = {
        "coffeeDrink": "latte",
        "size": "large",
        "milk": "cream",
        "milkAmount": "a little bit",
        "sweetener": "sugar",
        "sweetenerAmount": "lots",
    }
    assert talk.calls == [("orderDrink", expected)]
    assert list(talk.calls[0][1]) == list(expected), "arguments come in the order of the schema"
    told = talk.returns({"order_number": 41, "minutes": 5})
    assert told == "Thank you. Order 41 will be ready in 5 minutes."
    assert talk.say("thank you") == "You're welcome. Is there anything else?"


def test_a_correction_at_confirmation_is_read_back_again_before_the_call() -> None:
    """TE-09: consent is to the values as last read back."""
    talk = coffee()
    talk.say("a small latte")
    assert talk.say("no make it large") == "So that's latte, large. Shall I go ahead?"
    assert talk.say("actually not a latte a mocha") == "So that's mocha, large. Shall I go ahead?"
    assert talk.say("yes and with soy milk") == "So that's mocha, large, soy milk. Shall I go ahead?"
    assert not talk.calls
    talk.say("yes")
    assert talk.calls == [("orderDrink", {"coffeeDrink": "mocha", "size": "large", "milk": "soy milk"})]


def test_no_sugar_takes_the_sugar_back_and_no_large_changes_the_size() -> None:
    talk = coffee()
    talk.say("a small latte with sugar")
    assert talk.say("no sugar") == "So that's latte, small. Shall I go ahead?"
    assert talk.say("no large") == "So that's latte, large. Shall I go ahead?"


def test_a_refusal_asks_what_to_change_and_never_mind_drops_the_order() -> None:
    talk = coffee()
    talk.say("a small latte")
    assert talk.say("no") == "Okay. What should I change?"
    assert talk.say("the size make it medium") == "So that's latte, medium. Shall I go ahead?"
    assert talk.say("never mind") == "Okay, I've dropped that. Is there anything else?"
    assert talk.say("yes") and not talk.calls


@pytest.mark.parametrize(
    "reply", ["maybe", "hmm i guess", "i'm not sure", "yeah maybe", "wait", "yes no", "what", "yes for my dog"]
)
def test_nothing_but_a_clear_yes_is_consent(reply: str) -> None:
    """TE-09."""
    talk = coffee()
    talk.say("a large latte")
    talk.say(reply)
    assert not talk.calls
    talk.say("yes please")
    assert talk.calls or "?" in talk.messages[-1].text


def test_a_yes_to_a_read_back_that_was_cut_off_is_no_consent() -> None:
    """What was not heard was not agreed to."""
    talk = coffee()
    talk.say("a large latte with sugar")
    talk.interrupted("So that's latte, large")
    assert talk.say("yes") and not talk.calls
    talk.interrupted(talk.messages[-1].text.split(" Shall")[0])
    talk.say("yes")
    assert talk.calls, "all values were heard, only the question was not"


def test_a_yes_counts_only_right_after_the_read_back() -> None:
    talk = coffee()
    talk.say("a large latte")
    talk.messages.append(Message("assistant", "By the way, we close at six."))
    assert talk.say("yes") and not talk.calls


def test_misheard_words_still_find_the_drink() -> None:
    talk = coffee()
    assert talk.say("can i get a large lot a") == "So that's latte, large. Shall I go ahead?"


def test_the_order_may_be_spread_over_many_turns_and_words_split_over_two_messages() -> None:
    talk = coffee()
    assert talk.say("i'd like a coffee").startswith("Which size")
    talk.messages.append(Message("user", "a twelve"))
    assert talk.say("ounce") == "So that's coffee, twelve ounce. Shall I go ahead?"


def test_off_topic_talk_reaches_no_tool_and_is_answered_plainly() -> None:
    """TA-03, UA-04."""
    talk = coffee()
    first = talk.say("what do you think about the election")
    second = talk.say("my sister moved to ohio")
    assert "can't help" in first and first != second and not talk.calls
    assert talk.say("hello i'd like a large mocha") == "So that's mocha, large. Shall I go ahead?"


def test_unclear_speech_is_asked_for_again_never_twice_in_the_same_words() -> None:
    """UA-01, UA-02."""
    talk = coffee()
    heard = [talk.say(text) for text in ("", "uh", "[noise]", "um er")]
    assert all("?" in text for text in heard) and not talk.calls
    assert all(one != other for one, other in pairwise(heard))


def test_an_answer_that_fits_nothing_repeats_the_question_in_other_words() -> None:
    """UA-02, VB-02."""
    talk = coffee()
    asked = talk.say("a latte")
    again = talk.say("banana")
    third = talk.say("banana")
    assert len({asked, again, third}) == 3 and all("size" in text and text.count("?") == 1 for text in (asked, again, third))


def test_thanks_and_questions_in_the_middle_come_back_to_the_open_question() -> None:
    talk = coffee()
    talk.say("a latte")
    assert "Which size" in talk.say("thanks")
    assert "Which size" in talk.say("what did you say")


# --- look-ups -----------------------------------------------------------------------------------------------------------------


def test_a_look_up_is_made_at_once_without_confirmation() -> None:
    """TE-01, PR-07, VB-03."""
    talk = home()
    assert talk.say("what's the weather in san francisco") == ""
    assert talk.calls == [("get_weather", {"city": "San Francisco"})]
    assert talk.returns({"temperature": 21, "sky": "sunny"}) == "The temperature is 21 and the sky is sunny."


def test_a_missing_city_is_asked_for_and_the_bare_answer_taken() -> None:
    talk = home()
    assert talk.say("tell me the current weather") == "What's the city?"
    talk.say("um it's new york please")
    assert talk.calls == [("get_weather", {"city": "New York"})]


def test_two_look_ups_in_one_breath_are_called_in_parallel() -> None:
    """TE-11."""
    talk = home()
    talk.say("what's the weather in paris and the current time in london")
    assert talk.calls == [("get_weather", {"city": "Paris"}), ("get_time", {"city": "London"})]
    assert talk.returns({"sky": "grey"}, {"time": "five pm"}) == "The sky is grey. The time is five pm."


def test_without_parallel_calls_only_one_is_made_at_a_time() -> None:
    talk = home(parallel_tool_calls=False)
    talk.say("what's the weather in paris and the current time in london")
    assert talk.calls == [("get_weather", {"city": "Paris"})]
    talk.returns({"sky": "grey"})
    assert talk.calls == [("get_time", {"city": "London"})]
    assert talk.returns({"time": "five pm"}) == "The sky is grey. The time is five pm."


def test_an_identifier_is_read_back_digit_by_digit_before_the_look_up() -> None:
    """TE-02, ID-01, ID-02, ID-03, WF-01."""
    talk = home()
    assert (
        talk.say("check my order number eight three five two one")
        == "So that's order number 8... 3... 5... 2... 1. Is that right?"
    )
    assert talk.say("no the fourth digit is seven") == "So that's order number 8... 3... 5... 7... 1. Is that right?"
    talk.say("yes")
    assert talk.calls == [("get_order_status", {"order_number": "83571"})]


def test_part_of_an_identifier_is_not_used() -> None:
    """UA-05, ID-04, EC-03."""
    talk = home()
    talk.say("i want the status of my order")
    assert talk.say("three one") == "I only got part of the order number. Could you repeat it digit by digit?"
    assert talk.say("3 1 7 7 2") == "So that's order number 3... 1... 7... 7... 2. Is that right?"


def test_two_plausible_readings_are_asked_about_not_chosen_from() -> None:
    """NU-06."""
    flexible = tool("get_claim", "Look up a claim.", ["claim_number"], claim_number={"type": "string", "pattern": r"^\d{3,4}$"})
    talk = Talk([flexible])
    talk.say("look up my claim")
    heard = talk.say("one twenty three")
    assert heard.startswith("I heard either 1... 2... 3, or 1... 2... 0... 3.") and not talk.calls
    assert talk.say("one two three") == "So that's claim number 1... 2... 3. Is that right?"


def test_an_unknown_identifier_is_read_back_and_corrected_before_another_try() -> None:
    """TF-01, TF-02, TF-05, TF-06."""
    talk = home()
    talk.say("check my order number one two three four five")
    talk.say("yes")
    told = talk.returns({"error": "404: order not found", "trace": "at line 3"})
    assert told == "I couldn't find anything for 1... 2... 3... 4... 5. Did I get any part of that wrong?" and not talk.calls
    assert talk.say("yes the last digit is six") == "So that's order number 1... 2... 3... 4... 6. Is that right?"
    talk.say("correct")
    assert talk.calls == [("get_order_status", {"order_number": "12346"})]


# --- writing ------------------------------------------------------------------------------------------------------------------


def test_the_light_is_switched_only_after_a_yes_and_called_done_only_after_success() -> None:
    """TE-04, TE-09, TE-10."""
    talk = home()
    assert talk.say("turn on the light in the living room") == "So that's living room, state on. Shall I go ahead?"
    assert talk.say("go ahead") == ""
    assert talk.calls == [("set_light", {"room": "living_room", "state": "on"})]
    assert talk.returns({"ok": True}) == "That's done."


def test_an_action_without_arguments_is_named_and_confirmed() -> None:
    talk = home()
    assert talk.say("please reset the router") == "Do you want me to reset the router?"
    talk.say("yes")
    assert talk.calls == [("reset_router", {})]


def test_a_failure_is_told_without_its_details_and_tried_again_once_and_only_when_asked() -> None:
    """TF-01, TF-03, TF-04, TF-05."""
    talk = home()
    talk.say("turn off the kitchen light")
    talk.say("yes")
    first = talk.returns('Traceback (most recent call last): File "x.py"')
    assert first == "Sorry, that didn't work. Should I try again?" and not talk.calls
    talk.say("yes please")
    assert talk.calls == [("set_light", {"room": "kitchen", "state": "off"})]
    second = talk.returns({"error": {"code": 500}})
    assert "again" not in second and "500" not in second and not talk.calls
    talk.say("yes")
    assert not talk.calls


def test_a_declined_retry_is_left_alone() -> None:
    talk = home()
    talk.say("turn off the kitchen light")
    talk.say("yes")
    talk.returns({"success": False})
    assert talk.say("no thanks") == "Okay. Is there anything else?" and not talk.calls


def test_a_quick_look_up_in_the_middle_does_not_lose_the_open_booking() -> None:
    talk = home()
    assert talk.say("i'd like to book a table at the restaurant for four people") == "What's the date?"
    talk.say("what is the current weather in paris")
    assert talk.calls == [("get_weather", {"city": "Paris"})]
    assert talk.returns({"sky": "clear"}) == "The sky is clear. What's the date?"
    assert talk.say("next friday") == "So that's people 4, date next friday. Shall I go ahead?"


def test_the_conversation_may_be_edited_between_turns() -> None:
    """All state is in the messages: drop the turn that named the drink, and the drink is unknown again."""
    talk = coffee()
    talk.say("a latte")
    talk.say("large")
    del talk.messages[1:3]
    assert "coffee drink" in talk.respond() or "coffee drink" in talk.say("small")


# --- no tools -----------------------------------------------------------------------------------------------------------------


def test_without_tools_it_is_polite_and_says_what_it_is() -> None:
    talk = Talk()
    assert talk.say("hello there") == "Hello! How can I help you?"
    honest = talk.say("what's the capital of france")
    assert "demo" in honest and talk.say("tell me a joke") != honest
    assert talk.say("thanks") == "You're welcome. Is there anything else?"
    assert talk.say("bye") == "Goodbye!"

"""The brain as a `LanguageModel`: the stream, the options, and the promises that hold whatever is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from frames_talk import CLOCK, LIGHT, ORDER_STATUS, RESET, TABLE, WEATHER, Talk, calls_of, collect, text_of, tool
from hypothesis import given, settings
from hypothesis import strategies as st
from test_frames_slots import assert_valid

from vivavoce.cli.coffee_bar import INSTRUCTIONS, ORDER_DRINK
from vivavoce.engines.llm.frames.brain import LONGEST_CONVERSATION, LONGEST_MESSAGE, FramesBrain, _parsed, _readable
from vivavoce.engines.llm.frames.text import plain
from vivavoce.engines.ports import LanguageModel, LlmFinish, LlmRequest, Message, TextDelta, ToolCall, ToolCallDelta

TOOLS = (LIGHT, ORDER_STATUS, WEATHER, CLOCK, RESET, TABLE)


def ask(text: str, *tools: dict[str, Any], **options: Any) -> LlmRequest:
    return LlmRequest((Message("user", text),), tools, **options)


def test_it_is_a_language_model_and_says_how_it_routes() -> None:
    brain: LanguageModel = FramesBrain()
    assert brain.capabilities.name == "frames" and "no sentence encoder" in brain.capabilities.notes


async def test_warming_and_closing_need_nothing() -> None:
    brain = FramesBrain()
    await brain.warm()
    await brain.close()
    await brain.close()


def test_text_comes_in_words_and_the_stream_ends_with_its_finish() -> None:
    request = ask("hello", WEATHER)
    deltas = collect(FramesBrain(), request)
    pieces = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
    assert len(pieces) == 6 and "".join(pieces) == "Hello! How can I help you?"
    assert {delta.phase for delta in deltas if isinstance(delta, TextDelta)} == {"final_answer"}
    assert deltas[-1] == LlmFinish("stop")


def test_a_call_comes_as_its_name_then_its_arguments_in_compact_json() -> None:
    deltas = collect(FramesBrain(), ask("what's the weather in san francisco", WEATHER))
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert calls[0] == ToolCallDelta(0, name="get_weather")
    assert "".join(delta.arguments for delta in calls) == '{"city":"San Francisco"}'
    assert all(delta.name == "" for delta in calls[1:]) and deltas[-1] == LlmFinish("tool_calls")
    assert not text_of(deltas)


def test_the_same_request_gets_the_same_answer() -> None:
    request = ask("what's the weather in paris", *TOOLS)
    brain = FramesBrain()
    assert collect(brain, request) == collect(brain, request) == collect(FramesBrain(), request)


def test_the_output_limit_cuts_the_text_and_says_so() -> None:
    deltas = collect(FramesBrain(), ask("hello", max_output_tokens=3))
    assert text_of(deltas) == "Hello! How " and deltas[-1] == LlmFinish("length")
    cut = collect(FramesBrain(), ask("what's the weather in paris", WEATHER, max_output_tokens=2))
    assert not calls_of(cut) and cut[-1] == LlmFinish("length"), "half a call is no call"


def test_tool_choice_none_makes_no_call() -> None:
    deltas = collect(FramesBrain(), ask("what's the weather in paris", WEATHER, tool_choice="none"))
    assert not calls_of(deltas) and text_of(deltas)


@pytest.mark.parametrize(
    "choice", [{"type": "function", "name": "set_light"}, {"type": "function", "function": {"name": "set_light"}}]
)
def test_a_function_the_developer_names_is_called_as_soon_as_its_arguments_are_known(choice: dict[str, Any]) -> None:
    request = ask("the kitchen light on please", LIGHT, WEATHER, tool_choice=choice)
    assert calls_of(collect(FramesBrain(), request)) == [("set_light", {"room": "kitchen", "state": "on"})]
    partial = ask("the kitchen please", LIGHT, WEATHER, tool_choice=choice)
    assert "state" in text_of(collect(FramesBrain(), partial)), "what is missing is asked for, not invented"


def test_tool_choice_required_takes_the_nearest_tool_but_a_write_still_needs_a_yes() -> None:
    looked_up = ask("paris", WEATHER, tool_choice="required")
    assert text_of(collect(FramesBrain(), looked_up)) == "What's the city?"
    write = ask("the kitchen on", LIGHT, tool_choice="required")
    assert text_of(collect(FramesBrain(), write)).endswith("Shall I go ahead?")


def test_a_tool_that_is_not_offered_any_more_is_not_called() -> None:
    """TA-01."""
    talk = Talk([LIGHT])
    talk.say("turn on the kitchen light")
    talk.tools = (WEATHER,)
    assert talk.say("yes") and not talk.calls


def test_an_earlier_call_to_an_unknown_tool_is_survived() -> None:
    messages = (
        Message("user", "do it"),
        Message("assistant", tool_calls=(ToolCall("c1", "gone", "not json"),)),
        Message("tool", '{"answer": "all systems are fine"}', call_id="c1"),
        Message("tool", "orphan", call_id="c9"),
    )
    assert "All systems are fine." in text_of(collect(FramesBrain(), LlmRequest(messages, (WEATHER,))))


def test_a_last_system_message_can_order_words_verbatim() -> None:
    messages = (Message("system", INSTRUCTIONS), Message("user", "hi"), Message("system", 'Say: "We close in five minutes."'))
    assert text_of(collect(FramesBrain(), LlmRequest(messages, (ORDER_DRINK,)))) == "We close in five minutes."


def test_declared_risk_overrules_the_verb() -> None:
    """TE-07."""
    read = {
        **tool("ping_server", "Ping.", ["host"], host={"type": "string", "enum": ["alpha", "beta", "gamma"]}),
        "x-risk": "read",
    }
    assert calls_of(collect(FramesBrain(), ask("ping the server beta", read))) == [("ping_server", {"host": "beta"})]
    money = {**WEATHER, "x-risk": "money"}
    assert not calls_of(collect(FramesBrain(), ask("the weather in paris", money)))


def test_example_phrases_lead_to_their_tool() -> None:
    examples = {**CLOCK, "x-examples": ["is it late over there"]}
    assert text_of(collect(FramesBrain(), ask("is it late over there", examples, LIGHT))) == "What's the city?"


UTTERANCES = st.sampled_from(
    [
        "a large latte", "can i get a mocha", "large", "small", "yes", "no", "yes please", "maybe", "cancel", "actually medium", "no sugar",
        "lots of sugar", "turn on the light in the kitchen", "off", "reset the router", "what's the weather in paris",
        "one two three four five",
        "the fourth digit is seven", "check my order", "book a table", "four people", "tomorrow", "thanks", "hello", "banana", "", "uh",
        "what did you say", "yes and make it small", "not the kitchen the bedroom", "the weather in rome and the time in oslo",
    ]
)  # fmt: skip
READS = {"get_weather", "get_time"}


def all_read_back(heard: str, arguments: dict[str, Any]) -> bool:
    """Every value was said aloud (digits one by one) and followed by a question."""
    words = plain(heard)
    forms = [(plain(str(value).replace("_", " ")), plain(" ".join(str(value)))) for value in arguments.values()]
    return heard.endswith("?") and all(whole in words or spelled in words for whole, spelled in forms)


@settings(max_examples=60, deadline=None)
@given(
    turns=st.lists(st.tuples(UTTERANCES, st.sampled_from(["ok", "error", "interrupted", "silent"])), min_size=1, max_size=9),
)
def test_whatever_is_said_calls_are_valid_and_writes_follow_a_yes_to_their_exact_values(turns: list[tuple[str, str]]) -> None:
    """EC-03, ID-04, TA-01, TE-09, TF-05, VB-02."""
    offered = {entry["name"]: entry["parameters"] for entry in (*TOOLS, ORDER_DRINK)}
    talk = Talk((*TOOLS, ORDER_DRINK), INSTRUCTIONS)
    for said, happens in turns:
        heard_before = talk.messages[-1].text if talk.messages[-1].role == "assistant" else ""
        answer = talk.say(said)
        assert bool(answer) != bool(talk.calls), "it either speaks or calls"
        assert answer.count("?") <= 1
        for name, arguments in talk.calls:
            schema = offered[name]
            assert set(schema["required"]) <= set(arguments) <= set(schema["properties"])
            for key, value in arguments.items():
                assert_valid(value, schema["properties"][key])
            if name not in READS:
                assert "yes" in said
                retried = heard_before == "Sorry, that didn't work. Should I try again?"
                assert retried or "Do you want me to reset" in heard_before or all_read_back(heard_before, arguments)
        if talk.calls:
            output = {"error": "unavailable"} if happens == "error" else {"order_number": 7, "minutes": 3}
            told = talk.returns(*[output] * len(talk.calls))
            assert told and not talk.calls
        elif happens == "interrupted":
            talk.interrupted(answer[: len(answer) // 2])
    assert json.dumps([message.text for message in talk.messages])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=40)), max_size=8))
def test_any_conversation_gets_an_answer(messages: list[tuple[Any, str]]) -> None:
    request = LlmRequest(tuple(Message(role, text) for role, text in messages), (*TOOLS, ORDER_DRINK))
    deltas = collect(FramesBrain(), request)
    assert isinstance(deltas[-1], LlmFinish)


# --- bounds ---------------------------------------------------------------------------------------------------------------------


def test_of_a_text_of_megabytes_only_the_beginning_is_read() -> None:
    said = "what's the weather in paris" + " " * LONGEST_MESSAGE
    assert collect(FramesBrain(), ask(said + "what time is it " * 200_000, *TOOLS)) == collect(FramesBrain(), ask(said, *TOOLS))


def test_of_a_conversation_of_megabytes_the_instructions_and_the_latest_are_read() -> None:
    old = [Message(role, "blah " * 1_000) for _ in range(400) for role in ("user", "assistant")]
    latest = Message("user", "what's the weather in paris")
    answer = collect(FramesBrain(), LlmRequest((Message("system", "Be kind."), *old, latest), (WEATHER,)))
    assert calls_of(answer) == [("get_weather", {"city": "Paris"})]
    read = _readable((Message("system", "Be kind."), *old, latest))
    assert read[0].role == "system" and read[1].role == "user" and read[-1] == latest
    assert sum(len(message.text) for message in read) <= LONGEST_CONVERSATION + LONGEST_MESSAGE


def test_a_tool_of_megabytes_is_not_kept_in_mind() -> None:
    _parsed.cache_clear()
    wordy = {**WEATHER, "description": "x" * 1_000_000}
    collect(FramesBrain(), ask("what's the weather in paris", wordy))
    assert not _parsed.cache_info().currsize

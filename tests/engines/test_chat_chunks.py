"""Reading streamed chunks, peculiar backends included, and writing messages and tools in chat form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from vivavoce.engines.llm.chat_chunks import ChunkReader
from vivavoce.engines.llm.messages import NO_RESULT_YET, chat_messages
from vivavoce.engines.llm.think_tags import ThinkTagSplitter
from vivavoce.engines.llm.tools import chat_tool_choice, chat_tools
from vivavoce.engines.ports import (
    EngineFault,
    LlmDelta,
    LlmFinish,
    LlmUsage,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)


def chunk(delta: Any = None, finish: Any = None, **fields: Any) -> ChatCompletionChunk:
    """Make a chunk as the client library does: without checking anything."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return ChatCompletionChunk.construct(**({"id": "c", "choices": [choice]} | fields))


def call(index: Any, name: str | None = None, arguments: str | None = None, call_id: str | None = None) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}]}


def read(*chunks: ChatCompletionChunk) -> list[LlmDelta]:
    reader = ChunkReader()
    return [delta for each in chunks for delta in reader.read(each)] + reader.finish()


def calls_of(deltas: list[LlmDelta]) -> dict[int, tuple[str, str]]:
    calls: dict[int, tuple[str, str]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            name, arguments = calls.get(delta.index, ("", ""))
            calls[delta.index] = (name + delta.name, arguments + delta.arguments)
    return calls


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_has_two_names(field: str) -> None:
    assert read(chunk({field: "Hm."}), chunk(finish="stop")) == [ReasoningDelta("Hm."), LlmFinish("stop")]


@pytest.mark.parametrize(
    ("phase", "known"),
    [("commentary", "commentary"), ("final_answer", "final_answer"), ("overture", None), (["commentary"], None)],
)
def test_a_phase_is_taken_from_backends_that_know_it(phase: Any, known: str | None) -> None:
    assert read(chunk({"content": "One moment.", "phase": phase}), chunk(finish="stop"))[0] == TextDelta("One moment.", known)


def test_a_refusal_is_spoken() -> None:
    assert read(chunk({"refusal": "I cannot."}, "stop"))[0] == TextDelta("I cannot.")


def test_calls_that_share_an_index_differ_by_id() -> None:
    deltas = read(chunk(call(0, "a", "{}", "id1")), chunk(call(0, "b", '{"x":1}', "id2")), chunk(finish="stop"))
    assert calls_of(deltas) == {0: ("a", "{}"), 1: ("b", '{"x":1}')}
    assert deltas[-1] == LlmFinish("tool_calls")


def test_calls_without_an_index_differ_by_id() -> None:
    deltas = read(chunk(call(None, "a", "{}", "id1")), chunk(call(None, "b", "{}", "id2")), chunk(finish="tool_calls"))
    assert calls_of(deltas) == {0: ("a", "{}"), 1: ("b", "{}")}


def test_an_id_that_changes_with_every_piece_begins_no_call() -> None:
    pieces = [chunk(call(0, "a", '{"x"', "r1")), chunk(call(0, None, ":1}", "r2")), chunk(finish="tool_calls")]
    assert calls_of(read(*pieces)) == {0: ("a", '{"x":1}')}


def test_a_name_repeated_with_every_piece_counts_once() -> None:
    pieces = [chunk(call(0, "a", '{"x"', "r1")), chunk(call(0, "a", ":1}", "r1")), chunk(finish="tool_calls")]
    assert calls_of(read(*pieces)) == {0: ("a", '{"x":1}')}


def test_arguments_before_the_name_are_held_until_it_comes() -> None:
    reader = ChunkReader()
    assert reader.read(chunk(call(0, None, '{"x"', "id1"))) == []
    assert reader.read(chunk(call(0, "a", ":1}"))) == [ToolCallDelta(0, "a", "id1", '{"x":1}')]


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    assert calls_of(read(chunk(call(0, "a")), chunk(finish="stop"))) == {0: ("a", "{}")}


def test_the_last_usage_counts() -> None:
    counts = [{"prompt_tokens": 9, "completion_tokens": n} for n in (1, 2)]
    deltas = read(chunk({"content": "a"}, usage=counts[0]), chunk(finish="stop", usage=counts[1]))
    assert deltas == [TextDelta("a"), LlmUsage(9, 2), LlmFinish("stop")]


def test_usage_details_may_be_missing_or_nonsense() -> None:
    usage = {"prompt_tokens": "many", "completion_tokens": -3, "prompt_tokens_details": None, "completion_tokens_details": 7}
    assert read(chunk(finish="stop", usage=usage)) == [LlmUsage(0, 0), LlmFinish("stop")]


def test_other_choices_are_not_spoken() -> None:
    second = {"index": 1, "delta": {"content": "no"}, "finish_reason": None}
    assert read(chunk(choices=[second]), chunk({"content": "yes"}, "stop")) == [TextDelta("yes"), LlmFinish("stop")]


@pytest.mark.parametrize(
    ("theirs", "ours"), [("stop", "stop"), ("eos", "stop"), ("max_tokens", "length"), ("function_call", "tool_calls")]
)
def test_finish_reasons_of_other_houses(theirs: str, ours: Any) -> None:
    assert read(chunk(finish=theirs)) == [LlmFinish(ours)]


calmly = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab{", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab{", max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["content", "reasoning", "tool_calls", "refusal", "index", "function", "name", "arguments", "id"])
DELTA = st.dictionaries(FIELDS, JSON | st.lists(st.dictionaries(FIELDS, JSON, max_size=4), max_size=2), max_size=4)
CHOICES = JSON | st.lists(st.fixed_dictionaries({"delta": DELTA | JSON, "finish_reason": JSON}), max_size=2)


@calmly
@given(st.lists(st.fixed_dictionaries({"choices": CHOICES, "usage": JSON}), max_size=4))
def test_whatever_comes_is_read_or_a_fault(everything: list[dict[str, Any]]) -> None:
    try:
        deltas = read(*(chunk(**fields) for fields in everything))
    except EngineFault:
        return
    assert isinstance(deltas[-1], LlmFinish)


# --- think tags -------------------------------------------------------------------------------------------------------------------


@calmly
@given(st.text("ab <>/", max_size=8), st.text("ab <>/", max_size=8), st.lists(st.integers(1, 9), min_size=1))
def test_think_tags_are_found_however_the_text_is_cut(thought: str, said: str, cuts: list[int]) -> None:
    text = f" <think>{thought}</think>{said}"
    splitter = ThinkTagSplitter()
    deltas: list[TextDelta | ReasoningDelta] = []
    position = number = 0
    while position < len(text):
        length = cuts[number % len(cuts)]
        deltas += splitter.feed(text[position : position + length])
        position, number = position + length, number + 1
    deltas += splitter.flush()
    expected_thought, _, expected_said = (thought + "</think>" + said).partition("</think>")
    assert "".join(d.text for d in deltas if isinstance(d, ReasoningDelta)) == expected_thought
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)).lstrip() == expected_said.lstrip()
    assert all(d.text for d in deltas)


def test_a_tag_in_mid_answer_is_text() -> None:
    splitter = ThinkTagSplitter()
    assert splitter.feed("Say <think> aloud.") == [TextDelta("Say <think> aloud.")]


def test_what_might_have_become_a_tag_is_given_back() -> None:
    splitter = ThinkTagSplitter()
    assert splitter.feed(" <thi") == []
    assert splitter.flush() == [TextDelta(" <thi")]


# --- messages and tools -----------------------------------------------------------------------------------------------------------


def tool_call(number: int) -> ToolCall:
    return ToolCall(f"c{number}", "f", "{}")


def chat_call(number: int) -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_parallel_calls_are_one_message_with_the_text_before_them() -> None:
    messages = [
        Message("assistant", "One moment."),
        Message("assistant", tool_calls=(tool_call(1),)),
        Message("assistant", tool_calls=(tool_call(2),)),
        Message("tool", "r1", call_id="c1"),
        Message("tool", "r2", call_id="c2"),
    ]
    assert chat_messages(messages) == [
        {"role": "assistant", "content": "One moment.", "tool_calls": [chat_call(1), chat_call(2)]},
        {"role": "tool", "tool_call_id": "c1", "content": "r1"},
        {"role": "tool", "tool_call_id": "c2", "content": "r2"},
    ]


def test_a_late_result_moves_up_to_its_call() -> None:
    messages = [
        Message("assistant", tool_calls=(tool_call(1),)),
        Message("user", "Hurry!"),
        Message("tool", "r1", call_id="c1"),
    ]
    assert [m["role"] for m in chat_messages(messages)] == ["assistant", "tool", "user"]


def test_a_call_without_a_result_gets_a_stand_in() -> None:
    chat = chat_messages([Message("assistant", tool_calls=(tool_call(1),)), Message("user", "Well?")])
    assert chat[1] == {"role": "tool", "tool_call_id": "c1", "content": NO_RESULT_YET}


def test_a_result_without_a_call_is_left_out() -> None:
    assert chat_messages([Message("tool", "r", call_id="gone")]) == []


def test_calls_made_one_after_the_other_stay_apart() -> None:
    messages = [
        Message("assistant", tool_calls=(tool_call(1),)),
        Message("tool", "r1", call_id="c1"),
        Message("assistant", tool_calls=(tool_call(2),)),
        Message("tool", "r2", call_id="c2"),
    ]
    assert [m["role"] for m in chat_messages(messages)] == ["assistant", "tool", "assistant", "tool"]


@calmly
@given(st.lists(st.tuples(st.sampled_from(["user", "call", "result", "say"]), st.integers(0, 5)), max_size=12))
def test_every_call_is_answered_right_behind_it_and_no_result_stands_alone(happened: list[tuple[str, int]]) -> None:
    made: set[int] = set()
    messages: list[Message] = []
    for kind, number in happened:
        if kind == "call" and number not in made:
            made.add(number)
            messages.append(Message("assistant", tool_calls=(tool_call(number),)))
        elif kind == "result":
            messages.append(Message("tool", "r", call_id=f"c{number}"))
        elif kind in ("user", "say"):
            messages.append(Message("user" if kind == "user" else "assistant", "text"))
    waiting: list[str] = []
    for message in chat_messages(messages):
        if message["role"] == "tool":
            assert waiting.pop(0) == message["tool_call_id"]
        else:
            assert not waiting
            waiting = [each["id"] for each in message.get("tool_calls", [])]
    assert not waiting


def test_tools_in_chat_form_pass_and_tools_of_other_types_are_left_out() -> None:
    given_form = {"type": "function", "function": {"name": "f"}}
    assert chat_tools([given_form, {"type": "mcp", "server_label": "s"}]) == [given_form]


@pytest.mark.parametrize(
    ("realtime", "chat"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "mcp", "server_label": "s"}, "required"),
    ],
)
def test_tool_choices(realtime: Any, chat: Any) -> None:
    assert chat_tool_choice(realtime) == chat

"""Whatever order a brain's deltas come in, the events of a response add up: one item at a time, opened, told and closed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent

from vivavoce.api.responses.response import Response
from vivavoce.engines.ports import LlmDelta, LlmFinish, LlmUsage, ReasoningDelta, TextDelta, ToolCallDelta
from vivavoce.protocol import errors
from vivavoce.protocol.ids import IdSource
from vivavoce.testing.strictly import read_strictly, readers

KNOWN = readers(ResponseStreamEvent)
REPEATED = {"model": "m", "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
DELTAS = {"response.output_text.delta": "text", "response.function_call_arguments.delta": "arguments"}

texts = st.builds(TextDelta, st.text(max_size=3), st.sampled_from((None, "commentary", "final_answer")))
calls = st.builds(ToolCallDelta, st.integers(0, 2), st.just("f"), st.just(""), st.sampled_from(("", "{", "}", '"a"')))
answers = st.lists(texts | calls | st.builds(ReasoningDelta, st.just("hm")), max_size=12)
ends = st.sampled_from(("stop", "tool_calls", "length", "content_filter", "fault"))


def events_of(deltas: list[LlmDelta], end: Any, *, obfuscate: bool) -> list[dict[str, Any]]:
    response = Response(REPEATED, IdSource(1), obfuscate=obfuscate, created_at=1)
    events = list(response.begin())
    for delta in deltas:
        events += response.take(delta)
    if end == "fault":
        return [*events, *response.fail(errors.internal())]
    events += response.take(LlmUsage(1, 2))
    return [*events, *response.take(LlmFinish(end))]


@given(answers, ends, st.booleans())
def test_every_item_is_opened_told_and_closed_before_the_next(deltas: list[LlmDelta], end: Any, obfuscate: bool) -> None:
    events = events_of(deltas, end, obfuscate=obfuscate)
    for event in events:
        read_strictly(event, KNOWN)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    open_item: dict[str, Any] | None = None
    told = ""
    done: list[dict[str, Any]] = []
    for event in events[2:-1]:
        kind = event["type"]
        assert event["output_index"] == len(done)
        if kind == "response.output_item.added":
            assert open_item is None and event["item"]["status"] == "in_progress"
            open_item, told = event["item"], ""
        elif kind in DELTAS:
            assert open_item is not None and event["item_id"] == open_item["id"]
            told += event["delta"]
        elif kind in ("response.output_text.done", "response.function_call_arguments.done"):
            assert told == event.get("text", event.get("arguments"))
        elif kind == "response.output_item.done":
            item = event["item"]
            assert open_item is not None and item["id"] == open_item["id"]
            assert told == (item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"])
            done.append(item)
            open_item = None
    last = events[-1]["response"]
    assert open_item is None and last["output"] == done
    assert last["status"] == {"length": "incomplete", "content_filter": "incomplete", "fault": "failed"}.get(end, "completed")


@given(answers, ends)
def test_nothing_a_brain_says_is_lost(deltas: list[LlmDelta], end: Any) -> None:
    output = events_of(deltas, end, obfuscate=False)[-1]["response"]["output"]
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    written = "".join(item["content"][0]["text"] for item in output if item["type"] == "message")
    # Only white space that would open a message of its own is not worth one.
    assert "".join(written.split()) == "".join(said.split())
    for number in {delta.index for delta in deltas if isinstance(delta, ToolCallDelta)}:
        asked = "".join(delta.arguments for delta in deltas if isinstance(delta, ToolCallDelta) and delta.index == number)
        assert any(item["type"] == "function_call" and item["arguments"] in (asked, asked or "{}") for item in output)


@given(answers)
def test_only_the_last_item_of_an_answer_that_is_cut_is_incomplete(deltas: list[LlmDelta]) -> None:
    output = events_of(deltas, "length", obfuscate=False)[-1]["response"]["output"]
    assert [item["status"] for item in output] == [*["completed"] * (len(output) - 1), *["incomplete"] * bool(output)]

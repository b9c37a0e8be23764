"""What a client says a function was called with, or gave, is text of its own making: no JSON in it stops the brain."""

from __future__ import annotations

import pytest
from frames_talk import WEATHER, collect, text_of

from vivavoce.engines.llm.frames.brain import FramesBrain
from vivavoce.engines.ports import LlmFinish, LlmRequest, Message, ToolCall

HOSTILE = (
    *(
        prefix * depth + "1" + suffix * depth
        for prefix, suffix in (('{"city": ', "}"), ("[", "]"))
        for depth in (300, 950, 2_000)
    ),
    r'{"city": "\ud800"}',
    r'{"\udfff": 1}',
    r'{"city": "\u0000"}',
    '{"city": NaN, "error": Infinity}',
    "9" * 5_000,
    "",
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:12]!r} of {len(text)}")
def test_hostile_arguments_and_outputs_are_answered(text: str) -> None:
    for output in (text, '{"error": "out of order"}'):
        messages = (
            Message("user", "What is the weather in Paris?"),
            Message("assistant", tool_calls=(ToolCall("call_1", "get_weather", text),)),
            Message("tool", output, call_id="call_1"),
        )
        for said in ((), (Message("user", "Try again, please."),)):
            deltas = collect(FramesBrain(), LlmRequest((*messages, *said), tools=(WEATHER,)))
            assert isinstance(deltas[-1], LlmFinish)
            text_of(deltas).encode()  # half a character has no encoding, and would break the answer off

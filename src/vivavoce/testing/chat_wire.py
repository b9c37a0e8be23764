"""The JSON of Chat Completions as a server writes it: chunks, whole answers, errors.

Source: https://platform.openai.com/docs/api-reference/chat/streaming for the shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vivavoce.engines.ports import LlmDelta, LlmFinish, LlmUsage, ReasoningDelta, TextDelta, ToolCallDelta

_CREATED = 1_750_000_000
"""A constant, so that a recorded answer is the same each time."""

DONE = b"data: [DONE]\n\n"


def sse(data: Mapping[str, Any] | str) -> bytes:
    """Write one server-sent event; text goes out as it is, sound or not."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def chunk(happening: LlmDelta, *, answer_id: str, model: str) -> dict[str, Any]:
    """Write one delta as a chunk; a usage has no choice, the others have one."""
    head = {"id": answer_id, "object": "chat.completion.chunk", "created": _CREATED, "model": model}
    if isinstance(happening, LlmUsage):
        return {**head, "choices": [], "usage": usage(happening)}
    reason = happening.reason if isinstance(happening, LlmFinish) else None
    return {**head, "choices": [{"index": 0, "delta": _delta(happening), "finish_reason": reason}]}


def completion(happenings: Sequence[LlmDelta], *, answer_id: str, model: str) -> dict[str, Any]:
    """Write a whole answer for a client that did not ask for a stream."""
    content = "".join(h.text for h in happenings if isinstance(h, TextDelta))
    message: dict[str, Any] = {"role": "assistant", "content": content or None, "refusal": None}
    reasoning = "".join(h.text for h in happenings if isinstance(h, ReasoningDelta))
    if reasoning:
        message["reasoning_content"] = reasoning
    calls = _whole_calls(h for h in happenings if isinstance(h, ToolCallDelta))
    if calls:
        message["tool_calls"] = calls
    reason = next((h.reason for h in happenings if isinstance(h, LlmFinish)), "stop")
    counted = next((usage(h) for h in happenings if isinstance(h, LlmUsage)), None)
    head = {"id": answer_id, "object": "chat.completion", "created": _CREATED, "model": model}
    return {**head, "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": counted}


def usage(counted: LlmUsage) -> dict[str, Any]:
    """Write token counts."""
    return {
        "prompt_tokens": counted.input_tokens,
        "completion_tokens": counted.output_tokens,
        "total_tokens": counted.input_tokens + counted.output_tokens,
        "prompt_tokens_details": {"cached_tokens": counted.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning_tokens},
    }


def error(message: str, *, kind: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    """Write an error body."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _delta(happening: LlmDelta) -> dict[str, Any]:
    match happening:
        case TextDelta(text, phase):
            return {"content": text} if phase is None else {"content": text, "phase": phase}
        case ReasoningDelta(text):
            return {"reasoning_content": text}
        case ToolCallDelta(index, name, call_id, arguments):
            head = {"id": call_id, "type": "function"} if name else {}
            function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
            return {"tool_calls": [{"index": index, **head, "function": function}]}
        case _:
            return {}


def _whole_calls(deltas: Iterable[ToolCallDelta]) -> list[dict[str, Any]]:
    calls: dict[int, dict[str, Any]] = {}
    for delta in deltas:
        call = calls.setdefault(delta.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call["id"] += delta.call_id
        call["function"]["name"] += delta.name
        call["function"]["arguments"] += delta.arguments
    return [calls[index] for index in sorted(calls)]

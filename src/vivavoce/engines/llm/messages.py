"""Put a context into the order Chat Completions insists on.

A realtime conversation is a list of items: calls, their outputs and what was said meanwhile come in whatever order they
happened. Chat Completions wants the answers to an assistant's tool calls directly after the message that made them, one answer
to each call, and none without a call; a backend answers 400 otherwise. `chat_messages` moves what must be moved and changes
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vivavoce.engines.ports import Message, ToolCall

NO_RESULT_YET = "No result yet."
"""What stands in for the output of a call that has not been answered: true, and it keeps the model from calling again."""


def chat_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Write the messages in Chat Completions form.

    An assistant message is joined with the calls that follow it directly; the answers to the calls are moved up behind them; a
    call without an answer gets `NO_RESULT_YET`; an answer whose call is not in the context (it was dropped when the context grew
    too long) is left out, because no backend would accept it.

    Args:
        messages: the context, oldest first.

    Returns:
        Chat messages: `{"role", "content", ...}`.
    """
    answers = {message.call_id: message.text for message in messages if message.role == "tool"}
    chat: list[dict[str, Any]] = []
    for message in _joined(messages):
        chat.append(_chat_message(message))
        chat.extend(
            {"role": "tool", "tool_call_id": call.call_id, "content": answers.get(call.call_id, NO_RESULT_YET)}
            for call in message.tool_calls
        )
    return chat


def _joined(messages: Sequence[Message]) -> list[Message]:
    """Leave out the tool messages, and join each run of calls with the assistant's text before it."""
    joined: list[Message] = []
    previous: Message | None = None
    for message in messages:
        if message.role == "tool":
            previous = message
            continue
        if _continues(previous, message):
            before = joined.pop()
            message = Message("assistant", text=before.text, tool_calls=before.tool_calls + message.tool_calls)
        joined.append(message)
        previous = message
    return joined


def _continues(previous: Message | None, message: Message) -> bool:
    """Tell whether `message` holds nothing but calls and comes directly after another message of the assistant."""
    calls_only = message.role == "assistant" and bool(message.tool_calls) and not message.text
    return calls_only and previous is not None and previous.role == "assistant"


def _chat_message(message: Message) -> dict[str, Any]:
    if message.images and message.role == "user":
        parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
        parts.extend({"type": "image_url", "image_url": {"url": uri}} for uri in message.images)
        return {"role": "user", "content": parts}
    if message.tool_calls:
        return {
            "role": "assistant",
            "content": message.text or None,
            "tool_calls": [_chat_tool_call(call) for call in message.tool_calls],
        }
    return {"role": message.role, "content": message.text}


def _chat_tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}

"""From a response's context to the brain's request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vivavoce.core.context import Context, ContextItem
from vivavoce.engines.ports import UNCLEAR_AUDIO, LlmRequest, Message, ToolCall
from vivavoce.protocol.session import AgentConfig

UNCLEAR_RULE: Final = (
    f'A user message that reads "{UNCLEAR_AUDIO}" was audio that could not be understood: ask briefly, in the language of the '
    "conversation, to hear it again; guess nothing and call no function."
)
"""The instruction block that goes with UA-01 and UA-04; sent only when the context has such a message."""


def build_request(context: Context, config: AgentConfig, session_id: str) -> LlmRequest:
    """Return the request for one response.

    Function outputs follow their calls directly, whatever was said while the function ran: chat backends refuse any other order.

    Args:
        context: what the brain may see.
        config: the response's configuration.
        session_id: the key of the session for prefix caches.
    """
    unclear = any(item.unclear for item in context.items)
    system = "\n\n".join(filter(None, (context.instructions, UNCLEAR_RULE if unclear else "")))
    head = (Message("system", system),) if system else ()
    return LlmRequest(
        messages=head + tuple(_messages(context.items)),
        tools=config.tools,
        tool_choice=config.tool_choice,
        parallel_tool_calls=config.parallel_tool_calls,
        max_output_tokens=config.max_output_tokens,
        effort=config.effort,
        spoken=config.modality == "audio",
        session=session_id,
    )


def _messages(items: Sequence[ContextItem]) -> list[Message]:
    outputs = {item.call_id: item.text for item in items if item.kind == "output"}
    messages: list[Message] = []
    calls: list[ToolCall] = []

    def flush() -> None:
        if calls:
            messages.append(Message("assistant", tool_calls=tuple(calls)))
            messages.extend(Message("tool", outputs[call.call_id], call_id=call.call_id) for call in calls)
            calls.clear()

    for item in items:
        if item.kind == "call":
            calls.append(ToolCall(item.call_id, item.name, item.text))
            continue
        flush()
        if item.kind == "system":
            messages.append(Message("system", item.text))
        elif item.kind == "user":
            messages.append(Message("user", UNCLEAR_AUDIO if item.unclear else item.text, item.images))
        elif item.kind == "assistant":
            messages.append(Message("assistant", item.text))
    flush()
    return messages

"""The frames brain behind the `LanguageModel` port: tools in, deterministic dialogue out, no language model.

It routes, fills, asks, reads back, waits for a yes, calls and reports; what it cannot do it says. The same request always gets
the same answer.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from vivavoce.engines.llm.frames.dialogue import Dialogue
from vivavoce.engines.llm.frames.instructions import literal
from vivavoce.engines.llm.frames.policy import Answer, Terms, answer
from vivavoce.engines.llm.frames.router import Encoder, Router
from vivavoce.engines.llm.frames.schema import Tool, parse_tool
from vivavoce.engines.ports import (
    Capabilities,
    LlmDelta,
    LlmFinish,
    LlmRequest,
    Message,
    TextDelta,
    ToolCallDelta,
)

CHARS_PER_TOKEN = 4
"""Tokens are estimated as characters / 4, rounded up: the usual rule of thumb for English, and the brain has no tokenizer."""

LONGEST_MESSAGE = 8_000
"""Characters of a message that are read: ten minutes of speech. What is typed may be megabytes, and reading those takes minutes."""

LONGEST_CONVERSATION = 400_000
"""Characters of the latest messages that are read, somewhat less than the window of a session holds."""

_CACHED_TOOL = 32_768
"""Longest description of a tool that is kept parsed, in characters."""

_PIECE = re.compile(r"\S+\s*|\s+")
_ARGUMENT_PIECE_CHARS = 24


class FramesBrain:
    """A `LanguageModel` without a model.

    Args:
        encoder: a sentence encoder for routing; without one, tools are found by the words they share with the utterance.
    """

    def __init__(self, encoder: Encoder | None = None) -> None:
        self._router = Router(encoder)
        how = (
            "sentence embeddings"
            if encoder is not None
            else "word overlap only (no sentence encoder): paraphrases are not understood"
        )
        self._capabilities = Capabilities(
            name="frames",
            licence="Apache-2.0",
            languages=("en",),
            streaming=True,
            quality="demo",
            notes=f"rule-based, deterministic, English; routes to tools by {how}",
        )

    @property
    def capabilities(self) -> Capabilities:
        """What this brain can do."""
        return self._capabilities

    async def warm(self) -> None:
        """Embed the phrases every session needs."""
        await asyncio.to_thread(self._router.prepare, ())

    async def prepare(self, instructions: str, tools: tuple[Mapping[str, Any], ...]) -> None:
        """Embed the phrases of a session's tools."""
        await asyncio.to_thread(self._router.prepare, _functions(tools))

    async def close(self) -> None:
        """Nothing is held. Idempotent."""

    async def generate(self, request: LlmRequest) -> AsyncIterator[LlmDelta]:
        """Answer once; see `LanguageModel.generate`.

        Text comes word by word, a call as its name and then its arguments in pieces. It counts no tokens: it has none.
        """
        decided = await asyncio.to_thread(self.decide, request)
        budget = request.max_output_tokens
        text, calls = decided.text, decided.calls
        cut = budget is not None and _tokens(text, *(call.tool.name + call.text for call in calls)) > budget
        if cut and budget is not None:
            text, calls = _within(text, budget), ()
        phase = "commentary" if calls else "final_answer"
        for piece in _PIECE.findall(text):
            yield TextDelta(piece, phase)
        for index, call in enumerate(calls):
            yield ToolCallDelta(index=index, name=call.tool.name)
            for piece in _chunks(call.text):
                yield ToolCallDelta(index=index, arguments=piece)
        yield LlmFinish("length" if cut else "tool_calls" if calls else "stop")

    def decide(self, request: LlmRequest) -> Answer:
        """Return the whole answer to a request at once; pure but for its caches."""
        messages = _readable(request.messages)
        spoken = _literal_order(messages)
        if spoken is not None:
            return Answer(spoken)
        tools = _functions(request.tools)
        forced = _forced(request.tool_choice, tools)
        instructions = messages[0].text if messages and messages[0].role == "system" else ""
        dialogue = Dialogue(tools, self._router, forced=forced, eager=request.tool_choice == "required")
        state = dialogue.replay(messages)
        terms = Terms(
            tools=tools,
            instructions=instructions,
            may_call=request.tool_choice != "none",
            forced=forced is not None,
            parallel=request.parallel_tool_calls,
        )
        return answer(state, terms)


def _readable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages cut to what can be read while somebody waits: the first, and the latest from something the user said on."""
    short = tuple(
        message if len(message.text) <= LONGEST_MESSAGE else replace(message, text=message.text[:LONGEST_MESSAGE])
        for message in messages
    )
    room = LONGEST_CONVERSATION
    for place in range(len(short) - 1, 0, -1):
        room -= len(short[place].text)
        if room < 0:
            begin = next((later for later in range(place + 1, len(short)) if short[later].role == "user"), len(short) - 1)
            return (short[0], *short[begin:]) if short[0].role == "system" else short[begin:]
    return short


def _functions(tools: Sequence[Mapping[str, Any]]) -> tuple[Tool, ...]:
    functions = [tool for tool in tools if tool.get("type", "function") == "function" and tool.get("name")]
    texts = [json.dumps(tool, default=str) for tool in functions]
    return tuple(_parsed(text) if len(text) <= _CACHED_TOOL else parse_tool(json.loads(text)) for text in texts)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Tool:
    return parse_tool(json.loads(text))


def _literal_order(messages: Sequence[Message]) -> str | None:
    """Return the text the last system message orders to be said word for word, unless somebody has spoken since."""
    last = next((message for message in reversed(messages) if message.role == "system"), None)
    if last is None or (messages[-1] is not last and messages[0] is not last):
        return None
    return literal(last.text)


def _forced(choice: str | Mapping[str, Any], tools: Sequence[Tool]) -> Tool | None:
    if isinstance(choice, str):
        return None
    nested = choice.get("function")
    name = choice.get("name") or (nested.get("name") if isinstance(nested, Mapping) else None)
    return next((tool for tool in tools if tool.name == name), None)


def _tokens(*parts: str) -> int:
    return sum(math.ceil(len(part) / CHARS_PER_TOKEN) for part in parts)


def _within(text: str, budget: int) -> str:
    kept = ""
    for piece in _PIECE.findall(text):
        if _tokens(kept + piece) > budget:
            break
        kept += piece
    return kept


def _chunks(arguments: str) -> Iterator[str]:
    for start in range(0, len(arguments), _ARGUMENT_PIECE_CHARS):
        yield arguments[start : start + _ARGUMENT_PIECE_CHARS]

"""A language model at work for one HTTP request: counted, charged, bounded, its faults in the official shape.

The same rules as for the answers of a session (`sessions.answer`, `core.replies`), for those who have no session.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import structlog

from vivavoce.api.engine_faults import engine_faults
from vivavoce.engines.ports import (
    EngineFault,
    LlmDelta,
    LlmFinish,
    LlmRequest,
    LlmUsage,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.protocol.usage import Letters, text_tokens
from vivavoce.sessions.answer import PATIENCE_WITH_LENGTH
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.closing import closing

_log = structlog.get_logger("vivavoce.llm")

MESSAGE_TOKENS: Final = 4
"""Tokens of framing per message: the usual rule of thumb for chat templates."""

IMAGE_TOKENS: Final = 765
"""Source: the published tile rule for a 1024 x 1024 image, which is what we assume without decoding it."""


LONGEST_CONTEXT: Final = 1_050_000
"""Tokens of an input, by our estimate: the largest published context window. What the language model behind a name takes, it says itself."""

_CHARACTERS_PER_TOKEN: Final = 4
"""No text has fewer tokens than one for so many characters, as they are estimated."""


async def stream(stack: Stack, request: LlmRequest, caller: Caller, *, counted: bool = False) -> AsyncGenerator[LlmDelta]:
    """Answer once. Whoever stops before the end closes the stream: the engine lets go before that returns.

    Deltas come as the engine gives them, but for these rules: there is exactly one `LlmUsage`, right before the `LlmFinish`, estimated
    where the backend does not count; a call of a function that is not among the tools never comes out; an answer that runs well beyond
    `max_output_tokens` is cut, and finishes with `length`.

    Args:
        stack: whose language model answers.
        request: what it is asked.
        caller: pays: one request before, the tokens after, also those of an answer that broke off or was closed.
        counted: the caller has paid for the request already.

    Raises:
        ClientFault: the caller is over its limits, or the model failed (429, 502, 503); nothing comes after it.
    """
    refused = None if counted else caller.limiter.request()
    if refused is not None:
        raise refused
    account = _Account(request)
    try:
        with engine_faults(_log):
            async with closing(stack.llm.generate(request)) as deltas:
                async for delta in deltas:
                    match account.take(delta):
                        case LlmFinish() as finish:
                            yield account.usage()
                            yield finish
                            return
                        case None:
                            continue
                        case kept:
                            yield kept
            raise EngineFault("The model broke off in the middle of its answer.")
    finally:
        usage = account.usage()
        caller.limiter.use(usage.input_tokens + usage.output_tokens)


@dataclass(slots=True)
class _Account:
    """What one answer has come to so far, and what of it may come out."""

    request: LlmRequest
    _written: Letters = field(default_factory=Letters)
    _thought: Letters = field(default_factory=Letters)
    _told: LlmUsage | None = None
    _said: bool = False
    _calls: set[int] = field(default_factory=set)
    _unknown: list[str] = field(default_factory=list)

    def take(self, delta: LlmDelta) -> LlmDelta | None:
        """Enter a delta; return what is to be told of it.

        Raises:
            ClientFault: the model did nothing but call a function it does not have.
        """
        match delta:
            case TextDelta(text):
                self._said = self._said or bool(text)
                self._written += Letters.of(text)
            case ReasoningDelta(text):
                self._thought += Letters.of(text)
            case ToolCallDelta():
                if not self._known(delta):
                    return None
                self._written += Letters.of(delta.name + delta.arguments)
            case LlmUsage():
                self._told = delta
                return None
            case LlmFinish():
                return self._finish(delta)
        limit = self.request.max_output_tokens
        if limit is not None and self._written.tokens > limit * PATIENCE_WITH_LENGTH:
            return LlmFinish("length")
        return delta

    def usage(self) -> LlmUsage:
        """Return the tokens so far: as the backend counted, else as we estimate."""
        if self._told is not None:
            return self._told
        reasoning = self._thought.tokens
        return LlmUsage(estimated_tokens(self.request), self._written.tokens + reasoning, 0, reasoning)

    def _known(self, delta: ToolCallDelta) -> bool:
        if delta.index in self._calls:
            return True
        if delta.name not in {tool["name"] for tool in self.request.tools}:
            if delta.name:
                self._unknown.append(delta.name)
            return False
        self._calls.add(delta.index)
        return True

    def _finish(self, finish: LlmFinish) -> LlmFinish:
        if self._unknown:
            _log.warning("the model called functions it does not have", tools=self._unknown)
        if self._unknown and not self._said and not self._calls:
            raise errors.engine_failed(f"The model called a function that is not in the tool list: {self._unknown[0]}.")
        if finish.reason == "tool_calls" and not self._calls:
            return replace(finish, reason="stop")
        return replace(finish, reason="tool_calls") if self._calls and finish.reason == "stop" else finish


def cache_name(caller: Caller, key: str | None) -> str:
    """Return the name under which a backend may keep what it has read for a caller: its `prompt_cache_key`, and never another's."""
    return hashlib.sha256(f"{caller.key}\0{key}".encode()).hexdigest()[:32] if key else ""


def check_length(request: LlmRequest, param: str) -> None:
    """Make sure that a request can be read at all.

    Raises:
        ClientFault: it is longer than any model reads; `param` is where its text came from.
    """
    # Counting takes time itself: first what is certain from the length alone.
    tokens = sum(len(message.text) for message in request.messages) // _CHARACTERS_PER_TOKEN
    if tokens <= LONGEST_CONTEXT:
        tokens = estimated_tokens(request)
    if tokens > LONGEST_CONTEXT:
        raise errors.context_exceeded(param, LONGEST_CONTEXT, tokens)


def estimated_tokens(request: LlmRequest) -> int:
    """Estimate the tokens of everything a brain gets to see."""
    tools = sum(text_tokens(msgspec.json.encode(tool).decode()) for tool in request.tools)
    return tools + sum(map(_message_tokens, request.messages))


def _message_tokens(message: Message) -> int:
    calls = sum(text_tokens(call.name + call.arguments) for call in message.tool_calls)
    return MESSAGE_TOKENS + text_tokens(message.text) + calls + IMAGE_TOKENS * len(message.images)

"""One response at work: the brain, and the voice that reads what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from vivavoce.core import inputs
from vivavoce.core.inputs import Input
from vivavoce.engines.ports import (
    EngineFault,
    LanguageModel,
    LlmDelta,
    LlmFinish,
    LlmRequest,
    LlmUsage,
    TextDelta,
    ToolCallDelta,
)
from vivavoce.protocol.usage import Letters
from vivavoce.sessions.closing import closing
from vivavoce.sessions.voice import Voice

_log = structlog.get_logger("vivavoce.answer")

PATIENCE_WITH_LENGTH: Final = 1.25
"""How far beyond `max_output_tokens` an answer may go by our estimate before it is cut: a backend that keeps the limit by its own count
is never cut by ours, and one that ignores it is not let run on."""


class Answer:
    """The engine jobs of one generation.

    Args:
        generation: its number.
        llm: the brain.
        request: what it is asked.
        voice: reads its messages aloud; None in text mode.
        put: takes the inputs for the core.
        room: waits until the client has room for more.
    """

    def __init__(
        self,
        generation: int,
        llm: LanguageModel,
        request: LlmRequest,
        voice: Voice | None,
        put: Callable[[Input], None],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self.voice = voice
        self._generation = generation
        self._llm = llm
        self._request = request
        self._put = put
        self._room = room

    async def run(self) -> None:
        """Think and speak until both are done or one fails. Cancelling it cancels both."""
        try:
            async with asyncio.TaskGroup() as jobs:
                speaking = jobs.create_task(self.voice.run()) if self.voice is not None else None
                thinking = jobs.create_task(self._think())
                await thinking
                # The voice ends with the generation: the core stops it once the last item has been spoken.
                if speaking is not None:
                    await speaking
        except* EngineFault as group:
            fault = _first(group)
            self._put(inputs.GenerationFailed(self._generation, fault.code, fault.message))
        except* Exception as group:  # noqa: BLE001 - the boundary of an engine: whatever breaks fails this response and nothing else
            _log.error("engine crashed", generation=self._generation, exc_info=group)
            self._put(inputs.GenerationFailed(self._generation, "server_error", "The model had an error while answering."))

    async def _think(self) -> None:
        finished, said = False, Letters()
        async with closing(self._llm.generate(self._request)) as deltas:
            async for delta in deltas:
                finished = isinstance(delta, LlmFinish)
                told = self._told(delta)
                if told is not None:
                    self._put(told)
                    await self._room()
                said += Letters.of(_text(delta))
                if not finished and self._too_long(said):
                    self._put(inputs.BrainFinished(self._generation, "length"))
                    finished = True
                    break
        if not finished:
            raise EngineFault("The model broke off in the middle of its answer.")

    def _too_long(self, said: Letters) -> bool:
        limit = self._request.max_output_tokens
        return limit is not None and said.tokens > limit * PATIENCE_WITH_LENGTH

    def _told(self, delta: LlmDelta) -> Input | None:
        match delta:
            case TextDelta(text, phase):
                return inputs.BrainText(self._generation, text, phase)
            case ToolCallDelta(index, name, call_id, arguments):
                return inputs.BrainCall(self._generation, index, name, call_id, arguments)
            case LlmUsage():
                return inputs.BrainUsage(
                    self._generation, delta.input_tokens, delta.output_tokens, delta.cached_tokens, delta.reasoning_tokens
                )
            case LlmFinish(reason):
                return inputs.BrainFinished(self._generation, reason)
            case _:
                return None


def _text(delta: LlmDelta) -> str:
    match delta:
        case TextDelta(text):
            return text
        case ToolCallDelta():
            return delta.name + delta.arguments
        case _:
            return ""


def _first(group: BaseExceptionGroup[EngineFault]) -> EngineFault:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, EngineFault) else EngineFault(str(error))

"""The answer to a chat, piece by piece: what the brain writes, and what the voice makes of it where it is to be spoken."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from vivavoce.api import llm
from vivavoce.api.voice import Spoken, speak
from vivavoce.dialogue.clauses import ClauseSplitter
from vivavoce.engines.ports import (
    LlmDelta,
    LlmFinish,
    LlmRequest,
    LlmUsage,
    TextDelta,
    ToolCallDelta,
    VoiceStyle,
)
from vivavoce.models.stack import Stack
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.usage import Tokens, Usage, assistant_audio_tokens, text_tokens, user_audio_tokens
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.closing import closing

LONGEST_SPEECH_MS: Final = 20 * 60 * 1_000
"""Longest spoken answer: what is not streamed is kept until it is whole, 48 kB a second."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is ready to be answered.

    `voice` is None for an answer in text. `heard_ms` is the audio the user sent, `heard_texts` what it says; `spoken_ms` the speech of
    earlier answers.
    """

    request: LlmRequest
    voice: str | None = None
    heard_ms: float = 0.0
    heard_texts: tuple[str, ...] = ()
    spoken_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer: why it ended, and what it used."""

    reason: str
    usage: Usage


Piece = TextDelta | Spoken | ToolCallDelta | Finished


async def answer(stack: Stack, asked: Asked, caller: Caller) -> AsyncGenerator[Piece]:
    """Answer a chat for which the request has been counted.

    Yields:
        Text, or speech where a voice was asked for; deltas of calls; one `Finished` at the end.

    Raises:
        ClientFault: the brain or the voice failed.
    """
    brain = _Brain(llm.stream(stack, asked.request, caller, counted=True))
    spoken_ms, said = 0.0, ""
    try:
        async with closing(brain.deltas):
            if asked.voice is None:
                async for delta in brain.deltas:
                    if piece := brain.take(delta):
                        yield piece
            else:
                speech = speak(stack.synthesizer, brain.clauses(), VoiceStyle(asked.voice, language=""))
                async with closing(speech):
                    async for stretch in speech:
                        spoken_ms, said = spoken_ms + stretch.ms, said + stretch.text
                        yield stretch
                        if spoken_ms > LONGEST_SPEECH_MS:
                            brain.finish = "length"
                            break
                if brain.fault is not None:
                    raise brain.fault
                for call in brain.calls:
                    yield call
        told = brain.told or LlmUsage(llm.estimated_tokens(asked.request), text_tokens(said))
        yield Finished(brain.finish, _usage(asked, told, spoken_ms))
    finally:
        # The brain's tokens have been charged by whoever ran it.
        caller.limiter.use(user_audio_tokens(asked.heard_ms) + assistant_audio_tokens(asked.spoken_ms + spoken_ms))


@dataclass(slots=True)
class _Brain:
    """Reads the brain's answer; `fault` is how it broke off while a voice was reading it aloud."""

    deltas: AsyncGenerator[LlmDelta]
    calls: list[ToolCallDelta] = field(default_factory=list)
    told: LlmUsage | None = None
    finish: str = "stop"
    fault: ClientFault | None = None

    def take(self, delta: LlmDelta) -> TextDelta | ToolCallDelta | None:
        """Enter a delta; return it if it is for the client."""
        match delta:
            case LlmUsage():
                self.told = delta
            case LlmFinish(reason):
                self.finish = reason
            case TextDelta(text) if text:
                return delta
            case ToolCallDelta():
                return delta
        return None

    async def clauses(self) -> AsyncIterator[str]:
        """Yield what is to be said; calls are put aside. Not every engine lets a fault of its text through as it was: it is kept."""
        splitter = ClauseSplitter()
        try:
            async for delta in self.deltas:
                match self.take(delta):
                    case TextDelta(text):
                        for clause in splitter.feed(text):
                            yield clause
                    case ToolCallDelta() as call:
                        self.calls.append(call)
        except ClientFault as fault:
            self.fault = fault
            return
        for clause in splitter.flush():
            yield clause


def _usage(asked: Asked, told: LlmUsage, spoken_ms: float) -> Usage:
    """Return what an answer used: audio is billed as audio, not as the words that were made of it, and images apart."""
    images = llm.IMAGE_TOKENS * sum(len(message.images) for message in asked.request.messages)
    estimate = max(1, llm.estimated_tokens(asked.request))
    heard = sum(map(text_tokens, asked.heard_texts))
    read = max(0, round(told.input_tokens * (estimate - images - heard) / estimate))
    audio = user_audio_tokens(asked.heard_ms) + assistant_audio_tokens(asked.spoken_ms)
    return Usage(
        input=Tokens(read, audio, round(told.input_tokens * images / estimate)),
        output=Tokens(told.output_tokens, assistant_audio_tokens(spoken_ms)),
        cached=told.cached_tokens,
        reasoning=told.reasoning_tokens,
    )

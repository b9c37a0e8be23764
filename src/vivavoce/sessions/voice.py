"""The mouth of a response: its text in pieces in, spans of wire audio out, item after item."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from vivavoce.audio.codec import convert, encode
from vivavoce.core import inputs
from vivavoce.core.inputs import Input
from vivavoce.dialogue.clauses import ClauseSplitter
from vivavoce.engines.ports import SpeechSpan, Synthesizer, VoiceStyle
from vivavoce.protocol.session import AgentConfig
from vivavoce.sessions.closing import closing


@dataclass(frozen=True, slots=True)
class _Piece:
    output_index: int
    text: str | None
    """None ends the item."""


class Voice:
    """Says one response's messages.

    Args:
        generation: the response's generation.
        synthesizer: the engine.
        config: the response's configuration: voice, speed, output format.
        put: takes the inputs for the core.
        room: waits until the client has room for more.
    """

    def __init__(
        self,
        generation: int,
        synthesizer: Synthesizer,
        config: AgentConfig,
        put: Callable[[Input], None],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self._generation = generation
        self._synthesizer = synthesizer
        self._format = config.output_format
        self._style = VoiceStyle(config.voice, config.speed)
        self._put = put
        self._room = room
        self._pieces: asyncio.Queue[_Piece] = asyncio.Queue()

    def say(self, output_index: int, text: str) -> None:
        """Add text to an item."""
        self._pieces.put_nowait(_Piece(output_index, text))

    def end(self, output_index: int) -> None:
        """End an item."""
        self._pieces.put_nowait(_Piece(output_index, None))

    async def run(self) -> None:
        """Speak until cancelled.

        Raises:
            EngineFault: the engine failed.
        """
        while True:
            first = await self._pieces.get()
            # The clauses too: an engine that is cut short leaves them suspended, and with them the whole session in memory.
            clauses = self._clauses(first)
            async with closing(clauses), closing(self._synthesizer.synthesize(clauses, self._style)) as spans:
                async for span in spans:
                    self._put(self._spoken(first.output_index, span))
                    await self._room()
            self._put(inputs.SpeechFinished(self._generation, first.output_index))

    async def _clauses(self, piece: _Piece) -> AsyncIterator[str]:
        splitter = ClauseSplitter()
        while piece.text is not None:
            for clause in splitter.feed(piece.text):
                yield clause
            piece = await self._pieces.get()
        for clause in splitter.flush():
            yield clause

    def _spoken(self, output_index: int, span: SpeechSpan) -> inputs.Spoken:
        pcm = convert(span.pcm, span.rate_hz, self._format.rate_hz)
        words = tuple(inputs.Word(word.text, word.start_ms, word.end_ms) for word in span.words)
        return inputs.Spoken(self._generation, output_index, encode(pcm, self._format.type), span.text, words)

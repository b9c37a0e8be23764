"""A translation said aloud, laid out in time as the original is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from vivavoce.cli.files.lines import Piece
from vivavoce.cli.files.sound import SOUND_HZ, Samples, Timeline, Voiced
from vivavoce.cli.files.speaking import once, spoken
from vivavoce.engines.ports import VoiceStyle
from vivavoce.models.stack import Stack
from vivavoce.sessions.closing import closing

_LATE_MS: Final = 1_000
_CATCH_UP_MS: Final = 15_000
_FASTER: Final = 0.3
"""A voice this far behind the original begins to hurry, the more the later, and not more than that."""


async def spoken_too(pieces: AsyncIterator[Piece], stack: Stack, voice: str, language: str) -> AsyncGenerator[Piece | Voiced]:
    """Yield a transcript, and after each line the speech that says it, a little faster where it has fallen behind.

    Raises:
        Trouble: the voice failed.
    """
    timeline_ms = 0.0
    async with closing(pieces) as each:
        async for piece in each:
            yield piece
            if piece.line is None:
                continue
            start_ms = piece.line.start_ms
            behind_ms = timeline_ms - start_ms
            timeline_ms = max(timeline_ms, start_ms)
            style = VoiceStyle(voice, pace(behind_ms), language)
            async with closing(spoken(once(piece.line.text), stack, style)) as chunks:
                async for pcm in chunks:
                    timeline_ms += len(pcm) * 1000 / SOUND_HZ
                    yield Voiced(start_ms, pcm)


def pace(behind_ms: float) -> float:
    """Return how fast to speak when the original is so far ahead: up to a third faster, which is still easy to follow."""
    return 1.0 + min(_FASTER, max(0.0, behind_ms - _LATE_MS) / _CATCH_UP_MS)


async def laid_out(voiced: asyncio.Queue[Voiced | None]) -> AsyncGenerator[Samples]:
    """Yield speech with the silence between, until None comes."""
    timeline = Timeline()
    while (part := await voiced.get()) is not None:
        silence = timeline.place(part.at_ms)
        if len(silence):
            yield silence
        yield timeline.said(part.pcm)

"""Recordings played at their own pace, as a microphone would hear them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from vivavoce.engines.ports import SPEECH_RATE_HZ
from vivavoce.sessions.closing import closing

_STEP_BYTES: Final = SPEECH_RATE_HZ * 2 // 10
"""100 ms."""


async def at_its_own_pace(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield 16 kHz s16le in steps of 100 ms, each when its last sample would have been heard."""
    began = time.monotonic()
    played = 0
    rest = b""
    async with closing(audio) as chunks:
        async for chunk in chunks:
            rest += chunk
            while len(rest) >= _STEP_BYTES:
                played += _STEP_BYTES
                await asyncio.sleep(max(0.0, began + duration_ms(played) / 1000 - time.monotonic()))
                step, rest = rest[:_STEP_BYTES], rest[_STEP_BYTES:]
                yield step
    if rest:
        yield rest


def duration_ms(size: int) -> float:
    """Return how long so many bytes of 16 kHz s16le sound, in ms."""
    return size / (2 * SPEECH_RATE_HZ) * 1000

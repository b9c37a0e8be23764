"""The room, through the microphone of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from vivavoce.audio.codec import to_float, to_int16
from vivavoce.audio.resample import to_speech_rate
from vivavoce.cli.call.clock import SAMPLE_RATE_HZ
from vivavoce.cli.call.microphone import Microphone
from vivavoce.cli.call.sound_card import SoundCard
from vivavoce.sessions.closing import closing


@asynccontextmanager
async def room(stop: asyncio.Event) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Hold the sound card and hear it as 16 kHz s16le until `stop` is set.

    Raises:
        Trouble: there is no microphone.
    """
    with SoundCard(instead="name a file") as card:
        yield captured(card, stop)


async def captured(microphone: Microphone, stop: asyncio.Event) -> AsyncGenerator[bytes]:
    """Yield what a microphone captures as 16 kHz s16le until `stop` is set."""
    resampler = to_speech_rate(SAMPLE_RATE_HZ)
    async with closing(microphone.chunks()) as chunks:
        async for chunk in chunks:
            if stop.is_set():
                return
            yield to_int16(resampler.feed(to_float(chunk))).astype("<i2").tobytes()

"""Where turns end, told by the voice detector of this machine: speech in, the same speech and its ends out."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from vivavoce.audio.codec import to_float
from vivavoce.engines.ports import SPEECH_RATE_HZ, VAD_FRAME_SAMPLES
from vivavoce.engines.vad.silero import SileroModel, SileroStreams, find_silero
from vivavoce.sessions.closing import closing

_FRAME_BYTES: Final = 2 * VAD_FRAME_SAMPLES
_FRAME_MS: Final = VAD_FRAME_SAMPLES * 1000 / SPEECH_RATE_HZ

THRESHOLD: Final = 0.5
SILENCE_MS: Final = 500
PADDING_MS: Final = 300
"""The server's own defaults for turns. Source: wire reference C.5."""

LONGEST_MS: Final = 30_000
"""Who speaks without a pause gets a new line all the same."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn has ended: when it was spoken, in ms from the start of the sound."""

    start_ms: int
    end_ms: int


async def turns(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes | Turn]:
    """Yield the speech in 16 kHz s16le, some of the silence around it included, and after each turn when it was.

    Raises:
        EngineFault: the detector cannot run here.
    """
    detector = SileroStreams(SileroModel(find_silero()), 1)
    slot = detector.acquire()
    before: deque[bytes] = deque(maxlen=round(PADDING_MS / _FRAME_MS))
    frame_no = first = last = 0
    speaking = False
    rest = b""
    async with closing(audio) as chunks:
        async for chunk in chunks:
            rest += chunk
            while len(rest) >= _FRAME_BYTES:
                frame, rest = rest[:_FRAME_BYTES], rest[_FRAME_BYTES:]
                speech = float(detector.judge([slot], [to_float(np.frombuffer(frame, "<i2"))])[0]) >= THRESHOLD
                if speech:
                    first = first if speaking else frame_no
                    last = frame_no
                if speech and not speaking:
                    speaking = True
                    yield b"".join(before)
                    before.clear()
                if speaking:
                    yield frame
                else:
                    before.append(frame)
                frame_no += 1
                quiet_ms, long_ms = (frame_no - 1 - last) * _FRAME_MS, (frame_no - first) * _FRAME_MS
                if speaking and (quiet_ms >= SILENCE_MS or long_ms >= LONGEST_MS):
                    speaking = False
                    yield _turn(first, last)
    if speaking:
        yield rest
        yield _turn(first, last)


def _turn(first: int, last: int) -> Turn:
    return Turn(round(first * _FRAME_MS), round((last + 1) * _FRAME_MS))

"""Long recordings in parts a server takes: cut where it is quiet, small enough for any line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.media import MediaError, MediaWorkers
from vivavoce.cli.files.hearing import unreadable
from vivavoce.cli.files.pace import duration_ms
from vivavoce.cli.files.screen import Progress
from vivavoce.engines.ports import SPEECH_RATE_HZ
from vivavoce.sessions.closing import closing

MOST_BYTES: Final = 25_000_000
"""What a server takes at once. Source: wire reference A.6."""

PART_S: Final = 600
"""The length of a part: about 3.6 MB at the 48 kbit/s of our Opus, and how long a model that does not stream gives no sign of life."""

_SEARCHED_S: Final = 60
"""The end of a part, in which the quietest place is looked for."""

_QUIET: Final = SPEECH_RATE_HZ * 3 // 10
_STEP: Final = SPEECH_RATE_HZ // 20


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a recording, with its place in it in ms; `end_ms` None where nobody knows how long the recording is.

    `content` is a file as it is, or Opus in Ogg.
    """

    content: Path | bytes
    start_ms: int
    end_ms: int | None

    def file(self) -> Path | tuple[str, bytes]:
        """Return what the client uploads."""
        return self.content if isinstance(self.content, Path) else ("part.ogg", self.content)


async def whole_or_in_parts(media: MediaWorkers, path: Path, progress: Progress) -> AsyncGenerator[Part]:
    """Yield a recording as it is if it is small and short, else in parts.

    Raises:
        Trouble: it is no recording, or has to be cut up and cannot be read here.
    """
    size = (await asyncio.to_thread(path.stat)).st_size
    try:
        seconds = (await media.probe(path)).duration_s
    except MediaError as error:
        # A format nobody here can read is sent as it is: the server may know it.
        if error.code == "invalid_file" or size > MOST_BYTES:
            raise unreadable(path, error) from error
        seconds = None
    progress.total_ms = None if seconds is None else seconds * 1000
    if size <= MOST_BYTES and (seconds is None or seconds <= PART_S):
        yield Part(path, 0, None if seconds is None else round(seconds * 1000))
        return
    start_ms = 0.0
    try:
        async with closing(media.decode(path)) as audio, closing(_cut(audio)) as parts:
            async for pcm in parts:
                length_ms = duration_ms(2 * len(pcm))
                content = b"".join([data async for data in media.encode(_once(pcm), SPEECH_RATE_HZ, "opus")])
                yield Part(content, round(start_ms), round(start_ms + length_ms))
                start_ms += length_ms
    except MediaError as error:
        raise unreadable(path, error) from error


async def _cut(audio: AsyncIterator[bytes]) -> AsyncGenerator[NDArray[np.int16]]:
    """Cut 16 kHz s16le into parts, at the quietest place near the end of each."""
    most = PART_S * SPEECH_RATE_HZ * 2
    held = bytearray()
    async for chunk in audio:
        held += chunk
        if len(held) >= most:
            pcm = np.frombuffer(bytes(held), "<i2")
            place = quietest(pcm, len(pcm) - _SEARCHED_S * SPEECH_RATE_HZ)
            yield pcm[:place]
            del held[: 2 * place]
    if held:
        yield np.frombuffer(bytes(held[: len(held) // 2 * 2]), "<i2")


def quietest(pcm: NDArray[np.int16], since: int) -> int:
    """Return the middle of the quietest 300 ms of a stretch of samples from `since` on, exact to 50 ms; the last of several."""
    tail = pcm[max(0, since) :].astype(np.float64)
    steps = len(tail) // _STEP
    energy = (tail[: steps * _STEP].reshape(steps, _STEP) ** 2).sum(axis=1)
    width = _QUIET // _STEP
    if steps < width:
        return len(pcm)
    sums = np.convolve(energy, np.ones(width), "valid")
    last_of_them = len(sums) - 1 - int(sums[::-1].argmin())
    return max(0, since) + last_of_them * _STEP + _QUIET // 2


async def _once(pcm: NDArray[np.int16]) -> AsyncGenerator[NDArray[np.int16]]:
    for place in range(0, len(pcm), SPEECH_RATE_HZ):
        yield pcm[place : place + SPEECH_RATE_HZ]

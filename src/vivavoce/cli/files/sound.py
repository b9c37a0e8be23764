"""Speech on its way into a file or onto standard output, in any format of the API."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.media import MediaError, MediaWorkers
from vivavoce.cli.errors import FAILED, Trouble
from vivavoce.cli.files.formats import STANDARD, SoundFormat
from vivavoce.cli.files.heading import HEADING_BYTES, UNKNOWN, wav_heading
from vivavoce.cli.files.output import PartFile
from vivavoce.cli.files.screen import Screen
from vivavoce.sessions.closing import closing

SOUND_HZ: Final = 24_000
"""The rate of everything written. Source: wire reference A.6."""

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Voiced:
    """Speech, and when it is to be heard: not before that moment, in ms from the start. `pcm` is int16 at 24 kHz."""

    at_ms: float
    pcm: Samples


async def write_sound(
    pcm: AsyncIterator[Samples], path: Path, fmt: SoundFormat, media: MediaWorkers, screen: Screen, stretch: float = 1.0
) -> None:
    """Write speech as it comes.

    Interrupted, or failed half-way, what was said stays, under the name of a part.

    Args:
        pcm: mono int16 samples at `SOUND_HZ`.
        path: where to; `STANDARD` is standard output.
        fmt: how.
        media: encodes what is compressed.
        screen: where notes go.
        stretch: how much faster than spoken, at the same pitch.

    Raises:
        Trouble: the file cannot be written, or what the samples raise.
    """
    if path == STANDARD:
        async with closing(_encoded(pcm, fmt, media, stretch)) as data:
            async for part in data:
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
        return
    file = PartFile(path)
    complete = False
    try:
        async with closing(_encoded(pcm, fmt, media, stretch)) as data:
            async for part in data:
                file.write_bytes(part)
        complete = True
    finally:
        if fmt is SoundFormat.wav and file.file.seekable():
            _tell_length(file)
        if not complete and (kept := file.abandon()) is not None:
            screen.note(f"What there is so far is in {kept}.")
    file.finish()


async def _encoded(pcm: AsyncIterator[Samples], fmt: SoundFormat, media: MediaWorkers, stretch: float) -> AsyncGenerator[bytes]:
    bare = fmt in (SoundFormat.wav, SoundFormat.pcm)
    heading = wav_heading(UNKNOWN, SOUND_HZ) if fmt is SoundFormat.wav else b""
    try:
        async with closing(pcm), closing(media.encode(pcm, SOUND_HZ, "pcm" if bare else fmt.value, stretch)) as data:
            async for part in data:
                yield heading + part
                heading = b""
        if heading:
            yield heading
    except MediaError as error:
        raise Trouble(f"{fmt.value} cannot be written: {error}", FAILED) from error


def _tell_length(file: PartFile) -> None:
    size = file.file.seek(0, os.SEEK_END)
    if size >= HEADING_BYTES:
        file.file.seek(0)
        file.write_bytes(wav_heading(size - HEADING_BYTES, SOUND_HZ))


class Timeline:
    """Puts stretches of speech where they belong in time: not before their moment, and one after the other.

    Args:
        rate_hz: of the samples.
    """

    def __init__(self, rate_hz: int = SOUND_HZ) -> None:
        self._rate_hz = rate_hz
        self._written = 0

    def place(self, at_ms: float) -> Samples:
        """Return the silence that is missing before something that belongs at this moment."""
        silence = np.zeros(max(0, round(at_ms * self._rate_hz / 1000) - self._written), np.int16)
        self._written += len(silence)
        return silence

    def said(self, pcm: Samples) -> Samples:
        """Take note of samples that follow, and return them."""
        self._written += len(pcm)
        return pcm

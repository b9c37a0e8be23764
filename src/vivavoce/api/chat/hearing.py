"""The recordings of a chat, heard: what they say, and how long they are."""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vivavoce.api.audio.places import Places
from vivavoce.api.chat.messages import Recording
from vivavoce.api.media import media_fault
from vivavoce.audio.media import SPEECH_RATE_HZ, MediaError, MediaWorkers
from vivavoce.engines.ports import EngineFault, RecognitionOptions
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.sessions.closing import closing
from vivavoce.sessions.dictation import dictate

LONGEST_MS: Final = 15 * 60 * 1_000
"""Longest speech of one message: as much as a WAV file of the largest body holds at 16 kHz; compressed files hold hours."""

REMEMBERED: Final = 512
"""Recordings whose words are remembered: clients send the whole chat again with each turn."""

_BYTES_PER_MS: Final = SPEECH_RATE_HZ // 1000 * 2
_RIFF, _WAVE = b"RIFF", b"WAVE"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recording says, empty where nothing was understood, and its duration."""

    text: str
    ms: float


@dataclass(slots=True)
class Hearing:
    """Hears recordings; each once while it is remembered. One per app.

    Args:
        media: decodes them.
        places: where they wait for their turn.
    """

    media: MediaWorkers
    places: Places
    _known: OrderedDict[tuple[str, bytes], Heard] = field(default_factory=OrderedDict)

    async def hear(self, recording: Recording, stack: Stack, model: str, options: RecognitionOptions) -> Heard:
        """Return what a recording says.

        Args:
            recording: the audio, in base64.
            stack: whose detector and recognizer hear.
            model: the public name of the stack, under which the words are remembered.
            options: how to recognize.

        Raises:
            ClientFault: it is no base64, no audio of its format, too long, or the recognizer failed.
        """
        audio = await asyncio.to_thread(_decoded, recording)
        known = (model, hashlib.sha256(audio).digest())
        heard = self._known.pop(known, None) or await self._heard(audio, recording, stack, options)
        self._known[known] = heard
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return heard

    async def _heard(self, audio: bytes, recording: Recording, stack: Stack, options: RecognitionOptions) -> Heard:
        async with (
            self._place(),
            _file(audio, recording.format) as path,
            closing(self.media.decode(path, SPEECH_RATE_HZ)) as chunks,
        ):
            measured = _Measured(chunks, recording.param)
            try:
                async with closing(dictate(measured, stack, options)) as said:
                    texts = [piece.text async for piece in said]
            except MediaError as error:
                raise media_fault(error, recording.param) from error
            except EngineFault as fault:
                raise errors.engine_failed(fault.message, fault.code, temporary=fault.temporary) from fault
        return Heard("".join(texts).strip(), measured.ms)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        with self.places.upload():
            async with self.places.work():
                yield


@asynccontextmanager
async def _file(audio: bytes, ending: str) -> AsyncGenerator[Path]:
    folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="vivavoce-")
    try:
        path = Path(folder.name) / f"recording.{ending}"
        await asyncio.to_thread(path.write_bytes, audio)
        yield path
    finally:
        await asyncio.to_thread(folder.cleanup)


class _Measured:
    """Audio on its way, which ends where it is too long. It stays ours to close."""

    def __init__(self, chunks: AsyncIterator[bytes], param: str) -> None:
        self.ms = 0.0
        self._chunks = chunks
        self._param = param

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        self.ms += len(chunk) / _BYTES_PER_MS
        if self.ms > LONGEST_MS:
            raise errors.refused_value(self._param, f"Invalid '{self._param}': longer than {LONGEST_MS // 60_000} minutes.")
        return chunk


def _decoded(recording: Recording) -> bytes:
    """Return the audio out of its base64.

    Raises:
        ClientFault: it is none, or not of the format it is said to be.
    """
    try:
        # What tools write into files and mails is broken into lines.
        audio = binascii.a2b_base64(recording.data.encode().translate(None, b"\r\n"), strict_mode=True)
    except (binascii.Error, ValueError):
        raise errors.bad_base64(recording.param) from None
    wav = audio[:4] == _RIFF and audio[8:12] == _WAVE
    if wav is not (recording.format == "wav"):
        raise errors.refused_value(
            recording.param, f"The data provided for 'input_audio' is not of valid {recording.format} format."
        )
    return audio

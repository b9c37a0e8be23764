"""The recordings of a chat, heard: what they say, and how long they are."""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vivavoce.api.audio.places import Places
from vivavoce.api.chat.messages import Recording
from vivavoce.api.disk import no_disk
from vivavoce.api.media import hearing_faults
from vivavoce.audio.media import SPEECH_RATE_HZ, MediaWorkers
from vivavoce.engines.ports import RecognitionOptions
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.sessions.closing import closing
from vivavoce.sessions.dictation import dictate

LONGEST_MS: Final = 15 * 60 * 1_000
"""Longest speech of one message: as much as a WAV file of the largest body holds at 16 kHz; compressed files hold hours."""

REMEMBERED: Final = 512
"""Recordings whose words are remembered: clients send the whole chat again with each turn."""

_PIECE_CHARACTERS: Final = 256 * 1024
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
        async with _file(recording) as (path, digest):
            known = (model, digest)
            heard = self._known.pop(known, None) or await self._heard(path, recording.param, stack, options)
        self._known[known] = heard
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return heard

    async def _heard(self, path: Path, param: str, stack: Stack, options: RecognitionOptions) -> Heard:
        with self.places.upload():
            async with self.places.work(), closing(self.media.decode(path, SPEECH_RATE_HZ)) as chunks:
                measured = _Measured(chunks, param)
                with hearing_faults(param):
                    async with closing(dictate(measured, stack, options)) as said:
                        texts = [piece.text async for piece in said]
        return Heard("".join(texts).strip(), measured.ms)


@asynccontextmanager
async def _file(recording: Recording) -> AsyncGenerator[tuple[Path, bytes]]:
    """Write a recording out of its base64 into a file; yield where it is and the digest of what is in it."""
    with _disk():
        folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="vivavoce-", ignore_cleanup_errors=True)
    try:
        path = Path(folder.name) / f"recording.{recording.format}"
        writing = asyncio.create_task(asyncio.to_thread(_written, recording, path))
        try:
            with _disk():
                digest = await asyncio.shield(writing)
        finally:
            # Also where nobody waits any more: what a thread still writes into cannot be removed.
            await asyncio.wait((writing,))
        yield path, digest
    finally:
        await asyncio.to_thread(folder.cleanup)


@contextmanager
def _disk() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise no_disk(error) from error


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


def _written(recording: Recording, path: Path) -> bytes:
    """Write the audio of a recording to a file, piece by piece; return its digest.

    Raises:
        ClientFault: it is no base64, or not of the format it is said to be.
        OSError: it cannot be written.
    """
    digest, head = hashlib.sha256(), b""
    with path.open("wb") as file:
        for audio in _pieces(recording):
            if not head:
                head = audio[:12]
                if ((head[:4], head[8:]) == (_RIFF, _WAVE)) is not (recording.format == "wav"):
                    raise errors.refused_value(
                        recording.param, f"The data provided for 'input_audio' is not of valid {recording.format} format."
                    )
            digest.update(audio)
            file.write(audio)
    return digest.digest()


def _pieces(recording: Recording) -> Iterator[bytes]:
    """Yield the audio of a recording, decoded so little at a time that sessions are not kept waiting by it.

    Raises:
        ClientFault: it is no base64.
    """
    odd = b""
    try:
        # What tools write into files and mails is broken into lines.
        data = recording.data.rstrip("\r\n")
        for start in range(0, len(data), _PIECE_CHARACTERS):
            piece = odd + data[start : start + _PIECE_CHARACTERS].encode("ascii").translate(None, b"\r\n")
            if start + _PIECE_CHARACTERS < len(data):
                whole = len(piece) - len(piece) % 4
                if b"=" in piece[:whole]:
                    raise ValueError("padding before the end")
                piece, odd = piece[:whole], piece[whole:]
            yield binascii.a2b_base64(piece, strict_mode=True)
    except ValueError:
        raise errors.bad_base64(recording.param) from None

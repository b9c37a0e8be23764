"""A recording's words by the engines of this machine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from vivavoce.audio.media import MediaError, MediaWorkers
from vivavoce.cli.errors import FAILED, MISUSED, Trouble
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.pace import duration_ms
from vivavoce.cli.files.screen import Progress
from vivavoce.engines.mt.languages import primary
from vivavoce.engines.ports import RecognitionOptions
from vivavoce.models.stack import Stack
from vivavoce.sessions.closing import closing
from vivavoce.sessions.dictation import dictate

HEARING: Final = ("vad", "recognizer")
"""The roles it takes."""


@asynccontextmanager
async def media_workers() -> AsyncIterator[MediaWorkers]:
    """Hold what reads and writes files."""
    media = MediaWorkers()
    try:
        yield media
    finally:
        await media.close()


async def decoded(media: MediaWorkers, path: Path, progress: Progress) -> AsyncGenerator[bytes]:
    """Look into a recording, and return it as 16 kHz s16le.

    Raises:
        Trouble: it is no recording, or nobody can read it; while it is read, too.
    """
    try:
        seconds = (await media.probe(path)).duration_s
    except MediaError as error:
        raise unreadable(path, error) from error
    progress.total_ms = None if seconds is None else seconds * 1000
    return _decoded(media, path)


async def _decoded(media: MediaWorkers, path: Path) -> AsyncGenerator[bytes]:
    try:
        async with closing(media.decode(path)) as chunks:
            async for chunk in chunks:
                yield chunk
    except MediaError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: MediaError) -> Trouble:
    """Return what to say of a recording that cannot be read."""
    return Trouble(f"{path.name}: {error}", FAILED if error.code in ("failed", "overloaded") else MISUSED)


async def counted(audio: AsyncIterator[bytes], progress: Progress) -> AsyncGenerator[bytes]:
    """Yield 16 kHz s16le, counting it."""
    progress.length_known = True
    async with closing(audio) as chunks:
        async for chunk in chunks:
            yield chunk
            progress.done_ms += duration_ms(len(chunk))


async def heard(audio: AsyncIterator[bytes], stack: Stack, options: RecognitionOptions) -> AsyncGenerator[Piece]:
    """Yield what is said in 16 kHz s16le.

    Raises:
        EngineFault: an engine failed.
    """
    known = stack.recognizer.capabilities.languages
    language = options.language or (known[0] if len(known) == 1 else "")
    async with closing(dictate(audio, stack, options)) as said:
        async for one in said:
            line = None
            if (utterance := one.utterance) is not None:
                times = (utterance.start_ms, utterance.end_ms)
                line = Line(*times, utterance.text, utterance.words, "", utterance.language or language)
            yield Piece(one.text, line)


def check_language(given: str, stack: Stack, option: str = "--language") -> str:
    """Return a language as the engines name it: its ISO-639-1 code, empty if none was given.

    Raises:
        Trouble: the recognizer does not know it.
    """
    language = primary(given)
    known = stack.recognizer.capabilities.languages
    if language and known and language not in known:
        name = stack.recognizer.capabilities.name
        raise Trouble(f"{option} {given!r} is not understood here: {name} knows {', '.join(known)}", MISUSED)
    return language

"""Texts said by the voice of this machine."""

from __future__ import annotations

import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from vivavoce.api.voice import speak
from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.incoming import read_pipe
from vivavoce.cli.files.sound import Samples
from vivavoce.config import nearest
from vivavoce.dialogue.clauses import ClauseSplitter
from vivavoce.engines.mt.languages import primary
from vivavoce.engines.ports import VoiceStyle
from vivavoce.engines.tts.available import ESPEAK_HINT
from vivavoce.engines.tts.voices import VOICE_NAMES
from vivavoce.models.stack import Stack
from vivavoce.protocol.errors import ClientFault
from vivavoce.sessions.closing import closing

SPEAKING: Final = ("synthesizer",)
"""The roles it takes."""


def check_voice(voice: str) -> None:
    """Make sure that a voice exists.

    Raises:
        Trouble: it does not.
    """
    if voice not in VOICE_NAMES:
        raise Trouble(
            f"--voice {voice!r}: no such voice{nearest(voice, VOICE_NAMES)}; there are {', '.join(VOICE_NAMES)}", MISUSED
        )


def check_spoken(given: str, stack: Stack, option: str) -> str:
    """Return a language as the engines name it, empty if none was given.

    Raises:
        Trouble: the voice does not speak it.
    """
    language = primary(given)
    known = stack.synthesizer.capabilities.languages
    if language and known and language not in known:
        name = stack.synthesizer.capabilities.name
        raise Trouble(f"{option} {given!r} is not spoken here: {name} speaks {', '.join(known)} ({ESPEAK_HINT})", MISUSED)
    return language


async def spoken(text: AsyncIterator[str], stack: Stack, style: VoiceStyle) -> AsyncGenerator[Samples]:
    """Say a text while it still comes in; yields int16 samples at 24 kHz.

    Raises:
        Trouble: the voice failed, or does not speak the language; or what the text raises.
    """
    lost: list[Trouble] = []
    try:
        async with closing(speak(stack.synthesizer, _clauses(text, lost), style)) as spans:
            async for span in spans:
                yield span.pcm
    except ClientFault as fault:
        raise Trouble(fault.message) from fault
    if lost:
        raise lost[0]


async def _clauses(text: AsyncIterator[str], lost: list[Trouble]) -> AsyncGenerator[str]:
    """Yield a text's clauses. What is wrong with the text is put aside: to the voice it would be a fault of the engine's."""
    splitter = ClauseSplitter()
    try:
        async with closing(text) as pieces:
            async for piece in pieces:
                for clause in splitter.feed(piece):
                    yield clause
    except Trouble as trouble:
        lost.append(trouble)
    for clause in splitter.flush():
        yield clause


async def once(text: str) -> AsyncGenerator[str]:
    """Yield a text that is there already."""
    yield text


async def typed() -> AsyncGenerator[str]:
    """Yield the text on standard input as it comes.

    Raises:
        Trouble: it is no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        async with closing(read_pipe()) as data:
            async for part in data:
                yield decoder.decode(part)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Trouble("standard input is no text in UTF-8", MISUSED) from error

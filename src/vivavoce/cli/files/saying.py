"""The work of `vivavoce say`: whose voice, and where its sound goes."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.engines import furnished, model_of_kind, started
from vivavoce.cli.files.formats import SoundFormat
from vivavoce.cli.files.hearing import media_workers
from vivavoce.cli.files.keys import key_of
from vivavoce.cli.files.running import run
from vivavoce.cli.files.screen import Progress, Screen
from vivavoce.cli.files.sound import SOUND_HZ, Samples, write_sound
from vivavoce.cli.files.speaking import SPEAKING, check_spoken, check_voice, once, spoken, typed
from vivavoce.config import Settings
from vivavoce.dialogue.clauses import ClauseSplitter
from vivavoce.engines.ports import VoiceStyle
from vivavoce.sessions.closing import closing

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST_TEXT: Final = 4_096
"""Characters a server says at once. Source: wire reference A.6."""

_SLOWEST, _FASTEST = 0.5, 1.5
"""What every engine can do by itself; the rest is stretched afterwards, as the server does it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be said, how, and where to. A text of `-` is standard input."""

    text: str
    out: Path
    fmt: SoundFormat
    voice: str
    speed: float
    language: str
    model: str


def perform(order: Order, settings: Settings | None, address: str | None, key: str | None) -> None:
    """Say it: by the voice of the settings, or by the server at an address.

    Raises:
        Trouble: that did not work.
        ConfigError: a setting cannot be used.
    """
    if order.text == "-" and sys.stdin.isatty():
        raise Trouble(
            "- reads a text from standard input: pipe one into it, such as `vivavoce say - -o out.wav < text.txt`", MISUSED
        )
    progress = Progress()
    with Screen("speaking", progress) as screen:
        if address is not None:
            run(_there(order, address, key_of(key), screen, progress))
        elif settings is not None:
            run(_here(order, settings, screen, progress))


async def _here(order: Order, settings: Settings, screen: Screen, progress: Progress) -> None:
    check_voice(order.voice)
    stack = furnished(settings, model_of_kind(settings, order.model, "speech"), SPEAKING)
    language = check_spoken(order.language, stack, "--language")
    speed = min(_FASTEST, max(_SLOWEST, order.speed))
    async with started(stack, SPEAKING), media_workers() as media:
        pcm = _counted(spoken(_text(order), stack, VoiceStyle(order.voice, speed, language)), progress)
        await write_sound(pcm, order.out, order.fmt, media, screen, order.speed / speed)


async def _there(order: Order, address: str, api_key: str, screen: Screen, progress: Progress) -> None:
    # The official client takes half a second to import: who needs no server does not wait for it.
    from vivavoce.cli.files.server import client_of

    async with client_of(address, api_key) as client, media_workers() as media:
        pcm = _counted(_said_by(client, order), progress)
        await write_sound(pcm, order.out, order.fmt, media, screen)


async def _said_by(client: AsyncOpenAI, order: Order) -> AsyncGenerator[Samples]:
    """Yield what a server says, part by part: the samples themselves, so that the parts go together in every format."""
    async with closing(portions(_text(order))) as texts:
        async for text in texts:
            odd = b""
            request = client.audio.speech.with_streaming_response.create(
                model=order.model, voice=order.voice, input=text, response_format="pcm", speed=order.speed
            )
            async with request as answer:
                async for data in answer.iter_bytes():
                    odd += data
                    whole = len(odd) // 2 * 2
                    yield np.frombuffer(odd[:whole], "<i2")
                    odd = odd[whole:]


def _text(order: Order) -> AsyncGenerator[str]:
    return something(typed() if order.text == "-" else once(order.text))


async def something(text: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Yield a text from its first letter on.

    Raises:
        Trouble: it has none.
    """
    begun = False
    async with closing(text) as pieces:
        async for piece in pieces:
            rest = piece if begun else piece.lstrip()
            if rest:
                begun = True
                yield rest
    if not begun:
        raise Trouble("there is nothing to say", MISUSED)


async def portions(text: AsyncIterator[str], most: int = LONGEST_TEXT) -> AsyncGenerator[str]:
    """Yield a text in portions of so many characters at most, cut between clauses; those that say nothing are left out."""
    splitter = ClauseSplitter()
    held = ""

    async def clauses() -> AsyncGenerator[str]:
        async with closing(text) as pieces:
            async for piece in pieces:
                for clause in splitter.feed(piece):
                    yield clause
        for clause in splitter.flush():
            yield clause

    async with closing(clauses()) as each:
        async for clause in each:
            for place in range(0, len(clause), most):
                part = clause[place : place + most]
                if len(held) + len(part) > most:
                    if held.strip():
                        yield held
                    held = ""
                held += part
    if held.strip():
        yield held


async def _counted(pcm: AsyncIterator[Samples], progress: Progress) -> AsyncGenerator[Samples]:
    async with closing(pcm) as chunks:
        async for chunk in chunks:
            progress.done_ms += len(chunk) * 1000 / SOUND_HZ
            yield chunk

"""The work of `vivavoce translate`: words heard, put into another language, written and said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vivavoce.audio.media import MediaWorkers
from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.dubbing import laid_out, spoken_too
from vivavoce.cli.files.engines import furnished, model_of_kind, started
from vivavoce.cli.files.formats import STANDARD, SoundFormat, TextFormat, is_sound, sound_format, text_format
from vivavoce.cli.files.hearing import HEARING, check_language, counted, decoded, heard, media_workers
from vivavoce.cli.files.hints import TIMED_MODEL, Hints
from vivavoce.cli.files.keys import key_of
from vivavoce.cli.files.lines import Piece
from vivavoce.cli.files.pace import at_its_own_pace
from vivavoce.cli.files.running import all_of, run
from vivavoce.cli.files.screen import Progress, Screen
from vivavoce.cli.files.sound import Voiced, write_sound
from vivavoce.cli.files.source import recording
from vivavoce.cli.files.speaking import SPEAKING, check_spoken, check_voice
from vivavoce.cli.files.transcript import write_transcript
from vivavoce.cli.files.wording import check_pair, in_other_words
from vivavoce.config import Settings
from vivavoce.engines.mt.languages import primary
from vivavoce.engines.ports import RecognitionOptions, Vocabulary
from vivavoce.sessions.closing import closing

MODEL: Final = "gpt-realtime-translate"

_KIND: Final = "translation"

_AHEAD: Final = 64
"""Stretches of speech that may wait to be written."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be translated, and where the translation goes: `outs` are sound files and text files."""

    source: Path
    target: str
    outs: tuple[Path, ...]
    fmt: TextFormat | None
    hints: Hints
    voice: str
    model: str | None

    @property
    def texts(self) -> list[tuple[Path, TextFormat]]:
        """The text files and their formats; standard output, where there is none."""
        paths = [path for path in self.outs if not is_sound(path)] or [STANDARD]
        return [(path, text_format(self.fmt if path == STANDARD or self._unnamed(path) else None, path)) for path in paths]

    @property
    def sounds(self) -> list[tuple[Path, SoundFormat]]:
        """The sound files and their formats."""
        return [(path, sound_format(None, path)) for path in self.outs if is_sound(path)]

    def _unnamed(self, path: Path) -> bool:
        return text_format(None, path) is TextFormat.txt


def perform(order: Order, settings: Settings | None, address: str | None, key: str | None) -> None:
    """Translate: by the engines of the settings, or by the server at an address.

    Raises:
        Trouble: that did not work.
        ConfigError: a setting cannot be used.
    """
    if len(order.sounds) > 1:
        raise Trouble("only one -o may be a sound file", MISUSED)
    with ExitStack() as held:
        path = held.enter_context(recording(order.source))
        progress = Progress()
        screen = held.enter_context(Screen("translating", progress))
        work = _Translating(order, path, screen, progress)
        if address is not None:
            run(work.there(address, key_of(key)))
        elif settings is not None:
            run(work.here(settings))


class _Translating:
    """One translation at work."""

    def __init__(self, order: Order, path: Path, screen: Screen, progress: Progress) -> None:
        self._order = order
        self._path = path
        self._screen = screen
        self._progress = progress

    async def here(self, settings: Settings) -> None:
        order = self._order
        roles = (*HEARING, "translator", *(SPEAKING if order.sounds else ()))
        model = model_of_kind(settings, order.model or MODEL, _KIND)
        stack = furnished(settings, model, roles)
        source = check_language(order.hints.language, stack, "--from")
        target = check_pair(source, order.target, stack)
        if order.sounds:
            check_voice(order.voice)
            check_spoken(order.target, stack, "--to")
        vocabulary = Vocabulary(keywords=order.hints.keywords, prompt=order.hints.prompt)
        async with media_workers() as media:
            audio = counted(await decoded(media, self._path, self._progress), self._progress)
            async with started(stack, roles):
                lines = in_other_words(heard(audio, stack, RecognitionOptions(source, vocabulary)), stack, source, target)
                await self._write(spoken_too(lines, stack, order.voice, target) if order.sounds else lines, media)

    async def there(self, address: str, api_key: str) -> None:
        # The official client takes half a second to import: who needs no server does not wait for it.
        from vivavoce.cli.files.interpreting import interpreted
        from vivavoce.cli.files.server import client_of
        from vivavoce.cli.files.uploads import translated

        order = self._order
        async with media_workers() as media:
            if primary(order.target) == "en" and not order.sounds and order.model in (None, TIMED_MODEL):
                async with client_of(address, api_key) as client:
                    await self._write(translated(client, media, self._path, TIMED_MODEL, order.hints, self._progress), media)
                return
            audio = counted(at_its_own_pace(await decoded(media, self._path, self._progress)), self._progress)
            await self._write(interpreted(address, api_key, audio, order.model or MODEL, order.target), media)

    async def _write(self, parts: AsyncIterator[Piece | Voiced], media: MediaWorkers) -> None:
        """Write text and speech, each where it belongs, while they come."""
        voiced: asyncio.Queue[Voiced | None] = asyncio.Queue(_AHEAD)
        sounds = self._order.sounds

        async def pieces() -> AsyncGenerator[Piece]:
            async with closing(parts) as each:
                async for part in each:
                    if isinstance(part, Piece):
                        yield part
                    elif sounds:
                        await voiced.put(part)
            if sounds:
                await voiced.put(None)

        writing = [write_transcript(pieces(), self._order.texts, self._screen, self._progress, task="translate")]
        writing += [write_sound(laid_out(voiced), path, fmt, media, self._screen) for path, fmt in sounds]
        await all_of(*writing)

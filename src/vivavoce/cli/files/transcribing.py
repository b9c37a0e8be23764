"""The work of `vivavoce transcribe`: which recording, whose engines, how fast."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vivavoce.cli.files.engines import furnished, model_of_kind, started
from vivavoce.cli.files.formats import STANDARD, TextFormat
from vivavoce.cli.files.hearing import HEARING, check_language, counted, decoded, heard, media_workers
from vivavoce.cli.files.hints import LIVE_MODEL, STREAMING_MODEL, TIMED_MODEL, Hints
from vivavoce.cli.files.incoming import read_pipe, samples
from vivavoce.cli.files.keys import key_of
from vivavoce.cli.files.lines import Piece
from vivavoce.cli.files.pace import at_its_own_pace
from vivavoce.cli.files.running import run, stopped_by_ctrl_c
from vivavoce.cli.files.screen import Progress, Screen
from vivavoce.cli.files.source import not_a_terminal, recording
from vivavoce.cli.files.transcript import write_transcript
from vivavoce.config import Settings
from vivavoce.engines.ports import RecognitionOptions, Vocabulary

_KIND: Final = "transcription"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be transcribed, and how. `source` None is the microphone."""

    source: Path | None
    live: bool
    fmt: TextFormat
    out: Path
    hints: Hints
    rate_hz: int | None = None
    model: str | None = None

    @property
    def endless(self) -> bool:
        """Whether the sound comes as it is made: then Ctrl-C is its end."""
        return self.source is None or (self.source == STANDARD and self.live)

    @property
    def usual_model(self) -> str:
        """The model for this, where none is named."""
        if self.live:
            return LIVE_MODEL
        return STREAMING_MODEL if self.fmt is TextFormat.txt else TIMED_MODEL


def perform(order: Order, settings: Settings | None, address: str | None, key: str | None) -> None:
    """Transcribe: by the engines of the settings, or by the server at an address.

    Raises:
        Trouble: that did not work.
        ConfigError: a setting cannot be used.
    """
    with ExitStack() as held:
        path = None
        if order.source is not None and not order.endless:
            path = held.enter_context(recording(order.source, order.rate_hz))
        elif order.source is not None:
            not_a_terminal()
        progress = Progress()
        screen = held.enter_context(Screen("listening" if order.endless else "transcribing", progress))
        work = _Transcribing(order, path, screen, progress)
        if address is not None:
            run(work.there(address, key_of(key)))
        elif settings is not None:
            run(work.here(settings))


class _Transcribing:
    """One transcription at work."""

    def __init__(self, order: Order, path: Path | None, screen: Screen, progress: Progress) -> None:
        self._order = order
        self._path = path
        self._screen = screen
        self._progress = progress

    async def here(self, settings: Settings) -> None:
        order = self._order
        model = model_of_kind(settings, order.model or order.usual_model, _KIND)
        stack = furnished(settings, model, HEARING)
        hints = order.hints
        options = RecognitionOptions(
            check_language(hints.language, stack),
            Vocabulary(keywords=hints.keywords, prompt=hints.prompt),
            partials=order.live,
        )
        async with self._sound() as audio, started(stack, HEARING):
            await self._write(heard(audio, stack, options))

    async def there(self, address: str, api_key: str) -> None:
        # The official client takes half a second to import: who needs no server does not wait for it.
        from vivavoce.cli.files.captions import captioned
        from vivavoce.cli.files.server import client_of
        from vivavoce.cli.files.uploads import uploaded

        order = self._order
        model = order.model or order.usual_model
        if self._path is None or order.live:
            async with self._sound() as audio:
                await self._write(captioned(address, api_key, audio, model, order.hints))
        else:
            timed = order.fmt is not TextFormat.txt or model == TIMED_MODEL
            async with client_of(address, api_key) as client, media_workers() as media:
                await self._write(uploaded(client, media, self._path, model, order.hints, self._progress, timed=timed))

    async def _write(self, pieces: AsyncIterator[Piece]) -> None:
        await write_transcript(pieces, [(self._order.out, self._order.fmt)], self._screen, self._progress)

    @asynccontextmanager
    async def _sound(self) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Hold the sound to be heard, as 16 kHz s16le."""
        order = self._order
        async with AsyncExitStack() as held:
            if self._path is not None:
                media = await held.enter_async_context(media_workers())
                audio = await decoded(media, self._path, self._progress)
                yield counted(at_its_own_pace(audio) if order.live else audio, self._progress)
                return
            stop = held.enter_context(stopped_by_ctrl_c())
            if order.source is None:
                from vivavoce.cli.files.microphone import room

                yield counted(await held.enter_async_context(room(stop)), self._progress)
            else:
                yield counted(samples(read_pipe(stop=stop), order.rate_hz), self._progress)

"""Translation by apertium, where it is installed: rules and dictionaries, no model; GPL, and therefore processes of its own.

It is good between closely related languages and poor from and to English; what is good enough to be heard is for the operator
to say.
Source: Forcada et al., "Apertium: a free/open-source platform for rule-based machine translation", Machine Translation 25, 2011.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from vivavoce.engines.mt.apertium_modes import Mode, Route, installed_modes, routes
from vivavoce.engines.mt.apertium_pipeline import ApertiumPipeline
from vivavoce.engines.mt.apertium_text import Translated
from vivavoce.engines.mt.copies import copies
from vivavoce.engines.mt.languages import TARGETS, primary
from vivavoce.engines.ports import Capabilities, EngineFault, TranslationRequest

APERTIUM_HINT: Final = "apt install apertium apertium-eng-spa (and further apertium-* pairs)"

LONGEST_SOURCE: Final = 8_000
"""Characters of one clause: more is no clause."""
_MOST_PIPELINES: Final = 4
"""Modes kept running at once: each takes 50 to 650 MB."""
_FEW_WORDS: Final = 3
"""Fewer words may all be unknown to the dictionaries: a name, a greeting in a third language."""


class ApertiumTranslator:
    """Translates clause by clause with the modes that are installed; starts each when it is first needed.

    Args:
        find: how to find the modes; for tests.
        most: how many modes may run at once; the one that has been idle longest makes room.
    """

    def __init__(self, find: Callable[[], Iterable[Mode]] = installed_modes, most: int = _MOST_PIPELINES) -> None:
        self._routes = {pair: route for pair, route in routes(find()).items() if pair[1] in TARGETS}
        self._most = max(2, most)  # a route of two modes needs both
        self._running: dict[str, ApertiumPipeline] = {}
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """What is installed: direct pairs, and those that go through one language in between."""
        pivots = sum(len(route) > 1 for route in self._routes.values())
        return Capabilities(
            name="apertium",
            licence="GPL-2.0+ (runs as separate processes)",
            pairs=tuple(sorted(self._routes)),
            quality="demo",
            notes=f"whole clauses of a known language; {pivots} of {len(self._routes)} pairs through a third language",
        )

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the running processes."""
        return tuple(pid for pipeline in self._running.values() if pipeline.alive for pid in pipeline.pids)

    async def warm(self) -> None:
        """See that something is installed; dictionaries are loaded with the first clause that needs them.

        Raises:
            EngineFault: there is no apertium here, or none of its pairs leads to one of the thirteen languages.
        """
        if not self._routes:
            raise EngineFault(f"apertium is not installed: {APERTIUM_HINT}", temporary=False)

    async def close(self) -> None:
        """End the processes."""
        self._closed = True
        async with self._starting:
            pipelines, self._running = list(self._running.values()), {}
        await asyncio.gather(*(pipeline.close() for pipeline in pipelines))

    async def translate(self, request: TranslationRequest) -> AsyncGenerator[str, None]:
        """Translate one clause, in one piece.

        Raises:
            EngineFault: the pair is not installed, the source language is not known, a process died or hangs, or apertium knows
                none of the words.
        """
        source, target = primary(request.source), primary(request.target)
        if not any(sign.isalnum() for sign in request.text):
            return
        if not source:
            raise EngineFault("apertium has to be told which language is spoken", temporary=False)
        route = self._routes.get((source, target))
        if route is None:
            raise EngineFault(f"apertium has no pair {source}-{target} here: {APERTIUM_HINT}", temporary=False)
        if len(request.text) > LONGEST_SOURCE:
            raise EngineFault(f"a clause of {len(request.text)} characters is too long to be translated", temporary=False)
        text = await self._through(route, request.text)
        if text:
            yield text

    async def _through(self, route: Route, text: str) -> str:
        source = text
        for mode in route:
            async with self._pipeline(mode) as pipeline:
                translated = await pipeline.translate(text)
            if _understood_nothing(translated):
                raise EngineFault(f"apertium {mode.name} knows none of these words", temporary=False)
            text = translated.text
        if copies(source, text):
            raise EngineFault(f"apertium {route[0].name} knows none of these words", temporary=False)
        return text

    @asynccontextmanager
    async def _pipeline(self, mode: Mode) -> AsyncIterator[ApertiumPipeline]:
        """Lend the running pipe of a mode, having started it and made room for it if need be."""
        async with self._starting:
            if self._closed:
                raise EngineFault("the apertium translator is closed", temporary=False)
            pipeline = self._running.pop(mode.name, None)
            if pipeline is not None and not pipeline.alive:
                await pipeline.close()
                pipeline = None
            if pipeline is None:
                await self._make_room()
                pipeline = await ApertiumPipeline.start(mode)
            self._running[mode.name] = pipeline  # the last of the dictionary is the one used last
            pipeline.users += 1
        try:
            yield pipeline
        finally:
            pipeline.users -= 1

    async def _make_room(self) -> None:
        idle = [name for name, pipeline in self._running.items() if not pipeline.users]
        for name in idle[: max(0, len(self._running) + 1 - self._most)]:
            await self._running.pop(name).close()


def _understood_nothing(translated: Translated) -> bool:
    few = translated.words < _FEW_WORDS or translated.text.istitle()
    return not few and translated.unknown >= translated.words

"""What has been heard, line by line in another language, at the times of the original."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.writers import joined
from vivavoce.engines.mt.languages import name_of, primary
from vivavoce.engines.ports import EngineFault, TranslationRequest, Translator, translates
from vivavoce.models.languages import NO_TRANSLATOR
from vivavoce.models.stack import Stack
from vivavoce.sessions.closing import closing

_CONTEXT: Final = 4
"""Lines before the one at hand that the translator gets to see."""

_RETRIES_S: Final = (1.0, 5.0)
"""How long to wait before a line is tried again."""


def check_pair(source: str, target: str, stack: Stack) -> str:
    """Return a target language as the engines name it.

    Raises:
        Trouble: nobody translates into it here.
    """
    if stack.translator is None:
        raise Trouble(NO_TRANSLATOR, MISUSED)
    wanted, pairs = primary(target), stack.translator.capabilities.pairs
    if not translates(pairs, source, wanted):
        known = ", ".join(dict.fromkeys(to for of, to in pairs if not source or of in ("*", source)))
        start = f" from {name_of(source)}" if source else ""
        raise Trouble(
            f"--to {target!r}: {stack.translator.capabilities.name} does not translate into it{start}; it knows {known or 'none'}",
            MISUSED,
        )
    return wanted


async def in_other_words(pieces: AsyncIterator[Piece], stack: Stack, source: str, target: str) -> AsyncGenerator[Piece]:
    """Yield a transcript in another language, line by line, at the times of the original.

    Raises:
        EngineFault: the translator failed.
    """
    translator = stack.translator
    if translator is None:
        raise ValueError("there is no translator")
    before: deque[tuple[str, str]] = deque(maxlen=_CONTEXT)
    said = ""
    async with closing(pieces) as each:
        async for piece in each:
            if piece.line is None or not piece.line.text:
                continue
            line = piece.line
            of = primary(line.language) or source
            if of == target:
                text = line.text
            else:
                request = TranslationRequest(line.text, of, target, tuple(before))
                text = await _translated(translator, request)
                before.append((line.text, text))
            if text:
                other = Line(line.start_ms, line.end_ms, text, (), line.speaker, target)
                text = joined(said, other)
                said = text
                yield Piece(text, other)


async def _translated(translator: Translator, request: TranslationRequest) -> str:
    """Return the translation of a line; what may pass is tried again, for an hour's work hangs on it."""
    waits = iter(_RETRIES_S)
    while True:
        try:
            async with closing(translator.translate(request)) as parts:
                return "".join([part async for part in parts]).strip()
        except EngineFault as fault:
            wait_s = next(waits, None)
            if wait_s is None or not fault.temporary:
                raise
            await asyncio.sleep(wait_s)

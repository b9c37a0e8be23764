"""A translator that says what the script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

from vivavoce.engines.ports import Capabilities, EngineFault, TranslationRequest, translates
from vivavoce.testing.script import Sleep, tokens

EVERY_TARGET: Final = tuple(
    ("*", target) for target in ("en", "es", "fr", "de", "it", "pt", "ja", "ko", "zh", "ru", "hi", "id", "vi")
)
"""From any language into the thirteen of translation sessions."""

Translation = str | EngineFault
"""What comes of a clause: a text (empty for a clause that says nothing), or a fault in its place."""


class ScriptedTranslator:
    """A `Translator` that looks every clause up.

        translator = ScriptedTranslator({"good morning": "buenos días", "boom": EngineFault("no more")})
        translator = ScriptedTranslator(lambda request: f"<{request.target}> {request.text}")

    A mapping is searched for the clause without outer white space, then without regard to case and closing punctuation; a
    clause it lacks is a fault, so that a test notices what it did not expect. Translations come word by word.

    Args:
        script: clause → translation, or a function of the whole request; without one `[es] the clause`.
        pairs: what it translates, `("*", "es")` from any language.
        delay_s: time before each word.
        fault: raised after the first `fault_after` words of every clause.
        fault_after: see `fault`.
        hang: never says anything.
        sleep: how to wait; give your own for a virtual clock.

    Attributes:
        requests: every request, in order.
        finished: how many were read to their end.
        cancelled: how many were closed before it.
        closed: whether `close` has been called.
    """

    def __init__(
        self,
        script: Mapping[str, Translation] | Callable[[TranslationRequest], Translation] | None = None,
        *,
        pairs: tuple[tuple[str, str], ...] = EVERY_TARGET,
        delay_s: float = 0.0,
        fault: EngineFault | None = None,
        fault_after: int = 0,
        hang: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._script = script
        self._pairs = pairs
        self._delay_s = delay_s
        self._fault = fault
        self._fault_after = fault_after
        self._hang = hang
        self._sleep = sleep
        self.requests: list[TranslationRequest] = []
        self.finished = 0
        self.cancelled = 0
        self.closed = False

    @property
    def capabilities(self) -> Capabilities:
        """Whatever the script says."""
        return Capabilities("scripted translator", "Apache-2.0", streaming=True, pairs=self._pairs, quality="null")

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Note that it was called."""
        self.closed = True

    async def translate(self, request: TranslationRequest) -> AsyncGenerator[str, None]:
        """Say the script's translation of one clause, word by word.

        Raises:
            EngineFault: the script says so or lacks the clause, or the pair is not one of `pairs`.
        """
        self.requests.append(request)
        try:
            if not translates(self._pairs, request.source, request.target):
                raise EngineFault(f"no translation from {request.source!r} to {request.target!r}", temporary=False)
            if self._hang:
                await asyncio.Event().wait()
            text = self._looked_up(request)
            for number, token in enumerate(tokens(text)):
                if self._fault is not None and number >= self._fault_after:
                    raise self._fault
                await self._sleep(self._delay_s)
                yield token
            if self._fault is not None:
                raise self._fault
            self.finished += 1
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    def _looked_up(self, request: TranslationRequest) -> str:
        clause = request.text.strip()
        if self._script is None:
            found: Translation | None = f"[{request.target}] {clause}" if clause else ""
        elif isinstance(self._script, Mapping):
            plain = {_plain(source): translation for source, translation in self._script.items()}
            found = self._script.get(clause, plain.get(_plain(clause)))
            found = "" if found is None and not clause else found
        else:
            found = self._script(request)
        if found is None:
            raise EngineFault(f"the script has no translation for {clause!r}", temporary=False)
        if isinstance(found, EngineFault):
            raise found
        return found


def _plain(text: str) -> str:
    return text.strip().rstrip(".,;:!?…。？！，、").casefold()

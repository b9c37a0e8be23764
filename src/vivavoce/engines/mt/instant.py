"""A translator that does not translate: the `null` profile's, which measures the platform itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

from vivavoce.engines.mt.languages import TARGETS
from vivavoce.engines.ports import Capabilities, EngineFault, TranslationRequest, translates

CAPABILITIES: Final = Capabilities(
    "instant (no translation)",
    "Apache-2.0",
    streaming=True,
    pairs=tuple(("*", target) for target in TARGETS),
    quality="null",
    notes="repeats the source; measures the platform itself",
)


class InstantTranslator:
    """Gives every clause back as it is, at once and whatever the languages."""

    @property
    def capabilities(self) -> Capabilities:
        """Describe the engine: `CAPABILITIES`."""
        return CAPABILITIES

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: nothing is held."""

    async def translate(self, request: TranslationRequest) -> AsyncGenerator[str, None]:
        """Repeat the clause.

        Raises:
            EngineFault: the target is none of the thirteen.
        """
        if not translates(CAPABILITIES.pairs, request.source, request.target):
            raise EngineFault(f"there is no translation into {request.target!r}", temporary=False)
        text = request.text.strip()
        if text:
            yield text

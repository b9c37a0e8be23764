"""Choose among synthesizers by the language to be spoken: the permissive English voice first, the polyglot for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from vivavoce.engines.ports import Capabilities, SpeechSpan, Synthesizer, VoiceStyle


class ByLanguageSynthesizer:
    """Gives each stream to the first synthesizer that lists its language, or to the first of all if none does.

    Args:
        synthesizers: in order of preference, at least one.

    Raises:
        ValueError: there is none.
    """

    def __init__(self, synthesizers: Sequence[Synthesizer]) -> None:
        if not synthesizers:
            raise ValueError("at least one synthesizer is needed")
        self._synthesizers = tuple(synthesizers)

    @property
    def capabilities(self) -> Capabilities:
        """Describe the engines together: all their languages, and only what each of them can do."""
        each = [synthesizer.capabilities for synthesizer in self._synthesizers]
        return Capabilities(
            name="+".join(one.name for one in each),
            licence="; ".join(f"{one.name}: {one.licence}" for one in each),
            languages=tuple(dict.fromkeys(language for one in each for language in one.languages)),
            streaming=all(one.streaming for one in each),
            word_times=all(one.word_times for one in each),
            quality=each[0].quality,
            notes="; ".join(f"{one.name}: {one.notes}" for one in each if one.notes),
        )

    async def warm(self) -> None:
        """Warm all of them.

        Raises:
            EngineFault: one of them cannot run here.
        """
        await asyncio.gather(*(synthesizer.warm() for synthesizer in self._synthesizers))

    async def close(self) -> None:
        """Close all of them."""
        await asyncio.gather(*(synthesizer.close() for synthesizer in self._synthesizers))

    def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncIterator[SpeechSpan]:
        """Say each clause with the synthesizer of the style's language.

        Raises:
            EngineFault: the voice failed, or none speaks the language.
        """
        primary = style.language.lower().replace("_", "-").partition("-")[0] or "en"
        able = (one for one in self._synthesizers if primary in one.capabilities.languages)
        return next(able, self._synthesizers[0]).synthesize(clauses, style)

"""A translator made of a language model: whatever the `[llm.*]` of the configuration can translate.

How the clause is put to it: `prompt.py`; how its answer is cut down to the translation: `cleaning.py`, `labels.py`. Here:
streaming, and what is no translation at all. Nothing at all, the source again, or far more than the source can have said is a
fault. What else a model may say in place of a translation (a refusal, an answer to what it should translate) reads like speech
and cannot be told from one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from vivavoce.engines.mt.cleaning import TranslationCleaner
from vivavoce.engines.mt.copies import can_be_told, is_wide, letters
from vivavoce.engines.mt.languages import TARGETS, primary
from vivavoce.engines.mt.prompt import Wording, messages
from vivavoce.engines.ports import (
    Capabilities,
    EngineFault,
    LanguageModel,
    LlmFinish,
    LlmRequest,
    TextDelta,
    TranslationRequest,
    translates,
)

LONGEST_SOURCE: Final = 8_000
"""Characters of one clause: more is no clause."""

_ROOM: Final = 120
_GROWTH: Final = 3
"""A translation may have this many characters for each of its source's, and `_ROOM` more."""
_IDEOGRAPH: Final = 4
"""What a wide character counts for: "会议" is "the conference"."""
_HIDDEN_TOKENS: Final = 1_024
"""What is left to models that reason before they answer."""
_TOO_LONG: Final = "the language model said more than a translation can be"


class LlmTranslator:
    """Translates clause by clause with a language model.

    Args:
        llm: the model. It is warmed with the translator and closed with it.
        wording: glossary, terminology and style.
    """

    def __init__(self, llm: LanguageModel, wording: Wording | None = None) -> None:
        self._llm = llm
        self._wording = wording or Wording()

    @property
    def capabilities(self) -> Capabilities:
        """From any language into the thirteen; how well is the model's affair."""
        model = self._llm.capabilities
        return Capabilities(
            name=f"llm ({model.name})",
            licence=model.licence,
            streaming=True,
            pairs=tuple(("*", target) for target in TARGETS),
            quality=model.quality,
            notes="as good as the model; what it says in place of a translation cannot always be told from one",
        )

    async def warm(self) -> None:
        """Warm the model.

        Raises:
            EngineFault: it cannot be reached.
        """
        await self._llm.warm()

    async def close(self) -> None:
        """Close the model. Idempotent."""
        await self._llm.close()

    async def translate(self, request: TranslationRequest) -> AsyncGenerator[str, None]:
        """Translate one clause, giving its pieces as the model says them.

        An answer that turns out to be none before anything of it was given is asked for once more, without the context.

        Raises:
            EngineFault: the target is none of the thirteen, the model failed, or it did not translate.
        """
        if not translates(self.capabilities.pairs, primary(request.source), primary(request.target)):
            raise EngineFault(f"there is no translation into {request.target!r}", temporary=False)
        if len(request.text) > LONGEST_SOURCE:
            raise EngineFault(f"a clause of {len(request.text)} characters is too long to be translated", temporary=False)
        if not any(sign.isalnum() for sign in request.text):
            return
        if primary(request.source) == primary(request.target):
            yield request.text.strip()
            return
        for attempt in (request, replace(request, context=())):
            given = False
            async with aclosing(self._answer(attempt)) as pieces:
                async for piece in pieces:
                    given = True
                    yield piece
            if given:
                return
        raise EngineFault("the language model gave no translation")

    async def _answer(self, request: TranslationRequest) -> AsyncGenerator[str, None]:
        """Ask once; give nothing where the answer is empty or the source itself."""
        limit = _longest(request.text)
        asked = LlmRequest(
            messages(request, self._wording),
            tool_choice="none",
            max_output_tokens=_HIDDEN_TOKENS + 2 * limit,
            spoken=True,
            session=request.session,
        )
        cleaner = TranslationCleaner(request.text)
        copy = _Copy(request)
        length = 0
        deltas = self._llm.generate(asked)
        try:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    piece = copy.feed(cleaner.feed(delta.text))
                    length += len(piece)
                    if length + copy.held > limit:
                        raise EngineFault(_TOO_LONG)
                    if piece:
                        yield piece
                    if cleaner.over:
                        break
                elif isinstance(delta, LlmFinish):
                    _check(delta)
        finally:
            close = getattr(deltas, "aclose", None)
            if close is not None:
                await close()
        piece = copy.finish(cleaner.finish())
        if length + len(piece) > limit:
            raise EngineFault(_TOO_LONG)
        if piece:
            yield piece


class _Copy:
    """Holds back what repeats the source until it differs from it: a model that repeats has not translated."""

    def __init__(self, request: TranslationRequest) -> None:
        text = request.text  # of an unknown language, it may be in that of the translation already
        self._source = letters(text) if request.source and can_be_told(text) else ""
        self._text = ""
        self._copies = bool(self._source)

    @property
    def held(self) -> int:
        """How many characters wait."""
        return len(self._text)

    def feed(self, piece: str) -> str:
        """Return what is no copy so far."""
        self._text += piece
        if self._copies and self._source.startswith(letters(self._text)):
            return ""
        self._copies = False
        out, self._text = self._text, ""
        return out

    def finish(self, piece: str) -> str:
        """Return what is left, nothing where all of it was the source."""
        out = self.feed(piece)
        if not out and self._text and letters(self._text) != self._source:
            out, self._text = self._text, ""
        return out


def _check(finish: LlmFinish) -> None:
    if finish.reason == "length":
        raise EngineFault("the language model's translation was cut off by its token limit")
    if finish.reason == "content_filter":
        raise EngineFault("the language model's content filter refused the translation", temporary=False)


def _longest(source: str) -> int:
    """Return how many characters a translation of this text may have."""
    return _ROOM + _GROWTH * sum(_IDEOGRAPH if is_wide(sign) else 1 for sign in source)

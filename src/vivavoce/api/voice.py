"""A voice at work for one HTTP request: the public voices, the language of what is said, and speech at the rate of the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray

from vivavoce.api.engine_faults import engine_faults
from vivavoce.audio.codec import convert
from vivavoce.dialogue.written_language import OWN_SCRIPT, language_of, script_language
from vivavoce.engines.ports import SpeechSpan, Synthesizer, VoiceStyle
from vivavoce.engines.tts.voices import VOICE_NAMES
from vivavoce.protocol import errors
from vivavoce.protocol.schema import NEVER, Also, Choice, Either, Record, Text
from vivavoce.sessions.closing import closing

_log = structlog.get_logger("vivavoce.voice")

SPEECH_OUT_HZ: Final = 24_000
"""The rate of all speech on the wire. Source: wire reference A.6."""

DEFAULT_LANGUAGE: Final = "en"
"""What is spoken where a text does not show its language."""


def _custom(value: Any, path: str) -> Any:
    raise errors.refused_value(path, "Custom voices are not available on this server.")


VOICE: Final = Either("a voice name", text=Choice(VOICE_NAMES), record=Also(Record({"id": Text(256)}, ("id",)), _custom, NEVER))
"""The thirteen voices of the audio API. Source: wire reference A.6."""


_GOES_ON: Final = frozenset({("zh", "ja"), ("ru", "uk")})
"""A clause of Han alone goes on in Japanese, one without Ukrainian letters in Ukrainian, where that is what has been spoken."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A stretch of speech: int16 samples at `SPEECH_OUT_HZ`, the text they say, and their duration."""

    pcm: NDArray[np.int16]
    text: str
    ms: float


def check_language(synthesizer: Synthesizer, language: str, param: str | None) -> None:
    """Make sure that a voice speaks a language; one that lists none is taken to speak all.

    Raises:
        ClientFault: it does not, and `param` is where the text came from.
    """
    spoken = synthesizer.capabilities.languages
    if language and spoken and language not in spoken:
        raise errors.voice_lacks_language(param, language, spoken)


async def speak(
    synthesizer: Synthesizer, clauses: AsyncIterator[str], style: VoiceStyle, param: str | None = None
) -> AsyncGenerator[Spoken]:
    """Say clauses as they come, each in its language.

    Where the style names no language (`VoiceStyle.language` empty), it is that of the text as soon as that shows; until then it is the
    default. A clause in another script changes it from there on.

    Args:
        synthesizer: the engine.
        clauses: what to say; closed with this generator.
        style: how.
        param: where the text came from, for the fault of one that cannot be said.

    Raises:
        ClientFault: the voice failed, or does not speak the language.
    """
    with engine_faults(_log):
        async with closing(clauses):
            run = _Run(clauses, _Languages(style.language))
            while (language := await run.next()) is not None:
                check_language(synthesizer, language, param)
                texts = run.texts()
                async with closing(texts), closing(synthesizer.synthesize(texts, replace(style, language=language))) as spans:
                    async for span in spans:
                        yield _spoken(span)


class _Languages:
    """Finds the language of each clause of a text; ask for each once, in order.

    Args:
        language: what the text is in, where that is known.
    """

    def __init__(self, language: str) -> None:
        self._language = language or DEFAULT_LANGUAGE
        self._known = bool(language)
        self._seen = ""

    def of(self, clause: str) -> str:
        """Return the language a clause is said in."""
        by_script = script_language(clause)
        if by_script:
            goes_on = (by_script, self._language) in _GOES_ON
            self._language, self._known = self._language if goes_on else by_script, True
        elif self._language in OWN_SCRIPT and any(map(str.isalpha, clause)):
            self._language, self._known, self._seen = DEFAULT_LANGUAGE, False, ""
        if not self._known:
            self._seen += clause
            guess = language_of(self._seen)
            self._language, self._known = guess or self._language, bool(guess)
        return self._language


class _Run:
    """Clauses that follow each other in one language, run after run."""

    def __init__(self, clauses: AsyncIterator[str], languages: _Languages) -> None:
        self._clauses = clauses
        self._languages = languages
        self._held: str | None = None
        self._language = ""

    async def next(self) -> str | None:
        """Go to the next run, the one before being over; return its language, None at the end."""
        if self._held is None:
            self._held = await anext(self._clauses, None)
            if self._held is None:
                return None
            self._language = self._languages.of(self._held)
        return self._language

    async def texts(self) -> AsyncGenerator[str]:
        """Yield the clauses of the run."""
        if self._held is not None:
            first, self._held = self._held, None
            yield first
        async for clause in self._clauses:
            language = self._languages.of(clause)
            if language != self._language:
                self._held, self._language = clause, language
                return
            yield clause


def _spoken(span: SpeechSpan) -> Spoken:
    pcm = convert(span.pcm, span.rate_hz, SPEECH_OUT_HZ)
    return Spoken(pcm, span.text, len(pcm) * 1000 / SPEECH_OUT_HZ)

"""`POST /v1/audio/translations`: what is said in an audio file, in English.

What is said in English is told as it is; anything else goes through the translator: the model's own, or that of a translation model.
Without one, only audio that is known to be English is taken: a transcript in another language would be no translation.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vivavoce.api.audio.files import FileRoute, Maker, Work
from vivavoce.api.audio.listening import Segments, heard
from vivavoce.api.audio.transcriptions import as_text
from vivavoce.api.media import hearing_faults
from vivavoce.engines.ports import TranslationRequest, Translator, translates
from vivavoce.protocol import errors, transcripts
from vivavoce.protocol.transcription_request import translation_request
from vivavoce.protocol.transcripts import Segment
from vivavoce.sessions.closing import closing

PATH: Final = "/v1/audio/translations"
ENGLISH: Final = "en"

CONTEXT: Final = 4
"""Utterances before the one at hand that the translator sees."""


class _English:
    """Says in English what has been said, utterance by utterance.

    Args:
        work: what is worked on.
    """

    def __init__(self, work: Work) -> None:
        self._translator = _translator(work)
        languages = work.stack.recognizer.capabilities.languages
        self._only = languages[0] if len(languages) == 1 else ""
        self._context: list[tuple[str, str]] = []
        self._begun = False

    async def of(self, segment: Segment) -> Segment:
        """Return a segment in English.

        Raises:
            ClientFault: nothing here translates from its language, or the translator failed.
        """
        language = (segment.language or self._only).partition("-")[0]
        text = segment.text.strip()
        if language == ENGLISH:
            said, words = text, segment.words
        else:
            said, words = await self._translated(text, language), ()
            self._context = [*self._context, (text, said)][-CONTEXT:]
        separator = " " if self._begun and said else ""
        self._begun = self._begun or bool(said)
        return Segment(separator + said, segment.start_ms, segment.end_ms, words, segment.confidence, ENGLISH)

    async def _translated(self, text: str, language: str) -> str:
        translator = self._translator
        if translator is None or not translates(translator.capabilities.pairs, language, ENGLISH):
            raise errors.cannot_translate(language)
        asked = TranslationRequest(text, language, ENGLISH, tuple(self._context))
        with hearing_faults("file"):
            async with closing(translator.translate(asked)) as pieces:
                return "".join([piece async for piece in pieces]).strip()


def _translator(work: Work) -> Translator | None:
    """Return the first translator there is: the model's, then those of the translation models."""
    if work.stack.translator is not None:
        return work.stack.translator
    others = (work.service.stack(info).translator for info in work.service.served() if info.kind == "translation")
    return next((translator for translator in others if translator is not None), None)


def _check(work: Work) -> None:
    """Refuse at once where nothing that could be heard would be told."""
    languages = work.stack.recognizer.capabilities.languages
    if languages and ENGLISH not in languages and _translator(work) is None:
        raise errors.cannot_translate(languages[0] if len(languages) == 1 else "")


async def _answer(work: Work) -> Response:
    english, collected, segments = _English(work), Segments(), []
    async with closing(heard(work.stack, work.account)) as said:
        async for piece in said:
            segment = collected.take(piece)
            if segment is not None:
                segments.append(await english.of(segment))
    segments = [segment for segment in segments if segment.text]
    match work.request.format:
        case "json":
            return JSONResponse(transcripts.plain(transcripts.whole(segments)))
        case "verbose_json":
            recording = work.account.recording
            duration_ms = recording.ms if recording is not None else 0.0
            return JSONResponse(transcripts.verbose("translate", ENGLISH, duration_ms, segments))
        case format:
            return as_text(format, segments)


ROUTES: Final = (Route(PATH, FileRoute(PATH, Maker(translation_request, _check, _answer)), methods=["POST"]),)
"""The route of translations."""

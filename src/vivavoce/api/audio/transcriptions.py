"""`POST /v1/audio/transcriptions`: what is said in an audio file, in every format the API has, at once or as it is heard.

`temperature` is taken and has no effect: it shapes sampling, and the recognizers here decode without any.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from vivavoce.api.audio.files import FileRoute, Maker, Work
from vivavoce.api.audio.listening import Segments, heard, language_of, languages_of
from vivavoce.protocol import errors, transcripts
from vivavoce.protocol.subtitles import srt, vtt
from vivavoce.protocol.transcription_request import transcription_request
from vivavoce.protocol.transcripts import Segment, Speakers
from vivavoce.sessions.closing import closing

PATH: Final = "/v1/audio/transcriptions"
_SUBTITLES: Final = {"srt": srt, "vtt": vtt}


def _check(work: Work) -> None:
    if work.request.format == "diarized_json" and not work.stack.recognizer.capabilities.speakers:
        raise errors.no_speakers("response_format")


async def _answer(work: Work) -> Response:
    collected, segments = Segments(), []
    async with closing(heard(work.stack, work.account)) as said:
        async for piece in said:
            segment = collected.take(piece)
            if segment is not None:
                segments.append(segment)
    return _formatted(work, segments)


def _formatted(work: Work, segments: list[Segment]) -> Response:
    wanted, usage = work.request, work.account.usage()
    recording = work.account.recording
    duration_ms = recording.ms if recording is not None else 0.0
    match wanted.format:
        case "json":
            text = transcripts.whole(segments)
            return JSONResponse(transcripts.plain(text, usage, _languages(work, segments), _logprobs(work, segments)))
        case "verbose_json":
            language = language_of(segments, work.stack, wanted)
            tell = {"tell_segments": wanted.segments, "tell_words": wanted.words}
            return JSONResponse(transcripts.verbose("transcribe", language, duration_ms, segments, **tell, usage=usage))
        case "diarized_json":
            speakers = Speakers()
            parts = [part for segment in segments for part in speakers.parts(segment)]
            return JSONResponse(transcripts.diarized(duration_ms, parts, usage))
        case _:
            return as_text(wanted.format, segments)


def as_text(format: str, segments: list[Segment]) -> Response:
    """Return a transcript as `text`, `srt` or `vtt`: plain text on the wire, all of them."""
    if format in _SUBTITLES:
        return PlainTextResponse("".join(_SUBTITLES[format](transcripts.cues(segments))))
    return PlainTextResponse(transcripts.whole(segments))


async def _events(work: Work) -> AsyncGenerator[dict[str, Any]]:
    """Yield the events of a stream. Deltas say what is stable before an utterance ends, except where each brings more than text."""
    wanted = work.request
    speakers = Speakers() if wanted.format == "diarized_json" else None
    collected, segments, text = Segments(), [], ""
    async with closing(heard(work.stack, work.account, partials=speakers is None and not wanted.logprobs)) as said:
        async for piece in said:
            segment = collected.take(piece)
            if segment is not None:
                segments.append(segment)
            if speakers is None:
                told = _logprobs(work, [segment] if segment else [])
                events = [transcripts.text_delta(piece.text, told)] if piece.text else []
            else:
                events = _spoken(speakers, segment)
            for event in events:
                text += event.get("delta", "")
                yield event
    extras = (_languages(work, segments), _logprobs(work, segments))
    yield transcripts.text_done(text, work.account.usage(), *extras)


def _spoken(speakers: Speakers, segment: Segment | None) -> list[dict[str, Any]]:
    """Return what is told of a segment by speaker: each part's text, then the part."""
    events = []
    for part in speakers.parts(segment) if segment is not None else ():
        events += [transcripts.text_delta(part.text, segment_id=part.id), part.wire()]
    return events


def _languages(work: Work, segments: list[Segment]) -> list[str] | None:
    return languages_of(segments) if work.request.tells_languages else None


def _logprobs(work: Work, segments: Iterable[Segment]) -> list[dict[str, Any]] | None:
    if not work.request.logprobs:
        return None
    return transcripts.logprobs(word for segment in segments for word in segment.words)


ROUTES: Final = (Route(PATH, FileRoute(PATH, Maker(transcription_request, _check, _answer, _events)), methods=["POST"]),)
"""The route of transcriptions."""

"""`POST /v1/audio/speech`: text in, speech out, from the first clause on.

The official `instructions` become the tone of the voice (`VoiceStyle.tone`). Engines without styles, which the embedded ones are, do not
follow it, as tts-1 does not; it is taken nevertheless, because voice pipelines always send one.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vivavoce.api import bill
from vivavoce.api.answers import read_object
from vivavoce.api.audio.places import Places
from vivavoce.api.media import media_fault
from vivavoce.api.streaming import EVENT_STREAM, Stream, attended, sse
from vivavoce.api.voice import DEFAULT_LANGUAGE, SPEECH_OUT_HZ, VOICE, check_language, speak
from vivavoce.audio.media import MediaError, MediaWorkers
from vivavoce.dialogue.clauses import ClauseSplitter
from vivavoce.dialogue.written_language import language_of, script_language
from vivavoce.engines.ports import Synthesizer, VoiceStyle
from vivavoce.models.catalogue import ModelInfo
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.schema import Choice, Nullable, Number, Record, Text
from vivavoce.protocol.usage import Tokens, Usage, assistant_audio_tokens, text_tokens
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.closing import closing
from vivavoce.sessions.service import VoiceService

LONGEST_TEXT: Final = 4_096
"""Characters of `input` and of `instructions`. Source: wire reference A.6."""

CONTENT_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""What each format is sent as. Opus comes in Ogg pages (RFC 7845); aac as ADTS."""

BODY: Final = Record(
    {
        "model": Text(256, 1),
        "input": Text(LONGEST_TEXT, 1),
        "voice": VOICE,
        "instructions": Nullable(Text(LONGEST_TEXT)),
        "response_format": Nullable(Choice(tuple(CONTENT_TYPES))),
        "speed": Nullable(Number(0.25, 4)),
        "stream_format": Nullable(Choice(("audio", "sse"))),
    },
    ("model", "input", "voice"),
)

_SLOWEST, _FASTEST = 0.5, 1.5
"""What every engine can do by itself: espeak-ng speaks no slower than half its pace. The rest is stretched afterwards."""


def _has_no_style(model: str) -> bool:
    """Tell whether a model is one of the old ones, without instructions and events."""
    return model in ("tts-1", "tts-1-hd")


async def create_speech(request: Request) -> Response:
    """Answer `POST /v1/audio/speech`."""
    caller: Caller = request.app.state.gate.check(request)
    service: VoiceService = request.app.state.service
    body = BODY.check(await read_object(request), "")
    info = service.model(body["model"], "speech")
    if body.get("stream_format") == "sse" and _has_no_style(info.name):
        raise errors.refused_value("stream_format", f"The model {errors.quoted(info.name)} does not support 'sse'.")
    synthesizer = service.stack(info).synthesizer
    clauses = _clauses(body["input"])
    _check_languages(synthesizer, body["input"], clauses)
    refused = caller.limiter.request()
    if refused is not None:
        raise refused
    places: Places = request.app.state.files
    order = _Order(body, info, clauses, synthesizer, caller, service, places.voice)
    return await attended(request, order.response(request.app.state.media))


ROUTES: Final = (Route("/v1/audio/speech", create_speech, methods=["POST"]),)


def _clauses(text: str) -> list[str]:
    splitter = ClauseSplitter()
    return [*splitter.feed(text), *splitter.flush()]


def _check_languages(synthesizer: Synthesizer, text: str, clauses: list[str]) -> None:
    """Refuse what would be noise before any of it is spoken."""
    for language in {language_of(text), *map(script_language, clauses)}:
        check_language(synthesizer, language, "input")


@dataclass(slots=True)
class _Order:
    """One request at work."""

    body: dict[str, Any]
    info: ModelInfo
    clauses: list[str]
    synthesizer: Synthesizer
    caller: Caller
    service: VoiceService
    turns: asyncio.Semaphore
    _spoken_ms: float = field(default=0.0)

    async def response(self, media: MediaWorkers) -> Response:
        """Return the response as soon as it has begun to speak."""
        fmt = self.body.get("response_format") or "mp3"
        if self.body.get("stream_format") == "sse":
            return await Stream.started(self._events(self._encoded(media, fmt)), EVENT_STREAM)
        return await Stream.started(self._encoded(media, fmt), CONTENT_TYPES[fmt])

    async def _encoded(self, media: MediaWorkers, fmt: str) -> AsyncGenerator[bytes]:
        speed = self.body.get("speed") or 1.0
        own = min(_FASTEST, max(_SLOWEST, speed))
        speech = self._speech(own)
        try:
            async with closing(speech):
                # A WAV header would say that all is well before anybody has said anything.
                begun = _begun(await anext(speech, np.zeros(0, np.int16)), speech)
                async with closing(begun), closing(media.encode(begun, SPEECH_OUT_HZ, fmt, speed=speed / own)) as pieces:
                    async for piece in pieces:
                        yield piece
        except MediaError as error:
            raise media_fault(error, None) from error
        finally:
            self._spoken_ms *= own / speed
            usage = self._usage()
            self.caller.limiter.use(usage.total)
            bill.enter(self.service, self.info, usage)

    async def _speech(self, speed: float) -> AsyncGenerator[NDArray[np.int16]]:
        tone = "" if _has_no_style(self.body["model"]) else self.body.get("instructions") or ""
        language = language_of(self.body["input"]) or DEFAULT_LANGUAGE
        style = VoiceStyle(self.body["voice"], speed, language, tone)
        async with closing(speak(self.synthesizer, _each(self.clauses), style, "input")) as stretches:
            while True:
                async with self.turns:
                    stretch = await anext(stretches, None)
                if stretch is None:
                    return
                self._spoken_ms += stretch.ms
                yield stretch.pcm

    async def _events(self, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        try:
            async with closing(pieces):
                async for piece in pieces:
                    yield sse({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
        except ClientFault as fault:
            if not self._spoken_ms:
                raise
            yield sse({"error": fault.body()})
            return
        usage = self._usage()
        told = {"input_tokens": usage.input.total, "output_tokens": usage.output.total, "total_tokens": usage.total}
        yield sse({"type": "speech.audio.done", "usage": told})

    def _usage(self) -> Usage:
        read = text_tokens(self.body["input"]) + text_tokens(self.body.get("instructions") or "")
        return Usage(Tokens(read), Tokens(audio=assistant_audio_tokens(self._spoken_ms)))


async def _each(clauses: list[str]) -> AsyncIterator[str]:
    for clause in clauses:
        yield clause


async def _begun(first: NDArray[np.int16], rest: AsyncIterator[NDArray[np.int16]]) -> AsyncGenerator[NDArray[np.int16]]:
    yield first
    async for stretch in rest:
        yield stretch

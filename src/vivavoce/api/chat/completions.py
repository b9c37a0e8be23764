"""`POST /v1/chat/completions`: a chat in, its next message out, in text or spoken, whole or as it comes."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vivavoce.api import bill
from vivavoce.api.answers import read_object
from vivavoce.api.chat.answer import Asked, Finished, Piece, answer
from vivavoce.api.chat.hearing import Hearing
from vivavoce.api.chat.memory import SpokenAnswer, SpokenAnswers
from vivavoce.api.chat.messages import Chat, read_messages
from vivavoce.api.chat.options import Options, read_options
from vivavoce.api.chat.schema import REQUEST
from vivavoce.api.chat.shapes import Head
from vivavoce.api.llm import cache_name, check_length
from vivavoce.api.media import media_fault
from vivavoce.api.streaming import DONE, EVENT_STREAM, Stream, attended, sse
from vivavoce.api.voice import SPEECH_OUT_HZ, Spoken
from vivavoce.audio.media import MediaError, MediaWorkers
from vivavoce.engines.ports import LlmRequest, RecognitionOptions, TextDelta, ToolCallDelta, Vocabulary
from vivavoce.models.catalogue import ModelInfo
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.ids import IdSource
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.closing import closing
from vivavoce.sessions.service import VoiceService

MOST_BYTES: Final = 32 * 1024 * 1024
"""Longest body: there is audio in it, in base64."""


async def create_completion(request: Request) -> Response:
    """Answer `POST /v1/chat/completions`."""
    state = request.app.state
    caller: Caller = state.gate.check(request)
    service: VoiceService = state.service
    body = REQUEST.check(await read_object(request, MOST_BYTES), "")
    options = read_options(body)
    info = service.model(options.model, "chat")
    stack = service.stack(info)
    answers: SpokenAnswers = state.spoken_answers
    chat = read_messages(
        body["messages"], lambda audio_id: answers.find(caller.key, audio_id), images=stack.llm.capabilities.images
    )
    refused = caller.limiter.request()
    if refused is not None:
        raise refused
    work = _Work(chat, options, info, stack, caller, answers, state.hearing, state.media, service)
    return await attended(request, work.response())


ROUTES: Final = (Route("/v1/chat/completions", create_completion, methods=["POST"]),)


@dataclass(slots=True)
class _Work:
    """One request at work."""

    chat: Chat
    options: Options
    info: ModelInfo
    stack: Stack
    caller: Caller
    answers: SpokenAnswers
    hearing: Hearing
    media: MediaWorkers
    service: VoiceService
    _calls: _Calls = field(default_factory=lambda: _Calls())

    async def response(self) -> Response:
        """Return the whole answer, or the stream of it once it has begun."""
        asked = await self._asked()
        pieces = self._counted(answer(self.stack, asked, self.caller))
        head = Head(self.options.model, int(self.answers.now()), self.options.include_usage, self.options.include_obfuscation)
        if self.options.stream:
            return await Stream.started(self._events(head, pieces), EVENT_STREAM)
        async with closing(pieces):
            return JSONResponse(await self._whole(head, pieces))

    async def _asked(self) -> Asked:
        """Hear the recordings, and put the question."""
        options = self.options
        system = next((draft.message.text for draft in self.chat.drafts if draft.message.role == "system"), "")
        recognition = RecognitionOptions(vocabulary=Vocabulary(system, options.tools))
        texts: dict[str, str] = {}
        heard_ms = 0.0
        for recording in self.chat.recordings():
            heard = await self.hearing.hear(recording, self.stack, options.model, recognition)
            texts[recording.param] = heard.text
            heard_ms += heard.ms
        request = LlmRequest(
            messages=self.chat.heard(texts),
            tools=options.tools,
            tool_choice=options.tool_choice,
            parallel_tool_calls=options.parallel_tool_calls,
            max_output_tokens=options.max_output_tokens,
            effort=options.effort,
            spoken=options.voice is not None,
            session=cache_name(self.caller, options.cache_key),
        )
        check_length(request, "messages")
        return Asked(request, options.voice, heard_ms, tuple(texts.values()), self.chat.spoken_ms)

    async def _counted(self, pieces: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
        """Pass an answer on, and count how it ended and what it used."""
        model, status = self.options.model, "cancelled"
        try:
            async with closing(pieces):
                async for piece in pieces:
                    if isinstance(piece, Finished):
                        status = "completed" if piece.reason in ("stop", "tool_calls") else "incomplete"
                        bill.enter(self.service, self.info, piece.usage)
                    yield piece
        except ClientFault:
            status = "failed"
            raise
        finally:
            self.service.metrics.responses.labels(model, status).inc()

    # --- whole ------------------------------------------------------------------------------------------------------------------

    async def _whole(self, head: Head, pieces: AsyncIterator[Piece]) -> dict[str, Any]:
        texts: list[str] = []
        spoken: list[Spoken] = []
        async for piece in pieces:
            match piece:
                case TextDelta(text):
                    texts.append(text)
                case Spoken():
                    spoken.append(piece)
                case ToolCallDelta():
                    self._calls.take(piece)
                case Finished(reason, usage):
                    message = await self._message("".join(texts), spoken)
                    return head.whole(message, reason, usage)
        raise errors.internal()  # an answer ends with `Finished`, or a fault

    async def _message(self, text: str, spoken: list[Spoken]) -> dict[str, Any]:
        calls = self._calls.whole()
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        if self.options.voice is not None or (calls and not text):
            message["content"] = None
        if spoken:
            message["audio"] = await self._audio(spoken)
        if calls:
            message["tool_calls"] = calls
        return message

    async def _audio(self, spoken: list[Spoken]) -> dict[str, Any]:
        pcm = np.concatenate([stretch.pcm for stretch in spoken])
        data = base64.b64encode(await self._encoded(pcm)).decode()
        audio_id = self.answers.new_id()
        transcript, expires_at = self._keep(audio_id, spoken)
        return {"id": audio_id, "data": data, "expires_at": expires_at, "transcript": transcript}

    async def _encoded(self, pcm: NDArray[np.int16]) -> bytes:
        match self.options.audio_format:
            case "pcm16":
                return pcm.astype("<i2").tobytes()
            case "wav":
                return _wav(pcm)
            case other:
                try:
                    return b"".join([piece async for piece in self.media.encode(_only(pcm), SPEECH_OUT_HZ, other)])
                except MediaError as error:
                    raise media_fault(error, None) from error

    def _keep(self, audio_id: str, spoken: list[Spoken]) -> tuple[str, int]:
        """Remember what was said; return it, and until when it can be referred to."""
        transcript = "".join(stretch.text for stretch in spoken)
        expires_at = self.answers.expiry()
        kept = SpokenAnswer(transcript, sum(stretch.ms for stretch in spoken), expires_at)
        self.answers.keep(self.caller.key, audio_id, kept)
        return transcript, expires_at

    # --- as it comes ------------------------------------------------------------------------------------------------------------

    async def _events(self, head: Head, pieces: AsyncGenerator[Piece]) -> AsyncGenerator[bytes]:
        async with closing(pieces):
            # What fails before there is anything to tell of is an HTTP error.
            first = await anext(pieces)
            audio_id = self.answers.new_id()
            spoken: list[Spoken] = []
            yield sse(head.chunk({"role": "assistant", **_beginning(first, audio_id), "refusal": None}))
            piece: Piece | None = first
            try:
                while piece is not None:
                    match piece:
                        case TextDelta(text):
                            yield sse(head.chunk({"content": text}))
                        case Spoken(pcm, text):
                            spoken.append(Spoken(pcm[:0], text, piece.ms))
                            yield sse(head.chunk({"audio": {"transcript": text}}))
                            data = base64.b64encode(pcm.astype("<i2").tobytes()).decode()
                            yield sse(head.chunk({"audio": {"data": data}}))
                        case ToolCallDelta():
                            for delta in self._calls.take(piece):
                                yield sse(head.chunk({"tool_calls": [delta]}))
                        case Finished(reason, usage):
                            if spoken:
                                yield sse(head.last_of_audio(self._keep(audio_id, spoken)[1]))
                            yield sse(head.chunk({}, reason))
                            if head.include_usage:
                                yield sse(head.usage(usage))
                    piece = await anext(pieces, None)
            except ClientFault as fault:
                yield sse({"error": fault.body()})
                return
            yield DONE


def _beginning(piece: Piece, audio_id: str) -> dict[str, Any]:
    """Return what an answer that begins with this piece says of its content."""
    match piece:
        case Spoken():
            return {"audio": {"id": audio_id}}
        case ToolCallDelta():
            return {"content": None}
        case _:
            return {"content": ""}


@dataclass(slots=True)
class _Calls:
    """The calls of an answer, numbered in the order in which they come."""

    _ids: IdSource = field(default_factory=IdSource)
    _made: dict[int, dict[str, Any]] = field(default_factory=dict)

    def take(self, delta: ToolCallDelta) -> list[dict[str, Any]]:
        """Enter a delta; return those of the wire."""
        made = self._made.get(delta.index)
        told: list[dict[str, Any]] = []
        if made is None:
            function = {"name": delta.name, "arguments": ""}
            made = {"id": delta.call_id or self._ids.call(), "type": "function", "function": function}
            self._made[delta.index] = made
            told.append({"index": len(self._made) - 1, **made, "function": {**function}})
        if delta.arguments:
            made["function"]["arguments"] += delta.arguments
            told.append({"index": list(self._made).index(delta.index), "function": {"arguments": delta.arguments}})
        return told

    def whole(self) -> list[dict[str, Any]]:
        """Return all calls."""
        return list(self._made.values())


def _wav(pcm: NDArray[np.int16]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SPEECH_OUT_HZ)
        file.writeframes(pcm.astype("<i2").tobytes())
    return buffer.getvalue()


async def _only(pcm: NDArray[np.int16]) -> AsyncIterator[NDArray[np.int16]]:
    yield pcm

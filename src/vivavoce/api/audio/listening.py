"""A file at work: decoded, heard and paid for, its faults in the official shape."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vivavoce.api.media import hearing_faults
from vivavoce.audio.media import SPEECH_RATE_HZ, MediaWorkers
from vivavoce.engines.ports import RecognitionOptions, Vocabulary
from vivavoce.models.prices import PriceTable
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.protocol.transcription_request import FileRequest, spoken_languages
from vivavoce.protocol.transcripts import Segment
from vivavoce.protocol.usage import transcription_usage
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.closing import closing
from vivavoce.sessions.dictation import Said, dictate
from vivavoce.sessions.meter import Metrics

SHORTEST_MS: Final = 100
"""Less audio than this says nothing. Source: the service's own answer to it."""

_BYTES_PER_MS: Final = SPEECH_RATE_HZ // 1000 * 2


class Recording:
    """The audio of a file as 16 kHz s16le mono, its beginning decoded, so that what is no audio is refused before anything is answered.

    Iterating raises a `ClientFault` where it is too short or longer than may be, a `MediaError` where it cannot be read to its end.

    Args:
        first: the beginning.
        rest: what follows; it stays the caller's to close.
        longest_ms: the longest it may be; None for no limit.
    """

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], longest_ms: int | None) -> None:
        self._first: bytes | None = first
        self._rest = rest
        self._longest_ms = longest_ms
        self._bytes = 0

    @property
    def ms(self) -> float:
        """How much of it has been heard; in the end, how long it is."""
        return self._bytes / _BYTES_PER_MS

    def __aiter__(self) -> Recording:
        return self

    async def __anext__(self) -> bytes:
        chunk, self._first = self._first, None
        if chunk is None:
            try:
                chunk = await anext(self._rest)
            except StopAsyncIteration:
                if self.ms < SHORTEST_MS:
                    raise errors.audio_too_short(SHORTEST_MS / 1000) from None
                raise
        self._bytes += len(chunk)
        if self._longest_ms is not None and self.ms > self._longest_ms:
            raise errors.chunking_needed()
        return chunk


@asynccontextmanager
async def opened(media: MediaWorkers, path: Path, longest_ms: int | None) -> AsyncGenerator[Recording]:
    """Open an audio file; its decoder lets go on the way out.

    Raises:
        ClientFault: it is no audio that can be read.
    """
    async with closing(media.decode(path, SPEECH_RATE_HZ)) as chunks:
        with hearing_faults("file"):
            first = await anext(chunks, b"")
        yield Recording(first, chunks, longest_ms)


@dataclass(slots=True)
class Account:
    """What one file uses, and who pays for it.

    Args:
        request: what was asked.
        caller: pays in tokens.
        metrics: where it is counted.
        prices: what it costs.
    """

    request: FileRequest
    caller: Caller
    metrics: Metrics
    prices: PriceTable
    recording: Recording | None = None
    text: str = ""
    """What has been heard."""

    def usage(self) -> dict[str, Any]:
        """Return the usage so far."""
        ms = self.recording.ms if self.recording else 0.0
        return transcription_usage(self.request.model, ms, self.text, self.request.prompt)

    def settle(self) -> None:
        """Charge what was used, be it for an answer that broke off."""
        if self.recording is None:
            return
        model, usage = self.request.model, self.usage()
        if usage["type"] == "tokens":
            self.caller.limiter.use(usage["total_tokens"])
            details = usage["input_token_details"]
            self.metrics.tokens.labels(model, "input", "audio").inc(details["audio_tokens"])
            self.metrics.tokens.labels(model, "input", "text").inc(details["text_tokens"])
            self.metrics.tokens.labels(model, "output", "text").inc(usage["output_tokens"])
        self.metrics.cost.labels(model).inc(self.prices.transcription(model).of_seconds(self.recording.ms / 1000))


async def heard(stack: Stack, account: Account, *, partials: bool = False) -> AsyncGenerator[Said]:
    """Yield what is said in the account's recording, which is charged in the end, whatever that is.

    Raises:
        ClientFault: the language is not understood, the file is broken or too long, or the recognizer failed.
    """
    request, recording = account.request, account.recording
    if recording is None:
        raise ValueError("nothing has been opened")
    languages = spoken_languages(request, stack.recognizer.capabilities.languages)
    options = RecognitionOptions(
        language=languages[0] if len(languages) == 1 else "",
        vocabulary=Vocabulary(keywords=request.keywords, prompt=request.prompt),
        partials=partials,
    )
    try:
        with hearing_faults("file"):
            async with closing(dictate(recording, stack, options, request.pauses)) as said:
                async for piece in said:
                    account.text += piece.text
                    yield piece
    finally:
        account.settle()


class Segments:
    """Collects pieces into segments, whose texts concatenate as those of the pieces do."""

    def __init__(self) -> None:
        self._text = ""

    def take(self, piece: Said) -> Segment | None:
        """Take a piece; return the segment it ends, if it ends one that says something."""
        self._text += piece.text
        utterance = piece.utterance
        if utterance is None:
            return None
        text, self._text = self._text, ""
        if not text.strip():
            return None
        return Segment(text, utterance.start_ms, utterance.end_ms, utterance.words, utterance.confidence, utterance.language)


def language_of(segments: list[Segment], stack: Stack, request: FileRequest) -> str:
    """Return the language most is said in: what the recognizer told, else the one it was told, else the only one it knows."""
    spoken: dict[str, int] = {}
    for segment in segments:
        if segment.language:
            spoken[segment.language] = spoken.get(segment.language, 0) + segment.end_ms - segment.start_ms
    if spoken:
        return max(spoken, key=lambda language: spoken[language])
    for known in (request.languages, stack.recognizer.capabilities.languages):
        if len(known) == 1:
            return known[0]
    return ""


def languages_of(segments: list[Segment]) -> list[str]:
    """Return the languages the recognizer told, in the order they were heard."""
    return list(dict.fromkeys(segment.language for segment in segments if segment.language))

"""A recording's words by a server: `audio.transcriptions` and `audio.translations` of the official client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from itertools import takewhile
from pathlib import Path

from openai import AsyncOpenAI

from vivavoce.audio.media import MediaWorkers
from vivavoce.cli.errors import FAILED, Trouble
from vivavoce.cli.files.hints import Hints
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.pieces import Part, whole_or_in_parts
from vivavoce.cli.files.screen import Progress
from vivavoce.cli.files.writers import joined
from vivavoce.engines.ports import RecognizedWord
from vivavoce.sessions.closing import closing


async def uploaded(
    client: AsyncOpenAI, media: MediaWorkers, path: Path, model: str, hints: Hints, progress: Progress, *, timed: bool
) -> AsyncGenerator[Piece]:
    """Yield what is said in a recording.

    Args:
        client: the server.
        media: cuts up a recording that is too large to be sent.
        path: the recording.
        model: a public model name.
        hints: what is known of it.
        progress: kept up to date.
        timed: whether times are needed.

    Raises:
        Trouble: it is no recording.
        openai.OpenAIError: the server refused, or broke off.
    """
    spoken = ""
    async with closing(whole_or_in_parts(media, path, progress)) as parts:
        async for part in parts:
            async with closing(_timed(client, part, model, hints) if timed else _streamed(client, part, model, hints)) as pieces:
                async for piece in pieces:
                    text = joined(spoken, piece.line) if timed and piece.line is not None else piece.text
                    spoken = text or spoken
                    yield Piece(text, piece.line)
            progress.done_ms = part.end_ms or progress.done_ms


async def translated(
    client: AsyncOpenAI, media: MediaWorkers, path: Path, model: str, hints: Hints, progress: Progress
) -> AsyncGenerator[Piece]:
    """Yield in English what is said in a recording; see `uploaded`."""
    spoken = ""
    fields = Hints("", hints.keywords, hints.prompt).fields(model)
    async with closing(whole_or_in_parts(media, path, progress)) as parts:
        async for part in parts:
            answer = await client.audio.translations.create(
                file=part.file(), model=model, response_format="verbose_json", **fields
            )
            for segment in answer.segments or ():
                line = _line(part, segment.start, segment.end, segment.text, (), "en")
                text = joined(spoken, line)
                spoken = text or spoken
                yield Piece(text, line)
            progress.done_ms = part.end_ms or progress.done_ms


async def _timed(client: AsyncOpenAI, part: Part, model: str, hints: Hints) -> AsyncGenerator[Piece]:
    """Yield the segments of a part with their words; the answer comes when all of it has been heard."""
    answer = await client.audio.transcriptions.create(
        file=part.file(),
        model=model,
        response_format="verbose_json",
        timestamp_granularities=["segment", "word"],
        **hints.fields(model),
    )
    words = [
        RecognizedWord(word.word, part.start_ms + _ms(word.start), part.start_ms + _ms(word.end)) for word in answer.words or ()
    ]
    for segment in answer.segments or ():
        line = _line(part, segment.start, segment.end, segment.text, words, answer.language)
        words = words[len(line.words) :]
        yield Piece(line.text, line)


async def _streamed(client: AsyncOpenAI, part: Part, model: str, hints: Hints) -> AsyncGenerator[Piece]:
    """Yield the text of a part as the server understands it; at its end a line that is the whole part."""
    stream = await client.audio.transcriptions.create(file=part.file(), model=model, stream=True, **hints.fields(model))
    text: str | None = None
    told = ""
    async with stream:
        async for event in stream:
            if event.type == "transcript.text.delta":
                told += event.delta
                yield Piece(event.delta)
            elif event.type == "transcript.text.done":
                text = event.text
    if text is None:
        raise Trouble(f"the server ended before the transcript did: does it stream {model}?", FAILED)
    yield Piece("" if told else text, Line(part.start_ms, part.end_ms or part.start_ms, text, (), "", hints.language))


def _line(part: Part, start_s: float, end_s: float, text: str, words: Sequence[RecognizedWord], language: str) -> Line:
    """Return a segment at its place in the recording, with those of the words, in order, that begin before its end."""
    start_ms, end_ms = part.start_ms + _ms(start_s), part.start_ms + _ms(end_s)
    own = tuple(takewhile(lambda word: word.start_ms < max(end_ms, start_ms + 1), words))
    return Line(start_ms, end_ms, text.strip(), own, "", language)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

"""Writes a transcript while it comes into being, in each of the formats; cut short at any moment, what is there is valid."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from vivavoce.cli.files.formats import TextFormat
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.output import Sink
from vivavoce.protocol.language_names import language_name
from vivavoce.protocol.subtitles import Cue, cues_of, srt, vtt


class Writer(Protocol):
    """Takes a transcript piece by piece."""

    def add(self, piece: Piece) -> None:
        """Write what can be written of it now."""
        ...

    def close(self, duration_ms: float | None, *, complete: bool) -> None:
        """End the transcript.

        Args:
            duration_ms: how long the recording is; None where nobody knows.
            complete: whether all of it was heard.
        """
        ...


def writer(fmt: TextFormat, sink: Sink, task: str = "transcribe") -> Writer:
    """Return the writer of a format; `task` is what the JSON says was done."""
    match fmt:
        case TextFormat.txt:
            return TextWriter(sink)
        case TextFormat.json:
            return JsonWriter(sink, task)
        case TextFormat.srt | TextFormat.vtt:
            return SubtitleWriter(sink, fmt)


class TextWriter:
    """Plain text: a line for each stretch of speech, where those are known."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._fresh = True

    def add(self, piece: Piece) -> None:
        """Write the piece at once."""
        text = piece.text.lstrip() if self._fresh else piece.text
        if text:
            self._sink.write(text)
            self._fresh = False
        if piece.line is not None:
            self._break()

    def close(self, duration_ms: float | None, *, complete: bool) -> None:
        """End the last line."""
        self._break()

    def _break(self) -> None:
        if not self._fresh:
            self._sink.write("\n")
            self._fresh = True


class SubtitleWriter:
    """SRT or VTT: the cues of each line when the line is complete.

    Args:
        sink: where to.
        fmt: srt or vtt.
    """

    def __init__(self, sink: Sink, fmt: TextFormat) -> None:
        self._sink = sink
        self._waiting: deque[Cue] = deque()
        self._blocks = (srt if fmt is TextFormat.srt else vtt)(self._given())
        self._headed = fmt is TextFormat.srt

    def add(self, piece: Piece) -> None:
        """Write the piece's line, if it brings one."""
        line = piece.line
        if line is None:
            return
        self._head()
        for cue in cues_of(line.text, line.words, start_ms=line.start_ms, end_ms=line.end_ms, speaker=line.speaker):
            self._waiting.append(cue)  # a block is asked for only when there is a cue for it: each gives exactly one
            self._sink.write(next(self._blocks))

    def close(self, duration_ms: float | None, *, complete: bool) -> None:
        """Write the heading of subtitles in which nobody says anything; cues stand for themselves."""
        if complete:
            self._head()

    def _head(self) -> None:
        if not self._headed:
            self._headed = True
            self._sink.write(next(self._blocks))

    def _given(self) -> Iterator[Cue]:
        while self._waiting:
            yield self._waiting.popleft()


_UNSPACED: Final = frozenset({tag for code in ("ja", "zh", "yue", "th", "lo", "km", "my") for tag in (code, language_name(code))})
"""Languages written without spaces between words: servers say a language's code, or its English name."""


class JsonWriter:
    """The shape of the API's `verbose_json`: the segments as they come, then the words, the text, the language and the length.

    Of a recording that was not heard to its end it says `"complete": false`.
    """

    def __init__(self, sink: Sink, task: str) -> None:
        self._sink = sink
        self._text: list[str] = []
        self._words: list[dict[str, Any]] = []
        self._segments = 0
        self._language = ""
        self._end_ms = 0
        self._task = task
        self._headed = False

    def add(self, piece: Piece) -> None:
        """Write the piece's line, if it brings one."""
        self._head()
        self._text.append(piece.text)
        if piece.line is None:
            return
        line = piece.line
        start, end = _seconds(line.start_ms), _seconds(line.end_ms)
        segment: dict[str, Any] = {"id": self._segments, "start": start, "end": end, "text": line.text}
        if line.speaker:
            segment["speaker"] = line.speaker
        self._sink.write(("," if self._segments else "") + "\n  " + _json(segment))
        self._segments += 1
        self._language = self._language or line.language
        self._end_ms = max(self._end_ms, line.end_ms)
        self._words += [
            {"word": word.text, "start": _seconds(word.start_ms), "end": _seconds(word.end_ms)} for word in line.words
        ]

    def close(self, duration_ms: float | None, *, complete: bool) -> None:
        """Write what can be known only now; nothing at all where nothing has been heard of what should have been."""
        if not (complete or self._headed):
            return
        self._head()
        last: dict[str, Any] = {
            "words": self._words,
            "text": "".join(self._text).strip(),
            "language": language_name(self._language),
            "duration": _seconds(self._end_ms if duration_ms is None else duration_ms),
        }
        if not complete:
            last["complete"] = False
        self._sink.write("\n], " + _json(last)[1:] + "\n")

    def _head(self) -> None:
        if not self._headed:
            self._headed = True
            self._sink.write(f'{{"task": {_json(self._task)}, "segments": [')


class Writers:
    """Several writers as one."""

    def __init__(self, each: Sequence[Writer]) -> None:
        self._each = tuple(each)

    def add(self, piece: Piece) -> None:
        """Give the piece to all of them."""
        for one in self._each:
            one.add(piece)

    def close(self, duration_ms: float | None, *, complete: bool) -> None:
        """End all of them."""
        for one in self._each:
            one.close(duration_ms, complete=complete)


def joined(before: str, line: Line) -> str:
    """Return a line's text as it goes on after what was said before: with a space between, where the language has them."""
    spaced = before and not before[-1].isspace() and line.language not in _UNSPACED
    return f" {line.text}" if spaced else line.text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _seconds(ms: float) -> float:
    return round(ms / 1000, 3)

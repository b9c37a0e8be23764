"""What every way to get at the words of a recording gives: pieces of text as they come, and lines with their times."""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.engines.ports import RecognizedWord


@dataclass(frozen=True, slots=True)
class Line:
    """One stretch of speech between pauses, or what a server calls a segment; times in ms from the start of the recording.

    `words` are empty where nobody told their times; `language` is an ISO-639-1 code, the
    language's English name, or empty.
    """

    start_ms: int
    end_ms: int
    text: str
    words: tuple[RecognizedWord, ...] = ()
    speaker: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """More text. The pieces' texts, white space included, concatenate to the transcript; the last one of a line brings the line."""

    text: str
    line: Line | None = None

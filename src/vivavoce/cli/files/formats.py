"""What can be written, and how a file's name tells it. Imported with the command line: light."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from vivavoce.cli.errors import MISUSED, Trouble


class TextFormat(StrEnum):
    """How a transcript is written."""

    txt = "txt"
    srt = "srt"
    vtt = "vtt"
    json = "json"


class SoundFormat(StrEnum):
    """How speech is written: those of the API."""

    wav = "wav"
    mp3 = "mp3"
    opus = "opus"
    aac = "aac"
    flac = "flac"
    pcm = "pcm"


STANDARD = Path("-")
"""Stands for standard input or output."""


def suffix_of(path: Path) -> str:
    """Return what a file's name says it holds: its last suffix in small letters, without the dot."""
    return path.suffix.removeprefix(".").lower()


def text_format(given: TextFormat | None, path: Path | None) -> TextFormat:
    """Return the format asked for, else that of the file's name, else plain text."""
    if given is not None:
        return given
    suffix = suffix_of(path) if path is not None else ""
    return TextFormat(suffix) if suffix in set(TextFormat) else TextFormat.txt


def sound_format(given: SoundFormat | None, path: Path) -> SoundFormat:
    """Return the format asked for, else that of the file's name; WAV on standard output.

    Raises:
        Trouble: the name says nothing.
    """
    if given is not None:
        return given
    if path == STANDARD:
        return SoundFormat.wav
    suffix = {"ogg": "opus"}.get(suffix_of(path), suffix_of(path))
    if suffix not in set(SoundFormat):
        raise Trouble(f"-o {path.name!r} does not say which format: end it in .wav or .mp3, or add --format", MISUSED)
    return SoundFormat(suffix)


def is_sound(path: Path) -> bool:
    """Tell whether a file's name is that of a sound file."""
    return suffix_of(path) in {*SoundFormat, "ogg"}


def not_the_source(source: Path | None, targets: Sequence[Path]) -> None:
    """Make sure that nothing written replaces what is read.

    Raises:
        Trouble: it would.
    """
    for target in targets:
        if source is not None and target != STANDARD and target.exists() and source.exists() and target.samefile(source):
            raise Trouble(f"-o {target} is the file to be read: name another", MISUSED)

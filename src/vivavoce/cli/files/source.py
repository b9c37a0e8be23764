"""Where a recording comes from: a file, or standard input put into one."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.cli.files.formats import STANDARD
from vivavoce.cli.files.heading import UNKNOWN, wav_heading

_PIECE_BYTES: Final = 1 << 20


def check_readable(path: Path) -> None:
    """Make sure that there is a file.

    Raises:
        Trouble: there is none, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise Trouble(f"{path.name} is empty", MISUSED)
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}", MISUSED) from error


@contextmanager
def recording(source: Path, rate_hz: int | None = None) -> Iterator[Path]:
    """Hold a file with the recording; standard input lies in one as long as it is needed.

    Most containers say at their end, or only there, what is in them: they cannot be read as they come.

    Args:
        source: the file, or `STANDARD`.
        rate_hz: standard input is bare mono s16le at this rate.

    Raises:
        Trouble: there is nothing to read.
    """
    if source != STANDARD:
        check_readable(source)
        yield source
        return
    not_a_terminal()
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as folder, (Path(folder) / "standard input").open("wb") as file:
        heading = b"" if rate_hz is None else wav_heading(UNKNOWN, rate_hz)
        file.write(heading)
        while data := os.read(sys.stdin.fileno(), _PIECE_BYTES):
            file.write(data)
        size = file.tell() - len(heading)
        if not size:
            raise Trouble("there is nothing on standard input", MISUSED)
        if rate_hz is not None:
            file.seek(0)
            file.write(wav_heading(size, rate_hz))
        file.flush()
        yield Path(file.name)


def not_a_terminal() -> None:
    """Make sure that standard input is a pipe or a file.

    Raises:
        Trouble: it is a keyboard.
    """
    if sys.stdin.isatty():
        raise Trouble("- reads a recording from standard input: pipe one into it, such as `cat talk.mp3 | …`", MISUSED)

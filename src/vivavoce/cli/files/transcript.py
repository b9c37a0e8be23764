"""One transcript on its way into files and onto standard output, whole or as far as it came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from vivavoce.cli.files.formats import STANDARD, TextFormat
from vivavoce.cli.files.lines import Piece
from vivavoce.cli.files.output import PartFile, StandardSink
from vivavoce.cli.files.screen import Progress, Screen
from vivavoce.cli.files.writers import Writers, writer
from vivavoce.sessions.closing import closing


async def write_transcript(
    pieces: AsyncIterator[Piece],
    targets: Sequence[tuple[Path, TextFormat]],
    screen: Screen,
    progress: Progress,
    *,
    task: str = "transcribe",
) -> None:
    """Write a transcript as it comes.

    Interrupted, or failed half-way, everything written is ended properly, and files keep the name of a part.

    Args:
        pieces: the transcript.
        targets: where to, in which format; `STANDARD` is the screen's standard output.
        screen: where standard output and notes go.
        progress: how long the recording was, in the end.
        task: what the JSON says was done.

    Raises:
        Trouble: a file cannot be written, or what the pieces raise.
    """
    files = [PartFile(path) for path, _ in targets if path != STANDARD]
    waiting = iter(files)
    with ExitStack() as unfinished:
        for file in files:
            unfinished.callback(_abandon, file, screen)
        out = Writers(
            [writer(fmt, StandardSink(screen.write) if path == STANDARD else next(waiting), task) for path, fmt in targets]
        )
        complete = False
        try:
            async with closing(pieces):
                async for piece in pieces:
                    out.add(piece)
            complete = True
        finally:
            out.close(progress.done_ms if progress.length_known else None, complete=complete)
        unfinished.pop_all()
    for file in files:
        file.finish()


def _abandon(file: PartFile, screen: Screen) -> None:
    kept = file.abandon()
    if kept is not None:
        screen.note(f"What there is so far is in {kept}.")

"""Where words go: text to standard output, notes and a bar to standard error, and both of those only where somebody looks on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_REFRESHES_PER_S: Final = 10
_BAR_CELLS: Final = 30


@dataclass(slots=True)
class Progress:
    """How far a recording has been heard, in ms; kept up to date by whoever reads it. `total_ms` None: nobody knows the end."""

    done_ms: float = 0.0
    total_ms: float | None = None
    length_known: bool = False
    """Whether `done_ms` is the length of the recording once all of it has been read."""


class Screen:
    """A command's output. Standard output gets the text and nothing else, piece by piece, as soon as there is any.

    On a terminal a bar lies below the text, with the line that is still being written; without one, nothing but text is shown.

    Args:
        doing: what the bar says, such as `transcribing`.
        progress: what the bar shows.
        out: standard output by default.
        err: standard error by default.
    """

    def __init__(self, doing: str, progress: Progress, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._doing = doing
        self._progress = progress
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._console: Console | None = None
        self._live: Live | None = None
        self._line = ""

    def __enter__(self) -> Screen:
        if self._err.isatty():
            from rich.console import Console
            from rich.live import Live

            # The bar is drawn where the text is, if that is the terminal: only then do the two not write over each other.
            self._console = Console(file=self._out if self._out.isatty() else self._err, highlight=False, markup=False)
            self._live = Live(
                get_renderable=self._now,
                console=self._console,
                refresh_per_second=_REFRESHES_PER_S,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.__exit__(kind, error, trace)
        if self._line:  # was shown with the bar, which is gone
            line, self._line = self._line, ""
            self.write(line)

    def write(self, text: str) -> None:
        """Write text to standard output."""
        if self._live is None or not self._out.isatty():
            self._out.write(text)
            self._out.flush()
            return
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._live.console.print(line, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something that is not part of the text, if there is somebody to read it."""
        if self._live is not None:
            self._live.console.print(text, soft_wrap=True, style="dim")
        elif self._err.isatty():
            self._err.write(text + "\n")

    def _now(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1, 0, 0))
        done_ms, total_ms = self._progress.done_ms, self._progress.total_ms
        if total_ms:
            bar = ProgressBar(total_ms, min(done_ms, total_ms), width=_BAR_CELLS)
            row.add_row(Text(self._doing, "dim"), bar, Text(f"{clock(done_ms)} of {clock(total_ms)}", "dim"))
        else:
            row.add_row(Text(self._doing, "dim"), Text(clock(done_ms) if done_ms else "…", "dim"))
        return Group(Text(self._line, overflow="fold"), row) if self._line else row


def clock(ms: float) -> str:
    """Return a length of time as people read it: `7:05`, `1:02:09`."""
    minutes, seconds = divmod(int(ms // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

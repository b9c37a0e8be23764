"""How a call is shown: live in a terminal, as plain lines everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from vivavoce.cli.call.story import Kind, Line, Story

_STYLES: Final[dict[Kind, str]] = {
    "caller": "cyan",
    "agent": "green",
    "call": "bold magenta",
    "output": "magenta",
    "latency": "dim",
    "note": "yellow",
}
_REFRESHES_PER_S: Final = 10


class View(Protocol):
    """Where lines go."""

    def __enter__(self) -> View: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def show(self, lines: Iterable[Line]) -> None:
        """Show lines for good."""
        ...


class PlainView:
    """One line each, for logs and pipes.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def show(self, lines: Iterable[Line]) -> None:
        """Print lines as they come."""
        for line in lines:
            self._console.print(
                f"{_offset(line.at_ms)}  {line.kind:<7}  {line.text}", markup=False, highlight=False, soft_wrap=True
            )


class LiveView:
    """Lines above, and below them who speaks now.

    Args:
        console: a terminal.
        story: the call so far.
        now_ms: the call's time.
        agent_sounds: whether the agent can be heard now.
    """

    def __init__(self, console: Console, story: Story, now_ms: Callable[[], float], agent_sounds: Callable[[], bool]) -> None:
        self._story = story
        self._now_ms = now_ms
        self._agent_sounds = agent_sounds
        self._live = Live(get_renderable=self.now, console=console, refresh_per_second=_REFRESHES_PER_S, transient=True)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, lines: Iterable[Line]) -> None:
        """Print lines above the live part; they stay in the terminal."""
        for line in lines:
            style = _STYLES[line.kind]
            self._live.console.print(_row(Text(_offset(line.at_ms), "dim"), Text(line.kind, style), Text(line.text, style)))

    def now(self) -> RenderableType:
        """Return the live part."""
        story, agent_sounds = self._story, self._agent_sounds()
        grid = Table.grid(expand=True)
        grid.add_row(Rule(f"{self._now_ms() / 1000:.1f} s", style="dim", align="left"))
        grid.add_row(_speaking("caller", story.turns[-1].label if story.caller_speaks else story.hearing, story.caller_speaks))
        grid.add_row(_speaking("agent", story.saying or (story.answer if agent_sounds else ""), agent_sounds))
        return grid


def _speaking(who: Kind, text: str, sounds: bool) -> RenderableType:
    style = _STYLES[who] if sounds else "dim"
    return _row(Text("● speaks" if sounds else "○", style), Text(who, style), Text(text, style, overflow="ellipsis"))


def _row(*cells: Text) -> Table:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=9, justify="right", no_wrap=True)
    row.add_column(width=7, no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(*cells)
    return row


def _offset(at_ms: float) -> str:
    return f"{at_ms / 1000:7.2f} s"

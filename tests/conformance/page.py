"""`docs/conformance.md`: what a run has shown, in an order that depends on nothing but the result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wire_log import CLIENT_EVENTS, SERVER_EVENTS, UNPROVOKED, Seen

TEMPLATE: Final = Path(__file__).with_name("page.md")

_GREEN, _RED, _UNUSED = "✓", "✗", "—"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario and how it went; `detail` says why it failed."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a client showed. `not_run` says why it was not run at all, `trouble` what went wrong outside its scenarios."""

    client: str
    version: str
    scenarios: tuple[Scenario, ...] = ()
    seen: Seen = field(default_factory=Seen)
    not_run: str = ""
    trouble: str = ""

    @property
    def red(self) -> bool:
        """Whether anything failed; a client that was not run did not fail."""
        return not self.not_run and bool(self.trouble or not self.scenarios or not all(s.ok for s in self.scenarios))


def missing(results: Sequence[Result]) -> list[str]:
    """Return the events that a whole run should have seen in a green scenario and did not."""
    green = {kind for result in results for kind in result.seen.green}
    return [kind for kind in CLIENT_EVENTS + SERVER_EVENTS if kind not in green and kind not in UNPROVOKED]


def page(results: Sequence[Result]) -> str:
    """Return the page."""
    return TEMPLATE.read_text("utf-8").format(
        clients="\n\n".join((_summary(results), *map(_details, results))),
        events="\n\n".join((_events("Client events", CLIENT_EVENTS, results), _events("Server events", SERVER_EVENTS, results))),
        unprovoked="\n".join(f"`{kind}`: {why}; other tests see to it." for kind, why in UNPROVOKED.items()),
    )


def _summary(results: Iterable[Result]) -> str:
    rows = []
    for result in results:
        count = f"{sum(s.ok for s in result.scenarios)} of {len(result.scenarios)}"
        state = f"not run: {result.not_run}" if result.not_run else f"**{count}**" if result.red else count
        rows.append((result.client, result.version, state))
    return _table(("Client", "Version", "Scenarios green"), rows)


def _details(result: Result) -> str:
    if result.not_run:
        return f"**{result.client} {result.version}**: not run: {_line(result.not_run)}."
    names = [f"{_GREEN} {s.name}" if s.ok else f"{_RED} **{s.name}** ({_line(s.detail)})" for s in result.scenarios]
    if result.trouble:
        names.append(f"{_RED} **{_line(result.trouble)}**")
    return f"**{result.client} {result.version}**: {' · '.join(names)}"


def _events(title: str, kinds: Iterable[str], results: Sequence[Result]) -> str:
    rows = [(f"`{kind}`", *(_cell(kind, result.seen) for result in results)) for kind in kinds]
    return _table((title, *(result.client for result in results)), rows)


def _cell(kind: str, seen: Seen) -> str:
    return _GREEN if kind in seen.green else _RED if kind in seen.red else _UNUSED


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_line(cell) for cell in line)} |" for line in lines)


def _line(text: str, limit: int = 300) -> str:
    """Return text that fits a table's cell."""
    flat = " ".join(text.split()).replace("|", "\\|")
    return flat if len(flat) <= limit else flat[:limit] + "…"

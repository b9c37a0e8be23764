"""`vivavoce doctor`: what is there, what is missing, and how to get it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli.errors import FAILED

if TYPE_CHECKING:
    from vivavoce.cli.checks import Check

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    config: Annotated[Path | None, typer.Option(help="A TOML file with settings.", metavar="FILE")] = None,
    profile: Annotated[str | None, typer.Option(help="embedded, null, or the path of a TOML file. [embedded]")] = None,
) -> None:
    """Check what sessions are made of here, and start the engines once. Exits with 1 if no session could be held."""
    from vivavoce.cli.checks import examine

    checks = examine(os.environ, config, profile)
    able = all(check.status != "fail" for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": able, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False))
    else:
        _print(checks, able)
    if not able:
        raise typer.Exit(FAILED)


def _print(checks: list[Check], able: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        said = check.detail + (f"\n→ {check.way_out}" if check.way_out else "")
        table.add_row(Text(check.status, _STYLES[check.status]), Text(check.name), Text(said))
    console.print(table)
    console.print("\nSessions can be held here." if able else "\nNo session can be held here: see what failed above.")

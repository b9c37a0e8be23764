"""`vivavoce models`: see, pull and remove the models that do not come with the installation."""

from __future__ import annotations

import os
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from vivavoce.config import load_settings
from vivavoce.models.errors import BadSource, StoreError, UnknownAsset
from vivavoce.models.store import ModelStore

app = typer.Typer(name="models", help="See, pull and remove models.", no_args_is_help=True)

FAILED = 1
"""Exit code when something could not be done."""

MISUSED = 2
"""Exit code when something was asked for that makes no sense."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Assets, as `vivavoce models list` names them.")]


def open_store() -> ModelStore:
    """Return the store the commands work on: the one that `serve` looks into.

    Raises:
        ConfigError: a setting cannot be used.
    """
    return ModelStore(load_settings(os.environ).home)


@app.command("list")
def list_models() -> None:
    """Show every model that can be pulled, and which are installed."""
    store = open_store()
    installed = set(store.installed())
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("installed", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("licence", no_wrap=True)
    table.add_column("purpose", overflow="fold")
    for asset in store.assets:
        table.add_row(asset.name, "yes" if asset.name in installed else "no", decimal(asset.size), asset.licence, asset.purpose)
    Console(markup=False).print(table)


@app.command()
def pull(names: Names) -> None:
    """Fetch models, check them against their pinned hashes and install them."""
    store, console = open_store(), Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        for asset in [store.asset(name) for name in names]:
            if store.path(asset.name) is not None:
                console.print(f"{asset.name} is installed already.")
                continue
            transfer = decimal(asset.transfer_bytes or asset.size)
            console.print(f"{asset.name}: {asset.purpose}\n{transfer} to fetch, licence {asset.licence}")
            with _bars(console) as bars:
                store.pull(asset.name, _Bar(bars, asset.name))
            console.print(f"{asset.name} is installed.")
    except StoreError as fault:
        _fail(fault)
    except KeyboardInterrupt:
        console.print("Stopped. Run the same command again, it goes on where it stopped.")
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def remove(names: Names) -> None:
    """Delete installed models, and what interrupted pulls of them left."""
    store = open_store()
    try:
        for asset in [store.asset(name) for name in names]:
            removed = store.remove(asset.name)
            typer.echo(f"{asset.name} is removed." if removed else f"{asset.name} was not installed.", err=True)
    except StoreError as fault:
        _fail(fault)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class _Bar:
    """One asset's progress, as the store reports it."""

    def __init__(self, bars: Progress, name: str) -> None:
        self._bars = bars
        self._task = bars.add_task(name, total=None)

    def __call__(self, done: int, total: int) -> None:
        self._bars.update(self._task, completed=done, total=total)


def _fail(fault: StoreError) -> NoReturn:
    typer.echo(f"error: {fault}", err=True)
    raise typer.Exit(MISUSED if isinstance(fault, (UnknownAsset, BadSource)) else FAILED) from fault

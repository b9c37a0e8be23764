"""Pull what the demo is better with, and say what is lost without it."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from vivavoce.models.assets import Asset
from vivavoce.models.errors import StoreError
from vivavoce.models.store import ModelStore

USED_BY: Final = {"frames": "minilm", "smart-turn": "smart-turn"}
"""Which engine uses which asset."""

LOST: Final = {
    "minilm": "the agent finds what is meant by shared words only, and understands no paraphrases",
    "smart-turn": "semantic_vad has only silence to tell the end of a turn by",
}


def pull_missing(store: ModelStore, engines: set[str], console: Console, *, allowed: bool) -> None:
    """Pull every missing asset that one of the engines uses; go on without those that cannot be had.

    Args:
        store: where they go.
        engines: the names of the engines in use.
        console: where it is said.
        allowed: whether anything may be fetched at all.
    """
    for engine, name in USED_BY.items():
        if engine not in engines or store.path(name) is not None:
            continue
        if not allowed:
            _tell(console, f"Without {name}, {LOST[name]}. `vivavoce models pull {name}` fetches it.")
            continue
        try:
            _pull(store, store.asset(name), console)
        except StoreError as error:
            _tell(console, f"{name} could not be fetched: {error}")
            _tell(console, f"Going on without it: {LOST[name]}.")


def _pull(store: ModelStore, asset: Asset, console: Console) -> None:
    size = decimal(asset.transfer_bytes or asset.size)
    _tell(console, f"Fetching {asset.name}, once: {asset.purpose}. {size}, licence {asset.licence}.")
    columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(asset.name, total=None)
        store.pull(asset.name, lambda done, total: bars.update(task, completed=done, total=total))


def _tell(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=not console.is_terminal)

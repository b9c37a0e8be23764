"""Running a command's work: quietly, until it is done or Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from vivavoce.cli.errors import INTERRUPTED


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end. Ctrl-C cancels the work, which closes what it holds; then the command ends with the shells' code for that.

    The engines' logs are a server's business: here only what went wrong without a word is shown.
    """
    from vivavoce.logs import configure_logs

    configure_logs("error", json=False)
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


async def all_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all to their ends; when one fails, cancel the others and raise what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def stopped_by_ctrl_c() -> Iterator[asyncio.Event]:
    """Hold an event that the first Ctrl-C sets: the way to end what has no end of its own. The second one interrupts as ever."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
        stop.set()

    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, on_signal)
    try:
        yield stop
    finally:
        if not stop.is_set():
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)

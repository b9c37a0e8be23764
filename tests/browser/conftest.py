"""Fixtures of the browser tests: server processes, and the page in a browser."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from browser_kit import Process, Visit, browsing

Open = Callable[..., Awaitable[Visit]]

_WITHOUT_BROWSER = "test_page_modules.py"
"""Needs node alone, and no time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives Chromium."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.path.name != _WITHOUT_BROWSER:
            item.add_marker(pytest.mark.browser)


def _serving() -> Iterator[Callable[..., Process]]:
    started: dict[str, Process] = {}

    def start(script: str = "talk", **asked: Any) -> Process:
        whole = {"script": script, **asked}
        process = started.setdefault(json.dumps(whole), Process(whole))
        if process.running is None:
            process.start()
        return process

    yield start
    for process in started.values():
        process.kill()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Process]]:
    """Server processes that tests share: `serve("talk", keys=["sk-1"])`; whoever asks for the same gets the same."""
    yield from _serving()


@pytest.fixture
def serve_alone() -> Iterator[Callable[..., Process]]:
    """Server processes of one test, which may kill them."""
    yield from _serving()


@pytest.fixture
async def visit(tmp_path: Path) -> AsyncGenerator[Open]:
    """Open the page: `await visit(url, mic=wav)`. A page that complains in its console fails the test."""
    async with AsyncExitStack() as stack:
        visits: list[Visit] = []

        async def open_page(url: str, **options: Any) -> Visit:
            made = await stack.enter_async_context(browsing(url, tmp_path, **options))
            visits.append(made)
            return made

        yield open_page
        for made in visits:
            assert not made.complaints, made.complaints

"""What every test of the server gets: an ear on the logs, for nothing the tests do may make the server log an error unnoticed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
import pytest_asyncio
import structlog

from kit import Serving, serving

_EXPECTED = (
    "ASGI callable returned without completing handshake.",
    "ASGI callable returned without completing response.",
    "Cancel 1 running task(s), timeout graceful shutdown exceeded",
)
"""What uvicorn logs of every handshake that was refused, and refused properly; of a scripted backend that hangs up; and of a request that
takes longer than a server that is told to stop will wait."""


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[list[MutableMapping[str, Any]]]:
    """The structured log lines from `warning` up. Errors left in it fail the test: one that expects errors clears it."""
    lines: list[MutableMapping[str, Any]] = []

    def keep(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        lines.append({**line, "level": method})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING), cache_logger_on_first_use=False
    )
    yield lines
    structlog.configure(**before)
    assert not [line for line in lines if line["level"] in ("error", "exception", "critical")]
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not [record for record in errors if record.getMessage() not in _EXPECTED], caplog.text


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Serving]:
    """A server with scripted engines, which every session has left when the test is over."""
    async with serving() as running:
        yield running
        await running.empty()

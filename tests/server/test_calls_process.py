"""Calls to a server process: they are drained before it stops, nothing of it stays, and its logs say nothing they should not."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from call_kit import calling
from test_process import Process, process

from kit import PATIENCE_S, Serving, eventually

KEY = "sk-test-1234567890"


def reached(server: Process, key: str | None = None) -> Serving:
    """Return a server process as a place to call."""
    unknown: Any = None
    return Serving(unknown, unknown, int(server.url.partition("//")[2].partition("/")[0].rpartition(":")[2]), key)


def children(pid: int) -> list[int]:
    """Return the child processes of a process, whichever of its threads started them."""
    listed = list(Path(f"/proc/{pid}/task").glob("*/children"))
    if not listed:
        pytest.skip("this kernel does not list the children of a process")
    return [int(child) for each in listed for child in each.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_stopped_server_lets_calls_finish_and_leaves_no_process_behind() -> None:
    async with process(drain_seconds=1.0) as server:
        async with calling(reached(server)) as call, call.sideband() as side:
            media = children(server.process.pid)
            assert media
            server.process.send_signal(signal.SIGTERM)
            assert (await call.client.respond())["status"] == "completed"
            end = await side.closed()
            async with asyncio.timeout(PATIENCE_S):
                await call.peer.gone.wait()
        await server.logs()
        assert server.process.returncode in (0, -signal.SIGTERM)
    assert end.rcvd is not None
    assert (end.rcvd.code, end.rcvd.reason) == (1001, "The server is shutting down.")
    assert not [pid for pid in media if is_running(pid)]


async def test_the_media_processes_of_a_server_that_is_killed_go_with_it() -> None:
    async with process() as server, calling(reached(server)):
        media = children(server.process.pid)
        assert media
        server.process.kill()
        await server.process.wait()
        await eventually(lambda: not [pid for pid in media if is_running(pid)])


async def test_neither_keys_nor_what_opens_a_media_connection_is_logged() -> None:
    async with process(keys=[KEY], log_level="debug") as server:
        async with calling(reached(server, KEY)) as call:
            await call.client.say("where is the marimba?")
            await call.client.respond()
            lines = call.peer.connection.localDescription.sdp.splitlines()
            words = [line.partition(":")[2] for line in lines if line.startswith(("a=ice-pwd", "a=fingerprint"))]
        server.process.send_signal(signal.SIGTERM)
        logs = await server.logs()
    assert "session.created" in logs, "there is a log to look at"
    assert words
    for secret in (KEY, "marimba", *words):
        assert secret not in logs, secret

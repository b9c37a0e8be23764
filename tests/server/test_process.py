"""The server as a process: it drains before it stops, and its logs say nothing they should not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import MODEL, PATIENCE_S, TURN, Client

HERE = Path(__file__).resolve().parent
KEY = "sk-test-1234567890"


class Process:
    """A running server."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"ws://127.0.0.1:{port}/v1/realtime?model={MODEL}"

    async def logs(self) -> str:
        """Wait for its end and return everything it has logged."""
        async with asyncio.timeout(PATIENCE_S):
            out, logged = await self.process.communicate()
        return (out + logged).decode()


@asynccontextmanager
async def process(**server: Any) -> AsyncGenerator[Process]:
    source = HERE.parent.parent / "src"
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "scripted_server.py"),
        json.dumps(server),
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield Process(child, int(await child.stdout.readline()))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@asynccontextmanager
async def session(server: Process, **options: Any) -> AsyncGenerator[Client]:
    async with connect(server.url, max_queue=None, **options) as socket:
        client = Client(socket.send, socket.recv, socket)
        await client.until("session.created")
        yield client


async def test_a_stopped_server_lets_open_sessions_finish_and_takes_no_new_ones() -> None:
    async with process(drain_seconds=1.0) as server:
        async with session(server) as staying, session(server) as leaving:
            await staying.append(TURN)
            await staying.until("response.created")
            server.process.send_signal(signal.SIGTERM)
            assert (await staying.done())["status"] == "completed", "the turn at hand is answered"
            await _refuses(server)
            await leaving.socket.close()
            assert (await staying.respond())["status"] == "completed", "and so is the next"
            end = await staying.closed()
        assert end.rcvd is not None
        assert (end.rcvd.code, end.rcvd.reason) == (1001, "The server is shutting down.")
        await server.logs()
        assert server.process.returncode in (0, -signal.SIGTERM)


async def test_a_server_without_sessions_stops_at_once() -> None:
    async with process(drain_seconds=600) as server:
        server.process.send_signal(signal.SIGTERM)
        await server.logs()


async def test_the_server_stops_as_soon_as_the_last_session_has_gone() -> None:
    async with process(drain_seconds=600) as server:
        async with session(server) as client:
            server.process.send_signal(signal.SIGTERM)
            await client.say("still here")
        await server.logs()


async def test_no_key_and_no_word_of_a_conversation_is_ever_logged() -> None:
    header = {"additional_headers": {"Authorization": f"Bearer {KEY}"}}
    subprotocol = {"subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}"]}
    async with process(keys=[KEY], log_level="debug") as server:
        for options in (header, subprotocol):
            async with session(server, **options) as client:
                heard = {"input": {"transcription": {"model": "whisper-1"}}}
                await client.update(instructions="You guard the xylophone.", audio=heard)
                await client.say("where is the marimba?")
                await client.append(TURN)
                await client.done()
                await client.refused({"type": "conversation.item.delete", "item_id": "glockenspiel"})
        for key in (KEY + "-wrong", "sk-wrong"):
            with pytest.raises(InvalidStatus):
                await connect(server.url, additional_headers={"Authorization": f"Bearer {key}"})
        server.process.send_signal(signal.SIGTERM)
        logs = await server.logs()
    assert "session.created" in logs, "there is a log to look at"
    for secret in (KEY, "sk-wrong", "xylophone", "marimba", "glockenspiel", "Hello there", '"hello"'):
        assert secret not in logs, secret


async def _refuses(server: Process) -> None:
    """Knock until nobody is let in any more; the process looks for signals ten times a second."""
    while await _lets_in(server):  # noqa: ASYNC110 - the process cannot be asked
        await asyncio.sleep(0.02)


async def _lets_in(server: Process) -> bool:
    try:
        async with connect(server.url, open_timeout=2):
            return True
    except (OSError, InvalidStatus):
        return False

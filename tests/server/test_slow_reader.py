"""A client that does not read: its session holds back, is cut off in the end, and takes nobody's memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from kit import MODEL, PATIENCE_S, REASONING_MODEL, TURN, Serving, eventually, scripted, serving
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.script import Say
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.transports import websocket

WORDS = 4_000
"""Twenty minutes of speech: 77 MB on the wire, if anybody took it."""

LONG = Say("word. " * WORDS)


@asynccontextmanager
async def deaf(server: Serving) -> AsyncGenerator[Any]:
    """A client whose socket takes in next to nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
    async with connect(server.realtime(f"model={MODEL}"), sock=raw, max_queue=1, compression=None, close_timeout=0.2) as client:
        yield client


async def test_a_client_that_never_reads_is_cut_off_and_held_back_before(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(websocket, "STALL_S", 0.5)
    voice = ScriptedSynthesizer()
    stacks = {MODEL: scripted(ScriptedBrain(LONG), synthesizer=voice), "": scripted()}
    async with serving(stacks) as server, server.connect(REASONING_MODEL) as neighbour:
        before = set(server.service.hub._open)
        async with deaf(server) as client:
            await client.send(json.dumps({"type": "response.create"}))
            outlet = await _opened(server, before)
            most = 0
            async with asyncio.timeout(PATIENCE_S):
                while len(server.service.hub) > 1:
                    most = max(most, outlet._queued)
                    await asyncio.sleep(0.01)
            client.transport.abort()
        assert 0 < most < 2 * websocket.HIGH_WATER_BYTES
        # What the kernel's buffers took is beyond us; what we made is little more than that, of 4,000 words.
        assert len(voice.clauses) < WORDS / 4
        assert voice.cancelled == 1
        await neighbour.append(TURN)
        assert (await neighbour.done())["status"] == "completed"
    caplog.clear()


async def test_the_connection_of_a_client_that_was_cut_off_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(websocket, "STALL_S", 0.3)
    monkeypatch.setattr("vivavoce.api.server.LINGER_S", 0.3, raising=False)
    async with serving(scripted(ScriptedBrain(LONG))) as server, deaf(server) as client:
        await client.send(json.dumps({"type": "response.create"}))
        await _opened(server, set())
        await server.empty()
        try:
            await eventually(lambda: not server.server.server_state.connections, within_s=2)
        finally:
            client.transport.abort()
            caplog.clear()


async def test_answers_do_not_pile_up_for_a_client_that_asks_and_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "STALL_S", 0.3)
    megabyte = 1 << 20
    async with serving() as server, deaf(server) as client:
        outlet = await _opened(server, set())
        most = 0

        async def watch() -> None:
            nonlocal most
            while len(server.service.hub):
                most = max(most, outlet._queued)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        await client.send(json.dumps({"type": "session.update", "session": {"type": "realtime", "instructions": "x" * megabyte}}))
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(2):
                for _ in range(300):
                    await client.send('{"type":"session.update","session":{"type":"realtime"}}')
        await server.empty()
        await watching
        client.transport.abort()
    assert most < websocket.HIGH_WATER_BYTES + 3 * megabyte


async def test_a_client_that_pauses_for_a_while_misses_nothing() -> None:
    words = 600
    async with serving(scripted(ScriptedBrain(Say("word. " * words)))) as server, server.connect(max_queue=1) as client:
        await client.send("response.create")
        await asyncio.sleep(0.4)
        response = await client.done()
        assert response["status"] == "completed"
        assert len(client.audio(response["id"])) == words * 300 * 48


async def _opened(server: Serving, before: set[Any]) -> Any:
    """Return the outlet of the session that is not one of those before, once it is there."""
    await eventually(lambda: server.service.hub._open - before)
    return next(iter(server.service.hub._open - before))

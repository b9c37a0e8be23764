"""A server that is told to stop finishes what it is answering, within the drain time; what it cannot finish gets an official answer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from audio_files_kit import TRANSCRIPTIONS, TWO, error_of, two
from starlette.types import Message, Receive, Scope, Send

from kit import PATIENCE_S, Serving, eventually, scripted, serving
from vivavoce.api import server as server_module
from vivavoce.api.ending import Ending
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer


async def transcript(server: Serving) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        return await client.post(TRANSCRIPTIONS, data={"model": "whisper-1"}, files={"file": ("a.wav", TWO)})


async def stopping(server: Serving, listening: ScriptedRecognizer) -> tuple[asyncio.Task[httpx.Response], asyncio.Task[None]]:
    """Begin a request, and to stop the server once it is at work."""
    asking = asyncio.create_task(transcript(server))
    await eventually(lambda: listening.segments)
    return asking, asyncio.create_task(server.server.shutdown())


async def test_what_is_being_answered_is_finished_within_the_drain_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_CLOSING_S", 0)
    slow = two(Heard("hello there", delay_s=0.3), Heard("how are you", delay_s=0.3))
    async with serving(scripted(recognizer=slow), drain_seconds=PATIENCE_S) as server:
        asking, ending = await stopping(server, slow)
        assert (await asking).json()["text"] == "hello there how are you"
        await ending


async def test_what_takes_longer_is_refused_in_the_official_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_CLOSING_S", 0)
    endless = two(Heard("hello", delay_s=600))
    async with serving(scripted(recognizer=endless), drain_seconds=0.1) as server:
        asking, ending = await stopping(server, endless)
        answer = await asking
        error = error_of(answer, 503)
        await ending
    assert error["message"] == "The server is overloaded: it is shutting down. Try again in a moment."
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("begun", [False, True], ids=["unanswered", "half answered"])
async def test_only_the_end_of_the_server_is_answered_for(begun: bool) -> None:
    """A cancellation that comes from elsewhere goes its way; an answer that has begun is not begun again."""
    sent: list[Message] = []
    waiting = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        waiting.set()
        await asyncio.Event().wait()

    async def take(message: Message) -> None:
        sent.append(message)

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    for draining in (False, True):
        sent.clear()
        waiting.clear()
        hub: Any = SimpleNamespace(draining=draining)
        state = SimpleNamespace(service=SimpleNamespace(hub=hub))
        scope: Scope = {"type": "http", "path": "/v1/responses", "app": SimpleNamespace(state=state)}
        task = asyncio.create_task(Ending(app)(scope, nothing, take))
        await waiting.wait()
        task.cancel()
        outcome = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome[0], asyncio.CancelledError) is not draining
        statuses = [message["status"] for message in sent if message["type"] == "http.response.start"]
        assert statuses == ([200] if begun else [503] if draining else [])

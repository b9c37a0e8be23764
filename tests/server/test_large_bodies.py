"""However many large requests come at once, and whatever is in them, so much memory and time they get, and no more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from audio_files_kit import Raw, error_of
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from kit import PATIENCE_S, scripted, serving
from vivavoce.api import body as body_module
from vivavoce.api.answers import MAX_BODY_BYTES, MOST_VALUES, read_object
from vivavoce.api.llm import LONGEST_CONTEXT
from vivavoce.api.room import Room, RoomForBodies
from vivavoce.protocol.errors import ClientFault
from vivavoce.testing.brain import ScriptedBrain

SIZE = 2 * MAX_BODY_BYTES
BODY = b'{"text": "' + b"x" * (SIZE - 12) + b'"}'


# --- room -----------------------------------------------------------------------------------------------------------------------


async def test_room_is_given_out_first_come_first_served() -> None:
    room, order = Room(10), []

    async def one(name: str, size: int) -> None:
        await room.take(size)
        order.append(name)

    await room.take(8)
    large = asyncio.create_task(one("large", 9))
    await asyncio.sleep(0)
    small = asyncio.create_task(one("small", 1))
    await asyncio.sleep(0.01)
    assert not order, "a small one does not overtake, or a large one would wait for ever"
    room.give(8)
    await asyncio.gather(large, small)
    assert order == ["large", "small"]
    assert room.free == 0


@pytest.mark.parametrize("when", ["while it waits", "as its turn comes"])
async def test_who_leaves_the_line_keeps_nothing_and_lets_the_next_in(when: str) -> None:
    room = Room(10)
    await room.take(10)
    leaving, next_one = asyncio.create_task(room.take(6)), asyncio.create_task(room.take(6))
    await asyncio.sleep(0.01)
    if when == "as its turn comes":
        room.give(10)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    if when == "while it waits":
        room.give(10)
    await next_one
    assert room.free == 4


async def test_who_waits_in_vain_is_told_so() -> None:
    room = Room(10, patience_s=0.01)
    await room.take(10)
    with pytest.raises(ClientFault) as fault:
        await room.take(1)
    assert (fault.value.status, fault.value.code) == (503, "server_is_overloaded")
    room.give(10)
    assert room.free == 10


class Client:
    """One request to an app, without a network: its body is at hand, its answer is taken when it is let go."""

    def __init__(self, announced: bool = True) -> None:
        self.scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        if announced:
            self.scope["headers"] = [(b"content-length", str(len(BODY)).encode())]
        self.read = 0
        self.answered = asyncio.Event()
        self.go = asyncio.Event()

    async def receive(self) -> Message:
        piece = BODY[self.read : self.read + 65_536]
        self.read += len(piece)
        return {"type": "http.request", "body": piece, "more_body": self.read < len(BODY)}

    async def send(self, message: Message) -> None:
        self.answered.set()
        await self.go.wait()


async def reading_app(scope: Scope, receive: Receive, send: Send) -> None:
    given = await read_object(Request(scope, receive), 4 * MAX_BODY_BYTES)
    await JSONResponse(len(given["text"]))(scope, receive, send)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "streamed"])
async def test_a_body_waits_outside_until_one_before_it_has_been_answered(announced: bool) -> None:
    room = Room(SIZE if announced else 4 * MAX_BODY_BYTES)
    app = RoomForBodies(reading_app, room)
    first, second = Client(announced), Client(announced)
    tasks = [asyncio.create_task(app(client.scope, client.receive, client.send)) for client in (first, second)]
    await first.answered.wait()
    await asyncio.sleep(0.01)
    # One that does not say how long it is shows that it is large when it has become so.
    assert second.read <= (0 if announced else MAX_BODY_BYTES + 65_536)
    second.go.set()
    first.go.set()
    await asyncio.gather(*tasks)
    assert second.read == len(BODY)
    assert room.free == (SIZE if announced else 4 * MAX_BODY_BYTES)


async def test_room_is_given_back_however_a_request_ends() -> None:
    room = Room(SIZE)
    app = RoomForBodies(reading_app, room)
    gone, cut = Client(), Client()

    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    outcome = await asyncio.gather(app(gone.scope, hang_up, gone.send), return_exceptions=True)
    assert isinstance(outcome[0], Exception)
    task = asyncio.create_task(app(cut.scope, cut.receive, cut.send))
    await cut.answered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert room.free == SIZE


# --- what is in them ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])
async def test_a_body_of_nothing_but_values_is_refused_before_it_is_decoded(path: str) -> None:
    body = b'{"model": "gpt-5", "input": [' + b"{},   " * (MOST_VALUES // 2 + 1) + b"{}]}"
    async with serving() as server, httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        error = error_of(await client.post(path, content=body), 400)
    assert error["code"] == "invalid_json"
    assert "500,000" in error["message"]


@pytest.mark.parametrize("letter", ["x", "字"])
async def test_a_text_that_no_model_reads_is_refused(letter: str) -> None:
    brain = ScriptedBrain("Hello.")
    text = letter * (LONGEST_CONTEXT * (4 if letter == "x" else 1) + 100)
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "/v1/responses": ("input", {"model": "gpt-5", "input": text}),
        "/v1/chat/completions": ("messages", {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}),
    }
    async with serving(scripted(brain)) as server, httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        for path, (param, wanted) in requests.items():
            body = json.dumps(wanted, ensure_ascii=False).encode()
            error = error_of(await client.post(path, content=body), 400)
            assert (error["code"], error["param"]) == ("context_length_exceeded", param)
    assert not brain.requests


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions", "/v1/audio/speech", "/v1/realtime/client_secrets"])
async def test_a_body_that_stands_still_is_given_up(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "STALL_S", 0.05)
    async with serving() as server:
        connection = await Raw.to(server)
        await connection.head(path, Content_Type="application/json", Content_Length="1000")
        await connection.send(b'{"model": ')
        status, answer = await connection.answer()
        connection.hang_up()
    assert status == 408
    assert set(answer["error"]) == {"message", "type", "param", "code"}

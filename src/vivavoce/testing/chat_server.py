"""A small OpenAI Chat Completions server that answers by script, sound or broken.

In a test, inside the event loop:

    async with ChatServer("Hello!", [Say("One moment."), Hang()]) as server:
        ... # point anything that speaks Chat Completions at server.base_url
    server.requests[0]["messages"]

From a shell it is `python -m vivavoce.testing.brain script.toml`. What it was asked can be read from outside too:
`GET /v1/requests` lists the bodies of all chat requests in order, `DELETE /v1/requests` forgets them.

How it breaks is part of the script: `Hang` (never answers, or stalls in mid-answer), `Fail` (an HTTP status, or an error event in
mid-answer), `Garbage`, `Cut`. `refuses` makes it narrow-minded: a request with one of these parameters gets a 400.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from vivavoce.engines.ports import LlmDelta, LlmUsage
from vivavoce.testing import chat_wire
from vivavoce.testing.loopback import serve_on_loopback
from vivavoce.testing.script import AnswerLike, Cut, Fail, Garbage, Incident, Script, ScriptError, Sleep, Step, count_words


class ChatServer:
    """A scripted server; its `app` is an ordinary ASGI application.

    Args:
        answers: see `vivavoce.testing.script`.
        script: a script made or loaded elsewhere, in place of `answers`.
        repeat: begin again after the last answer.
        model: the one model it lists; requests for any other name are answered as well.
        api_key: the key it wants; None takes anybody.
        refuses: names of request parameters it does not know.
        sleep: how to wait between tokens.

    Attributes:
        requests: the JSON body of every chat request, in order, refused ones included.
        headers: the headers of every chat request, names in lower case.
        finished: how many answers were followed to the end of their script.
        dropped: how many clients went away before that.
        asked: set when the first chat request arrives.
        client_left: set when the first client goes away too early.
        base_url: where it is, up to `/v1`; only inside the `async with` block.
    """

    def __init__(
        self,
        *answers: AnswerLike,
        script: Script | None = None,
        repeat: bool = False,
        model: str = "scripted",
        api_key: str | None = None,
        refuses: Collection[str] = (),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._script = script or Script(*answers, repeat=repeat)
        self._model = model
        self._api_key = api_key
        self._refuses = refuses
        self._sleep = sleep
        self._numbers = itertools.count(1)
        self._running = AsyncExitStack()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.finished = 0
        self.dropped = 0
        self.asked = asyncio.Event()
        self.client_left = asyncio.Event()
        self.base_url = ""
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._list_models),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/requests", self._list_requests),
                Route("/v1/requests", self._forget_requests, methods=["DELETE"]),
            ]
        )

    async def __aenter__(self) -> ChatServer:
        self.base_url = await self._running.enter_async_context(serve_on_loopback(self.app)) + "/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _list_models(self, request: Request) -> Response:
        listed = {"id": self._model, "object": "model", "created": 0, "owned_by": "vivavoce"}
        return self._refusal(request, {}) or JSONResponse({"object": "list", "data": [listed]})

    async def _list_requests(self, request: Request) -> Response:
        return self._refusal(request, {}) or JSONResponse({"object": "list", "data": self.requests})

    async def _forget_requests(self, request: Request) -> Response:
        refusal = self._refusal(request, {})
        if refusal is None:
            self.requests.clear()
            self.headers.clear()
        return refusal or Response(status_code=204)

    async def _complete(self, request: Request) -> Response:
        try:
            body = await request.json()
        except ClientDisconnect:
            self.note_end(client_left=True)
            return Response(status_code=499)
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        self.asked.set()
        refusal = self._refusal(request, body)
        if refusal is not None:
            return refusal
        texts = [_text(message.get("content")) for message in body["messages"]]
        heard = next((t for t, m in zip(texts[::-1], body["messages"][::-1], strict=True) if m["role"] in ("user", "tool")), "")
        try:
            steps = self._script.pick(heard)
        except ScriptError as error:
            steps = (Fail(str(error)),)
        return _ScriptedResponse(self, body, steps, count_words(texts))

    def _refusal(self, request: Request, body: dict[str, Any]) -> Response | None:
        """Return the 401 or 400 this request deserves, if any, worded as OpenAI words it."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._api_key is not None and given != self._api_key:
            message = f"Incorrect API key provided: {given}."
            return JSONResponse(chat_wire.error(message, kind="invalid_request_error", code="invalid_api_key"), status_code=401)
        unknown = next((name for name in self._refuses if name in body), None)
        if unknown is not None:
            message = f"Unsupported parameter: '{unknown}' is not supported with this model."
            kind, code = "invalid_request_error", "unsupported_parameter"
            return JSONResponse(chat_wire.error(message, kind=kind, code=code, param=unknown), status_code=400)
        return None

    def play(self, steps: Sequence[Step], input_tokens: int) -> AsyncGenerator[LlmDelta | Incident, None]:
        """Follow the steps at this server's pace."""
        return self._script.play(steps, input_tokens=input_tokens, sleep=self._sleep)

    def name_answer(self) -> dict[str, str]:
        """Return the id and the model of the next answer."""
        return {"answer_id": f"chatcmpl-{next(self._numbers)}", "model": self._model}

    def note_end(self, *, client_left: bool) -> None:
        """Count an answer that has come to its end."""
        if client_left:
            self.dropped += 1
            self.client_left.set()
        else:
            self.finished += 1


class _ScriptedResponse(Response):
    """Follow the script until it ends or the client goes away.

    Nothing is sent before the first thing happens: a script that begins with `Hang` leaves the client without even a status line.
    """

    def __init__(self, server: ChatServer, body: dict[str, Any], steps: Sequence[Step], input_tokens: int) -> None:
        super().__init__()
        self._server = server
        self._streamed = bool(body.get("stream"))
        self._with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._steps = steps
        self._input_tokens = input_tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        whole = await _unless_client_leaves(
            receive, self._stream(send) if self._streamed else self._at_once(scope, receive, send)
        )
        self._server.note_end(client_left=not whole)

    async def _stream(self, send: Send) -> None:
        naming = self._server.name_answer()
        begun = False
        usage: LlmUsage | None = None
        async with aclosing(self._server.play(self._steps, self._input_tokens)) as happenings:
            async for happening in happenings:
                if isinstance(happening, Fail) and not begun:
                    return await _send_whole(send, _failure(happening))
                if not begun:
                    await send(_start("text/event-stream"))
                    begun = True
                match happening:
                    case Fail():
                        await send(_part(chat_wire.sse(_failure_body(happening))))
                    case Garbage(text):
                        await send(_part(chat_wire.sse(text)))
                    case Cut(politely):
                        return await send(_part(b"", more=not politely))  # with more to come, the server breaks the connection
                    case LlmUsage():
                        usage = happening  # on the wire it follows the finish
                    case _:
                        await send(_part(chat_wire.sse(chat_wire.chunk(happening, **naming))))
        if usage is not None and self._with_usage:
            await send(_part(chat_wire.sse(chat_wire.chunk(usage, **naming))))
        return await send(_part(chat_wire.DONE, more=False))

    async def _at_once(self, scope: Scope, receive: Receive, send: Send) -> None:
        deltas: list[LlmDelta] = []
        async with aclosing(self._server.play(self._steps, self._input_tokens)) as happenings:
            async for happening in happenings:
                match happening:
                    case Fail():
                        return await _send_whole(send, _failure(happening))
                    case Garbage(text):
                        return await _send_whole(send, Response(text, media_type="application/json"))
                    case Cut():
                        return await send(_start("application/json"))
                    case _:
                        deltas.append(happening)
        return await _send_whole(send, JSONResponse(chat_wire.completion(deltas, **self._server.name_answer())))


async def _unless_client_leaves(receive: Receive, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work; give it up, and return False, when the client disconnects."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_whole(send: Send, response: Response) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send(_part(bytes(response.body), more=False))


def _start(media_type: str) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-type", media_type.encode())]}


def _part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _failure(fail: Fail) -> Response:
    return JSONResponse(_failure_body(fail), status_code=fail.status)


def _failure_body(fail: Fail) -> dict[str, Any]:
    return chat_wire.error(fail.message, kind=fail.code, code=fail.code)


def _text(content: object) -> str:
    """Return the text of a message's content, given as a text or as parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))

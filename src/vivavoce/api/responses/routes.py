"""`POST /v1/responses`, and what there would be of responses that were kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from vivavoce.api import bill, llm
from vivavoce.api.answers import read_object
from vivavoce.api.responses.asked import read
from vivavoce.api.responses.response import Response
from vivavoce.api.streaming import EVENT_STREAM, Stream, attended, sse
from vivavoce.engines.ports import LlmDelta, LlmFinish, LlmUsage
from vivavoce.models.catalogue import ModelInfo
from vivavoce.protocol import errors
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.usage import Tokens, Usage
from vivavoce.sessions.service import VoiceService

MOST_BYTES: Final = 32 * 1024 * 1024
"""Longest body: a conversation of a session may hold as much in texts and images."""


async def create_response(request: Request) -> HttpResponse:
    """Answer `POST /v1/responses`, as a stream of events where that is asked for."""
    caller = request.app.state.gate.check(request)
    service: VoiceService = request.app.state.service
    asked = read(await read_object(request, MOST_BYTES), service, caller)
    deltas = _counted(llm.stream(service.stack(asked.info), asked.llm, caller), asked.info, service)
    response = Response(asked.repeated, obfuscate=asked.obfuscate)
    if asked.stream:
        return await attended(request, Stream.started(_events(response, deltas), EVENT_STREAM))
    return await attended(request, _whole(response, deltas))


async def no_such_response(request: Request) -> HttpResponse:
    """Answer requests about a response that was made earlier: none is kept."""
    request.app.state.gate.check(request)
    raise errors.response_not_found(request.path_params["response"])


ROUTES: Final = (
    Route("/v1/responses", create_response, methods=["POST"]),
    Route("/v1/responses/{response}", no_such_response, methods=["GET", "DELETE"]),
    Route("/v1/responses/{response}/cancel", no_such_response, methods=["POST"]),
    Route("/v1/responses/{response}/input_items", no_such_response, methods=["GET"]),
)


async def _counted(deltas: AsyncGenerator[LlmDelta], info: ModelInfo, service: VoiceService) -> AsyncGenerator[LlmDelta]:
    """Pass an answer on, and count how it ended and what it used."""
    status = "cancelled"
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                match delta:
                    case LlmUsage():
                        used = Usage(Tokens(delta.input_tokens), Tokens(delta.output_tokens), delta.cached_tokens)
                        bill.enter(service, info, used)
                    case LlmFinish(reason):
                        status = "completed" if reason in ("stop", "tool_calls") else "incomplete"
                yield delta
    except ClientFault:
        status = "failed"
        raise
    finally:
        service.metrics.responses.labels(info.name, status).inc()


async def _whole(response: Response, deltas: AsyncGenerator[LlmDelta]) -> HttpResponse:
    async with aclosing(deltas):
        async for delta in deltas:
            for _ in response.take(delta):
                pass
    return JSONResponse(response.wire())


async def _events(response: Response, deltas: AsyncGenerator[LlmDelta]) -> AsyncGenerator[bytes]:
    """Yield the events, the first when the brain has begun: what fails before is an HTTP error, so that clients may try again."""
    async with aclosing(deltas):
        first = await anext(deltas)
        for event in (*response.begin(), *response.take(first)):
            yield sse(event, event["type"])
        try:
            async for delta in deltas:
                for event in response.take(delta):
                    yield sse(event, event["type"])
        except ClientFault as fault:
            for event in response.fail(fault):
                yield sse(event, event["type"])

"""The brain behind an OpenAI-compatible endpoint, against a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from vivavoce.engines.llm.openai_compatible import OpenAICompatibleLlm
from vivavoce.engines.ports import (
    EngineFault,
    LanguageModel,
    LlmDelta,
    LlmFinish,
    LlmRequest,
    LlmUsage,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.loopback import serve_on_loopback
from vivavoce.testing.script import (
    CallTool,
    Count,
    Cut,
    Fail,
    Finish,
    Garbage,
    Hang,
    Say,
    Step,
    Think,
    Together,
    Wait,
)

KEY = "sk-secret-0123456789abcdef"
TOOL: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def asking(text: str = "hello", **options: Any) -> LlmRequest:
    return LlmRequest((Message("system", "Be brief."), Message("user", text)), **options)


@asynccontextmanager
async def brain_at(base_url: str, **options: Any) -> AsyncGenerator[OpenAICompatibleLlm, None]:
    llm = OpenAICompatibleLlm(base_url, **({"model": "scripted"} | options))
    try:
        yield llm
    finally:
        await llm.close()


async def answer(llm: LanguageModel, request: LlmRequest | None = None) -> list[LlmDelta]:
    return [delta async for delta in llm.generate(request or asking())]


async def fault(llm: LanguageModel, request: LlmRequest | None = None) -> EngineFault:
    with pytest.raises(EngineFault) as caught:
        await answer(llm, request)
    return caught.value


def text_of(deltas: list[LlmDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


# --- what comes back ----------------------------------------------------------------------------------------------------------


async def test_text_comes_token_by_token_then_usage_then_finish() -> None:
    async with ChatServer(["Hello there, friend.", Count(12, 5, 3, 1)]) as server, brain_at(server.base_url) as llm:
        deltas = await answer(llm)
    assert deltas == [
        TextDelta("Hello "),
        TextDelta("there, "),
        TextDelta("friend."),
        LlmUsage(12, 5, cached_tokens=3, reasoning_tokens=1),
        LlmFinish("stop"),
    ]


async def test_reasoning_is_kept_apart() -> None:
    async with ChatServer([Think("Hm. "), Say("Yes.")]) as server, brain_at(server.base_url) as llm:
        deltas = await answer(llm)
    assert deltas[:2] == [ReasoningDelta("Hm. "), TextDelta("Yes.")]


async def test_think_tags_in_the_text_are_reasoning() -> None:
    async with ChatServer("<think>A guest. Greet.</think> Good day.") as server, brain_at(server.base_url) as llm:
        deltas = await answer(llm)
    assert text_of(deltas) == "Good day."
    assert "".join(d.text for d in deltas if isinstance(d, ReasoningDelta)) == "A guest. Greet."


async def test_a_tool_call_has_its_name_first_and_its_arguments_in_pieces() -> None:
    steps: list[Step] = [Say("Let me look."), CallTool("get_weather", {"city": "Oslo"}, call_id="call_x", pieces=3)]
    async with ChatServer(steps) as server, brain_at(server.base_url) as llm:
        deltas = await answer(llm, asking(tools=(TOOL,)))
    calls = [d for d in deltas if isinstance(d, ToolCallDelta)]
    assert (calls[0].name, calls[0].call_id) == ("get_weather", "call_x")
    assert all(not c.name and not c.call_id for c in calls[1:])
    assert json.loads("".join(c.arguments for c in calls)) == {"city": "Oslo"}
    assert deltas[-1] == LlmFinish("tool_calls")


async def test_parallel_calls_come_interleaved_by_index() -> None:
    calls = Together((CallTool("a", {"x": "first of them"}, pieces=4), CallTool("b", {"y": "second one"}, pieces=4)))
    async with ChatServer(calls) as server, brain_at(server.base_url) as llm:
        deltas = [d for d in await answer(llm, asking(tools=(TOOL,))) if isinstance(d, ToolCallDelta)]
    assert [d.index for d in deltas] == [0, 1] * 4
    for index, arguments in ((0, {"x": "first of them"}), (1, {"y": "second one"})):
        assert json.loads("".join(d.arguments for d in deltas if d.index == index)) == arguments


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_finish_reasons_are_passed_on(reason: Any) -> None:
    async with ChatServer([Say("So"), Finish(reason)]) as server, brain_at(server.base_url) as llm:
        assert (await answer(llm))[-1] == LlmFinish(reason)


# --- what is sent -------------------------------------------------------------------------------------------------------------


async def test_the_request_is_written_in_chat_form() -> None:
    request = asking(
        "hello",
        tools=(TOOL,),
        tool_choice={"type": "function", "name": "get_weather"},
        parallel_tool_calls=False,
        max_output_tokens=77,
        effort="low",
    )
    async with ChatServer("Hi.") as server, brain_at(server.base_url, extra_body={"temperature": 0.2}) as llm:
        await answer(llm, request)
    assert server.requests == [
        {
            "model": "scripted",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
            "tools": [{"type": "function", "function": {k: TOOL[k] for k in ("name", "description", "parameters")}}],
            "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            "parallel_tool_calls": False,
            "max_tokens": 77,
            "reasoning_effort": "low",
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.2,
        }
    ]


async def test_what_is_not_asked_for_is_not_sent() -> None:
    async with ChatServer("Hi.") as server, brain_at(server.base_url) as llm:
        await answer(llm)
    assert set(server.requests[0]) == {"model", "messages", "stream", "stream_options"}


async def test_images_become_image_url_parts() -> None:
    uri = "data:image/png;base64,AAAA"
    async with ChatServer("A cat.") as server, brain_at(server.base_url) as llm:
        await answer(llm, LlmRequest((Message("user", "What is this?", images=(uri,)),)))
    assert server.requests[0]["messages"] == [
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri}}],
        }
    ]


async def test_unsuitable_tool_schemas_pass_as_given() -> None:
    odd = {"type": "function", "name": "odd", "parameters": {"type": "banana", "properties": 7}}
    async with ChatServer("Hi.") as server, brain_at(server.base_url) as llm:
        await answer(llm, asking(tools=(odd,)))
    assert server.requests[0]["tools"] == [
        {"type": "function", "function": {"name": "odd", "parameters": {"type": "banana", "properties": 7}}}
    ]


async def test_without_a_configured_model_the_first_listed_is_asked_for_once() -> None:
    async with ChatServer("Hi.", repeat=True, model="the-first") as server, brain_at(server.base_url, model=None) as llm:
        await asyncio.gather(answer(llm), answer(llm))
    assert [request["model"] for request in server.requests] == ["the-first"] * 2
    assert "the-first" in llm.capabilities.name


async def test_keys_of_the_environment_are_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "not-for-this-endpoint")
    async with ChatServer("Hi.") as server, brain_at(server.base_url) as llm:
        await answer(llm)
    assert "not-for-this-endpoint" not in str(server.headers[0])
    assert "authorization" not in server.headers[0]


async def test_the_key_and_extra_headers_are_sent() -> None:
    async with (
        ChatServer("Hi.", api_key=KEY) as server,
        brain_at(server.base_url, api_key=KEY, extra_headers={"X-Team": "bar"}) as llm,
    ):
        assert text_of(await answer(llm)) == "Hi."
    assert server.headers[0]["x-team"] == "bar"


# --- narrow-minded backends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["stream_options", "reasoning_effort", "parallel_tool_calls", "max_tokens"])
async def test_a_refused_parameter_is_left_out_and_not_tried_again(parameter: str) -> None:
    request = asking(tools=(TOOL,), parallel_tool_calls=False, max_output_tokens=50, effort="high")
    async with ChatServer("Hi.", repeat=True, refuses=(parameter,)) as server, brain_at(server.base_url) as llm:
        assert text_of(await answer(llm, request)) == "Hi."
        assert text_of(await answer(llm, request)) == "Hi."
    assert [parameter in request for request in server.requests] == [True, False, False]


async def test_a_refused_max_tokens_becomes_max_completion_tokens() -> None:
    async with ChatServer("Hi.", refuses=("max_tokens",)) as server, brain_at(server.base_url) as llm:
        await answer(llm, asking(max_output_tokens=50))
    assert server.requests[-1]["max_completion_tokens"] == 50


async def test_several_refusals_are_learned_one_after_the_other() -> None:
    refuses = ("stream_options", "reasoning_effort", "max_tokens", "max_completion_tokens")
    async with ChatServer("Hi.", refuses=refuses) as server, brain_at(server.base_url) as llm:
        assert text_of(await answer(llm, asking(max_output_tokens=50, effort="high"))) == "Hi."
    assert set(server.requests[-1]) == {"model", "messages", "stream"}


async def test_a_refusal_without_a_reason_is_blamed_on_stream_options_first() -> None:
    bodies: list[dict[str, Any]] = []

    async def terse(request: Request) -> Response:
        body = await request.json()
        bodies.append(body)
        if "stream_options" in body:
            return JSONResponse({"error": {"message": "Bad request."}}, status_code=400)
        return StreamingResponse(iter([_event({"delta": {"content": "Hi."}, "finish_reason": "stop"})]))

    async with odd_server(terse) as base_url, brain_at(base_url) as llm:
        assert await answer(llm) == [TextDelta("Hi."), LlmFinish("stop")]
        await answer(llm)
    assert ["stream_options" in body for body in bodies] == [True, False, False]


async def test_a_refusal_that_stays_is_reported_in_the_backends_words() -> None:
    async with ChatServer(repeat=True, refuses=("messages",)) as server, brain_at(server.base_url) as llm:
        said = await fault(llm)
    assert "HTTP 400" in said.message
    assert "'messages'" in said.message
    assert not said.temporary


# --- failures -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fail", "code", "temporary"),
    [
        (Fail("slow down", status=429, code="rate_limit_exceeded"), "rate_limit_exceeded", True),
        (Fail("pay first", status=429, code="insufficient_quota"), "insufficient_quota", False),
        (Fail("pay first", status=402, code="payment"), "insufficient_quota", False),
        (Fail("oops", status=500), "server_error", True),
        (Fail("later", status=503), "server_error", True),
        (Fail("who?", status=404), "server_error", False),
    ],
)
async def test_statuses_become_official_codes(fail: Fail, code: str, temporary: bool) -> None:
    async with ChatServer(fail) as server, brain_at(server.base_url) as llm:
        said = await fault(llm)
    assert (said.code, said.temporary) == (code, temporary)
    assert fail.message in said.message
    assert len(server.requests) == 1


async def test_a_refused_key_is_said_without_the_key() -> None:
    async with ChatServer("Hi.", api_key="another") as server, brain_at(server.base_url, api_key=KEY) as llm:
        said = await fault(llm)
        with pytest.raises(EngineFault) as at_start:
            await llm.warm()
    for each in (said, at_start.value):
        assert "refused the API key" in each.message
        assert KEY not in each.message
        assert not each.temporary


async def test_a_key_quoted_by_the_backend_is_blanked() -> None:
    fail = Fail(f"key {KEY} and sk-proj-abcdefgh1234 overdrawn")
    async with ChatServer(fail) as server, brain_at(server.base_url, api_key=KEY) as llm:
        said = await fault(llm)
    assert "key *** and *** overdrawn" in said.message


async def test_an_error_event_in_mid_stream_is_a_fault() -> None:
    failing: list[Step] = [Say("One mo"), Fail("cache lost", code="rate_limit_exceeded")]
    async with ChatServer(failing) as server, brain_at(server.base_url) as llm:
        said = await fault(llm)
    assert (said.code, "cache lost" in said.message) == ("rate_limit_exceeded", True)


async def test_a_refused_connection_is_tried_twice_and_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with brain_at(f"http://127.0.0.1:{port}/v1") as llm:
        said = await fault(llm)
    assert "cannot be reached" in said.message
    assert said.temporary


async def test_a_connection_reset_before_the_first_token_is_tried_once_more() -> None:
    async with ChatServer(Cut(), "Here I am.") as server, brain_at(server.base_url) as llm:
        assert text_of(await answer(llm)) == "Here I am."
    assert len(server.requests) == 2


async def test_a_connection_cut_in_mid_answer_is_not_tried_again() -> None:
    async with ChatServer([Say("One moment"), Cut()], "Again?") as server, brain_at(server.base_url) as llm:
        assert "broke off" in (await fault(llm)).message
    assert len(server.requests) == 1


async def test_a_stream_without_a_finish_is_a_fault() -> None:
    async with ChatServer([Say("Well,"), Cut(politely=True)]) as server, brain_at(server.base_url) as llm:
        assert "broke off" in (await fault(llm)).message


async def test_a_backend_that_never_answers_is_given_up_and_let_go() -> None:
    async with ChatServer(Hang()) as server, brain_at(server.base_url, first_token_timeout_s=0.05) as llm:
        assert "silent for 0.05 s" in (await fault(llm)).message
        await server.client_left.wait()


async def test_a_backend_that_stalls_in_mid_answer_is_given_up_and_let_go() -> None:
    async with ChatServer([Say("One mo"), Hang()]) as server, brain_at(server.base_url, stall_timeout_s=0.05) as llm:
        assert "silent" in (await fault(llm)).message
        await server.client_left.wait()


async def test_an_answer_that_takes_too_long_in_all_is_given_up() -> None:
    endless = Say("on and on " * 100, delay_s=0.02)
    async with ChatServer(endless) as server, brain_at(server.base_url, timeout_s=0.2) as llm:
        assert "silent" in (await fault(llm)).message
        await server.client_left.wait()


async def test_the_listeners_pauses_do_not_count_as_the_backends() -> None:
    async with ChatServer("One two three.") as server, brain_at(server.base_url, timeout_s=0.5) as llm:
        heard = []
        async for delta in llm.generate(asking()):
            heard.append(delta)
            await asyncio.sleep(0.15)
    assert heard[-1] == LlmFinish("stop")


async def test_an_answer_that_is_whole_stands_even_if_the_stream_never_ends() -> None:
    async def endless(_: Request) -> Response:
        async def events() -> AsyncGenerator[bytes, None]:
            yield _event({"delta": {"content": "Hi."}, "finish_reason": "stop"})
            await asyncio.Event().wait()

        return StreamingResponse(events())

    async with odd_server(endless) as base_url, brain_at(base_url, stall_timeout_s=0.05) as llm:
        assert await answer(llm) == [TextDelta("Hi."), LlmFinish("stop")]


@pytest.mark.parametrize("garbage", ['{"choices": [', "42", '"text"', "[1, 2]", '{"choices": 5}', "\u0000", "[" * 100_000])
async def test_garbage_in_the_stream_is_a_fault(garbage: str) -> None:
    async with ChatServer([Say("So"), Garbage(garbage)]) as server, brain_at(server.base_url) as llm:
        assert (await fault(llm)).code == "server_error"


@pytest.mark.parametrize(
    "response",
    [
        PlainTextResponse("<html>login</html>", media_type="text/html"),
        PlainTextResponse(b"\xff\xfe\x00data: \xff\n\n"),
        JSONResponse({"choices": []}),
        PlainTextResponse(""),
    ],
)
async def test_an_answer_that_is_no_stream_is_a_fault(response: Response) -> None:
    async def odd(_: Request) -> Response:
        return response

    async with odd_server(odd) as base_url, brain_at(base_url) as llm:
        assert (await fault(llm)).code == "server_error"


async def test_a_tool_call_without_a_name_is_a_fault() -> None:
    async with ChatServer([CallTool("", {"a": 1})]) as server, brain_at(server.base_url) as llm:
        assert "without a name" in (await fault(llm, asking(tools=(TOOL,)))).message


@pytest.mark.parametrize("listed", [{"data": []}, {"data": [{"id": 5}]}, {"data": None}, {}, [], "text"])
async def test_a_list_without_models_is_a_fault(listed: Any) -> None:
    async def models(_: Request) -> Response:
        return JSONResponse(listed)

    async with odd_server(models) as base_url, brain_at(base_url, model=None) as llm:
        assert (await fault(llm)).code == "server_error"


async def test_warming_finds_the_model() -> None:
    async with ChatServer(model="the-first") as server, brain_at(server.base_url, model=None) as llm:
        await llm.warm()
    assert "the-first" in llm.capabilities.name


async def test_warming_minds_a_missing_list_of_models_only_if_it_needs_it() -> None:
    async def nothing(_: Request) -> Response:
        return PlainTextResponse("no such path", status_code=404)

    async with odd_server(nothing) as base_url:
        async with brain_at(base_url, model="mine") as llm:
            await llm.warm()
        async with brain_at(base_url, model=None) as llm:
            with pytest.raises(EngineFault):
                await llm.warm()


# --- letting go -----------------------------------------------------------------------------------------------------------------


async def test_closing_the_stream_closes_the_connection() -> None:
    async with ChatServer([Say("One two three "), Wait(30), Say("four.")]) as server, brain_at(server.base_url) as llm:
        async with aclosing(llm.generate(asking())) as deltas:
            assert await anext(deltas) == TextDelta("One ")
        await server.client_left.wait()
    assert (server.dropped, server.finished) == (1, 0)


async def test_cancelling_the_reader_closes_the_connection() -> None:
    async with ChatServer(Hang()) as server, brain_at(server.base_url) as llm:
        reading = asyncio.create_task(answer(llm))
        await server.asked.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await server.client_left.wait()
    assert server.dropped == 1


async def test_one_connection_serves_answer_after_answer() -> None:
    peers: set[Any] = set()

    async def noting(request: Request) -> Response:
        peers.add(request.client)
        return StreamingResponse(iter([_event({"delta": {"content": "Hi."}, "finish_reason": "stop"}), b"data: [DONE]\n\n"]))

    async with odd_server(noting) as base_url, brain_at(base_url) as llm:
        for _ in range(5):
            await answer(llm)
    assert len(peers) == 1


async def test_closing_twice_is_harmless() -> None:
    llm = OpenAICompatibleLlm("http://127.0.0.1:9/v1", "m")
    await llm.close()
    await llm.close()


@asynccontextmanager
async def odd_server(answering: Any) -> AsyncGenerator[str, None]:
    """Serve one answer to everything, for what the scripted server is too well-bred to do."""
    routes = [Route("/v1/chat/completions", answering, methods=["POST"]), Route("/v1/models", answering)]
    async with serve_on_loopback(Starlette(routes=routes)) as address:
        yield address + "/v1"


def _event(choice: dict[str, Any]) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [{"index": 0} | choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()

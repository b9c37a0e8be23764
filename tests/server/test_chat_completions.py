"""`POST /v1/chat/completions` in text: shapes, streams, tools, and what the brain gets to see."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest
from chat_kit import MODEL, WEATHER, chunks, client_of, completion, deltas, post, said

from kit import Serving, eventually, scripted, serving
from vivavoce.config import LimitSettings, ModelSettings
from vivavoce.engines.ports import Capabilities, LlmRequest, Message, ToolCall
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.script import CallTool, Count, Cut, Fail, Hang, Say, Think, Together

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}


class Blind(ScriptedBrain):
    """A brain that sees no images."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, images=False)


# --- whole ----------------------------------------------------------------------------------------------------------------------


async def test_an_answer_has_exactly_the_official_shape() -> None:
    brain = ScriptedBrain([Say("Good morning."), Count(30, 5, 4, 2)])
    async with serving(scripted(brain)) as server:
        raw = await completion(server, model="gpt-4.1", messages=[{"role": "system", "content": "Be kind."}, *said()])
    assert raw.pop("id").startswith("chatcmpl-")
    assert isinstance(raw.pop("created"), int)
    assert raw == {
        "object": "chat.completion",
        "model": "gpt-4.1",
        "service_tier": "default",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Good morning.", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 30,
            "completion_tokens": 5,
            "total_tokens": 35,
            "prompt_tokens_details": {
                "text_tokens": 30,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": 4,
                "cache_write_tokens": 0,
            },
            "completion_tokens_details": {
                "text_tokens": 5,
                "audio_tokens": 0,
                "reasoning_tokens": 2,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }
    assert brain.requests == [LlmRequest((Message("system", "Be kind."), Message("user", "Hello?")), spoken=False)]


async def test_the_official_client_talks_as_it_does_to_the_service() -> None:
    async with serving(scripted(ScriptedBrain("Hello there.", repeat=True))) as server, client_of(server) as client:
        for model in ("gpt-audio", "gpt-4o-mini", "gpt-5.6-luna"):
            answer = await client.chat.completions.create(model=model, messages=said())
            assert (answer.choices[0].message.content, answer.model) == ("Hello there.", model)


async def test_what_is_thought_is_counted_and_never_told() -> None:
    async with serving(scripted(ScriptedBrain([Think("They are tired. "), Say("Good night.")]))) as server:
        raw = await completion(server)
    assert raw["choices"][0]["message"]["content"] == "Good night."
    assert raw["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3


async def test_the_brain_gets_what_the_request_says() -> None:
    brain = ScriptedBrain("Fine.", repeat=True)
    async with serving(scripted(brain)) as server:
        choice = {"type": "function", "function": {"name": "get_weather"}}
        await completion(
            server,
            tools=[WEATHER],
            tool_choice=choice,
            parallel_tool_calls=False,
            max_completion_tokens=50,
            reasoning_effort="low",
            prompt_cache_key="mine",
        )
        await completion(server, max_tokens=7, prompt_cache_key="mine")
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [choice]}}
        other = {"type": "function", "function": {"name": "other"}}
        await completion(server, tools=[WEATHER, other], tool_choice=allowed)
    full, short, fewer = brain.requests
    assert full.tools == ({"type": "function", **WEATHER["function"]},)
    assert full.tool_choice == {"type": "function", "name": "get_weather"}
    assert (full.parallel_tool_calls, full.max_output_tokens, full.effort, full.spoken) == (False, 50, "low", False)
    assert (short.max_output_tokens, short.session) == (7, full.session)
    assert full.session
    assert "mine" not in full.session
    assert ([tool["name"] for tool in fewer.tools], fewer.tool_choice) == (["get_weather"], "required")


async def test_an_answer_beyond_its_tokens_is_cut_whatever_the_backend_does() -> None:
    async with serving(scripted(ScriptedBrain("word " * 100))) as server:
        raw = await completion(server, max_tokens=10)
    assert raw["choices"][0]["finish_reason"] == "length"
    assert len(raw["choices"][0]["message"]["content"]) < 70


# --- messages -------------------------------------------------------------------------------------------------------------------


async def test_messages_of_every_role_reach_the_brain_in_their_order() -> None:
    brain = ScriptedBrain("Good.")
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
        },
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I would rather not say."}]},
        {"role": "user", "content": "And the weather?", "name": "ann"},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "rain"}]},
        {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": "gold"},
    ]
    async with serving(scripted(brain)) as server:
        await completion(server, messages=messages)
    assert brain.requests[0].messages == (
        Message("system", "Be\nbrief."),
        Message("user", "What is this?", (PIXEL,)),
        Message("assistant", "I would rather not say."),
        Message("user", "And the weather?"),
        Message("assistant", "Let me see."),
        Message("assistant", tool_calls=(ToolCall("call_1", "get_weather", '{"city":"Oslo"}'),)),
        Message("tool", "rain", call_id="call_1"),
        Message("assistant", tool_calls=(ToolCall("call_of_message_6", "old", "{}"),)),
        Message("tool", "gold", call_id="call_of_message_6"),
    )


async def test_an_answer_of_the_client_can_be_sent_back_as_it_is() -> None:
    brain = ScriptedBrain([Say("One moment."), CallTool("get_weather", {"city": "Oslo"})], "It rains.")
    async with serving(scripted(brain)) as server, client_of(server) as client:
        messages: list[Any] = said("The weather?")
        first = await client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])  # type: ignore[list-item]
        message = first.choices[0].message
        assert first.choices[0].finish_reason == "tool_calls"
        assert message.tool_calls is not None
        call = message.tool_calls[0]
        assert call.type == "function"
        assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Oslo"})
        messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
        second = await client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])  # type: ignore[list-item]
        # And once more, as a dictionary with everything in it.
        messages[1] = message.model_dump()
        assert (await post(server, messages=messages)).status_code != 400
    assert second.choices[0].message.content == "It rains."
    assert [message.role for message in brain.requests[1].messages] == ["user", "assistant", "assistant", "tool"]


# --- streams --------------------------------------------------------------------------------------------------------------------


async def test_a_stream_begins_with_the_role_and_ends_with_the_reason_and_the_usage() -> None:
    brain = ScriptedBrain([Say("Good morning to you."), Count(9, 4)])
    async with serving(scripted(brain)) as server:
        raw = await chunks(server, stream_options={"include_usage": True})
    first, *text, last = deltas(raw)
    assert first == {"role": "assistant", "content": "", "refusal": None}
    assert "".join(delta["content"] for delta in text) == "Good morning to you."
    assert len(text) == 4
    assert last == {}
    assert [chunk["choices"][0]["finish_reason"] for chunk in raw[:-1]] == [None] * 5 + ["stop"]
    assert [chunk["usage"] for chunk in raw[:-1]] == [None] * 6
    assert raw[-1]["choices"] == []
    assert raw[-1]["usage"]["total_tokens"] == 13


async def test_sizes_are_hidden_unless_the_client_would_rather_not() -> None:
    async with serving(scripted(ScriptedBrain("Yes, of course.", repeat=True))) as server:
        padded = await chunks(server)
        plain = await chunks(server, stream_options={"include_obfuscation": False})
    texts = [(delta.get("content") or "", chunk["obfuscation"]) for delta, chunk in zip(deltas(padded), padded, strict=True)]
    assert {(len(text) + len(hidden)) % 16 for text, hidden in texts} == {0}
    assert all("obfuscation" not in chunk for chunk in plain)
    assert all("usage" not in chunk for chunk in plain)


async def test_calls_are_streamed_under_their_numbers() -> None:
    both = Together((CallTool("get_weather", {"city": "Oslo"}, pieces=3), CallTool("get_weather", {"city": "Rome"}, pieces=3)))
    async with serving(scripted(ScriptedBrain([both]))) as server:
        raw = await chunks(server, tools=[WEATHER])
    made: dict[int, dict[str, str]] = {}
    for delta in deltas(raw):
        for call in delta.get("tool_calls", ()):
            entry = made.setdefault(call["index"], {"id": call.get("id", ""), "name": "", "arguments": ""})
            for name in ("name", "arguments"):
                entry[name] += call["function"].get(name, "")
    assert [json.loads(entry["arguments"]) for entry in made.values()] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert sorted(made) == [0, 1]
    assert all(entry["id"] and entry["name"] == "get_weather" for entry in made.values())
    assert raw[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_the_official_client_puts_a_stream_together() -> None:
    brain = ScriptedBrain([Say("One moment. "), CallTool("get_weather", {"city": "Oslo"}, pieces=4)])
    async with (
        serving(scripted(brain)) as server,
        client_of(server) as client,
        client.chat.completions.stream(model=MODEL, messages=said(), tools=[WEATHER]) as stream,  # type: ignore[list-item]
    ):
        async for _ in stream:
            pass
        whole = await stream.get_final_completion()
    message = whole.choices[0].message
    assert message.content == "One moment. "
    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Oslo"}


async def test_words_are_told_as_they_come() -> None:
    brain = ScriptedBrain([Say("One. "), Hang()])
    async with serving(scripted(brain)) as server, client_of(server) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=said(), stream=True)
        assert (await anext(stream)).choices[0].delta.role == "assistant"
        assert (await anext(stream)).choices[0].delta.content == "One. "
        await stream.close()
        await eventually(lambda: brain.cancelled == 1)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_hangs_up_before_the_first_word_stops_the_brain(stream: bool) -> None:
    brain = ScriptedBrain([Hang()])
    async with serving(scripted(brain)) as server:
        asking = asyncio.create_task(post(server, stream=stream))
        await eventually(lambda: brain.requests)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await eventually(lambda: brain.cancelled == 1)


# --- faults ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fail", "status", "type", "code"),
    [
        (Fail("no capacity", 503), 503, "server_error", "server_error"),
        (Fail("no such model", 404), 502, "server_error", "server_error"),
        (Fail("slow down", 429, "rate_limit_exceeded"), 429, "requests", "rate_limit_exceeded"),
        (Fail("pay first", 402, "insufficient_quota"), 429, "insufficient_quota", "insufficient_quota"),
    ],
)
async def test_a_brain_that_fails_at_once_is_an_error_with_a_status(
    stream: bool, fail: Fail, status: int, type: str, code: str
) -> None:
    async with serving(scripted(ScriptedBrain([fail]))) as server:
        answer = await post(server, stream=stream)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["message"]) == (status, type, code, fail.message)


@pytest.mark.parametrize("incident", [Fail("no capacity", 503), Cut(), Cut(politely=True)])
async def test_a_brain_that_fails_later_ends_the_stream_with_the_error(incident: Any) -> None:
    async with serving(scripted(ScriptedBrain([Say("One. Two."), incident]))) as server, client_of(server) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=said(), stream=True)
        told = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
        with pytest.raises(openai.APIError) as broken:
            await anext(stream)
    assert told == ["", "One. ", "Two."]
    assert isinstance(broken.value.body, dict)
    assert broken.value.body["type"] == "server_error"


async def test_a_function_that_is_not_there_is_never_called(log: list[Any]) -> None:
    brain = ScriptedBrain([Say("Well."), CallTool("launch")], [CallTool("launch")])
    async with serving(scripted(brain)) as server:
        raw = await completion(server, tools=[WEATHER])
        failed = await post(server, tools=[WEATHER])
    assert raw["choices"][0]["finish_reason"] == "stop"
    assert "tool_calls" not in raw["choices"][0]["message"]
    assert failed.status_code == 503
    assert "launch" in failed.json()["error"]["message"]
    assert [line["tools"] for line in log] == [["launch"], ["launch"]]


async def test_a_brain_that_crashes_is_an_error_of_ours(log: list[Any]) -> None:
    class Broken(ScriptedBrain):
        async def generate(self, request: LlmRequest) -> Any:
            raise RuntimeError("bug")
            yield

    async with serving(scripted(Broken())) as server:
        answer = await post(server)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert log.pop()["event"] == "engine crashed"


# --- refusals -------------------------------------------------------------------------------------------------------------------

_USER = {"role": "user", "content": "Hi"}
_REFUSED: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": "Hi"}, "messages", "invalid_type"),
    ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"content": "Hi"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "assistant"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0].type", "invalid_value"),
    ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages[0].content[0]", "invalid_value"),
    ({"messages": [_USER, {"role": "tool", "tool_call_id": "x", "content": ""}]}, "messages[1].role", None),
    ({"messages": [_USER, {"role": "assistant", "tool_calls": [CALL]}]}, "messages", None),
    ({"messages": [_USER, {"role": "assistant", "tool_calls": [CALL]}, _USER]}, "messages", None),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.org/a.png"}}]}]},
        "messages[0].content[0].image_url.url",
        "invalid_image_url",
    ),
    ({"n": 2}, "n", "unsupported_value"),
    ({"temperature": 0.2}, "temperature", "unsupported_value"),
    ({"temperature": 3}, "temperature", "decimal_above_max_value"),
    ({"top_p": 0.5}, "top_p", "unsupported_value"),
    ({"frequency_penalty": 1}, "frequency_penalty", "unsupported_value"),
    ({"presence_penalty": 1}, "presence_penalty", "unsupported_value"),
    ({"logprobs": True}, "logprobs", "unsupported_value"),
    ({"store": True}, "store", "unsupported_value"),
    ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_value"),
    ({"stop": "."}, "stop", "unsupported_parameter"),
    ({"seed": 1}, "seed", "unsupported_parameter"),
    ({"logit_bias": {"1": 1}}, "logit_bias", "unsupported_parameter"),
    ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
    ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "invalid_value"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None),
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0]", "invalid_value"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice.function.name", "invalid_value"),
    ({"model": "gpt-realtime"}, "model", "invalid_model"),
    ({"flavour": "mint"}, "flavour", "unknown_parameter"),
]


@pytest.mark.parametrize(("wrong", "param", "code"), _REFUSED)
async def test_what_cannot_be_followed_is_refused_by_name(
    wrong: dict[str, Any], param: str | None, code: str | None, server: Serving
) -> None:
    answer = await post(server, **wrong)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"], error["code"]) == (400, "invalid_request_error", param, code)
    assert error["message"]


async def test_defaults_and_what_asks_for_nothing_are_accepted() -> None:
    brain = ScriptedBrain("Fine.")
    harmless = {
        "n": 1,
        "temperature": 1,
        "top_p": 1.0,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "logprobs": False,
        "store": False,
        "verbosity": "low",
        "response_format": {"type": "text"},
        "stop": None,
        "seed": None,
        "logit_bias": {},
        "user": "u1",
        "safety_identifier": "u1",
        "metadata": {"a": "b"},
        "service_tier": "flex",
        "modalities": ["text"],
        "audio": None,
        "tools": [],
        "tool_choice": "auto",
        "stream": False,
        "stream_options": None,
        "reasoning_effort": None,
        "max_tokens": None,
    }
    async with serving(scripted(brain)) as server:
        raw = await completion(server, **harmless)
    assert raw["service_tier"] == "default"
    assert brain.requests == [LlmRequest((Message("user", "Hello?"),), spoken=False)]


async def test_images_are_refused_by_brains_that_do_not_see() -> None:
    content = [{"type": "image_url", "image_url": {"url": PIXEL}}]
    async with serving(scripted(Blind("Nice."))) as server:
        answer = await post(server, messages=[{"role": "user", "content": content}])
    assert answer.json()["error"]["param"] == "messages[0].content[0].image_url.url"


async def test_bodies_that_are_no_json_or_too_deep_are_refused(server: Serving) -> None:
    deep: Any = {}
    for _ in range(80):
        deep = {"a": deep}
    async with httpx.AsyncClient() as http:
        broken = await http.post(f"{server.url}/v1/chat/completions", content=b'{"model": ')
        nested = await http.post(f"{server.url}/v1/chat/completions", json={"model": MODEL, "messages": said(), "x": deep})
    assert [answer.json()["error"]["code"] for answer in (broken, nested)] == ["invalid_json", "invalid_json"]


# --- who may ------------------------------------------------------------------------------------------------------------------


async def test_requests_are_counted_and_tokens_charged_be_it_for_an_answer_that_nobody_waited_for() -> None:
    brain = ScriptedBrain([Say("One. "), Hang()])
    async with serving(scripted(brain), limits=LimitSettings(requests_per_minute=9, tokens_per_minute=5)) as server:
        async with client_of(server) as client:
            stream = await client.chat.completions.create(model=MODEL, messages=said(), stream=True)
            await anext(stream)
            await stream.close()
        await eventually(lambda: brain.cancelled == 1)
        refused = await post(server)
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "tokens")


@pytest.mark.parametrize(("fault", "told"), [(Fail("no such model", 404), "false"), (Fail("broken", 500), None)])
async def test_official_clients_do_not_try_again_what_cannot_succeed(fault: Fail, told: str | None) -> None:
    brain = ScriptedBrain([fault], [fault], "Hello.")
    async with serving(scripted(brain)) as server:
        assert (await post(server)).headers.get("x-should-retry") == told
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-unused", max_retries=2) as client:
            asking = client.chat.completions.create(model=MODEL, messages=said())
            if told is None:
                assert (await asking).choices[0].message.content == "Hello."
                return
            with pytest.raises(openai.InternalServerError):
                await asking
    assert len(brain.requests) == 2


async def test_answers_and_tokens_are_seen_in_the_metrics() -> None:
    brain = ScriptedBrain([Say("Good morning."), Count(30, 5)], [Fail("no capacity", 503)])
    async with serving(scripted(brain)) as server:
        await completion(server)
        assert (await post(server)).status_code == 503
        metrics = server.service.metrics
        ended = {status: metrics.responses.labels(MODEL, status)._value.get() for status in ("completed", "failed")}
        tokens = [metrics.tokens.labels(MODEL, direction, "text")._value.get() for direction in ("input", "output")]
        cost = metrics.cost.labels(MODEL)._value.get()
    assert (ended, tokens) == ({"completed": 1, "failed": 1}, [30, 5])
    assert cost == pytest.approx((30 * 2.5 + 5 * 10) / 1_000_000)


async def test_an_operators_own_chat_model_answers_under_its_name() -> None:
    from vivavoce.models.catalogue import catalogue

    models = catalogue({"house": ModelSettings("chat", aliases=("casa",))})
    assert {models[name].kind for name in ("house", "casa", "gpt-5.6-luna", "gpt-4.1")} == {"chat"}

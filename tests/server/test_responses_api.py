"""`POST /v1/responses`, as the official client uses it: answers whole and piece by piece, tools, usage, and answers that end early."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response, ResponseStreamEvent

from kit import MODEL, Serving, eventually, scripted, serving
from vivavoce.config import KeySettings, LimitSettings, Secret
from vivavoce.engines.ports import LlmRequest, Message, ToolCall
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.script import AnswerLike, CallTool, Count, Cut, Fail, Finish, Hang, Say, Think, Together
from vivavoce.testing.strictly import read_strictly, readers, unknown_keys

KEY = "sk-test-1234567890"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": True,
}
KNOWN = readers(ResponseStreamEvent)
BEYOND = {
    "Response": {"store"},
    "ResponseFunctionCallArgumentsDoneEvent": {"name"},
    "ResponseTextDeltaEvent": {"obfuscation"},
    "ResponseFunctionCallArgumentsDeltaEvent": {"obfuscation"},
}
"""Keys the service sends and its types do not list. Source: the examples of the API reference."""

Event = dict[str, Any]


@asynccontextmanager
async def asking(*answers: AnswerLike, **server: Any) -> AsyncIterator[tuple[AsyncOpenAI, ScriptedBrain, Serving]]:
    """A client of a server whose brain answers so."""
    brain = ScriptedBrain(*answers, repeat=True)
    async with (
        serving(scripted(brain=brain), keys=(KEY,), **server) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0) as client,
    ):
        yield client, brain, running


async def events_of(running: Serving, **body: Any) -> list[Event]:
    """Return the events of a stream as they went over the wire, every one checked against the official types."""
    body = {"model": MODEL, "input": "hello", "stream": True, **body}
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http:
        answer = await http.post(f"{running.url}/v1/responses", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert not list(unknown_keys(read_strictly(event, KNOWN), BEYOND))
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def kinds(events: list[Event]) -> list[str]:
    """Return the types without their prefix, runs of deltas collapsed."""
    names = [event["type"].removeprefix("response.") for event in events]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


def told(events: list[Event], kind: str, index: int = 0) -> str:
    """Return the deltas of an item, joined."""
    return "".join(event["delta"] for event in events if event["type"] == kind and event["output_index"] == index)


MESSAGE = ["output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done"]
CALL = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]


# --- answers --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [MODEL, "gpt-audio", "gpt-5.6-luna"])
async def test_a_text_is_answered_by_models_of_sessions_and_of_chat(model: str) -> None:
    async with asking("Hello there.") as (client, brain, _):
        response = await client.responses.create(model=model, input="hi", instructions="Be brief.", metadata={"a": "b"})
    assert response.output_text == "Hello there."
    assert (response.status, response.model, response.error, response.metadata) == ("completed", model, None, {"a": "b"})
    assert response.id.startswith("resp_") and response.output[0].id is not None and response.output[0].id.startswith("msg_")
    assert brain.requests[0].messages == (Message("system", "Be brief."), Message("user", "hi"))
    assert not brain.requests[0].spoken


async def test_the_object_repeats_the_request_with_its_defaults_and_says_that_nothing_is_kept() -> None:
    async with asking("Yes.") as (client, _, _):
        plain = await client.responses.create(model=MODEL, input="hi")
        rich = await client.responses.create(
            model=MODEL,
            input="hi",
            tools=[WEATHER],
            tool_choice="auto",
            parallel_tool_calls=False,
            max_output_tokens=64,
            reasoning={"effort": "none"},
            text={"verbosity": "low"},
            include=["reasoning.encrypted_content"],
            store=False,
            user="somebody",
        )
    assert plain.to_dict()["store"] is False and plain.background is False and plain.truncation == "disabled"
    assert plain.tool_choice == "auto" and plain.tools == []
    assert plain.text is not None and plain.text.format is not None and plain.text.format.type == "text"
    assert rich.parallel_tool_calls is False and rich.max_output_tokens == 64 and rich.user == "somebody"
    assert rich.tools[0].to_dict() == WEATHER
    assert rich.reasoning is not None and rich.reasoning.effort == "none"
    assert rich.text is not None and rich.text.verbosity == "low"


async def test_the_brain_is_asked_for_what_the_client_wants() -> None:
    async with asking("Yes.") as (client, brain, _):
        await client.responses.create(
            model=MODEL,
            input="hi",
            tools=[WEATHER],
            tool_choice={"type": "function", "name": "get_weather"},
            parallel_tool_calls=False,
            max_output_tokens=64,
            reasoning={"effort": "high", "summary": "auto"},
        )
    [asked] = brain.requests
    assert asked.tools == (WEATHER,) and asked.tool_choice == {"type": "function", "name": "get_weather"}
    assert (asked.parallel_tool_calls, asked.max_output_tokens, asked.effort, asked.session) == (False, 64, "high", "")


async def test_a_prompt_cache_key_names_the_request_and_means_nothing_to_other_keys() -> None:
    keys = {name: KeySettings(Secret(f"sk-test-{name}-key")) for name in ("one", "other")}
    brain = ScriptedBrain("Yes.", repeat=True)
    async with serving(scripted(brain=brain), named=keys) as running:
        for key, cache in (("one", "user-7"), ("one", "user-7"), ("one", "user-8"), ("other", "user-7")):
            async with AsyncOpenAI(base_url=f"{running.url}/v1", api_key=f"sk-test-{key}-key") as client:
                response = await client.responses.create(model=MODEL, input="hi", prompt_cache_key=cache)
                assert response.prompt_cache_key == cache
    names = [request.session for request in brain.requests]
    assert names[0] == names[1] and len(set(names)) == 3
    assert not any("user" in name for name in names)


async def test_only_the_allowed_tools_are_given_to_the_brain() -> None:
    clock: Any = {"type": "function", "name": "tell_time", "parameters": {}, "strict": False}
    choice: Any = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "tell_time"}]}
    async with asking(CallTool("tell_time")) as (client, brain, _):
        response = await client.responses.create(model=MODEL, input="hi", tools=[WEATHER, clock], tool_choice=choice)
    assert [tool["name"] for tool in brain.requests[0].tools] == ["tell_time"]
    assert brain.requests[0].tool_choice == "required"
    assert len(response.tools) == 2 and response.to_dict()["tool_choice"] == choice


async def test_a_stream_has_the_official_events_in_the_official_order() -> None:
    async with asking("Hello there, dear friend.") as (_, _, running):
        events = await events_of(running)
    assert kinds(events) == ["created", "in_progress", *MESSAGE, "output_item.done", "completed"]
    assert told(events, "response.output_text.delta") == "Hello there, dear friend."
    final = Response.model_validate(events[-1]["response"])
    assert final.output_text == "Hello there, dear friend."
    assert events[0]["response"]["output"] == [] and events[0]["response"]["usage"] is None
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    assert len({event["item_id"] for event in events if "item_id" in event}) == 1


async def test_the_official_client_gathers_a_stream_into_the_response() -> None:
    async with (
        asking([Say("One moment."), CallTool("get_weather", {"city": "Oslo"}, pieces=3)]) as (client, _, _),
        client.responses.stream(model=MODEL, input="hi", tools=[WEATHER]) as stream,
    ):
        seen = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert seen[-1] == "response.completed"
    assert final.output_text == "One moment."
    assert final.output[1].type == "function_call" and json.loads(final.output[1].arguments) == {"city": "Oslo"}


async def test_deltas_are_padded_when_the_client_asks_for_it() -> None:
    async with asking("Hello there.") as (_, _, running):
        events = await events_of(running, stream_options={"include_obfuscation": True})
        bare = await events_of(running, stream_options={"include_obfuscation": False})
    padded = [event for event in events if event["type"].endswith(".delta")]
    assert all(len(event["delta"] + event["obfuscation"]) % 16 == 0 for event in padded)
    assert not any("obfuscation" in event for event in bare)


async def test_phases_are_told_and_part_messages() -> None:
    async with asking([Say("Let me see.", "commentary"), Say("It is four.", "final_answer")]) as (client, _, running):
        response = await client.responses.create(model=MODEL, input="2 + 2")
        events = await events_of(running)
    messages = [item for item in response.output if item.type == "message"]
    assert [message.phase for message in messages] == ["commentary", "final_answer"]
    assert kinds(events) == ["created", "in_progress", *(2 * [*MESSAGE, "output_item.done"]), "completed"]


# --- tools ----------------------------------------------------------------------------------------------------------------------


async def test_a_tool_makes_its_round_trip() -> None:
    async with asking([Say("One moment."), CallTool("get_weather", {"city": "Oslo"}, pieces=3)], "Sunny.") as (client, brain, _):
        history: list[Any] = [{"role": "user", "content": "the weather?"}]
        first = await client.responses.create(model=MODEL, input=history, tools=[WEATHER])
        call = first.output[1]
        assert call.type == "function_call" and call.name == "get_weather" and json.loads(call.arguments) == {"city": "Oslo"}
        assert call.call_id and call.status == "completed" and call.id is not None and call.id.startswith("fc_")
        history += [item.to_dict() for item in first.output]
        history.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
        second = await client.responses.create(model=MODEL, input=history, tools=[WEATHER])
    assert second.output_text == "Sunny."
    assert brain.requests[1].messages == (
        Message("user", "the weather?"),
        Message("assistant", "One moment."),
        Message("assistant", tool_calls=(ToolCall(call.call_id, "get_weather", call.arguments),)),
        Message("tool", "sunny", call_id=call.call_id),
    )


async def test_calls_are_told_one_after_the_other_whatever_order_their_pieces_come_in() -> None:
    calls = Together((CallTool("get_weather", {"city": "Oslo"}, pieces=3), CallTool("get_weather", {"city": "Paris"}, pieces=3)))
    async with asking([Say("One moment."), calls]) as (_, _, running):
        events = await events_of(running, tools=[WEATHER])
    assert kinds(events) == ["created", "in_progress", *MESSAGE, "output_item.done", *CALL, *CALL, "completed"]
    assert json.loads(told(events, "response.function_call_arguments.delta", 1)) == {"city": "Oslo"}
    assert json.loads(told(events, "response.function_call_arguments.delta", 2)) == {"city": "Paris"}
    done = [event for event in events if event["type"] == "response.function_call_arguments.done"]
    assert [(event["name"], json.loads(event["arguments"])["city"]) for event in done] == [
        ("get_weather", "Oslo"),
        ("get_weather", "Paris"),
    ]
    assert len({item["call_id"] for item in events[-1]["response"]["output"][1:]}) == 2


async def test_a_call_without_arguments_is_json_all_the_same() -> None:
    async with asking(CallTool("get_weather", "")) as (_, _, running):
        events = await events_of(running, tools=[WEATHER])
    assert kinds(events) == ["created", "in_progress", *CALL, "completed"]
    assert told(events, "response.function_call_arguments.delta") == "{}"
    assert events[-1]["response"]["output"][0]["arguments"] == "{}"


async def test_a_function_that_the_request_does_not_have_never_reaches_the_client() -> None:
    async with asking([Say("Sure."), CallTool("format_disk", {})], CallTool("format_disk", {})) as (client, _, _):
        with_words = await client.responses.create(model=MODEL, input="hi", tools=[WEATHER])
        assert [item.type for item in with_words.output] == ["message"]
        with pytest.raises(openai.InternalServerError, match="not in the tool list"):
            await client.responses.create(model=MODEL, input="hi", tools=[WEATHER])


# --- what it costs --------------------------------------------------------------------------------------------------------------


async def test_usage_is_what_the_backend_counts_and_is_charged() -> None:
    limits = LimitSettings(requests_per_minute=2, tokens_per_minute=1_000)
    async with asking([Think("Hm."), Say("Yes."), Count(40, 9, 32, 4)], limits=limits) as (client, _, running):
        usage = (await client.responses.create(model=MODEL, input="hi")).usage
        assert usage is not None
        assert usage.to_dict() == {
            "input_tokens": 40,
            "input_tokens_details": {"cached_tokens": 32, "cache_write_tokens": 0},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 49,
        }
        events = await events_of(running)
        assert events[-1]["response"]["usage"]["total_tokens"] == 49
        with pytest.raises(openai.RateLimitError) as refused:
            await client.responses.create(model=MODEL, input="hi", stream=True)
        assert refused.value.code == "rate_limit_exceeded"
        assert int(refused.value.response.headers["retry-after"]) >= 1


async def test_answers_and_tokens_are_seen_in_the_metrics() -> None:
    async with asking([Say("Yes."), Count(40, 9)], [Say("No"), Cut()]) as (client, _, running):
        await client.responses.create(model=MODEL, input="hi")
        assert running.service.metrics.cost.labels(MODEL)._value.get() == pytest.approx((40 * 4 + 9 * 16) / 1_000_000)
        await events_of(running)
        metrics = running.service.metrics
        ended = {status: metrics.responses.labels(MODEL, status)._value.get() for status in ("completed", "failed")}
        tokens = [metrics.tokens.labels(MODEL, direction, "text")._value.get() for direction in ("input", "output")]
    assert ended == {"completed": 1, "failed": 1} and tokens == [40, 9]


# --- answers that end early -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
async def test_an_answer_that_is_cut_is_incomplete_and_says_why(reason: Any, why: str) -> None:
    async with asking([Say("This ends before"), Finish(reason)]) as (client, _, running):
        response = await client.responses.create(model=MODEL, input="hi", max_output_tokens=16)
        events = await events_of(running)
    assert response.status == "incomplete" and response.incomplete_details is not None
    assert response.incomplete_details.reason == why and response.output[0].status == "incomplete"  # type: ignore[union-attr]
    assert kinds(events) == ["created", "in_progress", *MESSAGE, "output_item.done", "incomplete"]
    assert events[-1]["response"]["usage"] is not None


async def test_a_call_that_is_cut_is_never_done() -> None:
    async with asking([CallTool("get_weather", '{"city": "Os'), Finish("length")]) as (_, _, running):
        events = await events_of(running, tools=[WEATHER])
    assert kinds(events)[2:] == ["output_item.added", "function_call_arguments.delta", "output_item.done", "incomplete"]
    assert events[-1]["response"]["output"][0]["status"] == "incomplete"


async def test_a_brain_that_fails_at_once_is_an_http_error_that_may_be_tried_again() -> None:
    async with asking(Fail("no capacity", 503), Fail("too much", 429, "rate_limit_exceeded")) as (client, _, _):
        with pytest.raises(openai.InternalServerError, match="no capacity") as overloaded:
            await client.responses.create(model=MODEL, input="hi", stream=True)
        assert overloaded.value.status_code == 503
        with pytest.raises(openai.RateLimitError, match="too much"):
            await client.responses.create(model=MODEL, input="hi")


async def test_a_brain_that_fails_in_the_middle_fails_the_response_and_closes_what_was_open() -> None:
    async with asking([Say("This ends"), Cut()]) as (client, _, running):
        events = await events_of(running)
        with pytest.raises(openai.InternalServerError):
            await client.responses.create(model=MODEL, input="hi")
    assert kinds(events) == ["created", "in_progress", *MESSAGE, "output_item.done", "failed"]
    failed = events[-1]["response"]
    assert failed["status"] == "failed" and failed["error"]["code"] == "server_error" and failed["error"]["message"]
    assert failed["output"][0]["status"] == "incomplete"


async def test_a_stream_that_is_left_stops_the_brain() -> None:
    async with asking([Say("Hello"), Hang()]) as (client, brain, _):
        stream = await client.responses.create(model=MODEL, input="hi", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
        await eventually(lambda: brain.cancelled)


async def test_a_request_that_is_given_up_stops_the_brain() -> None:
    async with asking([Say("Hello"), Hang()]) as (client, brain, _):
        asking_on = asyncio.create_task(client.responses.create(model=MODEL, input="hi"))
        await eventually(lambda: brain.requests)
        asking_on.cancel()
        await eventually(lambda: brain.cancelled)


class Broken(ScriptedBrain):
    """A brain with a bug."""

    def generate(self, request: LlmRequest) -> Any:
        raise RuntimeError("a secret detail")


async def test_an_engine_that_crashes_is_our_fault_and_told_in_the_official_shape(log: list[MutableMapping[str, Any]]) -> None:
    async with (
        serving(scripted(brain=Broken())) as running,
        AsyncOpenAI(base_url=f"{running.url}/v1", api_key="-", max_retries=0) as client,
    ):
        with pytest.raises(openai.InternalServerError) as crashed:
            await client.responses.create(model=MODEL, input="hi")
    assert "secret" not in str(crashed.value)
    assert [line["event"] for line in log] == ["engine crashed"]
    log.clear()

"""Replies: what is asked for, what is called, what is said in pieces, and what is cut short."""

from __future__ import annotations

import asyncio
import json

from driver import Answer, Driver, collect, livekit, patiently
from livekit.agents import llm
from scenarios import expect

WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@llm.function_tool
async def get_weather(city: str) -> str:
    """Tell the weather.

    Args:
        city: where
    """
    return f"It is sunny in {city}."


async def connect_with_default_options() -> str:
    async with livekit() as agent:
        session = (await agent.server("session.updated"))["session"]
        asked = agent.sent_of("session.update")[0]
        expect(asked["event_id"].startswith("session_update_"), f"first client event is {asked}")
        heard, spoken = session["audio"]["input"], session["audio"]["output"]
        detection = {"type": "semantic_vad", "create_response": True, "eagerness": "medium", "interrupt_response": True}
        expect(heard["turn_detection"].items() >= detection.items(), f"turn_detection is {heard['turn_detection']}")
        expect(heard["transcription"]["model"] == "gpt-4o-mini-transcribe", f"transcription is {heard['transcription']}")
        expect(heard["format"] == spoken["format"] == {"type": "audio/pcm", "rate": 24_000}, f"formats are {heard}, {spoken}")
        expect((spoken["voice"], spoken["speed"]) == ("marin", 1.0), f"output is {spoken}")
        expect(session["max_output_tokens"] == "inf", f"max_output_tokens is {session['max_output_tokens']}")
        expect((session["tool_choice"], session["output_modalities"]) == ("auto", ["audio"]), f"session is {session}")
        expect(agent.types() == ["session.created", "session.updated"], f"got {agent.types()}")
        return f"{session['model']}, {heard['turn_detection']['type']}"


async def generate_a_reply_with_instructions() -> str:
    async with livekit() as agent:
        await agent.session.update_instructions("You are a friendly assistant.")
        answer = await agent.ask("hello", instructions="Greet the user.")
        created = await agent.server("response.created")
        event_id = agent.sent_of("response.create")[0]["event_id"]
        expect(created["response"]["metadata"] == {"client_event_id": event_id}, f"metadata is {created['response']['metadata']}")
        expect(answer.user_initiated, "the generation is not taken for the one asked for")
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        message = answer.messages[0]
        expect(message.modalities == ["audio", "text"], f"modalities are {message.modalities}")
        expect(message.audio_ms > 700, f"only {message.audio_ms} ms of audio")
        done = (await agent.server("response.done"))["response"]
        metrics = [m for m in agent.emitted["metrics_collected"] if m.request_id == answer.response_id]
        expect(metrics and metrics[0].total_tokens == done["usage"]["total_tokens"] > 0, f"metrics are {metrics}")
        remembered = agent.session.chat_ctx.messages()
        expect([m.role for m in remembered] == ["user", "assistant"], f"the context is {remembered}")
        expect(remembered[1].text_content == answer.text, f"the assistant is remembered as {remembered[1].content}")
        return f"{message.audio_ms} ms, {metrics[0].total_tokens} tokens"


async def reply_in_text_alone() -> str:
    async with livekit(modalities=["text"]) as agent:
        answer = await agent.ask("hello")
        message = answer.messages[0]
        expect(message.text == "Hello! How can I help you?", f"said {message.text!r}")
        expect((message.modalities, message.audio_samples) == (["text"], 0), f"got {message}")
        expect("response.output_audio.delta" not in agent.types(), "audio came in a text session")
        return message.text


async def call_a_function_after_a_preamble() -> str:
    async with livekit() as agent:
        await agent.session.update_tools([get_weather])
        first = await agent.ask("What is the weather in Oslo?")
        expect(first.text == "One moment.", f"said {first.text!r}")
        expect(len(first.calls) == 1 and first.calls[0].name == "get_weather", f"called {first.calls}")
        expect(json.loads(first.calls[0].arguments) == {"city": "Oslo"}, f"arguments are {first.calls[0].arguments}")
        await agent.add(*outputs(first, "sunny"))
        second = await agent.reply()
        expect(second.text == "It is sunny in Oslo.", f"said {second.text!r}")
        kinds = [item.type for item in agent.session.chat_ctx.items]
        expect(kinds == ["message", "message", "function_call", "function_call_output", "message"], f"the context is {kinds}")
        return f"{first.text} {second.text}"


async def call_two_functions_at_once() -> str:
    async with livekit() as agent:
        await agent.session.update_tools([get_weather])
        first = await agent.ask("Tell me about two cities.")
        cities = [json.loads(call.arguments)["city"] for call in first.calls]
        expect(cities == ["Oslo", "Paris"], f"called {first.calls}")
        expect(len({call.call_id for call in first.calls}) == 2, "both calls have one call_id")
        await agent.add(*outputs(first, "sunny"))
        second = await agent.reply()
        expect(second.text == "It is sunny in Oslo.", f"said {second.text!r}")
        return " and ".join(cities)


async def tools_for_one_reply_only() -> str:
    async with livekit() as agent:
        first = await agent.ask("What is the weather in Oslo?", tools=[get_weather], tool_choice="auto")
        expect([call.name for call in first.calls] == ["get_weather"], f"called {first.calls}")
        await agent.add(*outputs(first, "sunny"))
        second = await agent.reply(tools=[], tool_choice="none")
        expect(second.text == "It is sunny in Oslo.", f"said {second.text!r}")
        return second.text


async def a_reply_in_two_messages() -> str:
    async with livekit() as agent:
        answer = await agent.ask("Tell me in two messages.")
        texts = [message.text for message in answer.messages]
        expect(texts == ["Let me think.", "The answer is four."], f"the messages are {texts}")
        expect(all(message.audio_ms > 300 for message in answer.messages), f"not all messages sound: {answer.messages}")
        agent.session.truncate(message_id=answer.messages[1].id, modalities=["audio", "text"], audio_end_ms=200)
        await agent.server("conversation.item.truncated", item_id=answer.messages[1].id)
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return " | ".join(texts)


async def interrupt_and_truncate() -> str:
    async with livekit() as agent:
        generation = await begin_counting(agent)
        await agent.server("response.output_audio.delta")
        await asyncio.sleep(1.0)
        agent.session.interrupt()
        answer = await collect(generation)
        heard_ms = min(800, answer.messages[0].audio_ms)
        done = (await agent.server("response.done"))["response"]
        expect(done["status"] == "cancelled", f"the response is {done['status']}")
        expect(done["status_details"]["reason"] == "client_cancelled", f"because of {done['status_details']}")
        expect(done["output"][0]["status"] == "incomplete", f"its message is {done['output'][0]['status']}")
        agent.session.truncate(message_id=answer.messages[0].id, modalities=["audio", "text"], audio_end_ms=heard_ms)
        await agent.server("conversation.item.truncated", item_id=answer.messages[0].id, audio_end_ms=heard_ms)
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return f"cut at {answer.messages[0].audio_ms} ms"


async def truncate_what_was_never_heard() -> str:
    async with livekit() as agent:
        answer = await agent.ask("hello")
        agent.session.truncate(message_id=answer.messages[0].id, modalities=["audio", "text"], audio_end_ms=0)
        await agent.server("conversation.item.deleted", item_id=answer.messages[0].id)
        expect([m.role for m in agent.session.chat_ctx.messages()] == ["user"], f"the context is {agent.session.chat_ctx.items}")
        return "deleted"


async def interrupt_when_nothing_is_said() -> str:
    async with livekit() as agent:
        await agent.ask("hello")
        agent.session.send_event({"type": "response.cancel"})
        error = (await agent.server("error"))["error"]
        expect(error["message"].startswith("Cancellation failed"), f"the error says {error['message']!r}")
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return str(error["code"])


async def give_up_a_reply_before_it_began() -> str:
    async with livekit(expects=["discarding response that arrived after it was timed out"]) as agent:
        await agent.add(llm.ChatMessage(role="user", content=["please count"]))
        future = agent.session.generate_reply()
        future.cancel()
        done = (await agent.server("response.done"))["response"]
        expect(done["status"] == "cancelled", f"the response is {done['status']}")
        expect(not agent.emitted.get("generation_created"), "a generation surfaced all the same")
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return "cancelled by id"


def outputs(answer: Answer, output: str) -> list[llm.FunctionCallOutput]:
    """Return the same output for all the calls of an answer."""
    calls = answer.calls
    return [llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output=output, is_error=False) for call in calls]


async def begin_counting(agent: Driver) -> llm.GenerationCreatedEvent:
    """Ask for the long answer that waits to be interrupted."""
    await agent.add(llm.ChatMessage(role="user", content=["please count"]))
    generation: llm.GenerationCreatedEvent = await patiently(agent.session.generate_reply(), "generate_reply")
    return generation


SCENARIOS = (
    connect_with_default_options,
    generate_a_reply_with_instructions,
    reply_in_text_alone,
    call_a_function_after_a_preamble,
    call_two_functions_at_once,
    tools_for_one_reply_only,
    a_reply_in_two_messages,
    interrupt_and_truncate,
    truncate_what_was_never_heard,
    interrupt_when_nothing_is_said,
    give_up_a_reply_before_it_began,
)

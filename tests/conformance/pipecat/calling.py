"""Functions: registered with the service, called by the model, answered by the pipeline."""

from __future__ import annotations

import asyncio
from typing import Any

from driver import pipecat
from listening import hearing
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultFrame, LLMSetToolsFrame, TranscriptionFrame
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import TurnDetection
from scenarios import expect

WEATHER = FunctionSchema(
    name="get_weather",
    description="Tells the weather.",
    properties={"city": {"type": "string", "description": "where"}},
    required=["city"],
)


class Weather:
    """A function that says where the sun shines, and remembers who asked."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.asked: list[Any] = []
        self._takes_s = takes_s

    async def __call__(self, call: FunctionCallParams) -> None:
        """Answer a call."""
        self.asked.append(call.arguments)
        await asyncio.sleep(self._takes_s)
        await call.result_callback({"weather": "sunny"})


async def call_a_function_after_a_preamble() -> str:
    async with pipecat("What is the weather in Oslo?", tools=[WEATHER]) as bot:
        weather = Weather()
        bot.service.register_function("get_weather", weather)
        await bot.run()
        await bot.hears("It is sunny in Oslo.")
        expect(bot.spoken() == "One moment.It is sunny in Oslo.", f"said {bot.spoken()!r}")
        expect(weather.asked == [{"city": "Oslo"}], f"called with {weather.asked}")
        expect(len([e for e in bot.wire.sent if e["type"] == "response.create"]) == 2, "the answer was asked for more than once")
        return bot.spoken()


async def call_two_functions_at_once() -> str:
    async with pipecat("Tell me about two cities.", tools=[WEATHER]) as bot:
        weather = Weather(0.1)
        bot.service.register_function("get_weather", weather)
        await bot.run()
        await bot.frame(FunctionCallResultFrame, 2)
        await bot.hears("It is sunny in Oslo.")
        expect(weather.asked == [{"city": "Oslo"}, {"city": "Paris"}], f"called with {weather.asked}")
        return f"{weather.asked}"


async def call_a_function_by_voice() -> str:
    properties = hearing(TurnDetection(), prompt="What is the weather in Oslo?")
    async with pipecat("hello", properties=properties, tools=[WEATHER]) as bot:
        weather = Weather()
        bot.service.register_function("get_weather", weather)
        await bot.run()
        await bot.hears("Hello! How can I help you?")
        bot.say("weather")
        heard = await bot.frame(TranscriptionFrame)
        await bot.hears("It is sunny in Oslo.")
        expect(weather.asked == [{"city": "Oslo"}], f"called with {weather.asked} for {heard.text!r}")
        return f"heard {heard.text!r}"


async def tools_given_later() -> str:
    async with pipecat("hello", properties=hearing(TurnDetection(), prompt="What is the weather in Oslo?")) as bot:
        weather = Weather()
        bot.service.register_function("get_weather", weather)
        await bot.run()
        await bot.hears("Hello! How can I help you?")
        updates = len([event for event in bot.wire.received if event["type"] == "session.updated"])
        await bot.worker.queue_frame(LLMSetToolsFrame(tools=ToolsSchema(standard_tools=[WEATHER])))
        session = (await bot.server("session.updated", updates + 1))["session"]
        expect([tool["name"] for tool in session["tools"]] == ["get_weather"], f"tools are {session['tools']}")
        bot.say("weather")
        await bot.hears("It is sunny in Oslo.")
        return bot.spoken()


SCENARIOS = (
    call_a_function_after_a_preamble,
    call_two_functions_at_once,
    call_a_function_by_voice,
    tools_given_later,
)

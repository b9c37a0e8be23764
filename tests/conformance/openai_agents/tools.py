"""Scenarios: tools, handoffs, guardrails, approvals."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import GuardrailFunctionOutput, OutputGuardrail, function_tool
from agents.realtime import RealtimeAgent, realtime_handoff
from call import call
from scenarios import contexts, expect


async def a_tool_is_called() -> None:
    """A call, its output, and the answer that follows it."""
    asked: list[str] = []

    @function_tool
    def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        asked.append(city)
        return f"{city} is sunny today"

    agent: RealtimeAgent[Any] = RealtimeAgent(name="guide", instructions="You know the weather.", tools=[get_weather])
    async with call(agent) as calling:
        await calling.session.send_message("What is the weather like?")
        start, end = await calling.event("tool_start"), await calling.event("tool_end")
        expect(start.arguments == '{"city": "Oslo"}' and asked == ["Oslo"], f"asked for {asked} with {start.arguments}")
        expect(end.output == "Oslo is sunny today", f"the output is {end.output!r}")
        await calling.said("It is sunny in Oslo.")


async def an_asynchronous_tool_is_called() -> None:
    """A tool takes its time; what is said meanwhile is answered meanwhile."""
    gate = asyncio.Event()

    @function_tool
    async def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        await gate.wait()
        return f"{city} has late sunshine"

    agent: RealtimeAgent[Any] = RealtimeAgent(name="guide", instructions="You know the weather.", tools=[get_weather])
    async with call(agent, output_modalities=["text"]) as calling:
        await calling.session.send_message("What is the weather like?")
        await calling.event("tool_start")
        await calling.server("response.done")
        await calling.session.send_message("hello")
        await calling.said("Hello!")
        start = len(calling.events)
        gate.set()
        await calling.event("tool_end")
        done = await calling.server("response.done", start)
        expect(done["response"]["status"] == "completed", f"the response is {done['response']['status']}")
        expect(contexts("Oslo has late sunshine"), "the model was never told the output")


async def parallel_tools() -> None:
    """Two calls in one response; both outputs are sent, and one answer follows."""
    asked: list[str] = []

    @function_tool
    async def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        asked.append(city)
        await asyncio.sleep(0.2 if city == "Oslo" else 0)
        return f"{city} is sunny today"

    agent: RealtimeAgent[Any] = RealtimeAgent(name="guide", instructions="You know the weather.", tools=[get_weather])
    async with call(agent, output_modalities=["text"]) as calling:
        await calling.session.send_message("Compare two cities, please.")
        await calling.said("It is sunny in Oslo.")
        await calling.until("both tools", lambda _: len(calling.of("tool_end")) == 2)
        expect(sorted(asked) == ["Oslo", "Paris"], f"asked for {asked}")


async def a_handoff() -> None:
    """The session becomes another agent's, with its instructions, and goes on."""
    billing: RealtimeAgent[Any] = RealtimeAgent(name="billing", instructions="You do the billing.")
    guide: RealtimeAgent[Any] = RealtimeAgent(name="guide", instructions="You help people.", handoffs=[realtime_handoff(billing)])
    async with call(guide) as calling:
        await calling.session.send_message("I have a question about billing.")
        handoff = await calling.event("handoff")
        expect((handoff.from_agent.name, handoff.to_agent.name) == ("guide", "billing"), f"the handoff is {handoff}")
        await calling.said("This is billing.")
        updated = [
            event.data.data["session"]["instructions"]
            for event in calling.of("raw_model_event")
            if event.data.type == "raw_server_event" and event.data.data["type"] == "session.updated"
        ]
        expect(updated[-1] == "You do the billing.", f"the instructions were {updated}")


async def a_guardrail_trips() -> None:
    """What must not be said is cut off, and the model is told."""

    async def no_secrets(context: Any, agent: Any, output: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered="swordfish" in str(output))

    agent: RealtimeAgent[Any] = RealtimeAgent(name="guide", instructions="You keep secrets.")
    guardrail: OutputGuardrail[Any] = OutputGuardrail(guardrail_function=no_secrets, name="no_secrets")
    config: Any = {"output_guardrails": [guardrail], "guardrails_settings": {"debounce_text_length": 30}}
    async with call(agent, config=config) as calling:
        await calling.session.send_message("Say something forbidden.")
        tripped = await calling.event("guardrail_tripped")
        expect("swordfish" in tripped.message, f"it tripped over {tripped.message!r}")
        done = await calling.server("response.done")
        expect(done["response"]["status"] == "cancelled", f"the response is {done['response']['status']}")
        await calling.said("Let us talk about something else.")


async def an_approved_call_runs() -> None:
    """A call waits for its approval, runs, and is answered."""
    paid, agent = _cashier()
    async with call(agent, output_modalities=["text"]) as calling:
        await calling.session.send_message("I want a refund.")
        wanted = await calling.event("tool_approval_required")
        expect(wanted.arguments == '{"amount": 10}' and not paid, f"the call is {wanted.arguments}, paid {paid}")
        await calling.session.approve_tool_call(wanted.call_id)
        await calling.said("Your money is on its way.")
        expect(paid == [10], f"paid {paid}")


async def a_rejected_call_does_not_run() -> None:
    """A call that is rejected never runs; the model hears of it."""
    paid, agent = _cashier()
    async with call(agent, output_modalities=["text"]) as calling:
        await calling.session.send_message("I want a refund.")
        wanted = await calling.event("tool_approval_required")
        await calling.session.reject_tool_call(wanted.call_id, rejection_message="This was not approved.")
        await calling.said("Then I will not do it.")
        expect(not paid, f"paid {paid}")


def _cashier() -> tuple[list[int], RealtimeAgent[Any]]:
    paid: list[int] = []

    @function_tool(needs_approval=True)
    def refund(amount: int) -> str:
        """Give money back."""
        paid.append(amount)
        return f"{amount} paid back"

    return paid, RealtimeAgent(name="cashier", instructions="You handle money.", tools=[refund])

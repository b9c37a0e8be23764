"""What goes wrong: the plugin says so, and the session goes on."""

from __future__ import annotations

from answering import begin_counting
from driver import collect, livekit, patiently
from livekit.agents import APIConnectionError, llm
from scenarios import expect


async def a_response_fails() -> str:
    async with livekit(expects=["response failed with error type"]) as agent:
        await agent.ask("please fail")
        done = (await agent.server("response.done"))["response"]
        expect(done["status"] == "failed", f"the response is {done['status']}")
        error = await agent.event("error")
        expect(error.recoverable, "the plugin took the failure for the end")
        expect(done["usage"] is not None and done["status_details"]["error"]["type"], f"the response is {done}")
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return str(done["status_details"]["error"])


async def a_second_reply_at_once() -> str:
    code = "conversation_already_has_active_response"
    async with livekit(expects=[code]) as agent:
        generation = await begin_counting(agent)
        try:
            await patiently(agent.session.generate_reply(), "the refusal")
        except llm.RealtimeError as error:
            expect(error.code == code, f"the error is {error.code}: {error}")
        else:
            raise AssertionError("two replies run at once")
        agent.session.interrupt()
        await collect(generation)
        again = await agent.ask("hello")
        expect(again.text == "Hello! How can I help you?", f"then said {again.text!r}")
        return code


async def an_item_is_refused() -> str:
    async with livekit(expects=["No tool call found for function call output"]) as agent:
        await agent.add(
            llm.ChatMessage(id="item_good", role="user", content=["hello"]),
            llm.FunctionCallOutput(call_id="call_nobody_made", name="get_weather", output="sunny", is_error=False),
        )
        expect(
            [item.id for item in agent.session.chat_ctx.items] == ["item_good"], f"the context is {agent.session.chat_ctx.items}"
        )
        answer = await agent.reply()
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        return "the other item is kept"


async def an_item_is_placed_twice() -> str:
    async with livekit(expects=["item_create_duplicate_item_id"]) as agent:
        item = {"id": "item_twin", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
        for _ in range(2):
            agent.session.send_event({"type": "conversation.item.create", "event_id": "twin", "item": item})
        error = (await agent.server("error"))["error"]
        expect((error["code"], error["event_id"]) == ("item_create_duplicate_item_id", "twin"), f"the error is {error}")
        expect(
            [item.id for item in agent.session.chat_ctx.items] == ["item_twin"], f"the context is {agent.session.chat_ctx.items}"
        )
        return str(error["code"])


async def a_wrong_key() -> str:
    try:
        async with livekit(api_key="not the key", expects=["client connection error", "401"]) as agent:
            error = await agent.event("error")
            expect(not error.recoverable, "the plugin would try again for ever")
    except APIConnectionError as error:  # with which the plugin's session ends
        expect("401" in str(error), f"the error is {error}")
        return "refused with 401"
    raise AssertionError("the session ended in good order")


SCENARIOS = (
    a_response_fails,
    a_second_reply_at_once,
    an_item_is_refused,
    an_item_is_placed_twice,
    a_wrong_key,
)

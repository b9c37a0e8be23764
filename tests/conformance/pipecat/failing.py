"""What goes wrong, and what pipecat takes for a mistake of its own: the session goes on."""

from __future__ import annotations

from driver import pipecat
from pipecat.frames.frames import ErrorFrame
from pipecat.services.openai.realtime.events import ResponseCancelEvent, ResponseCreateEvent
from scenarios import expect


async def a_response_fails() -> str:
    async with pipecat("please fail", expects=["the scripted backend has failed"]) as bot:
        await bot.run()
        done = (await bot.server("response.done"))["response"]
        expect(done["status"] == "failed", f"the response is {done['status']}")
        error = await bot.frame(ErrorFrame)
        bot.say("hello")
        await bot.hears("Hello! How can I help you?")
        return error.error


async def errors_that_are_forgiven() -> str:
    async with pipecat("please count") as bot:
        await bot.run()
        await bot.server("response.created")
        await bot.service.send_client_event(ResponseCreateEvent())
        first = (await bot.server("error"))["error"]
        expect(first["code"] == "conversation_already_has_active_response", f"the error is {first}")
        await bot.service.send_client_event(ResponseCancelEvent())
        done = (await bot.server("response.done"))["response"]
        expect(done["status"] == "cancelled" and done["usage"], f"the response is {done}")
        await bot.service.send_client_event(ResponseCancelEvent())
        second = (await bot.server("error", 2))["error"]
        expect(second["code"] == "response_cancel_not_active", f"the error is {second}")
        bot.say("hello")
        await bot.hears("Hello! How can I help you?")
        return f"{first['code']}, {second['code']}"


async def items_are_retrieved() -> str:
    async with pipecat("hello") as bot:
        await bot.run()
        done = (await bot.server("response.done"))["response"]
        added = await bot.server("conversation.item.added")
        user = await bot.service.retrieve_conversation_item(added["item"]["id"])
        expect(user.content[0].text == "hello", f"the user's item is {user}")
        assistant = await bot.service.retrieve_conversation_item(done["output"][0]["id"])
        expect(assistant.content[0].transcript == "Hello! How can I help you?", f"the assistant's item is {assistant}")
        expect(assistant.content[0].audio, "the audio was not kept")
        return "text, transcript and audio"


async def an_unknown_item_is_retrieved() -> str:
    async with pipecat("hello") as bot:
        await bot.server("session.updated")
        try:
            await bot.service.retrieve_conversation_item("item_nobody_knows")
        except Exception as error:  # noqa: BLE001 - pipecat raises nothing more precise
            reason = str(error)
        else:
            raise AssertionError("the item was found")
        sent = await bot.client("conversation.item.retrieve")
        refusal = (await bot.server("error"))["error"]
        expect(refusal["event_id"] == sent["event_id"] == "rci_item_nobody_knows", f"the error is {refusal}")
        await bot.run()
        await bot.hears("Hello! How can I help you?")
        return reason


async def the_conversation_is_reset() -> str:
    async with pipecat("hello") as bot:
        await bot.run()
        await bot.hears("Hello! How can I help you?")
        await bot.service.reset_conversation()
        await bot.server("session.updated", 3)
        bot.say("hello")
        await bot.hears("Hello! How can I help you?Hello! How can I help you?")
        return bot.spoken()


SCENARIOS = (
    a_response_fails,
    errors_that_are_forgiven,
    items_are_retrieved,
    an_unknown_item_is_retrieved,
    the_conversation_is_reset,
)

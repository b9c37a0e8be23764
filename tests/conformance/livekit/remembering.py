"""The chat context: items with ids of the client's choosing, placed, changed, deleted, and played back after a reconnection."""

from __future__ import annotations

from typing import Any

from answering import get_weather, outputs
from cutting import cuttable
from driver import Driver, collect, livekit, patiently
from livekit.agents import llm
from scenarios import expect

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def place_change_and_delete_items() -> str:
    async with livekit() as agent:
        user = llm.ChatMessage(id="item_of_mine_1", role="user", content=["My name is Ada."])
        assistant = llm.ChatMessage(id="item_of_mine_2", role="assistant", content=["Pleased to meet you."])
        await agent.session.update_chat_ctx(llm.ChatContext([user, assistant]))
        first = llm.ChatMessage(id="item_of_mine_0", role="system", content=["The user is a programmer."])
        between = llm.ChatMessage(id="item_of_mine_15", role="user", content=["Do you hear me?"])
        await agent.session.update_chat_ctx(llm.ChatContext([first, user, between, assistant]))
        places = {event["item"]["id"]: event["previous_item_id"] for event in _added(agent)}
        expect(places["item_of_mine_0"] is None, f"the item at root is placed after {places['item_of_mine_0']}")
        expect(places["item_of_mine_15"] == "item_of_mine_1", f"the items are placed at {places}")
        changed = assistant.model_copy(update={"content": ["I am glad to meet you, Ada."]})
        await agent.session.update_chat_ctx(llm.ChatContext([first, user, changed]))
        expect(_ids(agent) == ["item_of_mine_0", "item_of_mine_1", "item_of_mine_2"], f"the context is {_ids(agent)}")
        item = await _retrieve(agent, "item_of_mine_2")
        expect(item["content"] == [{"type": "output_text", "text": "I am glad to meet you, Ada."}], f"the server has {item}")
        answer = await agent.ask("hello")
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        return ", ".join(_ids(agent)[:3])


async def start_with_a_call_in_the_past() -> str:
    async with livekit() as agent:
        await agent.session.update_tools([get_weather])
        await agent.add(
            llm.ChatMessage(role="user", content=["What is the weather in Oslo?"]),
            llm.FunctionCall(call_id="call_of_mine", name="get_weather", arguments='{"city": "Oslo"}'),
            llm.FunctionCallOutput(call_id="call_of_mine", name="get_weather", output="sunny", is_error=False),
        )
        answer = await agent.reply()
        expect(answer.text == "It is sunny in Oslo.", f"said {answer.text!r}")
        return answer.text


async def show_a_picture() -> str:
    async with livekit() as agent:
        await agent.add(llm.ChatMessage(role="user", content=["hello", llm.ImageContent(image=PIXEL)]))
        added = _added(agent)[0]["item"]["content"]
        expect([part["type"] for part in added] == ["input_text", "input_image"], f"the item has {added}")
        answer = await agent.reply()
        expect(answer.text == "Hello! How can I help you?", f"said {answer.text!r}")
        return answer.text


async def reconnect_at_the_end_of_a_session() -> str:
    async with livekit(max_session_duration=2.0, microphone=True) as agent:
        await agent.session.update_instructions("You are a friendly assistant.")
        await agent.session.update_tools([get_weather])
        first = await agent.ask("What is the weather in Oslo?")
        await agent.add(*outputs(first, "sunny"))
        await agent.reply()
        before = _texts(agent)
        await agent.event("session_reconnected")
        since = max(index for index, event in enumerate(agent.received) if event["type"] == "session.created")
        await agent.until(lambda: _texts(agent) == before or None, f"{before}, but there is {_texts(agent)}")
        expect(not any(event["type"] == "error" for event in agent.received), "the playback of the history was refused")
        updates = [event["session"] for event in agent.received[since:] if event["type"] == "session.updated"]
        expect(
            updates[-1]["instructions"] == "You are a friendly assistant.", f"instructions are {updates[-1]['instructions']!r}"
        )
        expect([tool["name"] for tool in updates[-1]["tools"]] == ["get_weather"], f"tools are {updates[-1]['tools']}")
        answer = await agent.ask("hello")
        expect(answer.text == "Hello! How can I help you?", f"then said {answer.text!r}")
        return f"{len(before)} items played back"


async def reconnect_after_the_line_was_cut() -> str:
    discarded = "in-progress generation discarded due to session reconnection"
    expected = ["connection closed unexpectedly", "connection failed, retrying", discarded]
    async with cuttable() as line, livekit(base_url=line.url, max_retry=3, expects=expected) as agent:
        await agent.ask("hello")
        await agent.add(llm.ChatMessage(role="user", content=["please count"]))
        generation = await patiently(agent.session.generate_reply(), "generate_reply")
        await agent.server("response.output_audio.delta", response_id=generation.response_id)
        line.cut()
        await collect(generation)
        await agent.event("session_reconnected")
        wanted = ["hello", "Hello! How can I help you?", "please count"]
        await agent.until(
            lambda: [text for _, text in _texts(agent)] == wanted or None, f"{wanted}, but there is {_texts(agent)}"
        )
        answer = await agent.ask("hello")
        expect(answer.text == "Hello! How can I help you?", f"then said {answer.text!r}")
        return f"{len(wanted)} items played back"


async def _retrieve(agent: Driver, item_id: str) -> dict[str, Any]:
    agent.session.send_event({"type": "conversation.item.retrieve", "item_id": item_id})
    item: dict[str, Any] = (await agent.server("conversation.item.retrieved"))["item"]
    return item


def _added(agent: Driver) -> list[dict[str, Any]]:
    return [event for event in agent.received if event["type"] == "conversation.item.added"]


def _ids(agent: Driver) -> list[str]:
    return [item.id for item in agent.session.chat_ctx.items]


def _texts(agent: Driver) -> list[tuple[str, str]]:
    def text(item: llm.ChatItem) -> str:
        match item.type:
            case "message":
                return item.text_content or ""
            case "function_call":
                return item.arguments
            case "function_call_output":
                return item.output
        return ""

    return [(item.type, text(item)) for item in agent.session.chat_ctx.items]


SCENARIOS = (
    place_change_and_delete_items,
    start_with_a_call_in_the_past,
    show_a_picture,
    reconnect_at_the_end_of_a_session,
    reconnect_after_the_line_was_cut,
)

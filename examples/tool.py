"""A tool in a text conversation: the agent asks for what is missing, reads back, and calls once it has a yes.

Run `make serve` in another terminal first, then: python examples/tool.py
"""

from __future__ import annotations

import asyncio
import json

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

LIGHT = {
    "type": "function",
    "name": "set_light",
    "description": "Turns a light on or off.",
    "parameters": {
        "type": "object",
        "properties": {
            "room": {"type": "string", "enum": ["kitchen", "bedroom", "hall"]},
            "state": {"type": "string", "enum": ["on", "off"]},
        },
        "required": ["room", "state"],
    },
}


async def say(connection: AsyncRealtimeConnection, text: str) -> None:
    """Send one user message and print what comes back, running the tool if it is called."""
    print("user: ", text)
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await connection.conversation.item.create(item=item)
    await connection.response.create()
    async for event in connection:
        if event.type == "response.output_text.done":
            print("agent:", event.text)
        elif event.type == "response.function_call_arguments.done":
            print("call: ", event.arguments)
            output = {"type": "function_call_output", "call_id": event.call_id, "output": json.dumps({"done": True})}
            await connection.conversation.item.create(item=output)
        elif event.type == "response.done":
            if not any(item.type == "function_call" for item in event.response.output or []):
                return
            await connection.response.create()


async def main() -> None:
    client = AsyncOpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
    async with client.realtime.connect(model="gpt-realtime-2") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"], "tools": [LIGHT]})
        for text in ("Please switch on the light.", "In the kitchen.", "Yes."):
            await say(connection, text)


if __name__ == "__main__":
    asyncio.run(main())

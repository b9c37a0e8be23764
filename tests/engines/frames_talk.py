"""A conversation with the frames brain as a test writes it: what is said, what comes back, what is called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from vivavoce.engines.llm.frames.brain import FramesBrain
from vivavoce.engines.ports import LlmDelta, LlmFinish, LlmRequest, Message, TextDelta, ToolCall, ToolCallDelta

STRING = {"type": "string"}
INTEGER = {"type": "integer"}


def choice(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def tool(tool_name: str, description: str, required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "name": tool_name, "description": description, "parameters": parameters}


LIGHT = tool(
    "set_light",
    "Turns a light on or off.",
    ["room", "state"],
    room=choice("kitchen", "living_room", "bedroom"),
    state=choice("on", "off"),
)
ORDER_STATUS = tool(
    "get_order_status",
    "Look up the status of an order.",
    ["order_number"],
    order_number={"type": "string", "pattern": r"^\d{5}$"},
)
WEATHER = tool("get_weather", "Get the current weather for a city.", ["city"], city=STRING)
CLOCK = tool("get_time", "Get the current time in a city.", ["city"], city=STRING)
RESET = tool("reset_router", "Resets the router.")
TABLE = tool("book_table", "Books a table at the restaurant.", ["people", "date"], people=INTEGER, date=STRING, name=STRING)


def collect(brain: FramesBrain, request: LlmRequest) -> list[LlmDelta]:
    """Run one response to its end."""

    async def run() -> list[LlmDelta]:
        return [delta async for delta in brain.generate(request)]

    return asyncio.run(run())


def text_of(deltas: Sequence[LlmDelta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def calls_of(deltas: Sequence[LlmDelta]) -> list[tuple[str, dict[str, Any]]]:
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            names[delta.index] = names.get(delta.index, "") + delta.name
            arguments[delta.index] = arguments.get(delta.index, "") + delta.arguments
    return [(names[index], json.loads(arguments[index])) for index in sorted(names)]


class Talk:
    """One conversation; every `say` adds the user's turn and returns the assistant's words."""

    def __init__(
        self,
        tools: Sequence[Mapping[str, Any]] = (),
        instructions: str = "",
        brain: FramesBrain | None = None,
        **options: Any,
    ) -> None:
        self.brain = brain or FramesBrain()
        self.tools = tuple(tools)
        self.options = options
        self.messages: list[Message] = [Message("system", instructions)] if instructions else []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """The calls of the last response."""
        self._numbers = 0
        self._open: list[str] = []

    def say(self, text: str) -> str:
        self.messages.append(Message("user", text))
        return self.respond()

    def respond(self) -> str:
        deltas = collect(self.brain, LlmRequest(tuple(self.messages), self.tools, **self.options))
        assert isinstance(deltas[-1], LlmFinish)
        self.calls = calls_of(deltas)
        made = tuple(ToolCall(self._next_id(), name, json.dumps(arguments)) for name, arguments in self.calls)
        self._open = [call.call_id for call in made]
        said = text_of(deltas)
        self.messages.append(Message("assistant", said, tool_calls=made))
        return said

    def returns(self, *outputs: object) -> str:
        """Answer the open calls and ask for the next response."""
        for call_id, output in zip(self._open, outputs, strict=True):
            self.messages.append(Message("tool", output if isinstance(output, str) else json.dumps(output), call_id=call_id))
        return self.respond()

    def interrupted(self, heard: str) -> None:
        """Cut the assistant's last words down to what was heard."""
        last = self.messages[-1]
        self.messages[-1] = Message("assistant", heard, tool_calls=last.tool_calls)

    def _next_id(self) -> str:
        self._numbers += 1
        return f"call_{self._numbers}"

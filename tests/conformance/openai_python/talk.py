"""A conversation over openai-python's own connection: everything is sent through its resources and read through `recv`."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI, omit
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from scenarios import API_KEY, MODEL, URL, expect

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}

STEP_BYTES = 4_800
"""How much audio goes into one append: 100 ms of PCM."""


class Talk:
    """One session, and everything that was read from it.

    Attributes:
        connection: the client's connection.
        kind: the type of its session.
        events: every event read so far.
    """

    def __init__(self, connection: AsyncRealtimeConnection, kind: str = "realtime") -> None:
        self.connection = connection
        self.kind = kind
        self.events: list[Any] = []

    async def read(self) -> Any:
        """Return the next event.

        Raises:
            AssertionError: the client knows no such event.
        """
        event = await self.connection.recv()
        expect(isinstance(getattr(event, "event_id", None), str), f"an event without id: {event}")
        self.events.append(event)
        return event

    async def until(self, kind: str) -> Any:
        """Read on to the next event of a type.

        Raises:
            AssertionError: an error came first.
        """
        while True:
            event = await self.read()
            if event.type == kind:
                return event
            expect(event.type != "error", f"an error in place of {kind}: {getattr(event, 'error', None)}")

    async def refused(self, event_id: str, code: str | None) -> Any:
        """Read the error that answers a client event, and check that it names it."""
        error = (await self.until("error")).error
        expect(error.event_id == event_id, f"the error answers {error.event_id}, not {event_id}")
        expect(error.code == code, f"the code is {error.code}, not {code}: {error.message}")
        return error

    async def update(self, **session: Any) -> Any:
        """Update the session, and return what it is then."""
        whole: Any = {"type": self.kind, **session}
        await self.connection.session.update(session=whole)
        return (await self.until("session.updated")).session

    async def say(self, text: str) -> str:
        """Add a message of the user; return its id."""
        content: Any = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await self.until("conversation.item.added")
        return str((await self.until("conversation.item.done")).item.id)

    async def ask(self, text: str) -> Any:
        """Say something and return the response, done and completed."""
        await self.say(text)
        await self.connection.response.create()
        return await self.answer()

    async def answer(self, status: str = "completed") -> Any:
        """Read on to the end of a response, and check its status and usage."""
        response = (await self.until("response.done")).response
        expect(response.status == status, f"the response is {response.status}: {response.status_details}")
        usage = response.usage
        expect(usage is not None and usage.total_tokens == usage.input_tokens + usage.output_tokens, f"the usage is {usage}")
        return response

    async def append(self, audio: bytes) -> None:
        """Send audio as fast as it goes."""
        for start in range(0, len(audio), STEP_BYTES):
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(audio[start : start + STEP_BYTES]).decode())

    def of(self, kind: str) -> list[Any]:
        """Return the events of a type read so far."""
        return [event for event in self.events if event.type == kind]

    def audio_of(self, response_id: str) -> bytes:
        """Return the audio of a response."""
        deltas = [e.delta for e in self.of("response.output_audio.delta") if e.response_id == response_id]
        return b"".join(map(base64.b64decode, deltas))


def client(key: str = API_KEY) -> AsyncOpenAI:
    """Return a client of the server under test."""
    return AsyncOpenAI(base_url=URL, api_key=key, max_retries=0)


@asynccontextmanager
async def talk(model: str | None = MODEL, key: str = API_KEY, **query: str) -> AsyncIterator[Talk]:
    """Open a session, and read its first event; `query` is what else its address says."""
    async with client(key) as web, web.realtime.connect(model=model or omit, extra_query=dict(query)) as connection:
        talking = Talk(connection)
        first = await talking.read()
        expect(first.type == "session.created", f"the first event is {first.type}")
        talking.kind = first.session.type
        yield talking


def text_of(response: Any) -> str:
    """Return what a response says, as text or in its transcript."""
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    return " ".join((part.text or part.transcript or "") for part in parts)


def calls_of(response: Any) -> list[Any]:
    """Return the function calls of a response."""
    return [item for item in response.output if item.type == "function_call"]

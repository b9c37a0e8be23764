"""A call over `RealtimeRunner`: events are gathered in the background, as an application does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeRunConfig, RealtimeRunner, RealtimeSession
from scenarios import API_KEY, MODEL, expect, websocket_url

TRANSCRIPTION = {"model": "gpt-4o-mini-transcribe", "prompt": "Hello there. What is the weather in Oslo? Stop please."}
SERVER_VAD = {"type": "server_vad", "interrupt_response": True}


class Call:
    """A session of the client and what came out of it.

    Attributes:
        session: the client's session.
        events: its events so far.
    """

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.events: list[Any] = []
        self.forgiven: tuple[str, ...] = ()
        self._news = asyncio.Event()

    async def gather(self) -> None:
        """Take events until the session ends."""
        async for event in self.session:
            self.events.append(event)
            self._news.set()

    async def until(self, what: str, holds: Callable[[Any], bool], start: int = 0) -> Any:
        """Wait for the first event, from number `start` on, of which something holds.

        Raises:
            AssertionError: an error came that was not to be expected.
        """
        at = start
        while True:
            while at < len(self.events):
                event, at = self.events[at], at + 1
                self._check(event, what)
                if holds(event):
                    return event
            self._news.clear()
            await self._news.wait()

    async def event(self, kind: str, start: int = 0) -> Any:
        """Wait for a session event of a type."""
        return await self.until(kind, lambda event: event.type == kind, start)

    async def raw(self, kind: str, start: int = 0) -> Any:
        """Wait for an event of the model's, such as `turn_ended`; return its data."""
        return (await self.until(kind, lambda e: e.type == "raw_model_event" and e.data.type == kind, start)).data

    async def server(self, kind: str, start: int = 0) -> dict[str, Any]:
        """Wait for an event of the server's; return it as it came."""

        def holds(event: Any) -> bool:
            raw = event.data if event.type == "raw_model_event" else None
            return raw is not None and raw.type == "raw_server_event" and bool(raw.data["type"] == kind)

        found: dict[str, Any] = (await self.until(kind, holds, start)).data.data
        return found

    async def said(self, text: str, start: int = 0) -> dict[str, Any]:
        """Wait for a response that says something; return it."""
        at = start
        while True:
            done = await self.server("response.done", at)
            at = next(i for i, e in enumerate(self.events) if i >= at and _is(e, done)) + 1
            if text in said_in(done):
                response: dict[str, Any] = done["response"]
                return response

    def of(self, kind: str) -> list[Any]:
        """Return the session events of a type so far."""
        return [event for event in self.events if event.type == kind]

    def _check(self, event: Any, what: str) -> None:
        if event.type == "error":
            code = getattr(event.error, "code", None)
            expect(code in self.forgiven, f"an error while waiting for {what}: {event.error}")
        if event.type == "raw_model_event" and event.data.type == "exception":
            raise AssertionError(f"the client failed while waiting for {what}: {event.data.context}: {event.data.exception!r}")


def said_in(done: dict[str, Any]) -> str:
    """Return what the response of a `response.done` says."""
    parts = [part for item in done["response"]["output"] for part in item.get("content", [])]
    return " ".join(part.get("transcript") or part.get("text") or "" for part in parts)


def _is(event: Any, raw: dict[str, Any]) -> bool:
    return bool(event.type == "raw_model_event" and event.data.type == "raw_server_event" and event.data.data is raw)


@asynccontextmanager
async def call(
    agent: RealtimeAgent[Any], *, config: RealtimeRunConfig | None = None, tracker: Any = None, **settings: Any
) -> AsyncIterator[Call]:
    """Run an agent against the server under test.

    Args:
        agent: who answers.
        config: the run's configuration.
        tracker: a playback tracker.
        settings: model settings; server_vad and transcription if they do not say otherwise.
    """
    sound = {"input": {"transcription": TRANSCRIPTION, "turn_detection": SERVER_VAD}}
    model_config: Any = {
        "url": websocket_url(),
        "api_key": API_KEY,
        "initial_model_settings": {"model_name": MODEL, "audio": sound, **settings},
    }
    if tracker is not None:
        model_config["playback_tracker"] = tracker
    async with await RealtimeRunner(agent, config=config).run(model_config=model_config) as session:
        calling = Call(session)
        gathering = asyncio.create_task(calling.gather())
        try:
            # The session is configured once both of the client's updates have been answered.
            await calling.server("session.updated")
            yield calling
        finally:
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)

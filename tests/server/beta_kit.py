"""A client of the beta over a raw WebSocket: every event is checked against the beta's types, and nothing of today's names may come."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import connect

from kit import PATIENCE_S, Client, Event, Serving
from vivavoce.testing.official_beta import validate_beta_event

MODEL = "gpt-4o-realtime-preview-2024-12-17"
HEADER = {"additional_headers": {"OpenAI-Beta": "realtime=v1"}}
SUBPROTOCOL: dict[str, Any] = {"subprotocols": ["realtime", "openai-insecure-api-key.sk-any", "openai-beta.realtime-v1"]}


class BetaClient(Client):
    """A client that reads the beta."""

    async def read(self) -> Event:
        """Return the next event."""
        async with asyncio.timeout(PATIENCE_S):
            event: Event = json.loads(await self.take())
        validate_beta_event(event)
        self.events.append(event)
        return event

    async def settled(self) -> list[Event]:
        """Return what was sent until now."""
        start = len(self.events)
        await self.send("session.update", session={})
        await self.until("session.updated")
        return self.events[start:-1]

    async def update(self, **session: Any) -> Event:
        """Update the session, in flat names, and return it."""
        await self.send("session.update", session=session)
        found: Event = (await self.until("session.updated"))["session"]
        return found

    async def create(self, item: Event, **fields: Any) -> str:
        """Create an item; return its id."""
        await self.send("conversation.item.create", item=item, **fields)
        created: str = (await self.until("conversation.item.created"))["item"]["id"]
        return created

    def audio(self, response_id: str) -> bytes:
        """Return the audio of a response."""
        deltas = self.of("response.audio.delta")
        return b"".join(base64.b64decode(event["delta"]) for event in deltas if event["response_id"] == response_id)


@asynccontextmanager
async def beta_client(server: Serving, model: str = MODEL, **options: Any) -> AsyncGenerator[BetaClient]:
    """Open a session as a beta client and read its first two events."""
    options = options or HEADER
    async with connect(server.realtime(f"model={model}"), compression=None, max_size=2**25, max_queue=None, **options) as socket:
        client = BetaClient(socket.send, socket.recv, socket)
        await client.until("conversation.created")
        assert client.types() == ["session.created", "conversation.created"]
        yield client

"""A call: a microphone, a loudspeaker and a connection, with the manners of a good client.

It falls silent at once when the caller starts to speak, tells the server how much was heard, carries out function calls, and knows
when an exchange is over.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

import numpy as np
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeClientEventParam
from websockets.exceptions import ConnectionClosed

from vivavoce.cli.call.clock import Clock
from vivavoce.cli.call.floor import Floor, function_calls
from vivavoce.cli.call.microphone import Microphone
from vivavoce.cli.call.speaker import Part, Speaker
from vivavoce.cli.call.together import until_one_ends
from vivavoce.cli.errors import Trouble

Event = Mapping[str, Any]
Observer = Callable[[Literal["client", "server"], Event, float], None]
"""Called with who sent it, the event, and the ms since the call began."""

Tool = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes a call's arguments and returns its output."""

REACTION_MS: Final = 300
"""How long it must have been quiet before an answer counts as over: people wait as long before they speak."""

_POLL_S: Final = 0.02


class Call:
    """One conversation.

    Args:
        connection: the official client's connection.
        speaker: where the answer is heard.
        clock: the call's time.
        observe: told of every event.
        tools: the functions the model may call, by name.
        microphone: what the caller speaks into; None for a call in writing.
    """

    def __init__(
        self,
        connection: AsyncRealtimeConnection,
        speaker: Speaker,
        clock: Clock,
        observe: Observer,
        *,
        tools: Mapping[str, Tool] | None = None,
        microphone: Microphone | None = None,
    ) -> None:
        self.floor = Floor()
        self._connection = connection
        self._speaker = speaker
        self._clock = clock
        self._observe = observe
        self._tools = tools or {}
        self._microphone = microphone

    async def send(self, event: Event) -> None:
        """Send a client event.

        Raises:
            Trouble: the server has closed the connection.
        """
        self._observe("client", event, self._clock())
        self.floor.sent(event)
        try:
            await self._connection.send(cast(RealtimeClientEventParam, event))
        except ConnectionClosed as closed:
            raise hung_up(closed) from closed

    async def run(self) -> None:
        """Listen and speak until cancelled.

        Raises:
            Trouble: the server has closed the connection.
        """
        works = [self._receive()]
        if self._microphone is not None:
            works.append(self._capture(self._microphone))
        await until_one_ends(*works)

    async def answered(self, before: int, timeout_s: float) -> bool:
        """Wait until the server has answered, owes nothing more, and what it said has been heard.

        Args:
            before: `floor.answers` from before the question.
            timeout_s: how long to wait.

        Returns:
            False if that took too long.
        """
        deadline = self._clock() + timeout_s * 1000
        quiet_since: float | None = None
        while self._clock() < deadline:
            over = self.floor.answers > before and self.floor.quiet and self._speaker.left_ms() <= 0
            quiet_since = (quiet_since or self._clock()) if over else None
            if quiet_since is not None and self._clock() - quiet_since >= REACTION_MS:
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def _capture(self, microphone: Microphone) -> None:
        async for chunk in microphone.chunks():
            audio = base64.b64encode(chunk.astype("<i2").tobytes()).decode()
            await self.send({"type": "input_audio_buffer.append", "audio": audio})

    async def _receive(self) -> None:
        try:
            async for received in self._connection:
                event = received.to_dict(mode="json")
                self._observe("server", event, self._clock())
                self.floor.received(event)
                await self._react(event)
        except ConnectionClosed as closed:
            raise hung_up(closed) from closed
        raise Trouble("the server closed the connection: its log says why")

    async def _react(self, event: Event) -> None:
        match event["type"]:
            case "response.output_audio.delta":
                pcm = np.frombuffer(base64.b64decode(event["delta"]), dtype="<i2")
                self._speaker.play(Part(event["item_id"], event["content_index"]), pcm)
            case "input_audio_buffer.speech_started":
                for cut in self._speaker.cut():
                    truncate = {
                        "item_id": cut.part.item_id,
                        "content_index": cut.part.content_index,
                        "audio_end_ms": cut.heard_ms,
                    }
                    await self.send({"type": "conversation.item.truncate", **truncate})
            case "response.done":
                await self._carry_out(function_calls(event["response"]))
            case _:
                pass

    async def _carry_out(self, calls: list[Event]) -> None:
        for call in calls:
            output = json.dumps(self._output(call))
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            await self.send({"type": "conversation.item.create", "item": item})
        if calls:
            await self.send({"type": "response.create"})

    def _output(self, call: Event) -> Event:
        tool = self._tools.get(call["name"])
        if tool is None:
            return {"error": f"there is no function {call['name']}"}
        try:
            arguments = json.loads(call["arguments"])
        except ValueError:
            return {"error": "the arguments are not JSON"}
        return tool(arguments)


def hung_up(closed: ConnectionClosed) -> Trouble:
    """Return what to say of a server that has closed the connection."""
    close = closed.rcvd
    reason = f"{close.code} {close.reason}".strip() if close is not None else "without a word"
    return Trouble(f"the server closed the connection: {reason}")

"""A guest at the coffee bar: speaks a recorded order through the official client, and says yes when the bar has answered.

The guest knows nothing of the order: whatever the agent reads back or asks, it hears it out and says the same recorded yes.
"""

from __future__ import annotations

import asyncio
import json
import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from bench.client import Microphone
from bench.speech import RATE_HZ, Samples
from vivavoce.cli.coffee_bar import INSTRUCTIONS, ORDER_DRINK

MOST_YESES: Final = 3
"""After so many the guest leaves without a drink."""

_ANSWER_WITHIN_S: Final = 12.0
_RECOGNIZED_WITHIN_S: Final = 3.0
_BREATH_S: Final = 0.3
"""Between the end of what the agent says and the yes."""

DEFINITION: Final = (
    "An order is what the agent calls the tool with, once the guest has agreed: the clip is spoken as recorded, the agent's answer is "
    f"heard out, and the guest says the same recorded yes to whatever it was, {MOST_YESES} times at most. Session defaults, the "
    "coffee bar's instructions and tool; only the drink is required, for most recordings name no size."
)


def order_tool() -> dict[str, Any]:
    """Return the coffee bar's tool with nothing but the drink required."""
    tool = deepcopy(ORDER_DRINK)
    tool["parameters"]["required"] = ["coffeeDrink"]
    return tool


@dataclass(slots=True)
class Visit:
    """What came of it."""

    transcript: str = ""
    """What the recognizer understood of the recording."""
    arguments: dict[str, Any] | None = None
    recognition_ms: list[float] = field(default_factory=list)
    """`speech_stopped` to the transcript, each turn, yeses included."""
    answers: list[str] = field(default_factory=list)
    yeses: int = 0
    failures: int = 0
    """Responses the server failed to give."""
    turns: int = 0
    """Turns the recording was taken for."""


class Guest:
    """One visit.

    Args:
        connection: an open session of the official client.
        seed: where within a chunk the speech begins.
        floor: held while speaking, so that no more guests speak at once than the machine has recognizers.
    """

    def __init__(self, connection: AsyncRealtimeConnection, seed: int, floor: asyncio.Semaphore) -> None:
        self._connection = connection
        self._floor = floor
        self._microphone = Microphone(self._append, seed, noise_rms=0.0)
        self._visit = Visit()
        self._stopped_s: dict[str, float] = {}
        self._transcripts: dict[str, str] = {}
        self._speaking = False
        self._responding = False
        self._responses = 0
        self._quiet_s = 0.0
        """When the agent's voice will have ended in the guest's ear."""

    async def order(self, clip: Samples, yes: Samples, detection: str) -> Visit:
        """Speak the order and agree to what is read back."""
        listening = asyncio.create_task(self._listen())
        await self._connection.session.update(session=_session(detection))  # type: ignore[arg-type]
        speaking = asyncio.create_task(self._microphone.run())
        try:
            await self._say(clip)
            while await self._answered() and self._visit.arguments is None:
                if not self._visit.yeses:
                    self._visit.transcript = " ".join(self._transcripts.values())
                    self._visit.turns = len(self._stopped_s)
                if self._visit.yeses == MOST_YESES:
                    break
                self._visit.yeses += 1
                self._responses = 0
                await self._say(yes)
            self._visit.transcript = self._visit.transcript or " ".join(self._transcripts.values())
        finally:
            for task in (listening, speaking):
                task.cancel()
            await asyncio.gather(listening, speaking, return_exceptions=True)
        return self._visit

    async def _append(self, audio: str) -> None:
        await self._connection.input_audio_buffer.append(audio=audio)

    async def _say(self, speech: Samples) -> None:
        """Speak, and wait until that has been taken for a turn and recognized, or it is clear that it will not be."""
        async with self._floor:
            _, end = self._microphone.say(speech, after_s=_BREATH_S)
            await asyncio.sleep(self._microphone.moment(end) - time.perf_counter())
            patience = time.perf_counter() + _RECOGNIZED_WITHIN_S
            while self._speaking or self._stopped_s.keys() - self._transcripts.keys() or not self._stopped_s:
                if time.perf_counter() > patience:
                    return
                await asyncio.sleep(0.02)

    async def _answered(self) -> bool:
        """Wait until the agent has answered and been heard out."""
        deadline = time.perf_counter() + _ANSWER_WITHIN_S
        while (now := time.perf_counter()) < max(deadline, self._quiet_s + _BREATH_S):
            idle = not self._speaking and not self._responding and now > self._quiet_s
            if idle and (self._responses or self._visit.arguments is not None):
                return True
            await asyncio.sleep(0.02)
        return False

    async def _listen(self) -> None:
        async for event in self._connection:
            self._take(event, time.perf_counter())

    def _take(self, event: RealtimeServerEvent, now: float) -> None:
        match event.type:
            case "input_audio_buffer.speech_started":
                self._speaking, self._quiet_s = True, now
            case "input_audio_buffer.speech_stopped":
                self._speaking = False
                self._stopped_s[event.item_id] = now
            case "conversation.item.input_audio_transcription.completed":
                self._transcripts[event.item_id] = event.transcript
                if event.item_id in self._stopped_s:
                    self._visit.recognition_ms.append((now - self._stopped_s[event.item_id]) * 1000)
            case "response.created":
                self._responding = True
            case "response.output_audio.delta":
                self._quiet_s = max(self._quiet_s, now) + len(event.delta) * 3 / 4 / 2 / RATE_HZ
            case "response.output_audio_transcript.done":
                self._visit.answers.append(event.transcript)
            case "response.function_call_arguments.done":
                self._visit.arguments = json.loads(event.arguments)
            case "response.done":
                self._responding = False
                self._responses += event.response.status == "completed"
                self._visit.failures += event.response.status == "failed"


def _session(detection: str) -> dict[str, Any]:
    listening: dict[str, Any] = {"transcription": {"model": "whisper-1"}}
    if detection != "server_vad":
        listening["turn_detection"] = {"type": detection}
    return {"type": "realtime", "instructions": INSTRUCTIONS, "tools": [order_tool()], "audio": {"input": listening}}


async def visit(client: AsyncOpenAI, clip: Samples, yes: Samples, seed: int, floor: asyncio.Semaphore, detection: str) -> Visit:
    """Open a session, order, and leave."""
    async with client.realtime.connect(model="gpt-realtime") as connection:
        return await Guest(connection, seed, floor).order(clip, yes, detection)

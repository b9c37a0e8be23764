"""The call itself: the guest, the official client, a real server, and everything noted down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from rich.console import Console

from vivavoce.audio.wav import write_wav
from vivavoce.cli.call.call import Call
from vivavoce.cli.call.clock import SAMPLE_RATE_HZ, start_clock
from vivavoce.cli.call.connect import connected
from vivavoce.cli.call.microphone import VirtualMicrophone
from vivavoce.cli.call.speaker import VirtualSpeaker
from vivavoce.cli.call.story import Line, Story
from vivavoce.cli.call.together import until_one_ends
from vivavoce.cli.call.view import LiveView, PlainView, View
from vivavoce.cli.coffee_bar import INSTRUCTIONS, MODEL, ORDER_DRINK
from vivavoce.cli.demo.caller import AGENT_VOICE, Caller
from vivavoce.cli.demo.order import Counter, Order
from vivavoce.cli.demo.recording import EventLog, mix

PATIENCE_S: Final = 30.0
"""How long the caller waits for an answer, heard to its end, before saying something again."""

LEAD_IN_S: Final = 0.7
"""Between the connection and the first word, as on the telephone."""


class Conversation:
    """One call, from the first hello to what is left of it on disk.

    Args:
        caller: who calls.
        folder: where `demo.wav` and `demo.events.jsonl` go.
        console: where it is shown; live if it is a terminal and `live` is set.
        live: see there.
        turn_detection: `server_vad` or `semantic_vad`: how the server tells that the caller has finished.
    """

    def __init__(self, caller: Caller, folder: Path, console: Console, *, live: bool, turn_detection: str = "server_vad") -> None:
        self.story = Story()
        self.counter = Counter()
        self.recording = folder / "demo.wav"
        self.events = folder / "demo.events.jsonl"
        self._caller = caller
        self._turn_detection = turn_detection
        self._clock: Callable[[], float] = start_clock()
        self._microphone = VirtualMicrophone(self._now)
        self._speaker = VirtualSpeaker(self._now)
        self._view: View = (
            LiveView(console, self.story, self._now, self._sounds) if live and console.is_terminal else PlainView(console)
        )

    async def hold(self, address: str, api_key: str) -> None:
        """Hold the call until the caller hangs up; write down whatever there was of it in any case.

        Raises:
            Trouble: the caller has no voice, or the server refused or hung up.
        """
        with EventLog(self.events) as log, self._view:
            try:
                await self._caller.warm()
                async with connected(address, MODEL, api_key) as connection:
                    self._clock = start_clock()
                    call = Call(
                        connection,
                        self._speaker,
                        self._now,
                        lambda sender, event, at_ms: self._observe(log, sender, event, at_ms),
                        tools={"orderDrink": self.counter.order_drink},
                        microphone=self._microphone,
                    )
                    await call.send({"type": "session.update", "session": session(self._turn_detection)})
                    await until_one_ends(call.run(), self._converse(call))
            finally:
                await self._caller.close()
                write_wav(self.recording, mix(self._microphone.captured, self._speaker.heard), SAMPLE_RATE_HZ)

    def failure(self) -> str | None:
        """Return in one line why the call was no success, None if it was one."""
        return shortcoming(self._caller.wanted, self.counter.orders, answered=self.story.output_was_answered)

    async def _converse(self, call: Call) -> None:
        await asyncio.sleep(LEAD_IN_S)
        answer = ""
        while utterance := await self._caller.next(answer, ordered=bool(self.counter.orders)):
            answers = call.floor.answers
            self.story.caller_begins(utterance.label, self._now())
            spoken = await self._microphone.say(utterance.pcm)
            self._view.show(self.story.caller_ends(spoken.end_ms))
            if not await call.answered(answers, PATIENCE_S):
                self._view.show([Line(self._now(), "note", f"no answer within {PATIENCE_S:.0f} s")])
            answer = self.story.answer

    def _observe(self, log: EventLog, sender: Literal["client", "server"], event: Mapping[str, Any], at_ms: float) -> None:
        log.write(sender, event, at_ms)
        self._view.show(self.story.sent(event, at_ms) if sender == "client" else self.story.received(event, at_ms))

    def _now(self) -> float:
        return self._clock()

    def _sounds(self) -> bool:
        return self._speaker.left_ms() > 0


TUNING: Final = {"server_vad": {"silence_duration_ms": 400}}
"""Short orders, spoken without hesitation, need less silence than the default 500 ms."""


def session(turn_detection: str) -> Mapping[str, Any]:
    """Return the session of the coffee bar, as a developer would configure it."""
    pcm = {"type": "audio/pcm", "rate": SAMPLE_RATE_HZ}
    return {
        "type": "realtime",
        "instructions": INSTRUCTIONS,
        "tools": [ORDER_DRINK],
        "audio": {
            "input": {
                "format": pcm,
                "transcription": {"model": "gpt-4o-transcribe"},
                "turn_detection": {"type": turn_detection, **TUNING.get(turn_detection, {})},
            },
            "output": {"format": pcm, "voice": AGENT_VOICE, "speed": 1.2},
        },
    }


def shortcoming(wanted: Order | None, orders: list[Mapping[str, Any]], *, answered: bool) -> str | None:
    """Return why a call was no success: its purpose was one order, the right one, and a word about it.

    Args:
        wanted: what the caller wanted; None if only the caller knows.
        orders: the arguments of every call of `orderDrink`.
        answered: whether the agent spoke after the last one.
    """
    if not orders:
        return "no order was placed"
    if wanted is not None and len(orders) > 1:
        return f"{len(orders)} orders were placed instead of one"
    if wanted is not None and not wanted.is_met_by(orders[0]):
        got = f"{orders[0].get('size', 'no size')} {orders[0].get('coffeeDrink', 'nothing')}"
        return f"the wrong order was placed: {got} instead of {wanted.size} {wanted.drink}"
    if not answered:
        return "the order was placed, but the agent did not say so"
    return None

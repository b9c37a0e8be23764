"""A call over WebRTC, as its session sees it: events over the data channel, audio over the track, and a playout that reports.

The media process owns sockets, codecs and the playout clock; `Leg` is the way there. Here its reports become inputs of the session, and
the session's effects become orders for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from vivavoce.core import effects, inputs
from vivavoce.core.front import OWNER
from vivavoce.protocol.client_events import Parse
from vivavoce.sessions.runner import SessionRunner
from vivavoce.transports.dialect import Dialect
from vivavoce.transports.webrtc.fitting import fitted
from vivavoce.transports.webrtc.leg import Leg

_log = structlog.get_logger("vivavoce.call")

STALL_S: Final = 20.0
"""How long the peer may leave a full data channel unread before it is cut off (I10)."""

AHEAD_S: Final = 30.0
"""How much audio may wait to be played before voices pause: half a minute is 1.4 MB."""

ENDING_S: Final = 10.0
"""How long a leg that was told to close may take to say that it has."""

HOLD_MESSAGES: Final = 256
HOLD_BYTES: Final = 1024 * 1024
"""Messages of the peer that wait to be handled, beyond which no more are taken from it for now."""

NORMAL: Final = 1000

_BYTES_PER_S: Final = 48_000


class CallOutlet:
    """The way to the peer of a call.

    Args:
        dialect: the peer's spelling of events, if it is not today's.
    """

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.dialect = dialect
        self._leg: Leg | None = None
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._plays_until_s = 0.0
        self._flushed = asyncio.Event()
        self.performers: dict[type, Callable[[Any], None]] = {
            effects.Play: self._play,
            effects.EndPlay: lambda e: self._on_leg(lambda leg: leg.end_play(e.response_id)),
            effects.FlushPlayback: self._flush,
        }

    def attach(self, leg: Leg) -> None:
        """Learn which leg leads to the peer; until then nothing is sent."""
        self._leg = leg
        if self._closing:
            leg.close()

    def send(self, event: dict[str, Any], to: int | None = None) -> None:
        """Queue an event; once closing has begun it is dropped. There is one client here, whoever it is `to`."""
        leg = self._leg
        if leg is None or self._closing or not leg.max_message_bytes:  # no data channel was offered
            return
        for told in (event,) if self.dialect is None else self.dialect.give(event):
            leg.send(fitted(told, leg.max_message_bytes).decode())

    async def room(self) -> None:
        """Wait until the data channel has room, and no more than `AHEAD_S` of audio waits to be played."""
        await self.relief()
        while (early_s := self._plays_until_s - self._loop.time() - AHEAD_S) > 0:
            self._flushed.clear()
            try:
                async with asyncio.timeout(early_s):
                    await self._flushed.wait()
            except TimeoutError:
                continue

    async def relief(self) -> None:
        """Wait until the data channel has room; a peer that reads nothing for `STALL_S` is cut off."""
        if self._leg is None:
            return
        try:
            async with asyncio.timeout(STALL_S):
                await self._leg.room()
        except TimeoutError:
            _log.info("peer stalled")
            self.hang_up()

    def close(self, code: int, reason: str) -> None:
        """Close the leg. An orderly end lets what is queued be heard first; every other one is now."""
        if self._closing:
            return
        self._closing = True
        left_s = self._plays_until_s - self._loop.time()
        if code == NORMAL and left_s > 0:
            self._loop.call_later(left_s, self.hang_up)
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the leg now."""
        self._closing = True
        if self._leg is not None:
            self._leg.close()

    def hold(self) -> None:
        """Take no more messages from the peer for now."""
        self._on_leg(lambda leg: leg.hold())

    def resume(self) -> None:
        """Take messages again."""
        self._on_leg(lambda leg: leg.resume())

    def _on_leg(self, order: Callable[[Leg], None]) -> None:
        if self._leg is not None:
            order(self._leg)

    def _play(self, effect: effects.Play) -> None:
        # The track plays in real time and without a break, so when it will be done is known here, a process away from it.
        now_s = self._loop.time()
        self._plays_until_s = max(now_s, self._plays_until_s) + len(effect.audio) / _BYTES_PER_S
        self._on_leg(lambda leg: leg.play(effect.response_id, effect.item_id, effect.audio))

    def _flush(self, effect: effects.FlushPlayback) -> None:
        self._plays_until_s = 0.0
        self._flushed.set()
        self._on_leg(lambda leg: leg.flush(effect.token))


class CallEvents:
    """What comes from a leg, on its way into the session. What comes before there is one waits, audio apart.

    Args:
        outlet: the way back.
    """

    def __init__(self, outlet: CallOutlet) -> None:
        self.reason = ""
        self.over = asyncio.Event()
        self._outlet = outlet
        self._runner: SessionRunner | None = None
        self._messages: deque[str | bytes] = deque()
        self._waiting_bytes = 0
        self._came = asyncio.Event()

    def attach(self, runner: SessionRunner) -> None:
        """Learn whose events these are."""
        self._runner = runner

    async def read(self, runner: SessionRunner, parse: Parse) -> None:
        """Handle the peer's messages, one after another, until cancelled."""
        translate = None if self._outlet.dialect is None else self._outlet.dialect.take
        while True:
            while not self._messages:
                self._came.clear()
                await self._came.wait()
            data = self._messages.popleft()
            self._waiting_bytes -= len(data)
            if not self._messages:
                self._outlet.resume()
            await runner.receive(parse(data, translate), OWNER)
            await self._outlet.relief()

    # --- called by the leg ------------------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Take note that events reach the peer from now on; what was queued for it goes by itself."""

    def audio(self, pcm: bytes) -> None:
        """Take audio of the peer's track."""
        if self._runner is not None:
            self._runner.hear(pcm)

    def message(self, data: str | bytes) -> None:
        """Take a message of the peer's."""
        self._messages.append(data)
        self._waiting_bytes += len(data)
        if len(self._messages) > HOLD_MESSAGES or self._waiting_bytes > HOLD_BYTES:
            self._outlet.hold()
        self._came.set()

    def started(self, response_id: str) -> None:
        """Take note that a response is being heard."""
        self._put(inputs.PlaybackStarted(response_id))

    def stopped(self, response_id: str) -> None:
        """Take note that all of a response has been heard."""
        self._put(inputs.PlaybackStopped(response_id))

    def cut(self, token: int, cuts: Sequence[tuple[str, str, float]]) -> None:
        """Take the report of a flush."""
        self._put(inputs.PlaybackCut(token, tuple(inputs.Cut(*each) for each in cuts)))

    def closed(self, reason: str) -> None:
        """Take the end of the leg."""
        self.reason = reason
        self.over.set()

    def _put(self, event: inputs.Input) -> None:
        if self._runner is not None:
            self._runner.inbox.put(event)


async def serve(runner: SessionRunner, events: CallEvents, outlet: CallOutlet, parse: Parse) -> None:
    """Serve a call's session until its leg is closed, whoever closes it.

    Args:
        runner: runs the session.
        events: what comes from the leg.
        outlet: the way to the peer, the leg attached.
        parse: makes events of the peer's messages; it depends on the kind of session.
    """
    runner.add(outlet.performers)
    events.attach(runner)
    session = asyncio.create_task(runner.run())
    reading = asyncio.create_task(events.read(runner, parse))
    over = asyncio.create_task(events.over.wait())
    try:
        await asyncio.wait((over, reading), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            runner.log.info("call ended", reason=events.reason)
    finally:
        for task in (reading, session, over):
            task.cancel()
        ended = await asyncio.gather(reading, session, over, return_exceptions=True)
        outlet.hang_up()
        if isinstance(ended[0], Exception):
            runner.log.error("reading from a call crashed", exc_info=ended[0])
        try:
            async with asyncio.timeout(ENDING_S):
                await events.over.wait()
        except TimeoutError:
            runner.log.warning("a leg did not say that it is closed")

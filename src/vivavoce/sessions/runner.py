"""The runner of a session: one loop takes an input, has the core handle it, and performs the effects, in order.

Nothing else touches the core. Engine jobs are tasks that put inputs into the inbox under the number they were started with; when the
session ends they are cancelled and waited for, so that nothing of a session outlives it. Every kind of session listens (`Listener`);
what else a kind does is performed by what is added with `add`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import structlog

from vivavoce.core import effects, inputs
from vivavoce.core.effects import Effect
from vivavoce.core.front import OWNER
from vivavoce.core.inputs import Input
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.client_events import ClientEvent, Refused, type_of
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.inbox import Inbox
from vivavoce.sessions.listening import Listener
from vivavoce.sessions.meter import SessionMeter
from vivavoce.sessions.outlet import Outlet
from vivavoce.sessions.records import SessionRecord

INTERNAL_ERROR: Final = 1011

MOST_WAITING: Final = 1_500
"""Inputs waiting beyond which audio of a media track is dropped: half a minute of its frames."""

FARTHEST_BEHIND_MS: Final = 60_000
"""Audio waiting to be listened to beyond which audio of a media track is dropped: who speaks now cannot be asked to wait."""

Performers = Mapping[type, Callable[[Any], None]]


class Core(Protocol):
    """A session's state machine."""

    def start(self, update: dict[str, Any] | None = None) -> list[Effect]:
        """Open the session, with a configuration already agreed on if there is one."""
        ...

    def handle(self, event: Input, now_ms: float) -> list[Effect]:
        """Take one input at a session time in ms; return what is to be done about it."""
        ...

    def release(self) -> None:
        """Let go of what takes memory: the session is over."""
        ...


class SessionRunner:
    """One session from `session.created` to the end of its socket.

    Args:
        session_id: the session's id.
        core: its state machine.
        listener: its listening engines; it is told where to put its inputs.
        outlet: the way to the client.
        meter: counts and times what happens.
        caller: who it is for.
        record: the session's books.
    """

    def __init__(
        self,
        session_id: str,
        core: Core,
        listener: Listener,
        outlet: Outlet,
        meter: SessionMeter,
        caller: Caller,
        record: SessionRecord,
    ) -> None:
        self.inbox = Inbox()
        self.caller = caller
        self.meter = meter
        self.record = record
        self.log = structlog.get_logger("vivavoce.session").bind(session=session_id, **caller.names())
        self._id = session_id
        self._core = core
        self._outlet = outlet
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaf = False
        self._rooms: list[Callable[[], Awaitable[None]]] = [listener.room]
        self._performers: dict[type, Callable[[Any], None]] = {
            effects.Send: self._send,
            effects.SetTimer: self._set_timer,
            effects.Close: self._close,
            effects.Note: self._note,
            effects.Transcribed: self._transcribed,
        }
        listener.attach(self.inbox.put, self.start)
        self.add(listener.performers)

    def add(self, performers: Performers, room: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let these effects be performed too; `room` waits until whoever performs them can take more from the client."""
        self._performers.update(performers)
        if room is not None:
            self._rooms.append(room)

    async def receive(self, event: ClientEvent, sender: int = OWNER) -> None:
        """Take a client's event; return once it has been handled (its answers are queued then) and there is room for another."""
        refused = event.fault.code if isinstance(event, Refused) else None
        self.log.debug("received", type=type_of(event), event_id=event.event_id, refused=refused)
        self.inbox.put(inputs.Received(event, sender))
        await self.inbox.handled()
        for room in self._rooms:
            await room()

    def hear(self, audio: bytes) -> None:
        """Take audio of a media track: s16le mono at 24 kHz.

        It comes as it is spoken and cannot be asked to wait: what comes while the session is hopelessly behind is dropped, and noted.
        """
        deaf = len(self.inbox) > MOST_WAITING or self._listener.waiting_ms > FARTHEST_BEHIND_MS
        if deaf and not self._deaf:
            self.log.warning("audio dropped: the session is too far behind", waiting_ms=round(self._listener.waiting_ms))
            self.meter.noted("audio dropped")
        self._deaf = deaf
        if not deaf:
            self.inbox.put(inputs.TrackAudio(audio))

    async def run(self) -> None:
        """Run until cancelled: the transport cancels it when the client is gone."""
        try:
            self._perform(self._core.start(self.caller.session))
            while True:
                event = await self.inbox.get()
                self.handle(event)
                if isinstance(event, inputs.VadFrame):
                    self._listener.handled(event.epoch)
        except Exception:
            self.log.exception("session crashed")
            self._outlet.send(events.stamp(events.error(errors.internal().wire(None)), "event_internal"))
            self._outlet.close(INTERNAL_ERROR, "internal error")
        finally:
            self.inbox.release()
            await self._end()

    def handle(self, event: Input) -> None:
        """Handle an input at once: for what must come right after what is being performed. Everything else goes through the inbox."""
        self._perform(self._core.handle(event, (self._loop.time() - self._began) * 1000))

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a job that ends with the session at the latest."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def room(self) -> None:
        """Wait until neither the core nor the client is behind."""
        await self.inbox.room()
        await self._outlet.room()

    async def _end(self) -> None:
        self._listener.stop()
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._core.release()
        self.meter.ended()
        self.record.ended()

    def _perform(self, wanted: list[Effect]) -> None:
        for effect in wanted:
            self._performers[type(effect)](effect)

    # --- performing -------------------------------------------------------------------------------------------------------------

    def _send(self, effect: effects.Send) -> None:
        self.meter.sent(effect.event, self._loop.time())
        self.log.debug("sent", type=effect.event["type"], event_id=effect.event["event_id"])
        self._outlet.send(effect.event, effect.to)

    def _set_timer(self, effect: effects.SetTimer) -> None:
        running = self._timers.pop(effect.name, None)
        if running is not None:
            running.cancel()
        fired = inputs.TimerFired(effect.name, effect.token)
        self._timers[effect.name] = self._loop.call_later(effect.delay_ms / 1000, self.inbox.put, fired)

    def _close(self, effect: effects.Close) -> None:
        fatal = effect.fatal
        if fatal.error is not None:
            self._outlet.send(events.stamp(events.error(fatal.error.wire(None)), f"event_{self._id}_end"))
        self._outlet.close(fatal.close_code, fatal.reason)

    def _note(self, effect: effects.Note) -> None:
        self.log.warning(effect.what, **effect.fields)
        self.meter.noted(effect.what)

    def _transcribed(self, effect: effects.Transcribed) -> None:
        self.meter.paid(self.record.transcribed(effect.model, effect.seconds))

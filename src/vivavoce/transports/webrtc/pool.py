"""The media processes: calls go to the one that carries fewest, and one that has died is replaced at the next call."""

from __future__ import annotations

import asyncio

from vivavoce.settings import WebRtcSettings
from vivavoce.transports.webrtc.faults import EdgeFault
from vivavoce.transports.webrtc.leg import Leg, LegEvents
from vivavoce.transports.webrtc.process import EdgeProcess


class _Place:
    """Room for one process, started when first needed."""

    def __init__(self) -> None:
        self.process: EdgeProcess | None = None
        self.turn = asyncio.Lock()
        self.coming = 0
        """Calls on their way to it."""

    @property
    def load(self) -> int:
        """Calls it carries or is about to."""
        return self.coming + (0 if self.process is None or self.process.lost else self.process.calls)


class EdgePool:
    """Takes calls. One for a server; no process runs before the first call.

    Args:
        settings: the operator's. `loopback` counts as off where it is left open.
    """

    def __init__(self, settings: WebRtcSettings) -> None:
        self._settings = settings
        self._places = [_Place() for _ in range(max(1, settings.processes))]
        self._starting: set[asyncio.Task[EdgeProcess]] = set()
        self._closed = False

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return sum(place.load for place in self._places)

    async def open(self, offer: str, events: LegEvents) -> tuple[Leg, str]:
        """Take a call.

        Args:
            offer: the client's SDP.
            events: what is told of the call from now on. Its `closed` is called if and only if this returns.

        Returns:
            The call and the SDP answer.

        Raises:
            OfferRefused: the offer cannot be answered.
            EdgeFault: no process can take it.
        """
        place = min(self._places, key=lambda place: place.load)
        place.coming += 1
        try:
            process = await self._running(place)
            try:
                return await process.open(offer, events)
            except EdgeFault:
                if not process.lost:
                    raise
            # A process that died is found out only now: once more, with a new one.
            return await (await self._running(place)).open(offer, events)
        finally:
            place.coming -= 1

    async def close(self) -> None:
        """End every process and call, for good. Idempotent."""
        self._closed = True
        for place in self._places:
            async with place.turn:
                if place.process is not None:
                    await place.process.close()

    async def _running(self, place: _Place) -> EdgeProcess:
        # A caller that gives up must not end a process half started: it goes on, for the next one.
        task = asyncio.ensure_future(self._start(place))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return await asyncio.shield(task)

    async def _start(self, place: _Place) -> EdgeProcess:
        async with place.turn:
            if self._closed:
                raise EdgeFault("the server is closing")
            if place.process is not None and place.process.lost:
                await place.process.close()  # reaped
                place.process = None
            if place.process is None:
                place.process = await EdgeProcess.start(self._settings)
            return place.process

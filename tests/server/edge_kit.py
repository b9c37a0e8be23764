"""Media processes that are none, for what the real ones do not do on demand: fail, hang, or have a peer that reads nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kit import Client, Serving
from vivavoce.transports.webrtc.leg import LegEvents

ANSWER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"


class StandInLeg:
    """A leg whose peer is the test: it reads what was sent, and says what happened."""

    def __init__(self, events: LegEvents, most_bytes: int) -> None:
        self.max_message_bytes = most_bytes
        self.events = events
        self.sent: asyncio.Queue[str] = asyncio.Queue()
        self.orders: list[tuple[Any, ...]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.held = False
        self.closed = False
        self.hangs = False
        self.client = Client(self._put, self.sent.get)

    async def _put(self, frame: str | bytes) -> None:
        self.events.message(frame)

    def send(self, text: str) -> None:
        assert len(text.encode()) <= self.max_message_bytes
        if not self.closed:
            self.sent.put_nowait(text)

    async def room(self) -> None:
        await self.reads.wait()

    def play(self, response_id: str, item_id: str, pcm: bytes) -> None:
        self.orders.append(("play", response_id, item_id, pcm))

    def end_play(self, response_id: str) -> None:
        self.orders.append(("end", response_id))

    def flush(self, token: int) -> None:
        self.orders.append(("flush", token))

    def hold(self) -> None:
        self.held = True

    def resume(self) -> None:
        self.held = False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.reads.set()
            if not self.hangs:
                asyncio.get_running_loop().call_soon(self.events.closed, "hung up by the server")

    def over(self, reason: str = "the peer has gone") -> None:
        """The peer goes."""
        self.closed = True
        self.reads.set()
        self.events.closed(reason)

    def told(self) -> list[str]:
        """Return the types of what was sent and not read."""
        return [json.loads(self.sent.get_nowait())["type"] for _ in range(self.sent.qsize())]


@dataclass
class StandInEdges:
    """A pool of them.

    Attributes:
        most_bytes: what their peers' data channels take.
        fails: raised by the next offers.
    """

    most_bytes: int = 262_144
    fails: Exception | None = None
    legs: list[StandInLeg] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(not leg.closed for leg in self.legs)

    async def open(self, offer: str, events: LegEvents) -> tuple[StandInLeg, str]:
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        self.offers.append(offer)
        self.legs.append(StandInLeg(events, self.most_bytes))
        return self.legs[-1], ANSWER

    async def close(self) -> None:
        return


def stand_in(server: Serving, **options: Any) -> StandInEdges:
    """Put stand-ins in the place of a server's media processes."""
    edges = StandInEdges(**options)
    server.server.config.app.state.edges = edges  # type: ignore[union-attr]
    return edges


__all__: Sequence[str] = ("ANSWER", "StandInEdges", "StandInLeg", "stand_in")

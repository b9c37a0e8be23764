"""Room in memory for large request bodies: however many come at once, only so many bytes of them are here.

A body that finds none waits outside: nothing is read from its connection meanwhile, so it costs nothing to let it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from vivavoce.protocol import errors

MOST_BYTES: Final = 128 * 1024 * 1024
"""All large bodies together: four of the longest. What is made of a body takes up to twice as much again while it is decoded."""

PATIENCE_S: Final = 60.0
"""How long a body waits for room, as files do for their turn."""

_KEY: Final = "vivavoce.room"


class Room:
    """So many bytes, given out first come, first served.

    Args:
        most_bytes: all there is.
        patience_s: how long one waits for room.

    Attributes:
        free: bytes that nobody has.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, patience_s: float = PATIENCE_S) -> None:
        self.free = most_bytes
        self._patience_s = patience_s
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> None:
        """Take so many bytes, no more than all there is.

        Raises:
            ClientFault: there were none in time.
        """
        if not self._waiting and size <= self.free:
            self.free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(self._patience_s):
                await turn
        except TimeoutError as error:
            self._leave(size, turn)
            raise errors.overloaded("large requests have to wait for each other") from error
        except asyncio.CancelledError:
            self._leave(size, turn)
            raise

    def give(self, size: int) -> None:
        """Give bytes back."""
        self.free += size
        while self._waiting and self._waiting[0][0] <= self.free:
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self.free -= wanted
                turn.set_result(None)

    def _leave(self, size: int, turn: asyncio.Future[None]) -> None:
        """Leave the line; whoever is behind may go on."""
        got = turn.done() and not turn.cancelled()
        self._waiting = deque(each for each in self._waiting if each[1] is not turn)
        self.give(size if got else 0)


class RoomForBodies:
    """The middleware that gives back what a request took, when its answer has been sent.

    Args:
        app: what answers.
        room: the room; one of its own by default.
    """

    def __init__(self, app: ASGIApp, room: Room | None = None) -> None:
        self._app = app
        self._room = room or Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held = scope[_KEY] = _Held(self._room)
        try:
            await self._app(scope, receive, send)
        finally:
            self._room.give(held.size)


class _Held:
    """What one request has taken of the room."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.size = 0


async def take_room(request: Request, size: int) -> None:
    """Take room for a body, until its request has been answered.

    Raises:
        ClientFault: there is none.
    """
    held: _Held = request.scope[_KEY]
    await held.room.take(size)
    held.size += size

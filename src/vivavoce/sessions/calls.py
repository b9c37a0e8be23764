"""The calls that are up now: sessions whose audio comes over a media track, found by their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from vivavoce.protocol import errors
from vivavoce.protocol.client_events import Parse
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.meter import Metrics
from vivavoce.sessions.party import Party
from vivavoce.sessions.runner import SessionRunner


def call_id_of(session_id: str) -> str:
    """Return the id of the call that carries a session: the same tail under another prefix. Source: wire reference, id shapes."""
    return f"rtc_{session_id.removeprefix('sess_')}"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call.

    Attributes:
        kind: of its session: `agent`, `transcription` or `translation`.
        party: its clients.
        parse: makes events of their frames.
        hang_up: ends the media at once.
    """

    id: str
    kind: str
    caller: Caller
    runner: SessionRunner
    party: Party
    parse: Parse
    hang_up: Callable[[], None]

    def belongs_to(self, caller: Caller) -> bool:
        """Tell whether a caller may see it: who has its key, or the client secret that opened it."""
        return caller.key == self.caller.key and caller.secret in (None, self.caller.secret)


class Calls:
    """The registry of a process.

    Args:
        metrics: counts calls.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._calls: dict[str, Call] = {}
        self._lives: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._lives)

    def begin(self, call: Call, life: Coroutine[Any, Any, None]) -> None:
        """Let a call be found for as long as its life runs."""
        self._calls[call.id] = call
        self._metrics.call_began(call.kind)
        task = asyncio.create_task(life)
        self._lives.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._lives.discard(task)
            self.forget(call)
            self._metrics.call_ended(call.kind)
            if not task.cancelled() and task.exception() is not None:
                call.runner.log.error("call crashed", exc_info=task.exception())

        task.add_done_callback(over)

    def find(self, call_id: str, caller: Caller) -> Call:
        """Return a call that a caller may see.

        Raises:
            ClientFault: there is none with this id for it.
        """
        call = self._calls.get(call_id)
        if call is None or not call.belongs_to(caller):
            raise errors.call_not_found(call_id)
        return call

    def forget(self, call: Call) -> None:
        """Let a call be found no more: it is ending."""
        self._calls.pop(call.id, None)

    async def close(self) -> None:
        """End every call that is left, and wait for it."""
        lives = list(self._lives)
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)

"""The server's handle on one media process, and the calls it carries."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from itertools import count
from typing import Final

import structlog

from vivavoce import child_processes
from vivavoce.settings import WebRtcSettings
from vivavoce.transports.webrtc import messages
from vivavoce.transports.webrtc.faults import EdgeFault, OfferRefused
from vivavoce.transports.webrtc.leg import Leg, LegEvents
from vivavoce.transports.webrtc.link import Link
from vivavoce.transports.webrtc.messages import ToServer, decode_to_server

_log = structlog.get_logger("vivavoce.webrtc")

_EDGE: Final = "vivavoce.transports.webrtc.edge"
"""By name: importing it would load FFmpeg into the server."""
_START_S: Final = 30.0
"""It loads in less than a second; a cold disk on a small machine takes longer."""
_ANSWER_S: Final = 10.0
"""Gathering addresses takes milliseconds; asking a STUN server that is not there takes up to two seconds."""
_CHECK_S: Final = 4.0
_SILENT_CHECKS: Final = 4
"""A process that gives no sign of life between so many checks hangs. Counted in checks, so that a server that stood still itself does not
blame the process for it."""
_END_S: Final = 2.0
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
"""All that the process gets of the environment: it reads what strangers send, and should find no keys in it."""
_LOST: Final = "the media process has ended"
_CLOSING: Final = "the server is closing"


class EdgeProcess:
    """A running media process; made by `start`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._link: Link[ToServer] = Link(decode_to_server, self._take, self._gone)
        self._legs: dict[int, Leg] = {}
        self._answers: dict[int, asyncio.Future[messages.Answered]] = {}
        self._numbers = count(1)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._closing = False
        self._heard = False
        self._silent = 0
        self._check: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, settings: WebRtcSettings) -> EdgeProcess:
        """Start a process and wait until it takes calls.

        Raises:
            EdgeFault: it does not start.
        """
        ours, theirs = socket.socketpair()
        try:
            edge = cls(await asyncio.to_thread(_launch, theirs))
        except OSError as error:
            ours.close()
            raise EdgeFault(f"cannot start a media process: {error}") from error
        try:
            await edge._link.connect(ours)
            edge._link.send(_configuration(settings))
            async with asyncio.timeout(_START_S):
                await edge._ready
        except (OSError, TimeoutError, EdgeFault) as error:
            await edge.close()
            raise EdgeFault(f"a media process does not start: {str(error) or type(error).__name__}") from error
        edge._watch()
        return edge

    @property
    def lost(self) -> bool:
        """Whether the process is gone."""
        return self._ended.is_set()

    @property
    def calls(self) -> int:
        """How many calls it carries."""
        return len(self._legs)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    async def open(self, offer: str, events: LegEvents) -> tuple[Leg, str]:
        """Take a call.

        Raises:
            OfferRefused: the offer cannot be answered.
            EdgeFault: the process cannot take it.
        """
        if self.lost:
            raise EdgeFault(_LOST)
        number = next(self._numbers)
        leg = Leg(number, events, self._link.send, lambda: self._forget(number))
        answer: asyncio.Future[messages.Answered] = asyncio.get_running_loop().create_future()
        self._legs[number], self._answers[number] = leg, answer
        self._link.send(messages.Open(number, offer))
        try:
            async with asyncio.timeout(_ANSWER_S):
                return leg, (await answer).answer
        except TimeoutError as error:
            self._abandon(number)
            raise EdgeFault("the media process does not answer") from error
        except BaseException:
            self._abandon(number)
            raise

    async def close(self) -> None:
        """End the process and its calls. Idempotent."""
        self._closing = True
        self._link.close()
        await asyncio.to_thread(child_processes.wait, self._process, _END_S)
        self._gone(_CLOSING)

    def _forget(self, number: int) -> None:
        self._legs.pop(number, None)

    def _abandon(self, number: int) -> None:
        """Have done with a call that was never answered, or whose caller has gone."""
        self._answers.pop(number, None)
        if self._legs.pop(number, None) is not None:
            self._link.send(messages.Close(number))

    def _take(self, message: ToServer) -> None:
        self._heard = True
        match message:
            case messages.Answered(number):
                answer = self._answers.pop(number, None)
                if answer is not None and not answer.done():
                    self._legs[number].max_message_bytes = message.max_message_bytes
                    answer.set_result(message)
            case messages.Refused(number, reason, code):
                self._fail(number, OfferRefused(reason, code))
            case messages.Failed(number, reason):
                self._fail(number, EdgeFault(reason))
            case messages.Ready():
                if not self._ready.done():
                    self._ready.set_result(None)
            case messages.Alive():
                pass
            case _:
                leg = self._legs.get(message.call)
                if leg is not None:
                    leg.take(message)

    def _fail(self, number: int, error: Exception) -> None:
        self._legs.pop(number, None)
        answer = self._answers.pop(number, None)
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def _gone(self, reason: str) -> None:
        """End every call: the process has ended, or is made to."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self._check is not None:
            self._check.cancel()
        if not self._closing:
            self._process.kill()  # where the link is lost and the process is not, it hangs
            _log.warning("a media process has ended", calls=len(self._legs), cause=reason)
        if not self._ready.done():
            if self._closing:
                self._ready.cancel()  # nobody waits for it any more
            else:
                self._ready.set_exception(EdgeFault(reason))
        why = _CLOSING if self._closing else _LOST
        for number in list(self._answers):
            self._fail(number, EdgeFault(why))
        for leg in list(self._legs.values()):
            leg.end(why)

    def _watch(self) -> None:
        self._silent = 0 if self._heard else self._silent + 1
        self._heard = False
        if self._silent >= _SILENT_CHECKS:
            self._process.kill()
            self._link.close()
            return
        self._check = asyncio.get_running_loop().call_later(_CHECK_S, self._watch)


def _configuration(settings: WebRtcSettings) -> messages.Configure:
    servers = tuple(
        messages.Server(server.urls, server.username, server.credential.reveal() if server.credential else None)
        for server in settings.ice_servers
    )
    return messages.Configure(
        ports=settings.ports,
        public_address=settings.public_address,
        ice_servers=servers,
        connect_timeout_s=settings.connect_timeout_s,
        loopback=bool(settings.loopback),
        echo=settings.echo,
    )


def _launch(connection: socket.socket) -> subprocess.Popen[bytes]:
    with connection:
        return child_processes.launch(_EDGE, connection, environment=_PASSED_ON)

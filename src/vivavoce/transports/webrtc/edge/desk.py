"""The media process's side of the link to the server: what is wanted of which call."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Final

from vivavoce.transports.webrtc import messages
from vivavoce.transports.webrtc.edge.ice import Network
from vivavoce.transports.webrtc.edge.offer import read
from vivavoce.transports.webrtc.edge.peer import Peer
from vivavoce.transports.webrtc.faults import EdgeFault, OfferRefused
from vivavoce.transports.webrtc.link import Link
from vivavoce.transports.webrtc.messages import ToEdge, decode_to_edge

_log = logging.getLogger(__name__)

_ALIVE_S: Final = 2.0


class Desk:
    """Takes calls from the server for as long as the link lasts."""

    def __init__(self) -> None:
        self._link: Link[ToEdge] = Link(decode_to_edge, self._take, self._lost)
        self._settings: asyncio.Future[messages.Configure] = asyncio.get_running_loop().create_future()
        self._network: asyncio.Task[Network] | None = None
        self._peers: dict[int, Peer] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._gone = asyncio.Event()

    async def serve(self, connection: socket.socket) -> None:
        """Serve until the server hangs up; then end every call."""
        await self._link.connect(connection)
        self._link.send(messages.Ready())
        while not self._gone.is_set():
            self._link.send(messages.Alive())
            try:
                async with asyncio.timeout(_ALIVE_S):
                    await self._gone.wait()
            except TimeoutError:
                pass  # the next sign of life
        for peer in list(self._peers.values()):
            peer.end("the server has gone")
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=_ALIVE_S)

    def _lost(self, reason: str) -> None:
        self._gone.set()

    def _take(self, message: ToEdge) -> None:
        match message:
            case messages.Configure():
                if not self._settings.done():
                    self._settings.set_result(message)
                    self._network = asyncio.ensure_future(Network.of(message))
            case messages.Open(call, offer):
                self._tasks[call] = task = asyncio.create_task(self._carry(call, offer))
                task.add_done_callback(lambda _: self._tasks.pop(call, None))
            case messages.Close(call):
                self._close(call)
            case _:
                peer = self._peers.get(message.call)
                if peer is not None:
                    self._pass_on(peer, message)

    def _pass_on(self, peer: Peer, message: ToEdge) -> None:
        try:
            self._do(peer, message)
        except Exception as error:  # noqa: BLE001 - the other calls share this link
            _log.exception("a call failed")
            peer.end(f"internal error: {type(error).__name__}")

    @staticmethod
    def _do(peer: Peer, message: ToEdge) -> None:
        match message:
            case messages.Say(_, text):
                peer.send(text)
            case messages.Play(_, response_id, item_id, pcm):
                peer.play(response_id, item_id, pcm)
            case messages.EndPlay(_, response_id):
                peer.end_play(response_id)
            case messages.Flush(_, token):
                peer.flush(token)
            case messages.Taken(_, size):
                peer.taken(size)
            case _:
                pass  # what concerns no single call

    def _close(self, call: int) -> None:
        peer, task = self._peers.get(call), self._tasks.get(call)
        if peer is not None:
            closing = asyncio.create_task(peer.finish())
            self._tasks[-call] = closing
            closing.add_done_callback(lambda _: self._tasks.pop(-call, None))
        elif task is not None:
            task.cancel()

    async def _carry(self, call: int, text: str) -> None:
        """Open a call and see it through."""
        try:
            peer = await self._open(call, text)
        except OfferRefused as refusal:
            self._link.send(messages.Refused(call, str(refusal), refusal.code))
            return
        except EdgeFault as fault:
            self._link.send(messages.Failed(call, str(fault)))
            return
        except Exception as error:  # noqa: BLE001 - a bug in reading one offer must not silence the others
            _log.exception("call %d could not be opened", call)
            self._link.send(messages.Failed(call, f"internal error: {type(error).__name__}"))
            return
        try:
            await peer.over()
        finally:
            self._peers.pop(call, None)

    async def _open(self, call: int, text: str) -> Peer:
        offer = read(text)
        settings = await self._settings
        if self._network is None:
            raise EdgeFault("the process has not been told how to take calls")
        network = await self._network
        peer = Peer(call, offer, network, settings, self._link.send)
        try:
            answer = await peer.answer()
        except BaseException:
            await peer.abandon()
            raise
        self._peers[call] = peer
        self._link.send(messages.Answered(call, answer, offer.max_message_bytes))
        peer.start()
        return peer

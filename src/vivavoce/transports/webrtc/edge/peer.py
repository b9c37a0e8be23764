"""One call in the media process: from the offer to the last packet, and everything it holds freed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters
from numpy.typing import NDArray

from vivavoce.transports.webrtc import messages
from vivavoce.transports.webrtc.edge import answer, playout, rtp
from vivavoce.transports.webrtc.edge.channel import Channel
from vivavoce.transports.webrtc.edge.dtls import Secured
from vivavoce.transports.webrtc.edge.ear import Ear, TooManyStreams
from vivavoce.transports.webrtc.edge.echo_reference import EchoReference
from vivavoce.transports.webrtc.edge.ice import Network, Path
from vivavoce.transports.webrtc.edge.offer import Offer
from vivavoce.transports.webrtc.edge.playout import Playout
from vivavoce.transports.webrtc.edge.ticker import Ticker
from vivavoce.transports.webrtc.edge.voice import Voice

Samples = NDArray[np.int16]

_log = logging.getLogger(__name__)

_CHANNEL_S: Final = 3.0
"""A client that offers data channels and opens none: after so long the call counts as open without."""
_DRAIN_S: Final = 1.0
"""How long the last messages may take on their way when the server hangs up."""
_FIRST_REPORT_S: Final = 1.0
_REPORT_S: Final = 4.0
"""Between RTCP reports; browsers send theirs every 2.5 to 7.5 s."""
_LONGEST_PLAY: Final = 20 * 60 * 24_000
"""Samples that may wait to be played: twenty minutes."""


class Peer:
    """One call.

    Args:
        call: its number.
        offer: what the client offers.
        network: how to reach it.
        settings: what else the operator has decided.
        say: sends a message to the server.
    """

    def __init__(
        self, call: int, offer: Offer, network: Network, settings: messages.Configure, say: Callable[[messages.Message], None]
    ) -> None:
        self._call = call
        self._offer = offer
        self._settings = settings
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._is_open = False
        self._path = Path(network, offer.connection.lite)
        self._certificate = RTCCertificate.generateCertificate()
        self._dtls = Secured(self._path, self._certificate, self._on_rtp, self._on_rtcp)
        self._dtls._set_role("client" if answer.we_connect(offer) else "server")
        self._channel: Channel | None = None
        if offer.data is not None:
            self._channel = Channel(self._dtls, self._opened, self._told, self._sent, self.end)
        direction = answer.our_direction(offer)
        echo = EchoReference() if settings.echo and direction == "sendrecv" else None
        self._echo = echo
        self._ear = Ear(offer.codec, self._heard, echo) if direction in ("sendrecv", "recvonly") else None
        self._speaks = direction in ("sendrecv", "sendonly")
        self._voice = Voice(offer.codec, secrets.randbits(32))
        self._playout = Playout()
        self._ticker: Ticker | None = None
        self._unopened: asyncio.TimerHandle | None = None
        self._report_at = 0.0

    async def answer(self) -> str:
        """Bind ports and return the SDP answer.

        Raises:
            EdgeFault: no port is free.
        """
        await self._path.gather_candidates()
        fingerprint = self._certificate.getFingerprints()[0]
        local = answer.Local(
            username=self._path.local_username,
            password=self._path.local_password,
            fingerprint=f"{fingerprint.algorithm} {fingerprint.value}",
            candidates=self._path.candidates(),
            ssrc=self._voice.ssrc,
            session=secrets.randbits(62),
        )
        return answer.write(self._offer, local)

    def start(self) -> None:
        """Connect, and live until the end; the server is told of it."""
        self._task = asyncio.create_task(self._live())

    async def abandon(self) -> None:
        """Free a call that was never started."""
        await self._path.close()
        self._voice.close()

    def end(self, reason: str) -> None:
        """End the call. Idempotent."""
        if not self._ended.done():
            self._ended.set_result(reason)

    async def finish(self) -> None:
        """End the call for the server: what it has said still goes out."""
        if self._channel is not None and not self._ended.done():
            await self._channel.drain(_DRAIN_S)
        self.end("hung up by the server")

    async def over(self) -> None:
        """Wait until the call is over and freed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- what the server wants --------------------------------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Send a text over the data channel; without one, nobody is there to read it."""
        if self._channel is None:
            self._sent(len(text.encode()))
        else:
            self._channel.send(text)

    def taken(self, size: int) -> None:
        """Note that messages of the peer's have been dealt with."""
        if self._channel is not None:
            self._channel.taken(size)

    def play(self, response_id: str, item_id: str, pcm: bytes) -> None:
        """Queue audio."""
        if self._playout.waiting > _LONGEST_PLAY:
            self.end("more audio waits to be played than a call can hold")
            return
        self._playout.play(response_id, item_id, np.frombuffer(pcm, dtype="<i2"))

    def end_play(self, response_id: str) -> None:
        """Note that no more audio comes for a response."""
        self._playout.end(response_id)

    def flush(self, token: int) -> None:
        """Throw away what waits to be played."""
        self._tell(self._playout.flush(token))

    # --- life -------------------------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            await self._connected()
            await self._ended
        except Exception:  # noqa: BLE001 - whatever a stranger's packets break, it is this call alone
            self._broke()
        finally:
            self.end("the media process ends")
            await self._free()
            self._say(messages.Closed(self._call, self._ended.result()))

    async def _connected(self) -> None:
        """Wait until the call is connected; where it does not come to that, end it."""
        connecting = asyncio.create_task(self._connect())
        self._path.lost.add_done_callback(lambda _: self.end("the client no longer answers"))
        try:
            limit = self._settings.connect_timeout_s
            waiting: list[asyncio.Future[Any]] = [connecting, self._ended]
            await asyncio.wait(waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                self.end(f"the connection was not established within {limit:g} s")
            elif connecting.exception() is not None:
                self.end(f"the connection could not be established: {connecting.exception()}")
        finally:
            connecting.cancel()
            await asyncio.wait([connecting])

    async def _connect(self) -> None:
        connection = self._offer.connection
        await self._path.add(connection.candidates)
        self._path.remote_username, self._path.remote_password = connection.username, connection.password
        await self._path.connect()
        fingerprints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in connection.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
        if self._dtls.state != "connected":
            raise ConnectionError("the DTLS handshake failed")
        self._dtls.on("statechange", self._on_state)
        self._on_state()
        self._report_at = self._loop.time() + _FIRST_REPORT_S
        self._ticker = Ticker(self._tick)
        if self._channel is None:
            self._opened()
            return
        await self._channel.start(self._offer.sctp_port, self._offer.max_message_bytes)
        self._unopened = self._loop.call_later(_CHANNEL_S, self._opened)

    async def _free(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
        if self._unopened is not None:
            self._unopened.cancel()
        self._dtls.remove_all_listeners()
        with contextlib.suppress(ConnectionError):
            if self._channel is not None:
                await self._channel.stop()
        await self._dtls.stop()
        await self._path.close()
        self._voice.close()
        # What was cancelled gets the loop once, so that nothing of this call is left when the server hears of its end.
        await asyncio.sleep(0)

    def _on_state(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self.end("the client has hung up")

    def _opened(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._say(messages.Opened(self._call))

    # --- media ------------------------------------------------------------------------------------------------------------------------

    def _on_rtp(self, data: bytes) -> None:
        packet = rtp.parse(data)
        if packet is None or self._ear is None:
            return
        if self._ticker is not None:
            self._ticker.catch_up()  # or what was played while the loop stood still would be missing when its echo is heard
        try:
            self._ear.packet(packet, self._loop.time())
        except TooManyStreams:
            self.end("the client changes its stream too often")
        except Exception:  # noqa: BLE001 - what a codec makes of a stranger's packet costs this call alone
            self._broke()

    def _on_rtcp(self, data: bytes) -> None:
        if self._ear is not None:
            self._ear.reported(data, self._loop.time())

    def _broke(self) -> None:
        """End the call on which a bug was met. To be called where it was caught."""
        _log.exception("call %d failed", self._call)
        if self._ticker is not None:
            self._ticker.stop()
        self.end("internal error")

    def _heard(self, pcm: Samples) -> None:
        self._say(messages.Audio(self._call, pcm.astype("<i2", copy=False).tobytes()))

    def _tick(self, left_out: int) -> None:
        try:
            self._media(left_out)
        except Exception:  # noqa: BLE001 - a timer has nobody to raise to
            self._broke()

    def _media(self, left_out: int) -> None:
        now = self._loop.time()
        frame, reports = self._playout.tick()
        if self._speaks:
            self._voice.skip(left_out)
            self._dtls.send_rtp(self._voice.packet(frame))
        if self._echo is not None:
            self._echo.played(frame)
        self._tell(reports)
        if self._ear is not None:
            self._ear.tick(now)
        if now >= self._report_at:
            self._report_at = now + _REPORT_S
            self._dtls.send_rtcp(self._voice.report(b"" if self._ear is None else self._ear.block(now)))

    def _tell(self, reports: list[playout.Report]) -> None:
        for report in reports:
            match report:
                case playout.Started(response_id):
                    self._say(messages.Started(self._call, response_id))
                case playout.Stopped(response_id):
                    self._say(messages.Stopped(self._call, response_id))
                case playout.Cut(token, cuts):
                    self._say(messages.Cut(self._call, token, cuts))

    def _told(self, data: str | bytes) -> None:
        self._say(messages.Told(self._call, data))

    def _sent(self, size: int) -> None:
        self._say(messages.Sent(self._call, size))

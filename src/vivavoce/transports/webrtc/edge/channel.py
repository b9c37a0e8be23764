"""Messages to and from the peer: aiortc's SCTP and data channels, bounded in both directions.

The first channel the peer opens is the one; others are accepted and not listened to.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

from aiortc import RTCDataChannel, RTCSctpCapabilities, RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk
from aiortc.utils import uint32_gt

from vivavoce.transports.webrtc.edge.answer import SCTP_PORT
from vivavoce.transports.webrtc.edge.dtls import Secured

_FEED_BYTES: Final = 64 * 1024
"""What is given to the channel ahead; the rest waits here and is counted as waiting."""
_WINDOW_BYTES: Final = 1024 * 1024
"""What the peer may have under way: aiortc's receive window."""
_FLOOD_BYTES: Final = 4 * _WINDOW_BYTES
"""What a peer that ignores the window may have waiting before it is hung up on."""
_MOST_FRAGMENTS: Final = 4_096
"""Fragments kept of incomplete messages, four windows' worth at their usual size."""
_MOST_STREAMS: Final = 64
_LOOK_S: Final = 0.01
_RTO_S: Final = (0.4, 1.0, 10.0)
"""Retransmission time-out: lowest, first, highest. aiortc's lowest of a second is TCP's of old; browsers use 0.4 s."""


class _Association(RTCSctpTransport):
    """SCTP with a window that counts what was received and not taken, and no room for abuse."""

    def __init__(self, dtls: Secured, fail: Callable[[str], None]) -> None:
        super().__init__(dtls, SCTP_PORT)
        self._fail = fail
        self._rto = _RTO_S[1]
        self._untaken = 0

    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
        except (AssertionError, ValueError, LookupError, struct.error, AttributeError, TypeError) as error:
            # aiortc checks the peer's messages by assertion, or not at all: what it stumbles over is no association of ours.
            self._fail(f"the data channel broke: {type(error).__name__}")
            return
        kept = sum(len(stream.reassembly) for stream in self._inbound_streams.values())
        if kept > _MOST_FRAGMENTS or len(self._sack_misordered) > _MOST_FRAGMENTS or len(self._inbound_streams) > _MOST_STREAMS:
            self._fail("the client floods the data channel")
        elif self._untaken > _FLOOD_BYTES or self._advertised_rwnd < -_FLOOD_BYTES:
            self._fail("the client sends messages faster than they can be taken")

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        if self._advertised_rwnd <= 0 and self._is_ahead(chunk.tsn):
            # The window is shut. What is taken in all the same would be acknowledged, and the sender would go on, a packet at a time; what is
            # dropped it sends again, later and later. Source: RFC 9260 section 6.2.
            self._sack_needed = True
            return
        await super()._receive_data_chunk(chunk)

    def _is_ahead(self, tsn: int) -> bool:
        """Whether a chunk comes after everything received: those that fill gaps make room, and are always welcome."""
        return self._last_received_tsn is not None and all(
            uint32_gt(tsn, known) for known in (self._last_received_tsn, *self._sack_misordered)
        )

    def _update_rto(self, R: float) -> None:
        super()._update_rto(R)
        if self._srtt is not None and self._rttvar is not None:
            self._rto = max(_RTO_S[0], min(self._srtt + 4 * self._rttvar, _RTO_S[2]))

    def received(self, size: int) -> None:
        """Note a message that is to be taken."""
        self._untaken += size
        self._advertised_rwnd -= size

    def taken(self, size: int) -> None:
        """Note that one was, and say so to a peer that waits for it."""
        shut = self._advertised_rwnd < _WINDOW_BYTES // 2
        self._untaken -= size
        self._advertised_rwnd += size
        if shut and self._association_state == self.State.ESTABLISHED:
            self._sack_soon = asyncio.ensure_future(self._open_window())

    async def _open_window(self) -> None:
        try:
            await self._send_sack()
        except ConnectionError:
            pass  # the end of the call is on its way

    @property
    def idle(self) -> bool:
        """Whether everything sent has arrived."""
        return not (self._data_channel_queue or self._outbound_queue or self._sent_queue)


class Channel:
    """The peer's data channel.

    Args:
        dtls: what it runs over.
        opened: called when it is open.
        message: takes the peer's messages.
        sent: told how many bytes of text wait no longer.
        fail: called with a reason to end the call.
    """

    def __init__(
        self,
        dtls: Secured,
        opened: Callable[[], None],
        message: Callable[[str | bytes], None],
        sent: Callable[[int], None],
        fail: Callable[[str], None],
    ) -> None:
        self._association = _Association(dtls, fail)
        self._opened = opened
        self._message = message
        self._sent = sent
        self._channel: RTCDataChannel | None = None
        self._texts: deque[str] = deque()
        self._association.on("datachannel", self._on_channel)

    async def start(self, port: int, max_message_bytes: int) -> None:
        """Begin the association with the peer's port; DTLS must be connected."""
        await self._association.start(RTCSctpCapabilities(maxMessageSize=max_message_bytes), port)

    async def stop(self) -> None:
        """End it."""
        await self._association.stop()
        self._association.remove_all_listeners()

    def send(self, text: str) -> None:
        """Queue a text; it goes once the channel is open. After the channel has closed nobody is left to read it."""
        self._texts.append(text)
        self._feed()

    def taken(self, size: int) -> None:
        """Note that so many bytes of the peer's messages have been dealt with."""
        self._association.taken(size)

    async def drain(self, limit_s: float) -> None:
        """Wait until everything queued has arrived, for so long at most."""
        if self._channel is None or self._channel.readyState != "open":
            return
        for _ in range(int(limit_s / _LOOK_S)):  # the association does not say when it is idle
            if self._association.state != "connected" or (not self._texts and self._association.idle):
                return
            await asyncio.sleep(_LOOK_S)

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._channel is not None:
            return
        self._channel = channel
        channel.bufferedAmountLowThreshold = _FEED_BYTES // 2
        channel.on("bufferedamountlow", self._feed)
        channel.on("message", self._on_message)
        channel.on("close", self._feed)
        self._opened()
        self._feed()

    def _on_message(self, data: str | bytes) -> None:
        self._association.received(len(data.encode()) if isinstance(data, str) else len(data))
        self._message(data)

    def _feed(self) -> None:
        channel = self._channel
        if channel is None:
            return
        while self._texts and (channel.readyState != "open" or channel.bufferedAmount < _FEED_BYTES):
            text = self._texts.popleft()
            if channel.readyState == "open":
                channel.send(text)
            self._sent(len(text.encode()))

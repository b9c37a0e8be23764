"""The secured way to the peer: aiortc's DTLS and SRTP, with media handed on as datagrams.

aiortc would make objects of every RTP packet, look up its header extensions and route it in a coroutine; for one track each way a
function does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport

from vivavoce.transports.webrtc.edge.ice import Path


class Secured(RTCDtlsTransport):
    """One call's DTLS transport.

    Args:
        path: the way to the peer.
        certificate: ours.
        rtp: takes every authentic RTP packet.
        rtcp: takes every authentic RTCP packet.
    """

    def __init__(
        self, path: Path, certificate: RTCCertificate, rtp: Callable[[bytes], None], rtcp: Callable[[bytes], None]
    ) -> None:
        super().__init__(cast(RTCIceTransport, path), [certificate])  # it uses `role`, `_recv` and `_send`, which a `Path` has
        self._path = path
        self._on_rtp = rtp
        self._on_rtcp = rtcp

    def send_rtp(self, data: bytes) -> None:
        """Send an RTP packet."""
        if self.state == "connected":
            self._path.send_now(self._tx_srtp.protect(data))

    def send_rtcp(self, data: bytes) -> None:
        """Send a compound RTCP packet."""
        if self.state == "connected":
            self._path.send_now(self._tx_srtp.protect_rtcp(data))

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._on_rtcp(data)

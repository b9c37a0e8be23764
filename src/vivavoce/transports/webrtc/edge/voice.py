"""What is said: the playout's frames become RTP packets, one at every tick, silence included."""

from __future__ import annotations

import secrets
import time

import numpy as np
from numpy.typing import NDArray

from vivavoce.transports.webrtc.edge import rtcp
from vivavoce.transports.webrtc.edge.answer import STREAM
from vivavoce.transports.webrtc.edge.codecs import encoder
from vivavoce.transports.webrtc.edge.offer import Codec
from vivavoce.transports.webrtc.edge.rtp import RtpPacket, serialize

Samples = NDArray[np.int16]


class Voice:
    """Speaks on one track.

    Args:
        codec: what to speak in.
        ssrc: the stream.
    """

    def __init__(self, codec: Codec, ssrc: int) -> None:
        self._codec = codec
        self._encoder = encoder(codec.name)
        self.ssrc = ssrc
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(32)
        self._packets = 0
        self._octets = 0

    def packet(self, frame: Samples) -> bytes:
        """Return the packet with the next 480 samples."""
        payload = self._encoder.encode(frame)
        packet = RtpPacket(self._codec.payload_type, self._sequence, self._timestamp, self.ssrc, payload, not self._packets)
        self._sequence += 1
        self._packets += 1
        self._octets += len(payload)
        self._timestamp += self._encoder.step
        return serialize(packet)

    def skip(self, frames: int) -> None:
        """Leave out frames that nobody had the time to send: the stream's clock goes on."""
        self._timestamp += frames * self._encoder.step

    def close(self) -> None:
        """Let go of the encoder: it holds threads, and the call it belongs to waits for the garbage collector."""
        del self._encoder

    def report(self, block: bytes) -> bytes:
        """Return a compound RTCP packet, with a report block about what is received."""
        if not self._packets:
            return rtcp.receiver_report(self.ssrc, block) + rtcp.description(self.ssrc, STREAM)
        report = rtcp.sender_report(self.ssrc, time.time(), self._timestamp, self._packets, self._octets, block)
        return report + rtcp.description(self.ssrc, STREAM)

"""What is heard: the peer's RTP packets become mono 24 kHz, in order, without delay, without what the server itself is playing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vivavoce.audio.echo import EchoCanceller
from vivavoce.transports.webrtc.edge import rtcp
from vivavoce.transports.webrtc.edge.codecs import FRAME, RATE_HZ, Undecodable, decoder
from vivavoce.transports.webrtc.edge.concealment import Concealer
from vivavoce.transports.webrtc.edge.echo_reference import EchoReference
from vivavoce.transports.webrtc.edge.offer import Codec
from vivavoce.transports.webrtc.edge.reception import Heard, Lost, Packet, Reception, Step
from vivavoce.transports.webrtc.edge.rtp import RtpPacket

Samples = NDArray[np.int16]

_MOST_STREAMS: Final = 64
"""A browser changes its stream when the microphone is changed; each costs memory for as long as the call lasts."""
_SPEAKING_S: Final = 0.2
"""A stream that has been silent for so long may be followed by another."""
_CONCEALED: Final = RATE_HZ // 10
"""Samples made up at a time at most; what is longer is silence anyway."""


class TooManyStreams(Exception):
    """The peer sends one stream after the other."""


class Ear:
    """Hears one track.

    Args:
        codec: what the peer speaks.
        heard: takes mono 24 kHz.
        echo: what the server plays, to be taken out; None: it stays in.
    """

    def __init__(self, codec: Codec, heard: Callable[[Samples], None], echo: EchoReference | None) -> None:
        self._codec = codec
        self._hand_on = heard
        self._decoder = decoder(codec.name)
        self._concealer = Concealer()
        self._reception: Reception | None = None
        self._ledger: rtcp.Ledger | None = None
        self._streams: set[int] = set()
        self._last_s = -_SPEAKING_S
        self._echo = echo
        self._canceller = None if echo is None else EchoCanceller(RATE_HZ)
        self._rest: Samples = np.empty(0, dtype=np.int16)

    def packet(self, packet: RtpPacket, now_s: float) -> None:
        """Take a packet.

        Raises:
            TooManyStreams: see there.
        """
        self._streams.add(packet.ssrc)
        if len(self._streams) > _MOST_STREAMS:
            raise TooManyStreams
        if packet.payload_type != self._codec.payload_type:
            return
        if self._reception is None or self._ledger is None or self._ledger.ssrc != packet.ssrc:
            if now_s - self._last_s < _SPEAKING_S:
                return  # one voice at a time: the other one has not stopped
            self._reception, self._ledger = self._change(packet.ssrc)
        self._last_s = now_s
        self._ledger.enter(packet.sequence, packet.timestamp, now_s)
        samples = self._decoder.samples(packet.payload)
        self._take(self._reception.receive(Packet(packet.sequence, packet.timestamp, packet.payload, samples), now_s))

    def tick(self, now_s: float) -> None:
        """Note that time has passed. Call it every 20 ms."""
        if self._reception is not None:
            self._take(self._reception.wait(now_s))

    def reported(self, compound: bytes, now_s: float) -> None:
        """Note the peer's RTCP."""
        if self._ledger is not None:
            for ssrc, time in rtcp.sender_reports(compound):
                if ssrc == self._ledger.ssrc:
                    self._ledger.reported(time, now_s)

    def block(self, now_s: float) -> bytes:
        """Return the RTCP report block about what was received, empty before the first packet."""
        return b"" if self._ledger is None else self._ledger.block(now_s)

    def _change(self, ssrc: int) -> tuple[Reception, rtcp.Ledger]:
        """Turn to another stream."""
        if self._reception is not None:
            self._take(self._reception.end())
        return Reception(self._codec.clock_hz), rtcp.Ledger(ssrc, self._codec.clock_hz)

    def _take(self, steps: list[Step]) -> None:
        for step in steps:
            count = step.samples * RATE_HZ // self._codec.clock_hz
            if isinstance(step, Heard):
                try:
                    pcm = self._decoder.decode(step.payload)
                except Undecodable:
                    pcm = self._concealer.conceal(count)
                else:
                    self._concealer.heard(pcm)
                self._emit(pcm)
            elif isinstance(step, Lost):
                made = self._concealer.conceal(min(count, _CONCEALED))
                self._emit(np.concatenate([made, np.zeros(count - len(made), dtype=np.int16)]))
            else:
                self._concealer.heard(np.zeros(min(count, RATE_HZ), dtype=np.int16))
                self._emit(np.zeros(count, dtype=np.int16))

    def _emit(self, pcm: Samples) -> None:
        if self._canceller is None or self._echo is None:
            self._hand_on(pcm)
            return
        line = np.concatenate([self._rest, pcm]) if len(self._rest) else pcm
        for start in range(0, len(line) - FRAME + 1, FRAME):
            self._hand_on(self._canceller.process(line[start : start + FRAME], self._echo.heard()))
        self._rest = line[len(line) // FRAME * FRAME :]

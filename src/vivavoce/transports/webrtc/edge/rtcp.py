"""Reports about RTP streams: what browsers show as loss, jitter and round-trip time.

Source: RFC 3550 sections 6.4 and 6.5, appendices A.3 and A.8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_SR: Final = 200
_RR: Final = 201
_SDES: Final = 202
_CNAME: Final = 1
_NTP_EPOCH_S: Final = 2_208_988_800
"""From 1900 to 1970."""


def ntp(wall_s: float) -> int:
    """Return a time of day, in seconds since 1970, as 64 bits of NTP."""
    return int((wall_s + _NTP_EPOCH_S) * 2**32) & (2**64 - 1)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, wall_s: float, timestamp: int, packets: int, octets: int, block: bytes = b"") -> bytes:
    """Return a sender report.

    Args:
        ssrc: our stream.
        wall_s: the time of day, seconds since 1970.
        timestamp: the stream's RTP timestamp at that time.
        packets: how many were sent.
        octets: how many bytes of payload were sent.
        block: a report block about what is received.
    """
    body = struct.pack(">IQIII", ssrc, ntp(wall_s), timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(_SR, 1 if block else 0, body + block)


def receiver_report(ssrc: int, block: bytes = b"") -> bytes:
    """Return a report of one that sends nothing."""
    return _packet(_RR, 1 if block else 0, struct.pack(">I", ssrc) + block)


def description(ssrc: int, name: str) -> bytes:
    """Return the source description that goes with every report."""
    item = struct.pack(">IBB", ssrc, _CNAME, len(name)) + name.encode("ascii")
    return _packet(_SDES, 1, item + bytes(4 - len(item) % 4))


def sender_reports(compound: bytes) -> Iterator[tuple[int, int]]:
    """Yield stream and NTP time of the sender reports in a compound packet; whatever is malformed ends it."""
    at = 0
    while at + 8 <= len(compound):
        flags, kind, words = struct.unpack_from(">BBH", compound, at)
        end = at + 4 + 4 * words
        if flags >> 6 != 2 or end > len(compound):
            return
        if kind == _SR and end - at >= 28:
            ssrc, time = struct.unpack_from(">IQ", compound, at + 4)
            yield ssrc, time
        at = end


class Ledger:
    """What was received of one stream, in the terms of a report block.

    Args:
        ssrc: the stream.
        clock_hz: rate of its timestamps.
    """

    def __init__(self, ssrc: int, clock_hz: int) -> None:
        self.ssrc = ssrc
        self._hz = clock_hz
        self._first: int | None = None
        self._highest = 0
        self._received = 0
        self._before = (0, 0)
        """Expected and received at the last report."""
        self._transit: float | None = None
        self._jitter = 0.0
        self._report: tuple[int, float] | None = None

    def enter(self, sequence: int, timestamp: int, now_s: float) -> None:
        """Note a packet."""
        self._received += 1
        if self._first is None:
            self._first = self._highest = sequence
        ahead = (sequence - self._highest + 0x8000) % 0x10000 - 0x8000
        self._highest += max(0, ahead)
        transit = (now_s * self._hz - timestamp) % 2**32
        if self._transit is not None:
            change = abs((transit - self._transit + 2**31) % 2**32 - 2**31)
            if change < 10 * self._hz:  # not where the sender's clock was set anew
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def reported(self, time: int, now_s: float) -> None:
        """Note a sender report: the sender's NTP time in it, and when it came."""
        self._report = ((time >> 16) & 0xFFFFFFFF, now_s)

    def block(self, now_s: float) -> bytes:
        """Return the report block since the last one."""
        if self._first is None:
            return b""
        expected = self._highest - self._first + 1
        lost = max(-(2**23), min(2**23 - 1, expected - self._received))
        span, got = expected - self._before[0], self._received - self._before[1]
        self._before = (expected, self._received)
        fraction = min(255, max(0, ((span - got) << 8) // span)) if span > 0 else 0
        last, delay = (0, 0) if self._report is None else (self._report[0], int((now_s - self._report[1]) * 65_536))
        highest = self._highest & 0xFFFFFFFF
        return struct.pack(
            ">IIIIII", self.ssrc, (fraction << 24) | (lost & 0xFFFFFF), highest, int(self._jitter), last, delay & 0xFFFFFFFF
        )

"""The answer to an offer: one section for each of its, the audio and the data channels taken up, everything else refused.

Source: RFC 9429 section 5.3; the shape follows recorded answers of the hosted API.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from vivavoce.transports.webrtc.edge.offer import Direction, Offer
from vivavoce.transports.webrtc.edge.sdp import Media

MAX_MESSAGE_BYTES: Final = 262_144
"""What we take in one message; browsers send no longer ones to anybody."""
STREAM: Final = "realtimeapi"
SCTP_PORT: Final = 5_000

_REVERSED: Final[dict[Direction, Direction]] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_FMTP: Final = {"opus": "minptime=10;useinbandfec=1"}
_NAMES: Final = {"opus": "opus/48000/2", "pcmu": "PCMU/8000", "pcma": "PCMA/8000"}
_HARMLESS: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class LocalCandidate:
    """An address we may be reached at; `related` is the address behind a public one."""

    foundation: str
    priority: int
    address: str
    port: int
    kind: str
    related: tuple[str, int] | None = None

    def __str__(self) -> str:
        related = "" if self.related is None else f" raddr {self.related[0]} rport {self.related[1]}"
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.kind}{related}"


@dataclass(frozen=True, slots=True)
class Local:
    """Our end of the connection. `ssrc` is that of our track."""

    username: str
    password: str
    fingerprint: str
    """Algorithm and digest, with a space between."""
    candidates: tuple[LocalCandidate, ...]
    ssrc: int
    session: int


def our_direction(offer: Offer) -> Direction:
    """Return the audio's direction as we see it."""
    return _REVERSED[offer.direction]


def we_connect(offer: Offer) -> bool:
    """Whether it is we who begin the DTLS handshake: always, unless the client insists."""
    return offer.connection.setup != "active"


def write(offer: Offer, local: Local) -> str:
    """Return the answer."""
    taken = {offer.audio, *(() if offer.data is None else (offer.data,))}
    media = offer.description.media
    names = {media[index].mid for index in taken}
    bundled = [name for name in dict.fromkeys(offer.bundle) if name in names]
    lines = ["v=0", f"o=- {local.session} 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if bundled:
        lines.append(f"a=group:BUNDLE {' '.join(bundled)}")
    lines += ["a=msid-semantic: WMS " + STREAM]
    for index, section in enumerate(media):
        if index == offer.audio:
            lines += _audio(offer, section, local)
        elif index == offer.data:
            lines += _data(section, local, we_connect(offer))
        else:
            lines += _refused(section)
    return "\r\n".join(lines) + "\r\n"


def _audio(offer: Offer, section: Media, local: Local) -> list[str]:
    codec = offer.codec
    direction = our_direction(offer)
    address, port = _default(local)
    lines = [
        f"m=audio {port} {section.protocol} {codec.payload_type}",
        f"c=IN {_family(address)} {address}",
        f"a=rtcp:{port} IN {_family(address)} {address}",
        *_connection(section, local, we_connect(offer)),
        f"a={direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{codec.payload_type} {_NAMES[codec.name]}",
    ]
    if codec.name in _FMTP:
        lines.append(f"a=fmtp:{codec.payload_type} {_FMTP[codec.name]}")
    if direction in ("sendrecv", "sendonly"):
        lines += [f"a=msid:{STREAM} audio", f"a=ssrc:{local.ssrc} cname:{STREAM}"]
    return lines


def _data(section: Media, local: Local, active: bool) -> list[str]:
    address, port = _default(local)
    return [
        f"m=application {port} {section.protocol} webrtc-datachannel",
        f"c=IN {_family(address)} {address}",
        *_connection(section, local, active),
        f"a=sctp-port:{SCTP_PORT}",
        f"a=max-message-size:{MAX_MESSAGE_BYTES}",
    ]


def _connection(section: Media, local: Local, active: bool) -> list[str]:
    return [
        *([] if section.mid is None else [f"a=mid:{section.mid}"]),
        *(f"a=candidate:{candidate}" for candidate in local.candidates),
        "a=end-of-candidates",
        f"a=ice-ufrag:{local.username}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:{local.fingerprint}",
        f"a=setup:{'active' if active else 'passive'}",
    ]


def _refused(section: Media) -> list[str]:
    kind = section.kind if _HARMLESS.fullmatch(section.kind) else "application"
    lines = [f"m={kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return lines if section.mid is None else [*lines, f"a=mid:{section.mid}"]


def _default(local: Local) -> tuple[str, int]:
    """Return the address for those who do not know of candidates: the one most likely to be reached from far away."""
    rank = {"relay": 2, "srflx": 1}
    best = max(local.candidates, key=lambda candidate: rank.get(candidate.kind, 0), default=None)
    return ("0.0.0.0", 9) if best is None else (best.address, best.port)


def _family(address: str) -> str:
    return f"IP{ipaddress.ip_address(address).version}"

"""What a client offers, as far as we take it up: one audio track, one data channel transport, one bundled connection.

Source: RFC 9429 (JSEP), RFC 9143 (BUNDLE), RFC 8839 (ICE), RFC 8842 (DTLS), RFC 8841 (data channels), RFC 7587 (Opus).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from vivavoce.transports.webrtc.edge.sdp import Description, Media, NotSdp, Section, number, parse
from vivavoce.transports.webrtc.faults import OfferRefused

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
CodecName = Literal["opus", "pcmu", "pcma"]

_RTP: Final = re.compile(r"(UDP/TLS/|TCP/DTLS/)?RTP/SAVPF?")
_DATA: Final = frozenset({"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"})
_USERNAME: Final = re.compile(r"[A-Za-z0-9+/\-=_]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/\-=_]{22,256}")
_MID: Final = re.compile(r"[!-~]{1,64}")
_DIGESTS: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_MOST_CANDIDATES: Final = 32
"""More than a browser on a machine with many networks has. Each is one we send packets to."""
_DIRECTIONS: Final[tuple[str, ...]] = get_args(Direction)
_STATIC: Final[dict[str, CodecName]] = {"0": "pcmu", "8": "pcma"}
_UNSAID_MESSAGE_BYTES: Final = 65_536
"""Source: RFC 8841 section 6."""
_LONGEST_MESSAGE_BYTES: Final = 1024 * 1024
"""We send none that are longer, whatever the client takes."""


@dataclass(frozen=True, slots=True)
class Codec:
    """What to talk in, and under which payload type."""

    name: CodecName
    payload_type: int

    @property
    def clock_hz(self) -> int:
        """The rate of its RTP timestamps."""
        return 48_000 if self.name == "opus" else 8_000


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """An address the client may be reached at."""

    foundation: str
    priority: int
    address: str
    port: int
    kind: str


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the client, and how to know it."""

    username: str
    password: str
    lite: bool
    fingerprints: tuple[tuple[str, str], ...]
    """Algorithm and digest, of those algorithms we know; all of them must match."""
    setup: str
    """`actpass`, `active` or `passive`."""
    candidates: tuple[RemoteCandidate, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """What is taken up.

    Args:
        description: all of it; the answer has one section for each of its.
        audio: index of the audio section.
        codec: what it is taken up in.
        direction: of the audio as the client sees it.
        data: index of the data channels' section, None without one.
        bundle: names of the sections the client would bundle, in its order.
        sctp_port: the client's.
        max_message_bytes: what its data channels take in one message, 0 without any.
        connection: the one connection.
    """

    description: Description
    audio: int
    codec: Codec
    direction: Direction
    data: int | None
    bundle: tuple[str, ...]
    sctp_port: int
    max_message_bytes: int
    connection: Connection


def read(text: str) -> Offer:
    """Read an offer.

    Raises:
        OfferRefused: it cannot be answered.
    """
    try:
        description = parse(text)
    except NotSdp as error:
        raise OfferRefused(f"The body is not a valid SDP offer: {error}.") from error
    media = description.media
    _check_names(media)
    bundle = _bundle(description)
    audio, codec = _audio(media, bundle)
    data = _data(media, media[audio], bundle)
    port, most = (5_000, 0) if data is None else _sctp(media[data])
    return Offer(
        description=description,
        audio=audio,
        codec=codec,
        direction=_direction(media[audio], description.session),
        data=data,
        bundle=bundle,
        sctp_port=port,
        max_message_bytes=most,
        connection=_connection(description, media[audio], bundle),
    )


def _check_names(media: list[Media]) -> None:
    names = [section.mid for section in media if section.mid is not None]
    if len(set(names)) != len(names) or not all(_MID.fullmatch(name) for name in names):
        raise OfferRefused("The SDP offer has media sections with malformed or equal a=mid names.")


def _bundle(description: Description) -> tuple[str, ...]:
    for value in description.session.all("group"):
        semantics, *names = value.split()[:65] or [""]
        if semantics == "BUNDLE":
            return tuple(names)
    return ()


def _audio(media: list[Media], bundle: tuple[str, ...]) -> tuple[int, Codec]:
    heard = [index for index, section in enumerate(media) if section.kind == "audio" and _open(section, bundle)]
    if not heard:
        raise OfferRefused("The SDP offer has no audio track: add one before you create the offer.")
    for index in heard:
        codec = _codec(media[index]) if _RTP.fullmatch(media[index].protocol) else None
        if codec is not None:
            if media[index].first("rtcp-mux") is None:
                raise OfferRefused("The SDP offer's audio must be offered with a=rtcp-mux.")
            return index, codec
    raise OfferRefused("The SDP offer's audio has no codec in common with ours: offer Opus, PCMU or PCMA over UDP/TLS/RTP/SAVPF.")


def _open(section: Media, bundle: tuple[str, ...]) -> bool:
    """Whether a section is on offer: port 0 means that it is not, unless it is bundled with another that has one."""
    return section.port != 0 or (section.first("bundle-only") is not None and section.mid in bundle)


def _codec(section: Media) -> Codec | None:
    """Return Opus if it is offered, else what of G.711 comes first."""
    maps = {kind: rest.lower() for kind, _, rest in (value.partition(" ") for value in section.all("rtpmap"))}
    plain: Codec | None = None
    for kind in section.formats:
        payload_type = number(kind, 127)
        if payload_type is None or 64 <= payload_type <= 95:  # those are RTCP's where both share a port (RFC 5761)
            continue
        said = maps.get(kind, "").strip()
        if said.startswith("opus/48000"):
            return Codec("opus", payload_type)
        name = {"pcmu/8000": "pcmu", "pcma/8000": "pcma"}.get(said.removesuffix("/1")) or (
            _STATIC.get(kind) if not said else None
        )
        if plain is None and name is not None:
            plain = Codec("pcmu" if name == "pcmu" else "pcma", payload_type)
    return plain


def _direction(section: Media, session: Section) -> Direction:
    for place in (section, session):
        for direction in _DIRECTIONS:
            if direction in place.attributes:
                return direction  # type: ignore[return-value]
    return "sendrecv"


def _data(media: list[Media], audio: Media, bundle: tuple[str, ...]) -> int | None:
    """Return the first section of data channels that shares the audio's connection."""
    for index, section in enumerate(media):
        if section.kind == "application" and section.protocol in _DATA and section.formats[0] == "webrtc-datachannel":
            bundled = section.mid is not None and section.mid in bundle and audio.mid in bundle
            if _open(section, bundle) and bundled:
                return index
    return None


def _sctp(section: Media) -> tuple[int, int]:
    port = number(section.first("sctp-port") or "", 65_535)
    if not port:
        raise OfferRefused("The SDP offer's data channel section has no valid a=sctp-port.")
    said = section.first("max-message-size")
    if said is None:
        return port, _UNSAID_MESSAGE_BYTES
    most = min(int(said), _LONGEST_MESSAGE_BYTES) if said.isascii() and said.isdecimal() and len(said) < 20 else None
    if most is None:
        raise OfferRefused("The SDP offer's a=max-message-size is no number.")
    return port, most or _LONGEST_MESSAGE_BYTES  # 0 is: any size


def _connection(description: Description, audio: Media, bundle: tuple[str, ...]) -> Connection:
    # In a bundle the first section speaks for all; those that are bundle-only say nothing of the connection.
    tagged = next((section for section in description.media if bundle and section.mid == bundle[0]), audio)
    places: tuple[Section, ...] = (audio, tagged, description.session) if audio.mid in bundle else (audio, description.session)

    def said(name: str) -> list[str]:
        return next((place.all(name) for place in places if place.all(name)), [])

    username, password = (said("ice-ufrag") or [""])[0], (said("ice-pwd") or [""])[0]
    if not (_USERNAME.fullmatch(username) and _PASSWORD.fullmatch(password)):
        raise OfferRefused("The SDP offer has no valid a=ice-ufrag and a=ice-pwd.")
    setup = (said("setup") or ["actpass"])[0]
    if setup not in ("actpass", "active", "passive"):
        raise OfferRefused("The SDP offer's a=setup must be actpass, active or passive.")
    return Connection(
        username=username,
        password=password,
        lite="ice-lite" in description.session.attributes,
        fingerprints=_fingerprints(said("fingerprint")),
        setup=setup,
        candidates=_candidates(said("candidate")),
    )


def _fingerprints(values: list[str]) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values[:16]:
        algorithm, _, digest = value.partition(" ")
        size = _DIGESTS.get(algorithm.lower())
        if size is None:
            continue
        if not re.fullmatch(rf"[0-9A-Fa-f]{{2}}(:[0-9A-Fa-f]{{2}}){{{size - 1}}}", digest.strip()):
            raise OfferRefused("The SDP offer has a malformed a=fingerprint.")
        found.append((algorithm.lower(), digest.strip().upper()))
    if not found:
        raise OfferRefused("The SDP offer has no a=fingerprint with sha-256, sha-384 or sha-512.")
    return tuple(found)


def _candidates(values: list[str]) -> tuple[RemoteCandidate, ...]:
    """Return the candidates we can use.

    Names are left out, those of mDNS above all: asking the network for them takes a second each and fails more often than not, while the
    client itself sends to our addresses and is known by where it sends from.
    """
    found = []
    for value in values:
        parts = value.split()
        if len(parts) < 8 or parts[1] != "1" or parts[2].lower() != "udp" or parts[6] != "typ":
            continue
        priority, port = number(parts[3], 2**32 - 1), number(parts[5], 65_535)
        if priority is None or not port or parts[7] not in ("host", "srflx", "relay") or len(parts[0]) > 64:
            continue
        try:
            address = str(ipaddress.ip_address(parts[4]))
        except ValueError:
            continue
        found.append(RemoteCandidate(parts[0], priority, address, port, parts[7]))
    return tuple(found[:_MOST_CANDIDATES])

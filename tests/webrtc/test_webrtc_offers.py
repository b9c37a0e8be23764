"""Offers and answers: what browsers write is answered, everything else is refused in one line, whatever it is."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from offers import CHROMIUM, FINGERPRINT, FIREFOX

from vivavoce.transports.webrtc.edge.answer import Local, LocalCandidate, our_direction, we_connect, write
from vivavoce.transports.webrtc.edge.offer import read
from vivavoce.transports.webrtc.edge.sdp import parse
from vivavoce.transports.webrtc.faults import OfferRefused

LOCAL = Local(
    username="abcd",
    password="abcdefghijklmnopqrstuv",
    fingerprint=f"sha-256 {FINGERPRINT}",
    candidates=(
        LocalCandidate("1", 2_130_706_431, "192.0.2.10", 40_000, "host"),
        LocalCandidate("2", 1_694_498_815, "198.51.100.4", 40_000, "srflx", ("192.0.2.10", 40_000)),
    ),
    ssrc=1_234,
    session=99,
)


def answer(offer: str) -> str:
    return write(read(offer), LOCAL)


def lines(text: str) -> list[str]:
    return text.split("\r\n")


@pytest.mark.parametrize(("offer", "payload_type"), [(CHROMIUM, 111), (FIREFOX, 109)])
def test_a_browsers_offer_is_answered_as_recorded(offer: str, payload_type: int) -> None:
    text = answer(offer)
    told = lines(text)
    assert text.endswith("\r\n")
    assert f"m=audio 40000 UDP/TLS/RTP/SAVPF {payload_type}" in told
    assert f"a=rtpmap:{payload_type} opus/48000/2" in told
    assert f"a=fmtp:{payload_type} minptime=10;useinbandfec=1" in told
    assert "m=application 40000 UDP/DTLS/SCTP webrtc-datachannel" in told
    for line in (
        "a=group:BUNDLE 0 1",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=sendrecv",
        "a=msid:realtimeapi audio",
        "a=sctp-port:5000",
    ):
        assert told.count(line) == 1
    for line in ("a=mid:0", "a=mid:1"):
        assert told.count(line) == 1
    assert told.count("a=setup:active") == 2
    assert told.count("a=end-of-candidates") == 2
    assert not any(line.startswith("a=extmap") or "G722" in line or "telephone" in line for line in told)


@pytest.mark.parametrize("offer", [CHROMIUM, FIREFOX])
def test_the_answer_can_be_read_by_another_stack(offer: str) -> None:
    read_back = SessionDescription.parse(answer(offer))
    audio, data = read_back.media
    assert [codec.mimeType for codec in audio.rtp.codecs] == ["audio/opus"]
    assert audio.ice is not None
    assert (audio.ice.usernameFragment, audio.ice.password) == (LOCAL.username, LOCAL.password)
    assert [candidate.ip for candidate in audio.ice_candidates] == ["192.0.2.10", "198.51.100.4"]
    assert audio.host == "198.51.100.4"
    assert data.sctpCapabilities is not None
    assert data.sctpCapabilities.maxMessageSize == 262_144


def test_names_and_tcp_are_no_candidates() -> None:
    assert [candidate.address for candidate in read(CHROMIUM).connection.candidates] == ["203.0.113.7"]


def test_an_offer_without_candidates_is_as_good() -> None:
    assert read(FIREFOX).connection.candidates == ()


@pytest.mark.parametrize(("theirs", "ours"), [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly")])
def test_the_direction_is_respected(theirs: str, ours: str) -> None:
    offer = CHROMIUM.replace("a=sendrecv", f"a={theirs}")
    assert our_direction(read(offer)) == ours
    assert f"a={ours}" in lines(answer(offer))
    assert ("a=msid:realtimeapi audio" in lines(answer(offer))) == (ours != "recvonly")


@pytest.mark.parametrize(("setup", "active"), [("actpass", True), ("passive", True), ("active", False)])
def test_we_begin_the_handshake_unless_the_client_insists(setup: str, active: bool) -> None:
    offer = CHROMIUM.replace("a=setup:actpass", f"a=setup:{setup}")
    assert we_connect(read(offer)) == active
    assert lines(answer(offer)).count(f"a=setup:{'active' if active else 'passive'}") == 2


def test_without_opus_g711_is_spoken() -> None:
    offer = CHROMIUM.replace("111 63 9 0 8 13 110 126", "9 8 0")
    assert read(offer).codec.name == "pcma"
    assert "a=rtpmap:8 PCMA/8000" in lines(answer(offer))
    unmapped = offer.replace("a=rtpmap:8 PCMA/8000\r\n", "")
    assert read(unmapped).codec.name == "pcma"


def test_other_media_are_refused_where_they_stand() -> None:
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=rtpmap:96 VP8/90000\r\n"
    text = answer(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0 2 1").replace("m=application", video + "m=application"))
    sections = [line for line in lines(text) if line.startswith("m=")]
    assert [line.split()[0] for line in sections] == ["m=audio", "m=video", "m=application"]
    assert sections[1] == "m=video 0 UDP/TLS/RTP/SAVPF 96 97"
    assert "a=group:BUNDLE 0 1" in lines(text)
    assert "a=mid:2" in lines(text)


def test_a_second_audio_track_is_refused() -> None:
    second = CHROMIUM[CHROMIUM.index("m=audio") : CHROMIUM.index("m=application")].replace("a=mid:0", "a=mid:5")
    text = answer(CHROMIUM + second)
    assert [line.split()[1] for line in lines(text) if line.startswith("m=audio")] == ["40000", "0"]


def test_without_data_channels_there_is_only_audio() -> None:
    offer = read(CHROMIUM[: CHROMIUM.index("m=application")])
    assert offer.data is None
    assert offer.max_message_bytes == 0
    assert "a=group:BUNDLE 0" in lines(write(offer, LOCAL))


def test_data_channels_that_do_not_share_the_connection_are_refused() -> None:
    text = answer(CHROMIUM.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in lines(text)


def test_a_bundle_only_audio_section_takes_the_connection_of_the_first() -> None:
    audio = CHROMIUM[CHROMIUM.index("m=audio") : CHROMIUM.index("m=application")]
    bare = [line for line in lines(audio) if not line.startswith(("a=candidate", "a=ice-", "a=fingerprint", "a=setup")) and line]
    offer = CHROMIUM.replace(audio, "") + "\r\n".join(["m=audio 0 UDP/TLS/RTP/SAVPF 111", "a=bundle-only", *bare[1:]]) + "\r\n"
    taken = read(offer.replace("BUNDLE 0 1", "BUNDLE 1 0"))
    assert taken.connection.username == "ETEn"
    assert taken.audio == 1


@pytest.mark.parametrize(
    ("said", "taken"), [("262144", 262_144), ("0", 1024 * 1024), ("1073741823", 1024 * 1024), (None, 65_536)]
)
def test_the_clients_message_size_is_respected(said: str | None, taken: int) -> None:
    line = "a=max-message-size:262144\r\n"
    offer = CHROMIUM.replace(line, "" if said is None else f"a=max-message-size:{said}\r\n")
    assert read(offer).max_message_bytes == taken


@pytest.mark.parametrize(
    ("offer", "word"),
    [
        ("", "SDP"),
        ("hello", "SDP"),
        ("{}", "SDP"),
        ("v=0\r\n", "audio"),
        ("v=0\r\nm=audio\r\n", "m= line"),
        ("v=0\r\n" + "a=x\r\n" * 30_000, "longer"),
        ("v=0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 40, "media"),
        (CHROMIUM[: CHROMIUM.index("m=audio")] + CHROMIUM[CHROMIUM.index("m=application") :], "audio"),
        (CHROMIUM.replace("m=audio 54400", "m=audio 0"), "audio"),
        (
            CHROMIUM.replace("m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126", "m=audio 9 UDP/TLS/RTP/SAVPF 9 63"),
            "codec",
        ),
        (CHROMIUM.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "codec"),
        (CHROMIUM.replace(f"a=fingerprint:sha-256 {FINGERPRINT}\r\n", ""), "fingerprint"),
        (CHROMIUM.replace("sha-256", "sha-1"), "fingerprint"),
        (CHROMIUM.replace(FINGERPRINT, FINGERPRINT[:-3]), "fingerprint"),
        (CHROMIUM.replace("a=ice-pwd:OtSK0WpNtpUjkY4+86js7Z/l\r\n", ""), "ice-pwd"),
        (CHROMIUM.replace("a=ice-ufrag:ETEn", "a=ice-ufrag:x"), "ice-ufrag"),
        (CHROMIUM.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (CHROMIUM.replace("actpass", "holdconn"), "setup"),
        (CHROMIUM.replace("a=mid:1", "a=mid:0"), "mid"),
        (CHROMIUM.replace("a=sctp-port:5000\r\n", ""), "sctp-port"),
        (CHROMIUM.replace("a=sctp-port:5000", "a=sctp-port:99999"), "sctp-port"),
        (CHROMIUM.replace("size:262144", "size:lots"), "max-message-size"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(offer: str, word: str) -> None:
    with pytest.raises(OfferRefused) as refusal:
        read(offer)
    assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


WORDS = st.sampled_from(
    ["", " ", ":", "=", "/", "-1", "0", "99999999999", "9" * 400, "\x00", "é", "٣", "a=", "m=audio", "\r", "a=mid:0"]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real offer with lines left out, doubled, swapped, and pieces replaced by odd ones."""
    told = draw(st.sampled_from([CHROMIUM, FIREFOX])).split("\r\n")
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(told) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del told[at]
                told = told or [""]
            case 1:
                told.insert(draw(st.integers(0, len(told))), told[at])
            case 2:
                parts = told[at].split(" ")
                parts[draw(st.integers(0, len(parts) - 1))] = draw(WORDS | st.text(max_size=20))
                told[at] = " ".join(parts)
            case 3:
                cut = draw(st.integers(0, len(told[at])))
                told[at] = told[at][:cut] + draw(WORDS) + told[at][cut + draw(st.integers(0, 5)) :]
            case _:
                other = draw(st.integers(0, len(told) - 1))
                told[at], told[other] = told[other], told[at]
    return "\r\n".join(told)


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_offer_is_answered_or_refused(offer: str) -> None:
    try:
        taken = read(offer)
    except OfferRefused:
        return
    text = write(taken, LOCAL)
    sections = parse(text).media
    assert [section.kind for section in sections] == [section.kind for section in taken.description.media]
    assert [section.mid for section in sections] == [section.mid for section in taken.description.media]


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_garbage_is_refused(text: str) -> None:
    for offer in (text, "v=0\r\n" + text):
        with pytest.raises(OfferRefused):
            read(offer)

"""RTP and RTCP against another implementation, and the link's frames."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest
from aiortc import rtp as theirs
from hypothesis import given
from hypothesis import strategies as st
from webrtc_kit import soon

from vivavoce.transports.webrtc import messages
from vivavoce.transports.webrtc.edge import rtcp, rtp
from vivavoce.transports.webrtc.link import Link


@given(st.integers(0, 127), st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=50))
def test_rtp_packets_are_read_back(kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> None:
    packet = rtp.RtpPacket(kind, sequence, timestamp, ssrc, payload, marker=bool(sequence & 1))
    data = rtp.serialize(packet)
    assert rtp.parse(data) == packet
    other = theirs.RtpPacket.parse(data)
    assert (other.payload_type, other.sequence_number, other.timestamp, other.ssrc, other.payload) == (
        kind,
        sequence,
        timestamp,
        ssrc,
        payload,
    )


def test_extensions_sources_and_padding_are_passed_over() -> None:
    extensions = theirs.HeaderExtensionsMap()
    extensions.configure(
        theirs.RTCRtpParameters(
            headerExtensions=[
                theirs.RTCRtpHeaderExtensionParameters(id=4, uri="urn:ietf:params:rtp-hdrext:sdes:mid")  # type: ignore[attr-defined]
            ]
        )
        if hasattr(theirs, "RTCRtpHeaderExtensionParameters")
        else theirs.RTCRtpParameters()
    )
    packet = theirs.RtpPacket(payload_type=111, sequence_number=1, timestamp=2, ssrc=3, payload=b"voice")
    packet.csrc = [1, 2, 3]
    packet.padding_size = 4
    parsed = rtp.parse(packet.serialize(extensions))
    assert parsed is not None
    assert parsed.payload == b"voice"


@given(st.binary(max_size=60))
def test_what_is_no_packet_is_none(data: bytes) -> None:
    packet = rtp.parse(data)
    assert packet is None or len(packet.payload) <= len(data) - 12
    assert list(rtcp.sender_reports(data)) is not None


def test_reports_are_read_by_another_stack() -> None:
    ledger = rtcp.Ledger(55, 48_000)
    for number in range(100):
        if number % 10:
            ledger.enter((65_500 + number) & 0xFFFF, number * 960, number * 0.02)
    compound = rtcp.sender_report(7, 1_700_000_000.5, 1_234, 10, 800, ledger.block(2.0)) + rtcp.description(7, "realtimeapi")
    report, source = theirs.RtcpPacket.parse(compound)
    assert isinstance(report, theirs.RtcpSrPacket)
    assert (report.ssrc, report.sender_info.packet_count, report.sender_info.octet_count) == (7, 10, 800)
    assert report.sender_info.ntp_timestamp == rtcp.ntp(1_700_000_000.5)
    block = report.reports[0]
    assert (block.ssrc, block.packets_lost, block.highest_sequence) == (55, 9, 65_599)
    assert block.fraction_lost == 9 * 256 // 99
    assert block.jitter == 0
    assert isinstance(source, theirs.RtcpSdesPacket)
    assert source.chunks[0].items == [(1, b"realtimeapi")]


def test_round_trips_can_be_reckoned() -> None:
    ledger = rtcp.Ledger(55, 48_000)
    ledger.enter(1, 0, 0.0)
    sent = rtcp.sender_report(55, 1_700_000_000.25, 0, 1, 1)
    for ssrc, time in rtcp.sender_reports(sent):
        assert ssrc == 55
        ledger.reported(time, 10.0)
    block = theirs.RtcpReceiverInfo.parse(ledger.block(10.5))
    assert block.lsr == (rtcp.ntp(1_700_000_000.25) >> 16) & 0xFFFFFFFF
    assert block.dlsr == 32_768


def test_one_that_sends_nothing_reports_what_it_receives() -> None:
    (report,) = theirs.RtcpPacket.parse(rtcp.receiver_report(7))
    assert isinstance(report, theirs.RtcpRrPacket)
    assert report.reports == []


async def pair() -> tuple[Link[messages.ToEdge], socket.socket, list[messages.ToEdge], list[str]]:
    taken: list[messages.ToEdge] = []
    lost: list[str] = []
    ours, theirs_ = socket.socketpair()
    theirs_.setblocking(False)
    link = Link(messages.decode_to_edge, taken.append, lost.append)
    await link.connect(ours)
    return link, theirs_, taken, lost


async def test_messages_arrive_however_they_are_cut() -> None:
    link, other, taken, lost = await pair()
    sent = [messages.Say(number, "x" * number) for number in range(50)]
    whole = b"".join(messages.encode(message) for message in sent)
    for at in range(0, len(whole), 7):
        await asyncio.get_running_loop().sock_sendall(other, whole[at : at + 7])
    await soon(lambda: len(taken) == len(sent))
    assert taken == sent
    other.close()
    await soon(lambda: lost)
    assert lost == ["the other side has hung up"]
    link.send(messages.Ready())


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xff....", b"\0\0\0\x02ab", b"\0\0\0\x01\xc1"])
async def test_nonsense_ends_the_link(noise: bytes) -> None:
    _, other, taken, lost = await pair()
    await asyncio.get_running_loop().sock_sendall(other, noise)
    await soon(lambda: lost)
    assert "nonsense" in lost[0]
    assert taken == []
    other.close()


def test_the_server_loads_nothing_that_reads_what_strangers_send() -> None:
    """FFmpeg's wheel holds codecs under the GPL: it belongs into the media processes."""
    code = (
        "import sys, vivavoce.transports.webrtc.pool, vivavoce.api.app\n"
        "print([name for name in ('av', 'aiortc', 'aioice', 'OpenSSL', 'vivavoce.transports.webrtc.edge') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert said.stdout.strip() == "[]"

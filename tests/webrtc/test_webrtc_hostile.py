"""Strangers and clients that misbehave: strangers cost nothing, clients lose their own call at most."""

from __future__ import annotations

import asyncio
import os
import random
import re
import socket
import struct

from aiortc.rtp import RtpPacket
from webrtc_kit import Browser, Events, calling, running

from vivavoce.transports.webrtc.pool import EdgePool


async def goes_on(events: Events) -> None:
    """Wait until more is heard."""
    heard = len(events.pcm)
    await events.until(lambda: len(events.pcm) > heard + 9_600)
    assert events.reasons == []


async def connected(pool: EdgePool) -> tuple[Browser, Events, str]:
    browser, events = Browser(), Events()
    _, answer = await pool.open(await browser.offer(), events)
    await browser.accept(answer)
    await events.happened("opened")
    await browser.connected()
    return browser, events, answer


def payload_type_of(browser: Browser) -> int:
    """Return what the microphone's packets are marked with."""
    return int(browser.pc.getTransceivers()[0]._codecs[0].payloadType)


async def test_packets_of_strangers_change_nothing() -> None:
    chance = random.Random(1)
    async with running() as pool:
        browser, events, answer = await connected(pool)
        addresses = [(host, int(port)) for host, port in re.findall(r"udp \d+ ([\d.]+) (\d+) typ host", answer)]
        stun = struct.pack(">HHI", 1, 0, 0x2112A442) + bytes(12)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(300):
                noise = chance.randbytes(chance.randint(1, 1_300))
                for data in (b"", b"\0", noise, stun, b"\x16" + noise, b"\x80" + noise, b"\x80\xc8" + noise):
                    for address in addresses:
                        stranger.sendto(data, address)
                await asyncio.sleep(0)
        await goes_on(events)
        await browser.close()
        await events.happened("closed")


async def test_damaged_media_is_passed_over() -> None:
    chance = random.Random(2)
    async with running() as pool, calling(pool, browser := Browser()) as (_, events):
        transport = browser.pc.getSenders()[0].transport
        kinds = [payload_type_of(browser), 127, 0]
        for number in range(300):
            packet = RtpPacket(payload_type=kinds[number % len(kinds)], sequence_number=number + number // 50 * 20, ssrc=77)
            packet.timestamp = chance.randrange(2**32)
            packet.payload = chance.randbytes(chance.randint(0, 200))
            await transport._send_rtp(packet.serialize())
            await transport._send_rtp(b"\x80\xc8" + chance.randbytes(40))
        await goes_on(events)


async def test_a_client_with_ever_new_streams_is_hung_up_on() -> None:
    async with running() as pool:
        browser, events, _ = await connected(pool)
        transport = browser.pc.getSenders()[0].transport
        for ssrc in range(1, 200):
            packet = RtpPacket(payload_type=payload_type_of(browser), ssrc=ssrc, payload=b"\xf8\xff\xfe")
            if transport.state != "connected":
                break
            await transport._send_rtp(packet.serialize())
            await asyncio.sleep(0.001)
        await events.happened("closed")
        assert events.reasons == ["the client changes its stream too often"]
        await browser.close()


async def test_a_broken_association_ends_its_call_alone() -> None:
    async with running() as pool:
        quiet, others, _ = await connected(pool)
        browser, events, _ = await connected(pool)
        sctp = browser.pc.sctp
        assert sctp is not None
        tag, next_number = sctp._remote_verification_tag, sctp._local_tsn
        for number in range(400):
            stream = number * 7 % 65_536
            chunk = struct.pack(">BBHIHHI", 0, 1, 20, (next_number + 2 + 3 * number) % 2**32, stream, 5, 51) + os.urandom(4)
            packet = struct.pack(">HHII", 5_000, 5_000, tag, 0) + chunk
            await send_raw(browser, packet)
        await events.happened("closed")
        assert "data channel" in events.reasons[0]
        await goes_on(others)
        await browser.close()
        await quiet.close()
        await others.happened("closed")


async def send_raw(browser: Browser, packet: bytes) -> None:
    """Send an SCTP packet with the right checksum."""
    from google_crc32c import value as crc32c

    sctp = browser.pc.sctp
    assert sctp is not None
    whole = packet[:8] + bytes(4) + packet[12:]
    try:
        await sctp.transport._send_data(whole[:8] + struct.pack("<I", crc32c(whole)) + whole[12:])
    except ConnectionError:
        pass  # hung up on already

"""The life of calls and of media processes: everything ends, once, with a reason, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection
from offers import CHROMIUM
from webrtc_kit import SETTINGS, Browser, DeskHere, Events, calling, running, soon

from vivavoce.settings import IceServer
from vivavoce.transports.webrtc import process
from vivavoce.transports.webrtc.edge import ice, peer
from vivavoce.transports.webrtc.faults import EdgeFault, OfferRefused
from vivavoce.transports.webrtc.messages import Close, Closed
from vivavoce.transports.webrtc.pool import EdgePool


def pid_of(pool: EdgePool) -> int:
    process = pool._places[0].process
    assert process is not None
    return process.pid


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_an_offer_without_candidates_connects() -> None:
    async with running() as pool, calling(pool, Browser(), candidates=False) as (_, events):
        await events.until(lambda: events.pcm)


async def test_a_client_behind_names_connects_without_waiting_for_them() -> None:
    """Browsers hide their addresses behind mDNS names; asking for those takes a second each."""
    browser, events = Browser(), Events()
    offer = re.sub(r"(a=candidate:\S+ 1 udp \d+) \S+", r"\1 0d4a1c52-5f4b-4a5e-9b7e-0f3c2f1d9a10.local", await browser.offer())
    async with running() as pool:
        _, answer = await pool.open(offer, events)
        await browser.accept(answer)
        await events.happened("opened")
        await browser.close()
        await events.happened("closed")


async def test_hanging_up_closes_the_call_once() -> None:
    browser, events = Browser(), Events()
    async with running() as pool:
        _, answer = await pool.open(await browser.offer(), events)
        await browser.accept(answer)
        await events.happened("opened")
        assert pool.calls == 1
        await browser.close()
        await events.happened("closed")
        assert pool.calls == 0
    assert events.reasons == ["the client has hung up"]


async def test_a_refused_offer_says_why_and_costs_nothing() -> None:
    events = Events()
    async with running() as pool:
        with pytest.raises(OfferRefused, match="no audio"):
            await pool.open(CHROMIUM.replace("m=audio 54400", "m=audio 0"), events)
        assert pool.calls == 0
    assert events.log == []


async def test_a_client_that_never_comes_is_given_up() -> None:
    events = Events()
    async with running(replace(SETTINGS, connect_timeout_s=0.5)) as pool:
        _, _ = await pool.open(CHROMIUM, events)
        held = descriptors(pid_of(pool))
        await events.happened("closed")
        assert events.reasons == ["the connection was not established within 0.5 s"]
        assert descriptors(pid_of(pool)) < held


async def test_a_client_with_another_certificate_is_hung_up_on() -> None:
    browser, events = Browser(), Events()
    offer = re.sub(r"(a=fingerprint:sha-\d+ )([0-9A-F]{2})", r"\1EE", await browser.offer())
    async with running() as pool:
        _, answer = await pool.open(offer, events)
        await browser.accept(answer)
        await events.happened("closed")
        assert events.reasons == ["the connection could not be established: the DTLS handshake failed"]
        await browser.close()


async def test_a_call_can_be_closed_before_it_connects() -> None:
    events = Events()
    async with running() as pool:
        leg, _ = await pool.open(CHROMIUM, events)
        leg.close()
        leg.close()
        await events.happened("closed")
        leg.send("nobody hears this")
        leg.play("r", "i", b"\0\0")
    assert events.log == [("closed",)]


async def test_a_media_process_that_dies_ends_its_calls_and_is_replaced() -> None:
    browser, events = Browser(), Events()
    async with running() as pool:
        leg, answer = await pool.open(await browser.offer(), events)
        await browser.accept(answer)
        await events.happened("opened")
        died = pid_of(pool)
        os.kill(died, signal.SIGKILL)
        await events.happened("closed")
        leg.send("nobody hears this")
        leg.close()
        assert events.reasons == ["the media process has ended"]
        await asyncio.wait_for(leg.room(), 1)
        async with calling(pool, Browser()):
            assert pid_of(pool) != died
        await browser.close()


async def test_a_signal_to_the_group_does_not_end_the_calls() -> None:
    async with running() as pool, calling(pool, Browser()) as (leg, events):
        os.kill(pid_of(pool), signal.SIGTERM)
        os.kill(pid_of(pool), signal.SIGINT)
        leg.play("r", "i", bytes(960))
        leg.end_play("r")
        await events.happened("stopped", "r")


async def test_a_closed_pool_ends_calls_and_processes_and_takes_no_more() -> None:
    browser, events = Browser(), Events()
    pool = EdgePool(SETTINGS)
    _, answer = await pool.open(await browser.offer(), events)
    await browser.accept(answer)
    await events.happened("opened")
    pid = pid_of(pool)
    await pool.close()
    await pool.close()
    assert len(events.reasons) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EdgeFault):
        await pool.open(CHROMIUM, events)
    await browser.close()


async def test_a_caller_that_gives_up_leaves_nothing_behind() -> None:
    events = Events()
    async with running() as pool:
        early = asyncio.create_task(pool.open(CHROMIUM, Events()))
        await asyncio.sleep(0.05)
        early.cancel()
        leg, _ = await pool.open(CHROMIUM, events)
        late = asyncio.create_task(pool.open(CHROMIUM, Events()))
        await asyncio.sleep(0)
        late.cancel()
        leg.close()
        await events.happened("closed")
        assert pool.calls == 0


async def test_calls_are_shared_out_among_processes() -> None:
    async with running(replace(SETTINGS, processes=2)) as pool:
        for _ in range(4):
            await pool.open(CHROMIUM, Events())
        assert [place.load for place in pool._places] == [2, 2]


def two_free_ports() -> int:
    """Return the lower of two neighbouring ports that nobody uses."""
    for low in range(41_000, 60_000, 2):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
        ):
            try:
                first.bind(("", low))
                second.bind(("", low + 1))
            except OSError:
                continue
            return low
    raise AssertionError("no two ports are free")


async def test_ports_are_taken_from_their_range_and_given_back() -> None:
    low = two_free_ports()
    events = Events()
    async with running(replace(SETTINGS, ports=(low, low + 1))) as pool:
        legs = []
        for _ in range(2):
            leg, answer = await pool.open(CHROMIUM, events)
            assert {int(port) for port in re.findall(r"udp \d+ \S+ (\d+) typ", answer)} <= {low, low + 1}
            legs.append(leg)
        with pytest.raises(EdgeFault, match="no UDP port from"):
            await pool.open(CHROMIUM, Events())
        for leg in legs:
            leg.close()
        await events.until(lambda: len(events.reasons) == 2)
        await pool.open(CHROMIUM, Events())


async def test_a_public_address_is_offered_beside_our_own() -> None:
    async with running(replace(SETTINGS, public_address="198.51.100.7", loopback=False)) as pool:
        _, answer = await pool.open(CHROMIUM, Events())
        public = re.findall(r"a=candidate:\S+ 1 udp \d+ 198\.51\.100\.7 (\d+) typ srflx raddr \S+ rport (\d+)", answer)
        if "127.0.0.1" not in answer:  # a machine with no other address has none to stand behind the public one
            assert public
            assert all(outside == inside for outside, inside in public)


async def test_a_stun_server_that_does_not_answer_costs_two_seconds_at_most() -> None:
    settings = replace(SETTINGS, ice_servers=(IceServer(("stun:127.0.0.1:9",)),))
    async with running(settings) as pool, calling(pool, Browser()) as (_, events):
        await events.until(lambda: events.pcm)


async def test_fifty_calls_leave_no_descriptor_behind() -> None:
    async with running() as pool:
        async with calling(pool, Browser()):
            pass
        pid = pid_of(pool)
        before = descriptors(pid)
        for number in range(25):
            async with calling(pool, Browser()) as (leg, _):
                if number % 3 == 0:
                    leg.play("r", "i", bytes(48_000))
        abandoned = Events()
        for _ in range(25):
            leg, _ = await pool.open(CHROMIUM, abandoned)
            leg.close()
        await abandoned.until(lambda: len(abandoned.reasons) == 25)
        await soon(lambda: descriptors(pid) <= before)
        assert pid_of(pool) == pid


async def test_calls_leave_no_task_and_no_timer_behind() -> None:
    async with DeskHere.running() as desk:
        await asyncio.sleep(0.1)
        before = len(asyncio.all_tasks())
        for call in range(1, 8):
            browser = Browser()
            await desk.open(call, browser)
            if call % 2:
                desk.tell(Close(call))
                await desk.until(Closed, call)
                await browser.close()
            else:
                await browser.close()
                await desk.until(Closed, call)
        await soon(lambda: len(asyncio.all_tasks()) <= before)
        timers = [repr(handle) for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        assert [timer for timer in timers if "webrtc" in timer or "aiortc" in timer or "aioice" in timer] == []


async def test_a_silent_client_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that vanishes without a word: here it answers no check and sends nothing any more."""
    monkeypatch.setattr(ice, "CONSENT_EVERY_S", 0.1)
    monkeypatch.setattr(ice, "CONSENT_LOST_S", 0.5)
    async with DeskHere.running() as desk:
        browser = Browser()
        await desk.open(1, browser)
        unplug(browser.pc)
        assert (await desk.until(Closed, 1)).reason == "the client no longer answers"
        await browser.close()


async def test_a_client_that_opens_no_channel_is_open_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "_CHANNEL_S", 0.2)
    async with DeskHere.running() as desk:
        browser = Browser(label=None)
        browser.pc.createDataChannel("not announced", negotiated=True, id=3)
        await desk.open(1, browser)
        await browser.close()
        await desk.until(Closed, 1)


@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_either_side_may_begin_the_handshake(setup: str) -> None:
    browser, events = Browser(), Events()
    offer = (await browser.offer()).replace("a=setup:actpass", f"a=setup:{setup}")
    async with running() as pool:
        _, answer = await pool.open(offer, events)
        await browser.accept(answer)
        await events.happened("opened")
        await events.until(lambda: events.pcm)
        await browser.close()
        await events.happened("closed")


async def test_a_media_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_CHECK_S", 0.2)
    browser, events = Browser(), Events()
    async with running() as pool:
        _, answer = await pool.open(await browser.offer(), events)
        await browser.accept(answer)
        await events.happened("opened")
        os.kill(pid_of(pool), signal.SIGSTOP)
        await events.happened("closed")
        assert events.reasons == ["the media process has ended"]
        await browser.close()


async def test_a_listener_that_fails_loses_its_own_call_alone() -> None:
    class Clumsy(Events):
        def audio(self, pcm: bytes) -> None:
            raise RuntimeError("a bug")

    browser, events = Browser(), Clumsy()
    async with running() as pool, calling(pool, Browser()) as (_, others):
        _, answer = await pool.open(await browser.offer(), events)
        await browser.accept(answer)
        await events.happened("closed")
        assert events.reasons == ["internal error"]
        heard = len(others.pcm)
        await others.until(lambda: len(others.pcm) > heard)
        await browser.close()


def unplug(pc: RTCPeerConnection) -> None:
    """Take a client off the network."""
    transport = pc.getTransceivers()[0].receiver.transport.transport
    for protocol in transport._connection._protocols:
        protocol.transport.abort()

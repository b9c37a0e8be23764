"""Calls over real sockets: what is said is heard, in every codec, and the playout reports what was played."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from webrtc_kit import SETTINGS, Browser, calling, loudest_hz, running, tone


@pytest.mark.parametrize("codec", ["audio/opus", "audio/pcmu", "audio/pcma"])
async def test_both_sides_hear_each_other(codec: str) -> None:
    browser = Browser(codec)
    async with running() as pool, calling(pool, browser) as (leg, events):
        leg.play("resp_1", "item_1", tone(600, 1.0).tobytes())
        leg.end_play("resp_1")
        await events.happened("stopped", "resp_1")
        await events.until(lambda: len(events.pcm) > 48_000)
        heard = events.samples()[12_000:24_000]
        assert loudest_hz(heard, 24_000) == pytest.approx(440, abs=5)
        assert np.abs(heard).max() > 4_000
        said = np.concatenate(browser.heard)
        loud = said[np.abs(said) > 1_000]
        assert len(loud) > 0.5 * len(said) / 2
        # The tone in the middle of what was played, whatever the rate of the track.
        rate_hz = 48_000 if codec == "audio/opus" else 8_000
        begin = int(np.argmax(np.abs(said) > 2_000)) + rate_hz // 10
        assert loudest_hz(said[begin : begin + rate_hz // 2], rate_hz) == pytest.approx(600, abs=5)
    assert events.reasons == ["hung up by the server"]


async def test_reports_come_in_order_and_cuts_say_what_was_heard() -> None:
    async with running() as pool, calling(pool, Browser()) as (leg, events):
        leg.play("resp_1", "item_1", tone(600, 0.2).tobytes())
        leg.end_play("resp_1")
        leg.play("resp_2", "item_2", tone(600, 3.0).tobytes())
        leg.play("resp_2", "item_3", tone(600, 3.0).tobytes())
        await events.happened("started", "resp_2")
        await asyncio.sleep(0.3)
        leg.flush(7)
        await events.happened("cut", 7)
        leg.flush(8)
        await events.happened("cut", 8)
        assert [entry[:2] for entry in events.log] == [
            ("opened",),
            ("started", "resp_1"),
            ("started", "resp_2"),
            ("stopped", "resp_1"),
            ("cut", 7),
            ("cut", 8),
        ] or [entry[:2] for entry in events.log] == [
            ("opened",),
            ("started", "resp_1"),
            ("stopped", "resp_1"),
            ("started", "resp_2"),
            ("cut", 7),
            ("cut", 8),
        ]
        cuts = next(entry[2] for entry in events.log if entry[:2] == ("cut", 7))
        assert [cut[:2] for cut in cuts] == [("resp_2", "item_2"), ("resp_2", "item_3")]
        assert cuts[0][2] % 20 == pytest.approx(0, abs=20)
        assert 100 <= cuts[0][2] < 3_000
        assert cuts[1][2] == 0
        assert events.log[-1] == ("cut", 8, ())


async def test_silence_is_sent_while_nothing_plays() -> None:
    browser = Browser()
    async with running() as pool, calling(pool, browser):
        await browser.until(lambda: len(browser.heard) > 50)
        assert np.abs(np.concatenate(browser.heard)).max() < 50


async def test_the_browser_gets_reports_for_its_statistics() -> None:
    browser = Browser()
    async with running() as pool, calling(pool, browser):
        async with asyncio.timeout(10):
            while True:
                reports = {report.type: report for report in (await browser.pc.getStats()).values()}
                if {"remote-inbound-rtp", "remote-outbound-rtp"} <= reports.keys():
                    break
                await asyncio.sleep(0.1)
        assert reports["remote-inbound-rtp"].packetsLost == 0
        assert reports["remote-outbound-rtp"].packetsSent > 10


async def test_a_microphone_that_falls_silent_is_heard_as_silence() -> None:
    browser = Browser()
    async with running() as pool, calling(pool, browser) as (_, events):
        await events.until(lambda: len(events.pcm) > 24_000)
        browser.microphone.muted.set()
        await asyncio.sleep(0.5)
        before = len(events.pcm)
        await events.until(lambda: len(events.pcm) > before + 24_000)
        assert not events.samples()[before // 2 :].any()


async def test_a_client_that_only_listens_is_not_heard() -> None:
    browser = Browser()
    browser.pc.getTransceivers()[0].direction = "recvonly"
    async with running() as pool, calling(pool, browser) as (leg, events):
        leg.play("r", "i", tone(600, 0.2).tobytes())
        leg.end_play("r")
        await events.happened("stopped", "r")
        assert not events.pcm
        assert browser.heard


async def test_a_client_that_only_speaks_hears_nothing_and_the_playout_goes_on() -> None:
    browser = Browser()
    browser.pc.getTransceivers()[0].direction = "sendonly"
    async with running() as pool, calling(pool, browser) as (leg, events):
        leg.play("r", "i", tone(600, 0.2).tobytes())
        leg.end_play("r")
        await events.happened("stopped", "r")
        await events.until(lambda: len(events.pcm) > 4_800)
        assert not browser.heard


async def test_with_echo_cancelling_nothing_is_lost_or_late() -> None:
    browser = Browser()
    async with running(replace(SETTINGS, echo=True)) as pool, calling(pool, browser) as (_, events):
        await events.until(lambda: len(events.pcm) > 48_000)
        assert loudest_hz(events.samples()[12_000:24_000], 24_000) == pytest.approx(440, abs=5)

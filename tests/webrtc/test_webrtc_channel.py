"""The data channel: texts and bytes both ways, in order, large ones too, and never more in memory than agreed."""

from __future__ import annotations

import asyncio

import pytest
from webrtc_kit import Browser, Events, calling, running, soon


async def test_messages_arrive_in_order_both_ways() -> None:
    browser = Browser()
    async with running() as pool, calling(pool, browser) as (leg, events):
        assert browser.channel is not None
        sent: list[str | bytes] = [f"text {number}" if number % 2 else bytes([number]) * 3 for number in range(100)]
        for data in ["", "ä" * 10, b"", *sent]:
            browser.channel.send(data)
        texts = ["", "ü" * 10, *(f"event {number}" for number in range(100))]
        for text in texts:
            leg.send(text)
        await events.until(lambda: len(events.messages) == len(sent) + 3)
        await browser.until(lambda: len(browser.received) == len(texts))
        assert events.messages == ["", "ä" * 10, b"", *sent]
        assert browser.received == texts
        assert leg.queued == 0


async def test_messages_of_256_kib_arrive_whole() -> None:
    browser = Browser()
    async with running() as pool, calling(pool, browser) as (leg, events):
        assert browser.channel is not None
        assert leg.max_message_bytes == 262_144
        large = "".join(chr(97 + number % 26) for number in range(262_144))
        leg.send(large)
        browser.channel.send(large)
        await events.until(lambda: events.messages, 60)
        await browser.until(lambda: browser.received, 60)
        assert events.messages == [large]
        assert browser.received == [large]
        with pytest.raises(ValueError, match="takes 262144"):
            leg.send(large + "x")


async def test_texts_wait_until_the_channel_is_open() -> None:
    browser, events = Browser(), Events()
    async with running() as pool:
        leg, answer = await pool.open(await browser.offer(), events)
        leg.send("early")
        assert leg.queued == 5
        await browser.accept(answer)
        await browser.until(lambda: browser.received == ["early"])
        await events.until(lambda: events.log == [("opened",)])
        leg.close()
        await browser.close()


async def test_the_first_channel_is_used_whatever_its_label() -> None:
    browser = Browser(label="mine")
    other = browser.pc.createDataChannel("other")
    async with running() as pool, calling(pool, browser) as (leg, events):
        assert browser.channel is not None
        leg.send("hello")
        await browser.until(lambda: browser.received == ["hello"])
        await soon(lambda: other.readyState == "open")
        other.send("not listened to")
        browser.channel.send("heard")
        await events.until(lambda: events.messages)
        assert events.messages == ["heard"]


async def test_without_a_channel_the_call_is_open_with_its_media() -> None:
    browser = Browser(label=None)
    async with running() as pool, calling(pool, browser) as (leg, events):
        assert leg.max_message_bytes == 0
        await events.until(lambda: events.pcm)


async def test_room_is_made_as_the_client_reads() -> None:
    browser = Browser()
    async with running() as pool, calling(pool, browser) as (leg, events):
        text = "x" * 50_000
        for _ in range(25):
            leg.send(text)
        assert leg.queued == 25 * 50_000
        async with asyncio.timeout(60):
            await leg.room()
        assert leg.queued < 1024 * 1024
        await browser.until(lambda: len(browser.received) == 25, 60)
        assert events.reasons == []


async def test_the_last_words_arrive_before_the_end() -> None:
    browser, events = Browser(), Events()
    async with running() as pool:
        leg, answer = await pool.open(await browser.offer(), events)
        await browser.accept(answer)
        await events.happened("opened")
        for number in range(20):
            leg.send(f"{number} " + "x" * 1_000)
        leg.close()
        await events.happened("closed")
        await browser.until(lambda: len(browser.received) == 20)
        await browser.close()


async def test_a_client_that_floods_a_held_call_has_to_wait() -> None:
    """aiortc ignores the receive window, so what goes beyond it is dropped and comes again."""
    browser = Browser()
    async with running() as pool, calling(pool, browser) as (leg, events):
        assert browser.channel is not None
        leg.hold()
        for number in range(24):
            browser.channel.send(bytes([number]) * 250_000)
        await events.until(lambda: len(events.messages) >= 4, 60)
        await asyncio.sleep(1)
        assert sum(map(len, events.messages)) < 1_400_000
        leg.resume()
        await events.until(lambda: len(events.messages) == 24, 60)
        assert [message[0] for message in events.messages] == list(range(24))
        assert events.reasons == []

"""Limits, compression and keeping alive on a WebSocket: sections 9, 10, 12 and 13, as test_websocket_protocol.py has the others."""

from __future__ import annotations

import asyncio
import gc
import json
import struct
import tracemalloc
import zlib

import pytest
from websocket_kit import (
    BINARY,
    CONT,
    DEFLATE,
    INVALID_DATA,
    LIMIT,
    MIB,
    PING,
    PONG,
    PROTOCOL_ERROR,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    TOO_BIG,
    Deflater,
    Raw,
    chopped,
    close,
    event,
    fragments,
    frame,
    header,
    outcome,
)

from kit import Serving, eventually

# --- 9 and 10: limits and chops ---------------------------------------------------------------------------------------------------


async def test_9_sixteen_mebibytes_are_taken_whole_and_in_fragments(server: Serving) -> None:
    raw = await Raw.open(server)
    payload = event("big", LIMIT)
    assert len(payload) == LIMIT
    await raw.send(frame(TEXT, payload))
    await raw.until(echoes=1)
    await raw.send(*fragments(payload, [MIB] * 15))
    await raw.until(echoes=2)
    await raw.send(frame(BINARY, payload))
    assert (await raw.until(echoes=3)).echoes == ["big", "big", "big"]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


async def test_9_one_byte_more_is_refused_before_it_comes(server: Serving) -> None:
    seen = await outcome(server, header(TEXT, LIMIT + 1), bye=False)
    assert (seen.echoes, seen.code) == ([], TOO_BIG)
    seen = await outcome(server, header(BINARY, 1 << 62), bye=False)
    assert (seen.echoes, seen.code) == ([], TOO_BIG)


async def test_9_nor_can_fragments_bring_more(server: Serving) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(TEXT, b"x" * (LIMIT - 9), fin=False), frame(CONT, b"x" * 4, fin=False), frame(PING, b"here"))
    assert (await raw.until(pongs=1)).pongs == [b"here"]
    await raw.send(frame(CONT, b"x" * 5, fin=False), header(CONT, 1))
    assert (await raw.end()).code == TOO_BIG


@pytest.mark.parametrize("size", [1, 64, 1024])
async def test_9_many_small_fragments_are_one_message(server: Serving, size: int) -> None:
    payload = event("whole", 64 * size + 64)
    raw = await Raw.open(server)
    await raw.send(b"".join(fragments(payload, [size] * (len(payload) // size))))
    assert (await raw.until(echoes=1)).echoes == ["whole"]
    await raw.send(close(1000))
    await raw.end()


async def test_9_many_small_messages_are_answered_in_order(server: Serving) -> None:
    raw = await Raw.open(server)
    sending = asyncio.create_task(raw.send(*(frame(TEXT, event(str(number), 64)) for number in range(1_000))))
    seen = await raw.until(echoes=1_000)
    await sending
    assert seen.echoes == [str(number) for number in range(1_000)]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


@pytest.mark.parametrize("size", [1, 2, 64, 1_300, 4_096])
async def test_10_writes_may_be_cut_anywhere(server: Serving, size: int) -> None:
    data = frame(TEXT, event("chopped", 200 if size < 64 else 65_536))
    raw = await Raw.open(server)
    await raw.send(*chopped(data, size), pause=True)
    assert (await raw.until(echoes=1)).echoes == ["chopped"]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


# --- 12 and 13: permessage-deflate ------------------------------------------------------------------------------------------------

OFFERS = [
    DEFLATE,
    f"{DEFLATE}; client_no_context_takeover",
    f"{DEFLATE}; server_no_context_takeover",
    f"{DEFLATE}; client_no_context_takeover; server_no_context_takeover",
    f"{DEFLATE}; client_max_window_bits",
    f"{DEFLATE}; client_max_window_bits=9",
    f"{DEFLATE}; client_max_window_bits=15",
    f"{DEFLATE}; server_max_window_bits=9",
    f"{DEFLATE}; server_max_window_bits=15",
    f"{DEFLATE}; unheard_of, {DEFLATE}; client_max_window_bits",
]


def agreed_bits(extensions: str) -> int:
    """Return the window the client may use."""
    found = [part.partition("=")[2] for part in extensions.split(";") if "client_max_window_bits" in part]
    return int(found[0]) if found and found[0] else 15


@pytest.mark.parametrize("offer", OFFERS)
async def test_12_and_13_compressed_messages_of_every_length_are_answered(server: Serving, offer: str) -> None:
    raw = await Raw.open(server, offer)
    agreed = raw.outcome.extensions
    assert agreed.startswith(DEFLATE)
    deflater = Deflater(agreed_bits(agreed), takeover="client_no_context_takeover" not in agreed)
    raw._inflate = zlib.decompressobj(wbits=-15)
    sizes = (60, 125, 126, 1_024, 65_536, 131_072)
    for count, size in enumerate(sizes, 1):
        await raw.send(deflater.frame(event(str(size), size)))
        if "server_no_context_takeover" in agreed:
            raw._inflate = zlib.decompressobj(wbits=-15)
        await raw.until(echoes=count)
    assert raw.outcome.echoes == [str(size) for size in sizes]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


@pytest.mark.parametrize(
    "offer",
    [f"{DEFLATE}; unheard_of", f"{DEFLATE}; client_max_window_bits=7", f"{DEFLATE}; server_max_window_bits=16", "x-webkit"],
)
async def test_13_an_offer_that_cannot_be_met_is_declined(server: Serving, offer: str) -> None:
    raw = await Raw.open(server, offer)
    assert raw.outcome.extensions == ""
    await raw.send(frame(TEXT, event("plain")))
    assert (await raw.until(echoes=1)).echoes == ["plain"]
    await raw.send(close(1000))
    await raw.end()


async def test_12_compressed_fragments_are_one_message_and_plain_ones_still_go(server: Serving) -> None:
    raw = await Raw.open(server, DEFLATE)
    deflater = Deflater()
    compressed = deflater.message(event("compressed", 5_000))
    await raw.send(*fragments(compressed, [1, 0, 3, 7], rsv=RSV1))
    await raw.until(echoes=1)
    await raw.send(frame(TEXT, event("plain")), *fragments(event("in fragments"), [5]))
    seen = await raw.until(echoes=3)
    assert seen.echoes == ["compressed", "plain", "in fragments"]
    await raw.send(close(1000))
    await raw.end()


def bomb(size: int) -> bytes:
    """Return the deflated form of so many equal bytes: a thousandth of them."""
    squeeze = zlib.compressobj(9, wbits=-15)
    block = b"x" * MIB
    data = b"".join(squeeze.compress(block) for _ in range(size // MIB)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(b"\x00\x00\xff\xff")


@pytest.mark.parametrize("cut", [[], [1_000] * 50], ids=["whole", "in fragments"])
async def test_12_a_decompression_bomb_is_too_big(server: Serving, cut: list[int]) -> None:
    packed = bomb(64 * MIB)
    assert len(packed) < MIB // 4
    seen = await outcome(server, *fragments(packed, cut, rsv=RSV1), extensions=DEFLATE, bye=False)
    assert (seen.echoes, seen.code) == ([], TOO_BIG)


@pytest.mark.parametrize(
    "wrong",
    [
        [frame(TEXT, b"\xff\xff\xff\xff garbage", rsv=RSV1)],
        [frame(PING, b"", rsv=RSV1)],
        [frame(TEXT, b"x", rsv=RSV2)],
        [frame(TEXT, b"x", rsv=RSV1 | RSV3)],
        [frame(TEXT, b"", fin=False, rsv=RSV1), frame(CONT, b"", rsv=RSV1)],
    ],
    ids=["no deflate", "compressed ping", "second bit", "third bit", "compressed continuation"],
)
async def test_12_what_is_wrong_in_a_compressed_connection_closes_it(server: Serving, wrong: list[bytes]) -> None:
    seen = await outcome(server, *wrong, extensions=DEFLATE, bye=False)
    assert (seen.echoes, seen.pongs) == ([], [])
    assert seen.code in (PROTOCOL_ERROR, INVALID_DATA)


# --- keeping alive ----------------------------------------------------------------------------------------------------------------


async def test_the_server_pings_every_twenty_seconds(server: Serving) -> None:
    assert (server.server.config.ws_ping_interval, server.server.config.ws_ping_timeout) == (20.0, 20.0)


async def test_an_idle_peer_that_answers_pings_stays(server: Serving) -> None:
    server.server.config.ws_ping_interval, server.server.config.ws_ping_timeout = 0.02, 5.0
    raw = await Raw.open(server)
    pings = 0
    async with asyncio.timeout(20):
        while pings < 5:
            first, second = await raw.reader.readexactly(2)
            length = second & 127
            if length == 126:
                length = int.from_bytes(await raw.reader.readexactly(2), "big")
            payload = await raw.reader.readexactly(length)
            if first & 15 == PING:
                pings += 1
                await raw.send(frame(PONG, payload))
    await raw.send(frame(TEXT, event("still here")))
    assert (await raw.until(echoes=1)).echoes == ["still here"]
    await raw.send(close(1000))
    await raw.end()


async def test_a_peer_that_answers_no_ping_is_dropped(server: Serving) -> None:
    server.server.config.ws_ping_interval, server.server.config.ws_ping_timeout = 0.02, 0.05
    raw = await Raw.open(server)
    await raw.send(frame(PONG, b"no answer to anything"))
    seen = await raw.end()
    assert (seen.code, seen.reason) == (1011, "keepalive ping timeout")
    await eventually(lambda: not len(server.service.hub))


async def test_a_session_survives_what_closed_another(server: Serving) -> None:
    raw = await Raw.open(server)
    await outcome(server, frame(PING, fin=False), extensions=DEFLATE, bye=False)
    await outcome(server, struct.pack("!BB", 0xFF, 0xFF), bye=False)
    await raw.send(frame(TEXT, json.dumps({"type": "x", "event_id": "mine"}).encode()))
    assert (await raw.until(echoes=1)).echoes == ["mine"]
    await raw.send(close(1000))
    await raw.end()


async def test_9_empty_fragments_without_number_take_no_memory(server: Serving) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(TEXT, event("patient", 64), fin=False), frame(PING, b"first"))
    await raw.until(pongs=1)
    some = frame(CONT, b"", fin=False) * 10_000
    gc.collect()
    tracemalloc.start()
    for _ in range(10):
        await raw.send(some)
    await raw.send(frame(PING, b"last"))
    await raw.until(pongs=2)
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 400_000, "kept one by one, they would be 800 KB of references alone"
    await raw.send(frame(CONT, b""))
    assert (await raw.until(echoes=1)).echoes == ["patient"]
    await raw.send(close(1000))
    await raw.end()

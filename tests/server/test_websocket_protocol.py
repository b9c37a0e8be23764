"""RFC 6455 and RFC 7692 byte by byte, after the sections of the Autobahn test suite.

An event in, an `error` with its id out, stands for the suite's echo (see websocket_kit.py). Every case ends in the state it must: what
is right is answered and the connection then closes as asked, what is wrong closes it with the code the RFC names.
"""

from __future__ import annotations

import pytest
from websocket_kit import (
    BINARY,
    CLOSE,
    CONT,
    INVALID_DATA,
    PING,
    PONG,
    PROTOCOL_ERROR,
    RSV2,
    TEXT,
    Raw,
    chopped,
    close,
    event,
    fragments,
    frame,
    outcome,
)

from kit import Serving

# --- 1: framing -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_1_messages_of_every_length_class_are_answered(server: Serving, opcode: int) -> None:
    raw = await Raw.open(server)
    sizes = (60, 125, 126, 127, 128, 65_535, 65_536)
    for size in sizes:
        await raw.send(frame(opcode, event(f"{size}", size)))
    await raw.until(echoes=len(sizes))
    await raw.send(close(1000))
    seen = await raw.end()
    assert seen.echoes == [str(size) for size in sizes]
    assert seen.code == 1000
    assert not seen.masked, "a server masks nothing"


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_1_an_empty_message_is_no_event(server: Serving, opcode: int) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(opcode))
    assert (await raw.until(echoes=1)).echoes == [None]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


async def test_1_a_frame_that_is_not_masked_closes_the_connection(server: Serving) -> None:
    seen = await outcome(server, frame(TEXT, event(), masked=False), bye=False)
    assert (seen.echoes, seen.code) == ([], PROTOCOL_ERROR)


# --- 2: pings and pongs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
async def test_2_a_ping_is_answered_with_its_payload(server: Serving, payload: bytes) -> None:
    seen = await outcome(server, frame(PING, payload))
    assert (seen.pongs, seen.code) == ([payload], 1000)


async def test_2_a_ping_of_126_bytes_closes_the_connection(server: Serving) -> None:
    seen = await outcome(server, frame(PING, b"\xfe" * 126), bye=False)
    assert (seen.pongs, seen.code) == ([], PROTOCOL_ERROR)


async def test_2_pings_are_answered_in_order_however_they_are_cut(server: Serving) -> None:
    pings = b"".join(frame(PING, b"ping %d" % number) for number in range(10))
    for writes in ([pings], chopped(pings)):
        seen = await outcome(server, *writes, pause=len(writes) > 1)
        assert seen.pongs == [b"ping %d" % number for number in range(10)]


async def test_2_unsolicited_pongs_are_ignored(server: Serving) -> None:
    seen = await outcome(server, frame(PONG), frame(PONG, b"nobody asked"), frame(PING, b"and you?"))
    assert (seen.pongs, seen.code) == ([b"and you?"], 1000)


# --- 3 and 4: reserved bits and opcodes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
@pytest.mark.parametrize("rsv", range(1, 8))
async def test_3_a_reserved_bit_closes_the_connection(server: Serving, opcode: int, rsv: int) -> None:
    seen = await outcome(server, frame(opcode, b"" if opcode == CLOSE else event()[:100], rsv=rsv), bye=False)
    assert (seen.echoes, seen.pongs, seen.code) == ([], [], PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"x"])
async def test_4_a_reserved_opcode_closes_the_connection(server: Serving, opcode: int, payload: bytes) -> None:
    seen = await outcome(server, frame(opcode, payload), bye=False)
    assert (seen.echoes, seen.code) == ([], PROTOCOL_ERROR)


@pytest.mark.parametrize("wrong", [frame(TEXT, b"x", rsv=RSV2), frame(3, b"x")], ids=["reserved bit", "reserved opcode"])
async def test_3_and_4_what_came_before_is_answered(server: Serving, wrong: bytes) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(TEXT, event("before")))
    await raw.until(echoes=1)
    await raw.send(wrong, frame(PING))
    seen = await raw.end()
    assert (seen.echoes, seen.pongs, seen.code) == (["before"], [], PROTOCOL_ERROR)


# --- 5: fragmentation -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
async def test_5_control_frames_cannot_be_fragmented(server: Serving, opcode: int) -> None:
    seen = await outcome(server, frame(opcode, b"\x03\xe8", fin=False), frame(CONT, b"rest"), bye=False)
    assert (seen.pongs, seen.code) == ([], PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("sizes", [[10], [0, 10], [1] * 20, [0, 0, 0]], ids=str)
async def test_5_a_message_in_fragments_is_one_message(server: Serving, opcode: int, sizes: list[int]) -> None:
    raw = await Raw.open(server)
    await raw.send(*fragments(event("whole"), sizes, opcode))
    assert (await raw.until(echoes=1)).echoes == ["whole"]
    await raw.send(*chopped(b"".join(fragments(event("chopped"), sizes, opcode))), pause=True)
    assert (await raw.until(echoes=2)).echoes == ["whole", "chopped"]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


@pytest.mark.parametrize("step", [0, 1])
async def test_5_pings_between_fragments_are_answered_at_once(server: Serving, step: int) -> None:
    first, second, third = fragments(event("whole"), [5, 5])
    sent = [first, frame(PING, b"1"), second, frame(PONG, b"?"), frame(PING, b"2")]
    raw = await Raw.open(server)
    await raw.send(*(chopped(b"".join(sent)) if step else sent), pause=bool(step))
    assert (await raw.until(pongs=2)).echoes == [], "the message is not over"
    await raw.send(third)
    seen = await raw.until(echoes=1)
    assert (seen.order, seen.pongs, seen.echoes) == (["pong", "pong", "echo"], [b"1", b"2"], ["whole"])
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("payload", [b"", b"non-continuation payload"])
async def test_5_nothing_can_be_continued_that_has_not_begun(server: Serving, fin: bool, payload: bytes) -> None:
    seen = await outcome(server, frame(CONT, payload, fin=fin), frame(TEXT, event()), bye=False)
    assert (seen.echoes, seen.code) == ([], PROTOCOL_ERROR)


async def test_5_nor_what_is_over(server: Serving) -> None:
    raw = await Raw.open(server)
    await raw.send(*fragments(event("over"), [7]))
    await raw.until(echoes=1)
    await raw.send(frame(CONT, b"more", fin=False))
    seen = await raw.end()
    assert (seen.echoes, seen.code) == (["over"], PROTOCOL_ERROR)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
async def test_5_a_new_message_cannot_begin_within_another(server: Serving, opcode: int, fin: bool) -> None:
    seen = await outcome(server, frame(TEXT, b"{", fin=False), frame(opcode, event(), fin=fin), bye=False)
    assert (seen.echoes, seen.code) == ([], PROTOCOL_ERROR)


# --- 6: UTF-8 ---------------------------------------------------------------------------------------------------------------------

WIDE = "κόσμε-日本-😀-\U0010ffff-\uffff"


async def test_6_code_points_may_be_split_over_fragments_and_writes_anywhere(server: Serving) -> None:
    raw = await Raw.open(server)
    payload = event(WIDE)
    for count, place in enumerate(range(1, len(payload)), 1):
        await raw.send(*fragments(payload, [place]))
        await raw.until(echoes=count)
    await raw.send(*fragments(payload, [1] * len(payload)))
    await raw.send(*chopped(frame(TEXT, payload)), pause=True)
    seen = await raw.until(echoes=len(payload) + 1)
    assert set(seen.echoes) == {WIDE}
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


INVALID_UTF8 = {
    "lone continuation": b"\x80",
    "continuations": b"\x80\xbf\x80\xbf",
    "lone start": b"\xc0 ",
    "cut off two": b"\xce",
    "cut off three": b"\xe1\xbd",
    "cut off four": b"\xf0\x9f\x98",
    "overlong slash": b"\xc0\xaf",
    "overlong null": b"\xe0\x80\x80",
    "overlong four": b"\xf0\x8f\xbf\xbf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate pair": b"\xed\xa0\x80\xed\xb0\x80",
    "last surrogate": b"\xed\xbf\xbf",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "impossible": b"\xfe\xff",
}


@pytest.mark.parametrize("wrong", INVALID_UTF8.values(), ids=INVALID_UTF8.keys())
async def test_6_invalid_utf8_closes_the_connection(server: Serving, caplog: pytest.LogCaptureFixture, wrong: bytes) -> None:
    payload = event().replace(b'"pad": "', b'"pad": "' + wrong)
    for writes in ([frame(TEXT, payload)], fragments(payload, [30, 1, 1])):
        seen = await outcome(server, *writes, bye=False)
        assert (seen.echoes, seen.code) == ([], INVALID_DATA)
    caplog.clear()


@pytest.mark.parametrize("wrong", INVALID_UTF8.values(), ids=INVALID_UTF8.keys())
async def test_6_in_a_binary_message_it_is_an_event_that_is_no_json(server: Serving, wrong: bytes) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(BINARY, event().replace(b'"pad": "', b'"pad": "' + wrong)))
    assert (await raw.until(echoes=1)).echoes == [None]
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


# --- 7: closing -------------------------------------------------------------------------------------------------------------------


async def test_7_what_was_sent_before_the_close_is_answered(server: Serving) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(TEXT, event("last")))
    await raw.until(echoes=1)
    await raw.send(close(1000))
    assert (await raw.end()).code == 1000


@pytest.mark.parametrize(
    "after",
    [[close(1000)], [frame(PING, b"?")], [frame(TEXT, event())], [frame(TEXT, event(size=256 * 1024))], [b"\xff\xff garbage"]],
    ids=["close", "ping", "text", "256 KiB", "garbage"],
)
async def test_7_after_the_close_nothing_is_answered(server: Serving, after: list[bytes]) -> None:
    seen = await outcome(server, close(1000), *after, bye=False)
    assert (seen.echoes, seen.pongs, seen.code) == ([], [], 1000)


async def test_7_a_close_between_fragments_ends_it_all(server: Serving) -> None:
    first, second = fragments(event(), [5])
    seen = await outcome(server, first, close(1000), second, bye=False)
    assert seen.echoes == []
    assert seen.code in (1000, PROTOCOL_ERROR), "the library calls the unfinished message an error: docs/websocket.md, 7.1.5"


async def test_7_a_close_without_a_code_is_answered_without_one(server: Serving) -> None:
    assert (await outcome(server, close(), bye=False)).code == 1005


async def test_7_a_close_of_one_byte_is_wrong(server: Serving) -> None:
    assert (await outcome(server, frame(CLOSE, b"\x03"), bye=False)).code == PROTOCOL_ERROR


@pytest.mark.parametrize("reason", [b"", b"Hello, world!", "naïve ☃".encode(), b"*" * 123])
async def test_7_the_reason_comes_back(server: Serving, reason: bytes) -> None:
    seen = await outcome(server, close(1000, reason), bye=False)
    assert (seen.code, seen.reason.encode()) == (1000, reason)


async def test_7_a_reason_that_is_too_long_is_wrong(server: Serving) -> None:
    assert (await outcome(server, close(1000, b"*" * 124), bye=False)).code == PROTOCOL_ERROR


@pytest.mark.parametrize("wrong", INVALID_UTF8.values(), ids=INVALID_UTF8.keys())
async def test_7_a_reason_that_is_no_utf8_is_wrong(server: Serving, wrong: bytes) -> None:
    assert (await outcome(server, close(1000, b"because " + wrong), bye=False)).code == INVALID_DATA


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
async def test_7_a_code_that_may_be_sent_comes_back(server: Serving, code: int) -> None:
    assert (await outcome(server, close(code), bye=False)).code == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
async def test_7_a_code_that_must_not_be_sent_is_wrong(server: Serving, code: int) -> None:
    assert (await outcome(server, close(code), bye=False)).code == PROTOCOL_ERROR


async def test_7_a_peer_that_just_goes_leaves_no_session(server: Serving) -> None:
    raw = await Raw.open(server)
    await raw.send(frame(TEXT, b"{", fin=False))
    raw.writer.transport.abort()
    await server.empty()

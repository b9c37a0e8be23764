"""Uploads under fire: too large, too slow, broken off, spelled strangely. None leaves a file behind."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from audio_files_kit import TRANSCRIPTIONS, TWO, Raw, error_of, form, official, places, post, temporary, two

from kit import PATIENCE_S, eventually, scripted, serving
from vivavoce.api import body as body_module
from vivavoce.api.audio import uploads
from vivavoce.api.audio.uploads import LARGEST_FILE

__all__ = ["temporary"]

MB = 1024 * 1024
WHISPER = ("model", "whisper-1")
OFFICIAL = f"Maximum content size limit ({LARGEST_FILE}) exceeded"


def left(temporary: Path) -> list[Path]:
    """Return what is in the folder."""
    return list(temporary.iterdir())


async def push(raw: Raw, chunk: bytes, most: int) -> None:
    """Send chunks until so much is sent or the server breaks off."""
    try:
        while raw.sent < most:
            await raw.send(chunk)
    except ConnectionError:
        return


async def test_a_hundred_megabytes_are_refused_without_being_read(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "LINGER_BYTES", MB)
    async with serving() as server:
        raw = await Raw.to(server)
        await raw.head(Content_Length=str(100 * MB), Content_Type="multipart/form-data; boundary=x")
        pushing = asyncio.create_task(push(raw, b"x" * 65_536, 100 * MB))
        status, answer = await raw.answer()
        await pushing
        raw.hang_up()
    assert status == 413
    assert answer["error"]["message"].startswith(OFFICIAL)
    assert answer["error"]["type"] == "server_error"
    assert raw.sent < 16 * MB, "what the server still takes so that the answer arrives, and what the sockets hold"
    assert not left(temporary)


@pytest.mark.parametrize("headers", [{}, {"Expect": "100-continue"}], ids=["", "Expect"])
async def test_the_answer_comes_before_the_body(headers: dict[str, str]) -> None:
    async with serving() as server:
        raw = await Raw.to(server)
        await raw.head(Content_Length=str(100 * MB), Content_Type="multipart/form-data; boundary=x", **headers)
        status, _ = await raw.answer()
        raw.hang_up()
    assert status == 413


async def test_the_official_client_learns_that_its_file_is_too_large() -> None:
    async with serving() as server, official(server) as client:
        with pytest.raises(openai.APIStatusError, match="Maximum content size limit") as caught:
            await client.audio.transcriptions.create(file=("a.wav", b"x" * (40 * MB)), model="whisper-1")
    assert caught.value.status_code == 413


async def test_a_chunked_body_is_cut_where_it_passes_the_limit(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "LINGER_BYTES", MB)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'

    async with serving() as server:
        raw = await Raw.to(server)
        await raw.head(Transfer_Encoding="chunked", Content_Type="multipart/form-data; boundary=x")
        await raw.send(b"%x\r\n%b\r\n" % (len(head), head))
        piece = b"y" * 65_536
        pushing = asyncio.create_task(push(raw, b"%x\r\n%b\r\n" % (len(piece), piece), 100 * MB))
        status, answer = await raw.answer()
        await pushing
        raw.hang_up()
    assert status == 413
    assert answer["error"]["message"].startswith(OFFICIAL)
    assert raw.sent < 45 * MB
    assert not left(temporary)


async def test_a_client_that_hangs_up_leaves_no_file(temporary: Path) -> None:
    body, content_type = form([WHISPER], file=b"x" * 4 * MB)
    async with serving() as server:
        raw = await Raw.to(server)
        await raw.head(Content_Length=str(len(body)), Content_Type=content_type)
        await raw.send(body[: 3 * MB])
        await eventually(lambda: any(path.is_file() for path in temporary.rglob("*")))
        raw.hang_up()
        await eventually(lambda: not left(temporary))
        await eventually(lambda: not places(server).taken)


async def test_a_finished_request_leaves_no_file(temporary: Path) -> None:
    async with serving(scripted(recognizer=two())) as server:
        assert (await post(server, [WHISPER])).status_code == 200
        assert (await post(server, [WHISPER], file=b"nonsense")).status_code == 400
    assert not left(temporary)


async def test_an_upload_that_stands_still_is_given_up(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "STALL_S", 0.05)
    body, content_type = form([WHISPER])
    async with serving() as server:
        raw = await Raw.to(server)
        await raw.head(Content_Length=str(len(body)), Content_Type=content_type)
        await raw.send(body[:100])
        status, answer = await raw.answer()
        raw.hang_up()
    assert status == 408
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert not left(temporary)


async def test_a_refusal_does_not_wait_for_the_body() -> None:
    async with serving(keys=("sk-right",)) as server:
        raw = await Raw.to(server)
        await raw.head(Content_Length=str(20 * MB), Content_Type="multipart/form-data; boundary=x")
        status, answer = await raw.answer()
        raw.hang_up()
    assert (status, answer["error"]["type"]) == (401, "invalid_request_error")


async def test_a_file_of_exactly_the_limit_is_read() -> None:
    file = b"\0" * LARGEST_FILE
    async with serving() as server:
        exact = error_of(await post(server, [WHISPER], file=file), 400)
        more = error_of(await post(server, [WHISPER], file=file + b"\0"), 413)
    assert exact["param"] == "file"
    assert more["message"].startswith(OFFICIAL)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([WHISPER, ("prompt", "a" * 200_000)], 400),
        ([WHISPER, *[("keywords[]", "a" * 1_000)] * 1_100], 413),
        ([WHISPER, *[("keywords[]", "a")] * 3_000], 413),
    ],
    ids=["one too long", "too long together", "too many"],
)
async def test_fields_are_bounded(fields: list[tuple[str, str]], status: int) -> None:
    async with serving() as server:
        error_of(await post(server, fields), status)


@pytest.mark.parametrize(
    "filename",
    ["ünïcödé 日本.wav", "../../etc/passwd", "a b.wav; x=y", "C:\\temp\\a.wav", "no ending", "", "x" * 3_000 + ".mp3", "a.m3u8"],
)
async def test_a_file_may_have_any_name(filename: str, temporary: Path) -> None:
    async with serving(scripted(recognizer=two())) as server:
        answer = await post(server, [WHISPER], filename=filename)
    assert answer.json()["text"] == "hello there how are you"
    assert not left(temporary)


BROKEN = {
    "no boundary": (b"", "multipart/form-data"),
    "an empty boundary": (b"", 'multipart/form-data; boundary=""'),
    "a long boundary": (b"", f"multipart/form-data; boundary={'b' * 300}"),
    "another boundary": (form([WHISPER])[0], "multipart/form-data; boundary=other"),
    "breaks off": (form([WHISPER])[0][:-20], form([])[1]),
    "nothing": (b"", form([])[1]),
    "no name": (b"--b0undary\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b0undary--\r\n", form([])[1]),
    "a long header": (b"--b0undary\r\nX: " + b"x" * 10_000 + b"\r\n\r\nx\r\n--b0undary--\r\n", form([])[1]),
    "many headers": (b"--b0undary\r\n" + b"X: y\r\n" * 50 + b"\r\nx\r\n--b0undary--\r\n", form([])[1]),
    "no text": (form([("prompt", b"\xff\xfe"), WHISPER])[0], form([])[1]),
    "two files": (form([], file=TWO)[0].replace(b"--b0undary--\r\n", b"") + form([], file=TWO)[0], form([])[1]),
    "a file elsewhere": (form([WHISPER], filename='a.wav"; name="cover')[0], form([])[1]),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_form_is_refused(name: str, temporary: Path) -> None:
    body, content_type = BROKEN[name]
    async with serving() as server, httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        answer = await client.post(TRANSCRIPTIONS, content=body, headers={"Content-Type": content_type})
        error_of(answer, 400)
    assert not left(temporary)


@pytest.mark.parametrize("step", [1, 7, 4_096])
async def test_a_form_may_come_in_pieces_of_any_size(step: int) -> None:
    file = TWO if step > 100 else TWO[:4_000] + b"\r\n--b0undar" + TWO[4_000:6_000]
    body, content_type = form([WHISPER, ("prompt", "grüße")], file=file)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    async with serving(scripted(recognizer=two("hello"))) as server, httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        answer = await client.post(TRANSCRIPTIONS, content=pieces(), headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("what", ["folder", "file", "bytes"])
async def test_a_full_disk_is_told_and_not_taken_for_a_crash(
    what: str, temporary: Path, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    """Whatever it is that has no room; and the next file is taken when there is some again."""
    async with serving(scripted(recognizer=two())) as server:
        with monkeypatch.context() as full:
            if what == "folder":
                full.setattr(tempfile, "tempdir", str(temporary / "not there"))
            elif what == "file":
                full.setattr(Path, "open", _no_room)
            else:
                full.setattr(uploads, "_file", lambda path: open("/dev/full", "wb", buffering=0))  # noqa: SIM115 - it is entered
            answer = await post(server, [WHISPER])
        assert error_of(answer, 503)["code"] == "server_is_overloaded"
        assert answer.headers["retry-after"]
        assert (await post(server, [WHISPER])).status_code == 200
    assert not left(temporary)
    assert {line["event"] for line in log} == {"a temporary file cannot be written", "a file was not answered"}
    log.clear()


def _no_room(*args: Any, **options: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_many_at_once_wait_for_their_turn() -> None:
    async with serving(scripted(recognizer=two())) as server:
        answers = await asyncio.gather(*(post(server, [WHISPER]) for _ in range(8)))
        assert [answer.status_code for answer in answers] == [200] * 8
        assert not places(server).taken


async def test_the_next_request_may_use_the_same_connection() -> None:
    body, content_type = form([WHISPER])
    async with serving(scripted(recognizer=two())) as server:
        raw = await Raw.to(server)
        for _ in range(2):
            await raw.head(Content_Length=str(len(body)), Content_Type=content_type)
            await raw.send(body)
            status, answer = await raw.answer()
            assert (status, answer["text"]) == (200, "hello there how are you")
        raw.hang_up()

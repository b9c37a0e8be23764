"""Broken forms: whatever a multipart body is made of, it is answered or refused in the official shape, and nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest
from audio_files_kit import TRANSCRIPTIONS, TRANSLATIONS, TWO, places, temporary, two

from kit import Serving, scripted, serving

__all__ = ["temporary"]

SEED = int(os.environ.get("FUZZ_SEED", "20260101"))
"""Which forms are made; another number makes others."""

AT_ONCE = 8
HANG_S = 20.0
ANSWERS = (200, 400, 404, 408, 413)
"""What may be answered: any refusal of a form, and never a crash."""

NAMES = (
    *("file", "model", "language", "languages[]", "prompt", "response_format", "stream", "keywords[]", "temperature"),
    *("chunking_strategy", "chunking_strategy[type]", "timestamp_granularities[]", "include[]", "known_speaker_names[]"),
    *(
        "",
        "[]",
        "a" * 5_000,
        "model[]",
        "model[a][b]",
        "file[]",
        "\0",
        "naïve",
        "x; name=y",
        "../../etc/passwd",
        "__proto__",
        "\ud800",
    ),
)
VALUES = (
    *(
        b"whisper-1",
        b"gpt-4o-transcribe",
        b"gpt-transcribe",
        b"json",
        b"text",
        b"srt",
        b"verbose_json",
        b"true",
        b"0",
        b"1e400",
        b"-1",
    ),
    *(
        b"",
        b"\xff\xfe\xfd",
        b"\0" * 50,
        b"NaN",
        b"auto",
        b'{"type": "server_vad", "threshold": 1e999}',
        b"[" * 3_000,
        b"x" * 40_000,
    ),
    *(b"de-DE", b"\xf0\x9f\x98\x80" * 9, b"\r\n--b0undary", b"--b0undary--", b"\r\n\r\n", b"a,b,c", b'"', b'{"type":' * 200),
)
FILES = (TWO, TWO[:100], TWO[:44], b"", b"RIFF", b"ID3" + b"\0" * 100, TWO + b"\r\n--b0undary", b"\r\n", os.urandom(64))
FILENAMES = (
    *(
        "audio.wav",
        "a.mp3",
        "",
        "../../../../tmp/x.wav",
        "a\0.wav",
        "ü.wav",
        "a" * 10_000 + ".wav",
        'a".wav',
        "a.wav; name=x",
        "CON",
    ),
    *(".wav", "a.", "a.wav\r\nX: y", "C:\\x\\y.wav", "=?utf-8?B?YQ==?=", "\u202egnp.wav"),
)
ENCODINGS = (
    b"",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Type: text/plain; charset=utf-16\r\n",
)
TYPES = (
    *(
        "multipart/form-data; boundary=b0undary",
        'multipart/form-data; boundary="b0undary"',
        "multipart/form-data",
        "multipart/mixed",
    ),
    *(
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 400,
        "multipart/form-data; boundary=b0undar",
        "",
    ),
    *("multipart/form-data; charset=utf-16; boundary=b0undary", "Multipart/Form-Data; BOUNDARY=b0undary", "text/plain"),
    *("multipart/form-data; boundary*=utf-8''b0undary", "multipart/form-data; boundary=b0undary; boundary=other", "\xff"),
)


def part(chance: random.Random) -> bytes:
    """Return one part of a form."""
    name = "file" if chance.random() < 0.4 else "model" if chance.random() < 0.5 else chance.choice(NAMES)
    quoted = name.encode("utf-8", "surrogatepass")
    disposition = (
        chance.choice((b'form-data; name="%s"', b'form-data; name="%s"', b"form-data; name=%s", b'attachment; name="%s"'))
        % quoted
    )
    if name == "file" or chance.random() < 0.1:
        disposition += b'; filename="%s"' % chance.choice(FILENAMES).encode()
    head = b"Content-Disposition: " + disposition + b"\r\n" + chance.choice(ENCODINGS)
    if chance.random() < 0.05:
        head += b"X-Many: y\r\n" * chance.choice((1, 30, 3_000))
    if chance.random() < 0.05:
        head = chance.choice(
            (b"", b"\r\n", b"no colon\r\n", b": nothing\r\n", b"Content-Disposition\r\n", b"\xff: \xff\r\n", b" folded\r\n")
        )
    return head + b"\r\n" + chance.choice(FILES if name == "file" else VALUES)


def nested(chance: random.Random) -> bytes:
    """Return a part that is a form."""
    inner = b"--inner\r\n" + part(chance) + b"\r\n--inner--\r\n"
    return b'Content-Disposition: form-data; name="file"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n' + inner


def form(chance: random.Random) -> tuple[bytes, str]:
    """Return a body that is nearly a form, and the content type it comes with."""
    parts = [nested(chance) if chance.random() < 0.05 else part(chance) for _ in range(chance.choice((0, 1, 2, 2, 3, 5, 40)))]
    if chance.random() < 0.6:
        parts.append(b'Content-Disposition: form-data; name="model"\r\n\r\nwhisper-1')
        parts.append(b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + TWO)
    body = b"".join(b"--b0undary\r\n" + each + b"\r\n" for each in parts) + b"--b0undary--\r\n"
    if chance.random() < 0.4:
        body = damaged(body, chance)
    return body, TYPES[0] if chance.random() < 0.75 else chance.choice(TYPES)


def damaged(body: bytes, chance: random.Random) -> bytes:
    """Return a body with something wrong with it."""
    data = bytearray(body)
    match chance.randrange(5):
        case 0:
            return body[: chance.randrange(len(body))]
        case 1:
            for _ in range(chance.choice((1, 8, 64))):
                data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
        case 2:
            return body.replace(b"\r\n", chance.choice((b"\n", b"\r", b"")), chance.choice((1, 5, -1)))
        case 3:
            at = chance.randrange(len(body))
            return (
                body[:at]
                + chance.choice((b"--b0undary\r\n", b"--b0undary--", b"\r\n\r\n", b"\0" * 99, os.urandom(99)))
                + body[at:]
            )
        case _:
            return body + chance.choice((b"more", b"\r\n" * 999, body, b"--b0undary\r\n"))
    return bytes(data)


async def pieces(body: bytes, step: int) -> object:
    """Yield a body in pieces."""
    for start in range(0, len(body), step):
        yield body[start : start + step]


async def attempt(client: httpx.AsyncClient, number: int) -> str:
    """Send the form of a number; return what became of it."""
    chance = random.Random(SEED * 1_000_000 + number)
    body, content_type = form(chance)
    path = chance.choice((TRANSCRIPTIONS, TRANSCRIPTIONS, TRANSLATIONS))
    content = body if chance.random() < 0.7 else pieces(body, chance.choice((1_000, 70_000)))
    async with asyncio.timeout(HANG_S):
        answer = await client.post(path, content=content, headers={"Content-Type": content_type.encode("latin-1")})  # type: ignore[arg-type]
    if answer.status_code == 200 and answer.headers["content-type"].startswith(("text/plain", "text/event-stream")):
        return "200"
    assert answer.status_code in ANSWERS, f"form {number}: {answer.status_code} {answer.text}"
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert "\n" not in error["message"] and len(error["message"]) < 1_000, f"form {number}: {error}"
    return str(answer.status_code)


def left(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


async def run(server: Serving, folder: Path, count: int) -> Counter[str]:
    """Send so many forms, a few at once; return what became of them."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=server.url, timeout=None) as client:

        async def one(number: int) -> str:
            async with gate:
                return await attempt(client, number)

        results = Counter(await asyncio.gather(*map(one, range(count))))
        good = await client.post(TRANSCRIPTIONS, data={"model": "whisper-1"}, files={"file": ("a.wav", TWO)})
    assert sorted(good.json()["text"].split()) == ["are", "hello", "how", "there", "you"], "and a good one is heard as ever"
    assert not left(folder)
    assert not places(server).taken
    return results


async def test_broken_forms_are_answered_or_refused(temporary: Path) -> None:
    async with serving(scripted(recognizer=two())) as server:
        results = await run(server, temporary, 150)
    assert results["400"] > 20
    assert results["200"] > 5


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_five_thousand_broken_forms_leave_the_server_as_it_was(temporary: Path) -> None:
    async with serving(scripted(recognizer=two())) as server:
        results = await run(server, temporary, 5_000)
    print()
    for status, count in results.most_common():
        print(f"{count:5d}  {status}")

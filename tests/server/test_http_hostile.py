"""Nothing that a client sends to the HTTP routes makes a 500, and every refusal has the official shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from audio_files_kit import TRANSCRIPTIONS, TRANSLATIONS, TWO, two

from kit import PATIENCE_S, Serving, scripted, serving

KEY = "sk-test-1234567890"
ROUTES = {
    "/v1/audio/speech": {"model": "tts-1", "input": "hello", "voice": "alloy", "response_format": "pcm"},
    "/v1/chat/completions": {"model": "gpt-audio", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"model": "gpt-5", "input": "hi", "metadata": {}, "tools": []},
    "/v1/realtime/client_secrets": {"session": {"type": "realtime", "model": "gpt-realtime"}},
    "/v1/realtime/translations/client_secrets": {"session": {"model": "gpt-realtime-translate"}},
    "/v1/realtime/sessions": {"model": "gpt-realtime"},
}
BODIES = {
    "not UTF-8": b'{"model": "\xff\xfe"}',
    "UTF-16": json.dumps({"model": "x"}).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "nested deeply": b'{"model":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested objects": b'{"model":' * 5_000 + b"1" + b"}" * 5_000,
    "no object": b"[]",
    "null": b"null",
    "not finite": b'{"model": NaN}',
    "a number without a float": b'{"model": 1e999}',
    "a number of five thousand digits": b'{"model": ' + b"9" * 5_000 + b"}",
    "half a character": rb'{"model": "\ud800"}',
    "half a character in a name": rb'{"\udfff": 1}',
    "a NUL": rb'{"model": "a\u0000b", "session": {"model": "\u0000", "type": "\u0000"}}',
    "a NUL in a name": rb'{"\u0000": 1}',
    "two values": b"{} {}",
    "a long name": b'{"' + b"k" * 200_000 + b'": 1}',
}
EVIL: tuple[Any, ...] = (
    10**30,
    -(10**400),
    1e308,
    True,
    None,
    "",
    "\0",
    "\U0010ffff" * 300,
    [[[]]],
    {"": ""},
    [None],
    {"type": []},
)


@pytest.fixture
async def server() -> AsyncGenerator[Serving]:
    async with serving(scripted(recognizer=two()), keys=(KEY,), beta=True) as running:
        yield running


def is_official(answer: httpx.Response) -> bool:
    """Tell whether an answer is none of a crash, and if a refusal, one in the official shape."""
    if answer.status_code < 400:
        return True
    error = answer.json()["error"]
    return answer.status_code < 500 and set(error) == {"message", "type", "param", "code"} and bool(error["message"])


def client(server: Serving) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    return httpx.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENCE_S)


async def raw(server: Serving, request: bytes) -> tuple[bytes, bytes, bytes]:
    """Send bytes; return the status line, the other headers and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            status, _, headers = head.partition(b"\r\n")
            return status, headers.lower(), await reader.readexactly(0 if request.startswith(b"HEAD") else length)
    finally:
        writer.close()


@pytest.mark.parametrize("what", BODIES)
async def test_bodies_that_are_no_good_json_are_refused(server: Serving, what: str) -> None:
    async with client(server) as http:
        for path in ROUTES:
            answer = await http.post(path, content=BODIES[what])
            assert 400 <= answer.status_code < 500, (path, answer.text)
            assert is_official(answer), (path, answer.text)


async def test_whatever_a_field_holds_is_answered_or_refused(server: Serving) -> None:
    async with client(server) as http:
        for path, body in ROUTES.items():
            for name in (*body, "unknown"):
                for value in EVIL:
                    answer = await http.post(path, json={**body, name: value})
                    assert is_official(answer), (path, name, value, answer.text)


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, TRANSLATIONS])
async def test_half_a_character_in_the_json_of_a_form_field_is_refused(server: Serving, path: str) -> None:
    async with client(server) as http:
        del http.headers["Content-Type"]
        for strategy in (
            r'{"type": "\ud800"}',
            r'{"type": "server_vad", "\udc80": 1}',
            '{"type": "server_vad", "threshold": NaN}',
        ):
            form = {"model": "whisper-1", "chunking_strategy": strategy}
            answer = await http.post(path, data=form, files={"file": ("a.wav", TWO)})
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == "chunking_strategy"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary=", ";"]
)
async def test_forms_of_another_content_type_are_refused(server: Serving, kind: str) -> None:
    async with client(server) as http:
        answer = await http.post(TRANSCRIPTIONS, content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert is_official(answer)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_a_method_a_path_does_not_have_is_refused_with_those_it_has(server: Serving, method: str) -> None:
    async with client(server) as http:
        for path in (*ROUTES, TRANSCRIPTIONS, TRANSLATIONS):
            answer = await http.request(method, path)
            assert answer.status_code == 405
            assert answer.headers["allow"] == "POST"
            assert method == "HEAD" or answer.json()["error"]["code"] == "method_not_supported"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models", "/v1/models/gpt-realtime"])
async def test_what_can_be_got_has_a_head_and_nothing_else(server: Serving, path: str) -> None:
    async with client(server) as http:
        head, other = await http.head(path), await http.options(path)
    assert (head.status_code, head.content) == (200, b"")
    assert (other.status_code, set(other.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


@pytest.mark.parametrize(
    "request_line",
    [
        b"FOO /v1/models HTTP/1.1",
        b"GET /v1/models/\xff HTTP/1.1",
        b"GET /v1/models?" + b"a=1&" * 20_000 + b" HTTP/1.1",
        b"POST /v1/audio/speech HTTP/1.1\r\nContent-Length: -1",
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nContent-Length: 99999999999999999999",
        b"POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
        b"GET /v1/models HTTP/1.1\r\nX-Odd: \x01",
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_bytes_that_are_no_request_are_refused_in_the_official_shape(server: Serving, request_line: bytes) -> None:
    status, headers, body = await raw(server, request_line + b"\r\nHost: x\r\n\r\n")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert b"connection: close" in headers
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "path", ["%ff", "%00", "%ED%A0%80", "%zz", "a%2Fb", "..%2f..", "x" * 60_000, "?%ff=%ff&&==;&a", "?api-key=%ff"]
)
async def test_odd_paths_and_queries_are_answered_or_refused(server: Serving, path: str) -> None:
    for place in ("/v1/models/", "/v1/sessions/", "/v1/responses/"):
        request = f"GET {place}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()
        status, _, body = await raw(server, request)
        assert status.startswith((b"HTTP/1.1 404", b"HTTP/1.1 307")), status
        assert b"307" in status or json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    "header",
    [
        b"Host: [",
        b"Host: \xff",
        b"Host: x:99999999",
        b"Host: a\r\nHost: b",
        b"Origin: http://[",
        b"Content-Type: \xff",
        b"OpenAI-Safety-Identifier: \xff",
        b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.\xff",
        b"OpenAI-Beta: \xff",
        b"Range: bytes=0-",
        b"X-Long: " + b"a" * 60_000,
        b"Connection: Upgrade\r\nUpgrade: h2c",
    ],
)
async def test_odd_headers_make_no_answer_fail(server: Serving, header: bytes) -> None:
    host = b"" if header.startswith(b"Host") else b"Host: x\r\n"
    rest = host + header + f"\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    for place in (b"GET /v1/models", b"GET /v1/models/", b"POST /v1/realtime/client_secrets"):
        status, _, _ = await raw(server, place + b" HTTP/1.1\r\n" + rest)
        assert int(status.split()[1]) < 500


@pytest.mark.parametrize("key", [b"\xff\xfe", b"sk-\xc3\xa9", b"ek_\xff", b"ek_AAAA", b"ek_" + b"A" * 400, b""])
async def test_keys_that_are_no_text_are_not_accepted(server: Serving, key: bytes) -> None:
    for name in (b"Authorization: Bearer ", b"api-key: "):
        status, _, body = await raw(server, b"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + name + key + b"\r\n\r\n")
        assert int(status.split()[1]) in (401, 403), status
        assert json.loads(body)["error"]["message"]

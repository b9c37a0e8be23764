"""Who may come in: where keys are shown and how they are kept, which pages may ask, and that nobody's key is ever told."""

from __future__ import annotations

import hashlib
import json
import re
import signal
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
import structlog
from starlette.requests import HTTPConnection
from test_process import Process, process
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import MODEL, Serving, serving, settings
from vivavoce.api.access import Gate
from vivavoce.api.signing import Signer
from vivavoce.config import ConfigError, KeySettings, LimitSettings, Secret
from vivavoce.logs import configure_logs
from vivavoce.protocol.errors import ClientFault

KEY = "sk-test-1234567890"
KIOSK = "sk-kiosk-0987654321"


def hashed(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def gate(**server: Any) -> Gate:
    return Gate(settings(**server), Signer(lambda: b"k" * 32))


def request(
    headers: dict[str, str] | None = None, query: str = "", *, method: str | None = "POST", key: str | None = None
) -> HTTPConnection:
    """A request as the server sees it; a handshake where there is no method."""
    given = {**({"authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
    raw = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    scope: dict[str, Any] = {"type": "websocket" if method is None else "http", "headers": raw, "query_string": query.encode()}
    return HTTPConnection(scope if method is None else {**scope, "method": method})


def fault_of(gate: Gate, connection: HTTPConnection) -> ClientFault:
    with pytest.raises(ClientFault) as refused:
        gate.check(connection)
    return refused.value


async def status(server: Serving, **options: Any) -> int:
    """Return how a handshake ends: 101, or the status of the refusal."""
    try:
        async with connect(options.pop("url", None) or server.realtime(), **options) as socket:
            await socket.recv()
            return 101
    except InvalidStatus as refused:
        body = json.loads(refused.response.body or b"")
        assert set(body["error"]) == {"message", "type", "param", "code"}
        return refused.response.status_code


# --- keys -----------------------------------------------------------------------------------------------------------------------


def test_a_caller_is_known_by_the_public_name_of_its_key() -> None:
    named = {"kiosk": KeySettings(Secret(KIOSK), LimitSettings(tokens_per_minute=10)), "key-1": KeySettings(Secret("sk-3"))}
    keys = gate(keys=(KEY, hashed("sk-2")), named=named, limits=LimitSettings(requests_per_minute=5))
    assert [keys.check(request(key=key)).key for key in (KEY, "sk-2", KIOSK, "sk-3")] == ["key-2", "key-3", "kiosk", "key-1"]
    assert [limit.name for limit in keys.check(request(key=KEY)).limiter.state()] == ["requests"]
    assert [limit.name for limit in keys.check(request(key=KIOSK)).limiter.state()] == ["tokens"]


def test_all_who_come_with_a_key_share_what_it_may_do() -> None:
    keys = gate(keys=(KEY,))
    assert keys.check(request(key=KEY)).limiter is keys.check(request({"api-key": KEY})).limiter
    everybody = gate(limits=LimitSettings(tokens_per_minute=10))
    assert everybody.check(request()).key == everybody.check(request(key="sk-any")).key == "open"
    assert everybody.check(request()).limiter is everybody.check(request(key="sk-any")).limiter
    assert everybody.check(request()).limiter.state()


def test_a_hash_lets_its_key_in_and_is_no_key_itself() -> None:
    keys = gate(keys=(hashed(KEY),))
    assert keys.check(request(key=KEY)).key == "key-1"
    for wrong in (hashed(KEY), hashed(KEY).removeprefix("sha256:")):
        assert fault_of(keys, request(key=wrong)).code == "invalid_api_key"


@pytest.mark.parametrize("broken", ["sha256:", "sha256:abc", "sha256:" + "g" * 64, "sha256:" + "0" * 62])
def test_a_hash_that_is_none_is_refused_when_the_server_starts_without_being_shown(broken: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.api_keys = \*{3}: must be a key, or sha256: and 64") as refused:
        gate(keys=(broken,))
    assert broken == "sha256:" or broken not in str(refused.value)
    with pytest.raises(ConfigError, match=r"keys\.kiosk\.key"):
        gate(named={"kiosk": KeySettings(Secret(broken))})


def test_the_gate_keeps_no_key() -> None:
    keys = gate(keys=(KEY,), named={"kiosk": KeySettings(Secret(KIOSK))})
    kept = repr([getattr(keys, name) for name in vars(keys)])
    assert KEY not in kept and KIOSK not in kept


async def test_a_key_is_taken_from_wherever_clients_put_it() -> None:
    async with serving(keys=(KEY,)) as server:
        assert await status(server, additional_headers={"Authorization": f"bearer {KEY}"}) == 101
        assert await status(server, additional_headers={"api-key": KEY}) == 101
        assert await status(server, url=server.realtime(f"model={MODEL}&api-key={KEY}")) == 101
        assert await status(server, subprotocols=["realtime", f"openai-insecure-api-key.{KEY}"]) == 101
        assert await status(server, additional_headers={"Authorization": "Basic x", "api-key": KEY}) == 101
        assert await status(server, additional_headers={"api-key": "sk-wrong"}) == 401
        assert await status(server, url=server.realtime(f"model={MODEL}&api-key=sk-wrong")) == 401
        async with httpx.AsyncClient(base_url=server.url) as http:
            assert (await http.get("/v1/models", params={"api-key": KEY})).status_code == 200
            assert (await http.get("/v1/models", headers={"api-key": KEY})).status_code == 200


def test_the_header_goes_before_the_other_places() -> None:
    keys = gate(keys=(KEY,))
    assert fault_of(keys, request({"api-key": KEY}, key="sk-wrong")).code == "invalid_api_key"


async def test_another_protocol_is_refused_at_the_handshake_and_variants_of_ours_are_not() -> None:
    async with serving() as server:
        assert await status(server, subprotocols=["graphql-ws"]) == 401
        assert await status(server, subprotocols=["mqtt", "chat"]) == 401
        assert await status(server) == 101
        for offered in (["realtime"], ["realtime", "graphql-ws"], ["realtime", "openai-agents-sdk.0.17"]):
            assert await status(server, subprotocols=offered) == 101


async def test_headers_too_long_to_be_a_secret_are_refused_rather_than_left_waiting() -> None:
    async with serving(keys=(KEY,)) as server:
        assert await status(server, additional_headers={"Authorization": "Bearer " + "x" * 100_000}) == 401
        assert await status(server, additional_headers={"Authorization": "Bearer " + "x" * 200_000}) == 431
        assert await status(server, additional_headers=[(f"x-{number}", "1") for number in range(200)]) == 431
        assert len(server.server.server_state.connections) == 0


# --- origins --------------------------------------------------------------------------------------------------------------------

LOCAL = (
    "http://localhost",
    "http://localhost:5173",
    "https://127.0.0.1:8443",
    "http://127.8.0.1",
    "http://[::1]:80",
    "http://app.localhost",
)
ELSEWHERE = (
    "https://evil.example",
    "http://192.168.1.20:8000",
    "null",
    "file://",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://[::1",
    "",
    "chrome-extension://abcdef",
)


def admits(gate: Gate, origin: str, **more: Any) -> bool:
    headers = {"origin": origin, **more.pop("headers", {})}
    try:
        gate.check(request(headers, **more))
    except ClientFault as fault:
        return (fault.status, fault.type) != (403, "invalid_request_error")
    return True


@pytest.mark.parametrize("method", [None, "POST"], ids=["handshake", "post"])
def test_without_keys_only_pages_of_this_machine_may_come_in(method: str | None) -> None:
    keyless = gate()
    assert [origin for origin in LOCAL if not admits(keyless, origin, method=method)] == []
    assert [origin for origin in ELSEWHERE if admits(keyless, origin, method=method)] == []


def test_a_name_that_was_pointed_at_this_machine_is_not_this_machine() -> None:
    assert not admits(gate(), "http://rebound.example:8000", headers={"host": "rebound.example:8000"})


def test_with_keys_every_page_may_come_in_that_has_one() -> None:
    assert all(admits(gate(keys=(KEY,)), origin, key=KEY) for origin in (*LOCAL, *ELSEWHERE))


@pytest.mark.parametrize("keys", [(), (KEY,)], ids=["keyless", "keyed"])
def test_listed_origins_are_the_only_ones(keys: tuple[str, ...]) -> None:
    listed = gate(keys=keys, origins=("https://app.example", "http://localhost:3000/", "null"))
    for origin in ("https://app.example", "https://APP.example:443", "http://localhost:3000", "null"):
        assert admits(listed, origin, key=KEY), origin
    for origin in ("http://app.example", "https://app.example:8443", "https://www.app.example", "http://localhost:3001", ""):
        assert not admits(listed, origin, key=KEY), origin


def test_programs_send_no_origin_and_looking_changes_nothing() -> None:
    listed = gate(origins=("https://app.example",))
    assert listed.check(request()).key == "open"
    assert admits(listed, "https://evil.example", method="GET")


async def test_a_page_that_may_not_come_in_is_told_403_by_handshakes_and_posts() -> None:
    async with serving() as server, httpx.AsyncClient(base_url=server.url, headers={"Origin": "https://evil.example"}) as http:
        assert await status(server, origin="https://evil.example") == 403
        refused = await http.post("/v1/realtime/client_secrets", json={})
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "invalid_request_error")
        assert await status(server, origin="http://localhost:5173") == 101


# --- who it was -----------------------------------------------------------------------------------------------------------------


async def test_log_lines_of_a_session_name_the_key_and_the_user_it_is_for(log: list[MutableMapping[str, Any]]) -> None:
    named = {"kiosk": KeySettings(Secret(KIOSK), LimitSettings(requests_per_minute=1))}
    headers = {"Authorization": f"Bearer {KIOSK}", "OpenAI-Safety-Identifier": "user-" + "7" * 100}
    async with serving(named=named) as server, server.connect(additional_headers=headers) as client:
        await client.respond()
    assert [(line["key"], line["safety_identifier"]) for line in log] == [("kiosk", "user-" + "7" * 59)]


@pytest.mark.parametrize(("sent", "kept"), [(" a b ", "a b"), ("", None), (" ", None), ("x\x1b[2J\ty", "x[2Jy")])
def test_a_safety_identifier_is_kept_as_printable_text(sent: str, kept: str | None) -> None:
    assert gate().check(request({"openai-safety-identifier": sent})).safety_identifier == kept


def test_a_crash_is_logged_without_the_values_that_led_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", json=True)
    key = "-".join(("sk", "in", "a", "local", "variable"))
    try:
        gate(keys=(key,)).check(request(key=key)).names()["nobody"]
    except KeyError:
        structlog.get_logger().exception("crashed")
    logged = capsys.readouterr().err
    assert "KeyError" in logged and "names()" not in logged
    assert key not in logged


# --- nobody's key is ever told ---------------------------------------------------------------------------------------------------


async def test_no_key_and_no_secret_is_in_any_log_error_or_metric() -> None:
    said: list[str] = []
    secrets = [KEY, KIOSK, "sk-wrong", "sk-elsewhere", "ek_forged"]
    async with process(keys=[KEY, hashed(KIOSK)], log_level="debug") as server:
        base = re.sub("^ws(.*)/v1.*$", r"http\1", server.url)
        async with httpx.AsyncClient(base_url=base) as http:
            minted = await http.post("/v1/realtime/client_secrets", headers={"api-key": KIOSK}, json={})
            secret = minted.json()["value"]
            secrets += [secret, secret[3:60], "what the tests sign with"]
            for shown in (KEY, KIOSK, "sk-wrong", secret, secret[:-4] + "AAAA", "ek_forged"):
                said += [await _everywhere(server, http, shown)]
            said += [(await http.get("/metrics")).text, (await http.post("/v1/models?api-key=sk-elsewhere")).text]
        server.process.send_signal(signal.SIGTERM)
        said += [await server.logs()]
    assert "session.created" in said[-1], "there is a log to look at"
    assert "vivavoce_sessions" in said[-3]
    everything = "\n".join(said)
    for text in (*secrets, *(hashed(key).removeprefix("sha256:") for key in secrets)):
        assert text not in everything, text


async def _everywhere(server: Process, http: httpx.AsyncClient, key: str) -> str:
    """Show a key in every place, rightly and wrongly, and return all that was answered."""
    answers = []
    bearer = {"Authorization": f"Bearer {key}"}
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/v1/models/nobody"),
        ("POST", "/v1/realtime/client_secrets"),
        ("GET", "/nowhere"),
    ):
        for shown in ({"headers": bearer}, {"headers": {"api-key": key}}, {"params": {"api-key": key}}):
            content = b"{nonsense" if method == "POST" else None
            response = await http.request(method, path, content=content, headers=shown.get("headers"), params=shown.get("params"))
            answers.append(response.text)
    places: list[dict[str, Any]] = [
        {"additional_headers": bearer},
        {"additional_headers": {"api-key": key}},
        {"subprotocols": ["realtime", f"openai-insecure-api-key.{key}"]},
        {"subprotocols": [f"insecure-api-key.{key}"]},
        {"additional_headers": {"Authorization": key}},
        {"uri": f"{server.url}&api-key={key}"},
        {"uri": f"{server.url}x&api-key={key}"},
        {"uri": f"{server.url}&intent=x&api-key={key}"},
    ]
    for place in places:
        try:
            async with connect(**{"uri": server.url, **place}) as socket:
                answers.append(str(await socket.recv()))
                await socket.send('{"type":"nonsense"}')
                answers.append(str(await socket.recv()))
        except InvalidStatus as refused:
            answers.append((refused.response.body or b"").decode())
    return "\n".join(answers)

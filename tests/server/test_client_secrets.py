"""Client secrets: how they are made, what they carry, when they open a session and when they do not any more."""

from __future__ import annotations

import json
import random
import stat
from collections.abc import AsyncGenerator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from starlette.requests import Request
from test_access import request
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import MODEL, REASONING_MODEL, Event, Serving, serving, settings
from vivavoce.api.access import Gate
from vivavoce.api.answers import MAX_BODY_BYTES, read_object
from vivavoce.api.client_secrets import LONGEST_VALUE
from vivavoce.api.server import LONGEST_HEADER
from vivavoce.api.signing import Signer, signing_key
from vivavoce.config import KeySettings, LimitSettings, Secret
from vivavoce.protocol.errors import ClientFault

KEY = "sk-test-1234567890"
KIOSK = "sk-kiosk-0987654321"
PATH = "/v1/realtime/client_secrets"
TOOL = {
    "type": "function",
    "name": "take_order",
    "description": "Take an order.",
    "parameters": {"type": "object", "properties": {"drink": {"type": "string"}}, "required": ["drink"]},
}


@asynccontextmanager
async def posting(server: Serving, key: str | None = KEY) -> AsyncGenerator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
        yield http


async def secret(server: Serving, key: str | None = KEY, **body: Any) -> str:
    """Make a secret and return its value."""
    async with posting(server, key) as http:
        response = await http.post(PATH, json=body)
        assert response.status_code == 200, response.text
        value: str = response.json()["value"]
        return value


async def opened(server: Serving, value: str, query: str = "", **options: Any) -> Event:
    """Open a session with a secret and return it as created."""
    options = options or {"additional_headers": {"Authorization": f"Bearer {value}"}}
    async with connect(server.realtime(query), **options) as socket:
        created = json.loads(await socket.recv())
    assert created["type"] == "session.created", created
    found: Event = created["session"]
    return found


async def refused(server: Serving, value: str, query: str = "") -> tuple[int, Event]:
    """Return the status and the error of a handshake with a secret that is refused."""
    with pytest.raises(InvalidStatus) as refusal:
        await opened(server, value, query)
    body = json.loads(refusal.value.response.body or b"")
    return refusal.value.response.status_code, body["error"]


# --- making them ----------------------------------------------------------------------------------------------------------------


async def test_the_official_client_makes_a_secret_and_a_session_opened_with_it_is_as_agreed() -> None:
    async with serving(keys=(KEY,)) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as backend:
            made = await backend.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 7_200},
                session={
                    "type": "realtime",
                    "model": REASONING_MODEL,
                    "instructions": "Sell coffee.",
                    "tools": [TOOL],
                    "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}, "output": {"voice": "cedar"}},
                },
            )
        assert made.value.startswith("ek_")
        async with (
            openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=made.value) as browser,
            browser.realtime.connect() as connection,
        ):
            created = json.loads(await connection.recv_bytes())["session"]
            await connection.session.update(session={"type": "realtime", "instructions": "Sell tea."})
            updated = json.loads(await connection.recv_bytes())
    assert (created["model"], created["instructions"], created["tools"]) == (REASONING_MODEL, "Sell coffee.", [TOOL])
    assert created["audio"]["output"]["voice"] == "cedar"
    assert created["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
    assert (updated["type"], updated["session"]["instructions"]) == ("session.updated", "Sell tea.")
    echo = made.session.model_dump()
    assert (echo["type"], echo["model"], echo["instructions"]) == ("realtime", REASONING_MODEL, "Sell coffee.")


async def test_the_echo_is_the_whole_session_with_its_defaults_as_it_will_be_created() -> None:
    async with serving(keys=(KEY,)) as server, posting(server) as http:
        body = (await http.post(PATH, json={"session": {"type": "realtime", "output_modalities": ["text"]}})).json()
        created = await opened(server, body["value"])
    assert set(body) == {"value", "expires_at", "session"}
    echo = body["session"]
    assert list(echo) == list(created), "the same keys in the same order"
    assert (echo["object"], echo["expires_at"], echo["model"]) == ("realtime.session", 0, MODEL)
    assert echo["id"].startswith("sess_") and created["id"] != echo["id"], "each session has an id of its own"
    assert {**echo, "id": "", "expires_at": 0} == {**created, "id": "", "expires_at": 0}
    assert created["expires_at"] > 0


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({}, 600),
        ({"session": None, "expires_after": None}, 600),
        ({"expires_after": {}}, 600),
        ({"expires_after": {"anchor": "created_at"}}, 600),
        ({"expires_after": {"anchor": "created_at", "seconds": 10}}, 10),
        ({"expires_after": {"seconds": 7_200}}, 7_200),
    ],
)
async def test_a_secret_is_good_for_ten_minutes_or_as_long_as_its_maker_says(body: Event, seconds: int) -> None:
    async with serving(keys=(KEY,)) as server:
        server.server.config.app.state.secrets._now = lambda: 1_000.9  # type: ignore[union-attr]
        async with posting(server) as http:
            assert (await http.post(PATH, json=body)).json()["expires_at"] == 1_000 + seconds


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"sesion": {}}, 400, "unknown_parameter", "sesion"),
        ({"session": "realtime"}, 400, "invalid_type", "session"),
        ({"session": {}}, 400, "missing_required_parameter", "session.type"),
        ({"session": {"type": "nonsense"}}, 400, "invalid_value", "session.type"),
        ({"session": {"type": None}}, 400, "invalid_type", "session.type"),
        (
            {"session": {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-9"}}}}},
            404,
            "model_not_found",
            "session.audio.input.transcription.model",
        ),
        ({"session": {"type": "translation"}}, 400, "invalid_value", "session.type"),
        ({"session": {"type": "realtime", "temperature": 0.8}}, 400, "unknown_parameter", "session.temperature"),
        (
            {"session": {"type": "realtime", "audio": {"output": {"voice": "x"}}}},
            400,
            "invalid_value",
            "session.audio.output.voice",
        ),
        (
            {"session": {"type": "realtime", "tools": [{"type": "function"}]}},
            400,
            "missing_required_parameter",
            "session.tools[0].name",
        ),
        ({"session": {"type": "realtime", "reasoning": {"effort": "low"}}}, 400, "invalid_value", "session.reasoning"),
        ({"session": {"type": "realtime", "model": 5}}, 400, "invalid_type", "session.model"),
        ({"session": {"type": "realtime", "model": "gpt-9"}}, 404, "model_not_found", "session.model"),
        ({"session": {"type": "realtime", "model": "whisper-1"}}, 400, "invalid_model", "session.model"),
        ({"expires_after": 600}, 400, "invalid_type", "expires_after"),
        ({"expires_after": {"anchor": "now", "seconds": 60}}, 400, "invalid_value", "expires_after.anchor"),
        ({"expires_after": {"seconds": 9}}, 400, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7_201}}, 400, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": "60"}}, 400, "invalid_type", "expires_after.seconds"),
        ({"expires_after": {"minutes": 1}}, 400, "unknown_parameter", "expires_after.minutes"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
async def test_what_is_wrong_is_named_by_its_path(body: Event, status: int, code: str, param: str) -> None:
    async with serving(keys=(KEY,)) as server, posting(server) as http:
        response = await http.post(PATH, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["code"], error["param"]) == (status, "invalid_request_error", code, param)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'"x"', b"\xff\xfe", b"nonsense", b"[" * 100_000, b'{"session":' * 100 + b"{}" + b"}" * 100]
)
async def test_a_body_that_is_no_json_object_is_a_400(content: bytes) -> None:
    async with serving(keys=(KEY,)) as server, posting(server) as http:
        response = await http.post(PATH, content=content)
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (400, "invalid_request_error", None)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "streamed"])
async def test_a_body_that_is_too_large_is_refused_before_it_has_been_read(announced: bool) -> None:
    taken = 0

    async def endless() -> dict[str, Any]:
        nonlocal taken
        taken += 65_536
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    headers = [(b"content-length", b"67108864")] if announced else []
    with pytest.raises(ClientFault) as fault:
        await read_object(Request({"type": "http", "method": "POST", "headers": headers}, endless))
    assert fault.value.status == 413
    assert taken <= (0 if announced else MAX_BODY_BYTES + 65_536)


async def test_a_large_body_is_a_413_on_the_wire_and_the_server_goes_on() -> None:
    async with serving(keys=(KEY,)) as server, posting(server) as http:
        assert (await http.post(PATH, content=b" " * (MAX_BODY_BYTES + 1))).status_code == 413
        assert (await http.post(PATH, content=b" " * (MAX_BODY_BYTES - 2) + b"{}")).status_code == 200


async def test_secrets_are_made_with_keys_by_servers() -> None:
    async with serving(keys=(KEY,)) as server:
        value = await secret(server)
        for key, status in ((None, 401), ("sk-wrong", 401), (value, 403), ("ek_forged", 403)):
            async with posting(server, key) as http:
                keyed = ("/v1/models", f"/v1/models/{MODEL}", "/v1/sessions/sess_nobody")
                responses = [await http.post(PATH, json={}), *[await http.get(path) for path in keyed]]
            assert [response.status_code for response in responses] == [status] * 4
            assert {response.json()["error"]["type"] for response in responses} == {"invalid_request_error"}
        async with posting(server) as http:
            response = await http.post(PATH, json={}, headers={"Origin": "https://app.example"})
            preflight = await http.options(PATH, headers={"Origin": "https://app.example"})
    assert not [name for name in (*response.headers, *preflight.headers) if name.startswith("access-control")]
    assert response.headers["cache-control"] == "no-store"
    assert preflight.status_code == 405


async def test_a_server_without_keys_makes_secrets_too_and_forged_ones_do_not_open_anything() -> None:
    async with serving() as server:
        value = await secret(server, None, session={"type": "realtime", "instructions": "Sell coffee."})
        assert (await opened(server, value))["instructions"] == "Sell coffee."
        status, error = await refused(server, "ek_forged", f"model={MODEL}")
        assert (status, error["code"]) == (401, "invalid_api_key")


# --- using them -----------------------------------------------------------------------------------------------------------------


async def test_a_secret_works_in_the_header_and_in_the_subprotocol_as_often_as_it_is_shown() -> None:
    async with serving(keys=(KEY,)) as server:
        value = await secret(server, session={"type": "realtime", "instructions": "Sell coffee."})
        for _ in range(3):
            assert (await opened(server, value))["instructions"] == "Sell coffee."
            browser = {"subprotocols": ["realtime", f"openai-insecure-api-key.{value}", "openai-agents-sdk.0.17.0"]}
            assert (await opened(server, value, **browser))["instructions"] == "Sell coffee."


async def test_the_model_is_the_secrets_and_another_one_is_refused() -> None:
    async with serving(keys=(KEY,)) as server:
        value = await secret(server, session={"type": "realtime", "model": REASONING_MODEL})
        for query in ("", "model=", f"model={REASONING_MODEL}"):
            assert (await opened(server, value, query))["model"] == REASONING_MODEL
        status, error = await refused(server, value, f"model={MODEL}")
    assert (status, error["code"], error["param"]) == (400, "invalid_model", "model")


@pytest.mark.parametrize(
    "alphabet",
    ["abcdefghijklmnopqrstuvwxyz     ", "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"],
)
async def test_thirty_thousand_characters_of_instructions_and_tools_travel_in_a_secret(alphabet: str) -> None:
    words = "".join(random.Random(7).choices(alphabet, k=30_000))
    tools = [{**TOOL, "name": f"tool_{number}", "description": words[number * 100 :][:200]} for number in range(20)]
    async with serving(keys=(KEY,)) as server:
        value = await secret(server, session={"type": "realtime", "instructions": words, "tools": tools})
        assert len(value) > 8_192, "longer than most servers take"
        for options in ({}, {"subprotocols": ["realtime", f"openai-insecure-api-key.{value}"]}):
            created = await opened(server, value, **options)
            assert (created["instructions"], created["tools"]) == (words, tools)


async def test_a_configuration_no_header_could_carry_is_refused_when_the_secret_is_made() -> None:
    words = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=300_000))
    async with serving(keys=(KEY,)) as server, posting(server) as http:
        response = await http.post(PATH, json={"session": {"type": "realtime", "instructions": words}})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "string_above_max_length", "session")
    assert LONGEST_VALUE + 4_096 < LONGEST_HEADER, "with room for the other subprotocols"


async def test_a_running_session_outlives_its_secret_and_a_new_one_does_not_open() -> None:
    now_s = [1_000.0]
    async with serving(keys=(KEY,)) as server:
        state = server.server.config.app.state  # type: ignore[union-attr]
        state.secrets._now = state.gate._now = lambda: now_s[0]
        value = await secret(server, expires_after={"anchor": "created_at", "seconds": 10})
        now_s[0] += 9.9
        async with server.connect(additional_headers={"Authorization": f"Bearer {value}"}) as client:
            now_s[0] += 0.1
            status, error = await refused(server, value)
            assert (status, error["type"], error["code"]) == (401, "invalid_request_error", "invalid_api_key")
            assert "expired" in error["message"]
            assert (await client.respond())["status"] == "completed"


async def test_a_changed_secret_is_none() -> None:
    async with serving(keys=(KEY,)) as server:
        value = await secret(server)
        changed = [
            value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :] for place in (3, 20, 60, len(value) // 2)
        ]
        for wrong in (
            *changed,
            value[:-8],
            value + "AAAA",
            "ek_",
            "ek_" + "A" * 43,
            "ek_é",
            value.replace("ek_", "ek_ek_"),
            value[3:],
        ):
            status, error = await refused(server, wrong.encode().decode("latin-1"))
            assert (status, error["code"]) == (401, "invalid_api_key"), wrong


async def test_a_secret_spends_what_its_key_may_and_dies_with_it(log: list[MutableMapping[str, Any]]) -> None:
    named = {"kiosk": KeySettings(Secret(KIOSK), LimitSettings(requests_per_minute=3))}
    async with serving(keys=(KEY,), named=named) as server:
        value = await secret(server, KIOSK)
        await opened(server, value)
        async with server.connect(additional_headers={"Authorization": f"Bearer {value}"}) as client:
            assert (await client.respond())["status_details"]["error"]["code"] == "rate_limit_exceeded"
        status, error = await refused(server, value)
        assert (status, error["code"]) == (429, "rate_limit_exceeded")
        assert {line.get("key") for line in log} == {"kiosk"}
    async with serving(keys=(KEY,), named={"kiosk": KeySettings(Secret("sk-another"))}) as server:
        status, error = await refused(server, value)
        assert (status, error["code"]) == (401, "invalid_api_key")
    async with serving() as server:
        assert (await refused(server, value))[0] == 401


async def test_a_key_may_be_renamed_and_hashed_without_killing_its_secrets() -> None:
    async with serving(keys=(KEY, KIOSK)) as server:
        value = await secret(server, KIOSK)
    async with serving(named={"kiosk": KeySettings(Secret(KIOSK))}) as server:
        await opened(server, value)


async def test_a_session_that_would_not_open_any_more_is_refused_before_the_upgrade() -> None:
    async with serving(keys=(KEY,)) as server:
        value = await secret(server, session={"type": "realtime", "model": REASONING_MODEL})
        del server.service.models[REASONING_MODEL]
        status, error = await refused(server, value)
    assert (status, error["code"]) == (404, "model_not_found")


async def test_the_user_named_when_the_secret_was_made_is_the_one_that_counts() -> None:
    async with serving(keys=(KEY,)) as server:
        async with posting(server) as http:
            made = await http.post(PATH, json={}, headers={"OpenAI-Safety-Identifier": "anna"})
        gate: Gate = server.server.config.app.state.gate  # type: ignore[union-attr]
        shown = request({"openai-safety-identifier": "somebody else"}, key=made.json()["value"])
        assert gate.check(shown, secrets=True).safety_identifier == "anna"


# --- the signing key ------------------------------------------------------------------------------------------------------------


async def test_every_process_with_the_same_signing_key_opens_the_same_secrets() -> None:
    mine, theirs = Secret("a signing key of ours, long enough"), Secret("a signing key of theirs, long enough")
    async with serving(keys=(KEY,), signing_key=mine) as one, serving(keys=(KEY,), signing_key=mine) as two:
        await opened(two, await secret(one))
        async with serving(keys=(KEY,), signing_key=theirs) as other:
            assert (await refused(other, await secret(one)))[0] == 401


async def test_without_one_a_key_is_made_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    async with serving(keys=(KEY,), signing_key=None, home=home) as server:
        assert not home.exists(), "who makes no secrets needs no key"
        value = await secret(server)
    async with serving(keys=(KEY,), signing_key=None, home=home) as server:
        await opened(server, value)
    (file,) = home.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_processes_that_make_the_key_at_once_agree_on_it(tmp_path: Path) -> None:
    wanted = settings(signing_key=None, home=tmp_path / "home")
    with ThreadPoolExecutor(16) as pool:
        keys = {future.result() for future in [pool.submit(signing_key, wanted) for _ in range(64)]}
    assert len(keys) == 1
    assert [path.name for path in wanted.home.iterdir()] == ["signing.key"], "no drafts are left behind"


@pytest.mark.parametrize("broken", ["nowhere", "empty", "short", "text"])
def test_a_home_that_cannot_be_used_costs_a_warning_and_binds_secrets_to_the_process(
    broken: str, tmp_path: Path, log: list[MutableMapping[str, Any]]
) -> None:
    home = tmp_path / "home"
    if broken == "nowhere":
        home.write_text("a file, not a folder")
    else:
        home.mkdir()
        (home / "signing.key").write_text({"empty": "", "short": "abcd", "text": "no key at all"}[broken])
    wanted = settings(keys=(KEY,), signing_key=None, home=home)
    first, second = Signer(lambda: signing_key(wanted)), Signer(lambda: signing_key(wanted))
    token = first.seal("ek_", {"a": 1})
    assert first.unseal("ek_", token) == {"a": 1}
    assert second.unseal("ek_", token) is None
    assert [line["level"] for line in log] == ["warning", "warning"]
    assert "server.signing_key" in log[0]["event"]


def test_a_token_for_one_thing_is_none_for_another() -> None:
    signer = Signer(lambda: b"k" * 32)
    token = signer.seal("ek_", {"a": 1})
    assert signer.unseal("call_", "call_" + token.removeprefix("ek_")) is None
    gate = Gate(settings(keys=(KEY,)), signer)
    with pytest.raises(ClientFault):
        gate.check(request(key="ek_" + signer.seal("call_", {"a": 1}).removeprefix("call_")), secrets=True)

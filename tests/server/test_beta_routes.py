"""The HTTP routes of the beta: flat sessions behind a secret, and words that help where there is nothing behind the route."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from beta_kit import HEADER, MODEL, beta_client
from openai.types.beta.realtime import SessionCreateResponse

from kit import Serving, serving
from vivavoce.testing.official_beta import SESSION_KEYS

KEY = "sk-test-1234567890"
SESSIONS = "/v1/realtime/sessions"


async def post(server: Serving, path: str = SESSIONS, key: str | None = None, **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
        return await http.post(path, **options)


async def test_a_flat_session_becomes_a_secret_that_lives_a_minute() -> None:
    wanted = {
        "model": MODEL,
        "modalities": ["text"],
        "instructions": "Be kind.",
        "voice": "verse",
        "input_audio_format": "g711_alaw",
        "turn_detection": None,
        "temperature": 1.1,
        "max_response_output_tokens": 100,
    }
    async with serving(beta=True, keys=(KEY,)) as server:
        response = await post(server, key=KEY, json=wanted, headers={"OpenAI-Beta": "assistants=v2"})
        told = response.json()
        secret = told["client_secret"]
        headers = {"Authorization": f"Bearer {secret['value']}"}
        beta = {"additional_headers": {**headers, **HEADER["additional_headers"]}}
        async with beta_client(server, **beta) as client:
            session = client.events[0]["session"]
            assert (await client.respond())["modalities"] == ["text"]
        async with server.connect(MODEL, additional_headers=headers) as today:
            assert today.events[0]["session"]["output_modalities"] == ["text"], (
                "what the secret opens is spelled as the client asks"
            )
    assert response.status_code == 200
    assert set(told) == SESSION_KEYS
    assert {name: told[name] for name in wanted} == wanted
    assert told["object"] == "realtime.session"
    assert secret["value"].startswith("ek_")
    assert 50 < secret["expires_at"] - time.time() <= 60
    SessionCreateResponse.model_validate(told, strict=True)
    same = set(wanted) - {"temperature"}
    assert {name: session[name] for name in same} == {name: wanted[name] for name in same}


async def test_a_secret_may_be_asked_to_live_longer() -> None:
    after = {"expires_after": {"anchor": "created_at", "seconds": 600}}
    async with serving(beta=True) as server:
        told = (await post(server, json={"model": MODEL, "client_secret": after})).json()
        refused = await post(server, json={"client_secret": {"expires_after": {"anchor": "created_at", "seconds": 5}}})
    assert 590 < told["client_secret"]["expires_at"] - time.time() <= 600
    assert refused.json()["error"]["param"] == "client_secret.expires_after.seconds"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"voice": "nobody"}, "voice", "invalid_value"),
        ({"modalities": ["audio"]}, "modalities", "invalid_value"),
        ({"output_modalities": ["audio"]}, "output_modalities", "unknown_parameter"),
        ({"audio": {}}, "audio", "unknown_parameter"),
        ({"temperature": 2}, "temperature", "decimal_above_max_value"),
        ({"turn_detection": {"type": "server_vad", "threshold": 7}}, "turn_detection.threshold", "decimal_above_max_value"),
        ({"model": "gpt-9"}, "model", "model_not_found"),
        ({"client_secret": 1}, "client_secret", "invalid_type"),
    ],
)
async def test_what_is_wrong_with_the_session_is_named_as_the_body_has_it(body: dict[str, Any], param: str, code: str) -> None:
    async with serving(beta=True) as server:
        response = await post(server, json=body)
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert "'session." not in error["message"]
    assert response.status_code == (404 if code == "model_not_found" else 400)


async def test_what_is_no_json_object_is_refused() -> None:
    async with serving(beta=True) as server:
        for content in (b"{", b"[]", b'"x"', b"\xff"):
            response = await post(server, content=content)
            assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("path", "kind", "what"),
    [
        ("/v1/realtime/transcription_sessions", "application/json", "Only realtime sessions are held in the beta's shapes."),
        (f"/v1/realtime?model={MODEL}", "application/sdp", "The SDP offer has no audio track"),
    ],
)
async def test_what_cannot_be_served_says_so(path: str, kind: str, what: str) -> None:
    async with serving(beta=True, keys=(KEY,)) as server:
        response = await post(server, path, key=KEY, content=b"v=0\r\n", headers={"Content-Type": kind})
        nobody = await post(server, path, content=b"v=0\r\n")
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(what)
    assert nobody.status_code == 401


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        (SESSIONS, "POST /v1/realtime/client_secrets"),
        ("/v1/realtime/transcription_sessions", "POST /v1/realtime/client_secrets"),
        (f"/v1/realtime?model={MODEL}", "POST /v1/realtime/calls"),
    ],
)
async def test_without_the_switch_the_routes_name_those_that_replaced_them(path: str, instead: str) -> None:
    async with serving() as server:
        response = await post(server, path, json={})
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["code"]) == (404, "invalid_request_error", None)
    assert f"Use {instead} instead." in error["message"]


async def test_a_secret_is_no_key_for_another_one() -> None:
    async with serving(beta=True, keys=(KEY,)) as server:
        told = (await post(server, key=KEY, json={})).json()
        again = await post(server, key=told["client_secret"]["value"], json={})
        nobody = await post(server, json={})
    assert again.status_code in (401, 403)
    assert nobody.status_code == 401

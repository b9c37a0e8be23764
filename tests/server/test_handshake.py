"""Who may open a session, on which model, and how those who may not are told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kit import MODEL, Serving, scripted, serving, settings
from vivavoce.api.server import build_server
from vivavoce.config import ConfigError

KEY = "sk-test-1234567890"
OTHER = "sk-test-0987654321"


async def refusal(url: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Return the status and the error of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, **options):
            pass
    response = refused.value.response
    body = json.loads(response.body or b"")
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return response.status_code, body["error"]


async def accepted(server: Serving, **options: Any) -> str | None:
    """Open a session and return the subprotocol that was selected."""
    async with connect(server.realtime(), **options) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"
        return socket.subprotocol


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def browser(*names: str) -> Any:
    return {"subprotocols": list(names)}


async def test_a_key_comes_in_the_header_or_for_browsers_in_a_subprotocol() -> None:
    async with serving(keys=(KEY, OTHER)) as server:
        for key in (KEY, OTHER):
            assert await accepted(server, additional_headers=bearer(key)) is None
            assert await accepted(server, **browser("realtime", f"openai-insecure-api-key.{key}")) == "realtime"
        agents = browser("realtime", f"openai-insecure-api-key.{KEY}", "openai-agents-sdk.0.17.0", "openai-project.proj_1")
        assert await accepted(server, **agents) == "realtime"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, None),
        ({"additional_headers": {"Authorization": f"Basic {KEY}"}}, None),
        ({"additional_headers": {"Authorization": "Bearer "}}, None),
        ({"additional_headers": bearer("sk-wrong")}, "invalid_api_key"),
        ({"additional_headers": bearer(KEY + "x")}, "invalid_api_key"),
        ({"additional_headers": bearer(KEY[:-1])}, "invalid_api_key"),
        (browser("realtime"), None),
        (browser("graphql-ws"), None),
        (browser("realtime", "openai-insecure-api-key.sk-wrong"), "invalid_api_key"),
    ],
    ids=["none", "basic", "empty", "wrong", "longer", "shorter", "browser without", "other protocol", "browser wrong"],
)
async def test_without_a_good_key_the_handshake_is_refused_with_401(options: Any, code: str | None) -> None:
    async with serving(keys=(KEY,)) as server:
        status, error = await refusal(server.realtime(), **options)
        assert len(server.service.hub) == 0
    assert (status, error["type"], error["code"]) == (401, "invalid_request_error", code)
    assert "sk-wrong" not in error["message"]


async def test_without_configured_keys_any_key_or_none_is_fine() -> None:
    async with serving() as server:
        assert await accepted(server) is None
        assert await accepted(server, additional_headers=bearer("sk-whatever")) is None
        assert await accepted(server, **browser("realtime", "openai-insecure-api-key.anything")) == "realtime"
        assert await accepted(server, **browser("realtime")) == "realtime"


@pytest.mark.parametrize(
    ("query", "status", "code", "param"),
    [
        ("model=gpt-9", 404, "model_not_found", "model"),
        ("intent=transcription&model=gpt-realtime-2", 400, "invalid_model", "model"),
        ("intent=transcription&model=gpt-9", 404, "model_not_found", "model"),
        ("model=gpt-realtime-translate", 400, "invalid_model", "model"),
        ("", 400, "missing_required_parameter", "model"),
        ("model=", 400, "missing_required_parameter", "model"),
        ("call_id=rtc_u0_nobody", 404, "invalid_value", "call_id"),
        ("intent=divination", 400, "invalid_value", "intent"),
    ],
)
async def test_what_cannot_be_opened_is_refused_before_the_upgrade(query: str, status: int, code: str, param: str) -> None:
    async with serving() as server:
        got, error = await refusal(server.realtime(query))
    assert (got, error["code"], error["param"]) == (status, code, param)


async def test_a_handshake_at_a_path_nothing_is_at_is_refused_with_404() -> None:
    async with serving() as server:
        url = server.realtime().partition("?")[0].replace("/realtime", "/realtime/divinations?model=gpt-realtime")
        status, error = await refusal(url)
    assert (status, error["message"]) == (404, "Invalid URL (GET /v1/realtime/divinations)")


async def test_the_official_client_maps_the_refusals() -> None:
    async with serving(keys=(KEY,)) as server:
        for model, key, status in ((MODEL, "sk-wrong", 401), ("gpt-9", KEY, 404)):
            async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key) as client:
                with pytest.raises(InvalidStatus) as refused:
                    await client.realtime.connect(model=model).enter()
                assert refused.value.response.status_code == status


async def test_extra_query_parameters_and_headers_are_ignored() -> None:
    headers = {
        "OpenAI-Organization": "org",
        "OpenAI-Project": "proj",
        "OpenAI-Safety-Identifier": "user",
        "X-Stainless-Lang": "python",
        "OpenAI-Beta": "assistants=v2",
        "User-Agent": "x",
    }
    async with serving() as server, connect(server.realtime(f"model={MODEL}&foo=bar"), additional_headers=headers) as socket:
        assert json.loads(await socket.recv())["session"]["model"] == MODEL


@pytest.mark.parametrize(
    "options",
    [{"additional_headers": {"OpenAI-Beta": "realtime=v1"}}, browser("realtime", "openai-beta.realtime-v1")],
    ids=["header", "subprotocol"],
)
async def test_the_beta_shapes_are_refused_as_the_service_refuses_them(options: Any) -> None:
    async with serving() as server, connect(server.realtime(), **options) as socket:
        error = json.loads(await socket.recv())
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert (error["type"], error["error"]["code"]) == ("error", "beta_api_shape_disabled")
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4000


async def test_a_trailing_slash_binary_frames_and_compression_are_fine() -> None:
    async with serving() as server, connect(server.realtime(path="/v1/realtime/"), compression="deflate") as socket:
        await socket.recv()
        await socket.send(b'{"type":"session.update","session":{"type":"realtime"}}')
        assert json.loads(await socket.recv())["type"] == "session.updated"


async def test_every_agent_model_of_the_list_opens_a_session() -> None:
    async with serving() as server:
        for model in (model for model in server.service.served() if model.kind == "agent"):
            async with server.connect(model.name) as client:
                assert client.events[0]["session"]["model"] == model.name


async def test_a_full_server_refuses_with_503_until_somebody_leaves() -> None:
    async with serving(max_sessions=1) as server:
        async with server.connect() as client:
            status, error = await refusal(server.realtime())
            assert (status, error["type"], error["code"]) == (503, "server_error", "server_is_overloaded")
            await client.say("unharmed")
        await server.empty()
        assert await accepted(server) is None


async def test_no_more_sessions_open_than_there_is_room_for_however_they_rush() -> None:
    async with serving(max_sessions=3) as server, contextlib.AsyncExitStack() as stack:
        rush = [stack.enter_async_context(connect(server.realtime())) for _ in range(12)]
        results = await asyncio.gather(*rush, return_exceptions=True)
        refused = [result for result in results if isinstance(result, InvalidStatus)]
        assert len(server.service.hub) == 3
        assert [result.response.status_code for result in refused] == [503] * 9


async def test_a_plain_request_for_a_session_is_told_what_is_missing() -> None:
    import httpx

    async with serving() as server, httpx.AsyncClient(base_url=server.url) as http:
        response = await http.get("/v1/realtime", params={"model": MODEL})
    assert 400 <= response.status_code < 500
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "voice.example.com"])
def test_a_public_address_without_keys_refuses_to_start(host: str) -> None:
    with pytest.raises(ConfigError, match="api_keys"):
        build_server(settings(host=host))
    assert build_server(settings(host=host, keys=(KEY,)), _service_for(host))


def _service_for(host: str) -> Any:
    from kit import ScriptedShelf
    from vivavoce.sessions.service import VoiceService

    return VoiceService(settings(host=host, keys=(KEY,)), ScriptedShelf(scripted()))

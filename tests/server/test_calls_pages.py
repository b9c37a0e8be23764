"""Who may call from a web page, and how old pages do."""

from __future__ import annotations

import httpx
import pytest
from beta_kit import MODEL as BETA_MODEL
from beta_kit import BetaClient
from call_kit import CALLS, offered
from edge_kit import stand_in
from test_calls_offers import SDP, TRANSLATIONS, error_of

from kit import MODEL, serving

KEY = "sk-test-1234567890"

# --- cors -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [CALLS, TRANSLATIONS, f"{CALLS}/rtc_x/hangup"])
async def test_pages_of_every_origin_may_call(path: str) -> None:
    asked = "authorization,content-type,x-openai-agents-sdk,openai-safety-identifier"
    headers = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
    }
    async with serving(keys=(KEY,)) as server, httpx.AsyncClient(base_url=server.url) as http:
        preflight = await http.options(path, headers=headers)
        refused = await http.post(path, headers={"Origin": "https://app.example.com"}, content=SDP)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert preflight.headers["access-control-allow-headers"] == asked
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "*", "a page can read why"
    assert refused.headers["access-control-expose-headers"] == "Location, X-Request-Id"


@pytest.mark.parametrize(
    "path", ["/v1/realtime", "/v1/models", "/v1/realtime/client_secrets", f"{CALLS}/rtc_x/accept", "/healthz"]
)
async def test_no_other_route_is_open_to_pages(path: str) -> None:
    headers = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
    async with serving(keys=(KEY,)) as server, httpx.AsyncClient(base_url=server.url) as http:
        answers = [await http.options(path, headers=headers), await http.post(path, headers=headers)]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


async def test_a_preflight_that_asks_for_nonsense_is_given_none() -> None:
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "a b; c"}
    async with serving() as server, httpx.AsyncClient(base_url=server.url) as http:
        preflight = await http.options(CALLS, headers=headers)
        bare = await http.options(CALLS)
    assert "access-control-allow-headers" not in preflight.headers
    assert bare.status_code == 405


async def test_without_keys_only_pages_of_this_machine_may_call() -> None:
    async with serving() as server:
        stand_in(server)
        here = await offered(server, SDP, headers={"Origin": "http://localhost:5173"})
        elsewhere = await offered(server, SDP, headers={"Origin": "https://evil.example.com"})
    assert (here.status_code, elsewhere.status_code) == (201, 403)


# --- the beta -------------------------------------------------------------------------------------------------------------------


async def test_the_beta_header_is_refused_unless_the_beta_is_switched_on() -> None:
    async with serving() as server:
        answer = await offered(server, SDP, headers={"OpenAI-Beta": "realtime=v1"})
        route = await offered(server, SDP, f"/v1/realtime?model={MODEL}")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "beta_api_shape_disabled")
    assert route.status_code == 404
    assert "/v1/realtime/calls" in error_of(route)["message"]


@pytest.mark.parametrize(("path", "headers"), [("/v1/realtime?model=", {}), (f"{CALLS}?model=", {"OpenAI-Beta": "realtime=v1"})])
async def test_a_call_of_the_beta_is_told_in_its_shapes(path: str, headers: dict[str, str]) -> None:
    async with serving(beta=True) as server:
        edges = stand_in(server)
        answer = await offered(server, SDP, path + BETA_MODEL, headers=headers)
        assert answer.status_code == 201, answer.text
        leg = edges.legs[0]
        client = BetaClient(leg.client.put, leg.client.take)
        await client.until("conversation.created")
        await client.update(modalities=["text", "audio"], voice="verse")
        response = await client.respond()
        leg.events.started(response["id"])
        leg.events.stopped(response["id"])
        await client.until("output_audio_buffer.stopped")
        transcription = await offered(server, SDP, "/v1/realtime?intent=transcription")
        page = await offered(server, SDP, path + BETA_MODEL, headers={**headers, "Origin": "http://localhost"})
    assert response["status"] == "completed"
    assert "response.audio_transcript.done" in client.types()
    assert not client.of("response.audio.delta")
    assert transcription.status_code == 400
    assert page.headers["access-control-allow-origin"] == "*"

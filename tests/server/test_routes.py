"""The plain routes: health, readiness, metrics, models, and errors in the official shape."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kit import MODEL, REASONING_MODEL, TURN, ScriptedShelf, scripted, serving, settings
from vivavoce.api.app import create_app
from vivavoce.api.server import build_server
from vivavoce.engines.ports import EngineFault
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.brain import ScriptedBrain

KEY = "sk-test-1234567890"


class SlowToWarm(ScriptedBrain):
    """A brain that is warm when the test says so, or not at all."""

    def __init__(self, fault: EngineFault | None = None) -> None:
        super().__init__("ok.", repeat=True)
        self.may_finish = asyncio.Event()
        self.fault = fault

    async def warm(self) -> None:
        await self.may_finish.wait()
        if self.fault is not None:
            raise self.fault


def client_of(service: VoiceService) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app(service, warm=False))
    return httpx.AsyncClient(transport=transport, base_url="http://server")


async def test_the_models_are_listed_as_the_official_client_reads_them() -> None:
    async with serving(keys=(KEY,)) as server, openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        names = [model.id async for model in client.models.list()]
        assert {MODEL, REASONING_MODEL} <= set(names)
        one = await client.models.retrieve(MODEL)
        assert (one.id, one.object, one.owned_by) == (MODEL, "model", "vivavoce")
        with pytest.raises(openai.NotFoundError) as missing:
            await client.models.retrieve("gpt-9")
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="sk-wrong").models.list()


async def test_health_readiness_and_metrics_need_no_key_and_models_do() -> None:
    async with serving(keys=(KEY,)) as server, httpx.AsyncClient(base_url=server.url) as http:
        statuses = [(await http.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics", "/v1/models")]
    assert statuses == [200, 200, 200, 401]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/nothing"), ("GET", "/v1/live/sessions"), ("POST", "/v1/models")])
async def test_what_is_not_there_is_refused_in_the_official_shape(method: str, path: str) -> None:
    async with serving() as server, httpx.AsyncClient(base_url=server.url) as http:
        response = await http.request(method, path)
    assert response.status_code == (404 if method == "GET" else 405)
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


async def test_the_server_is_ready_once_its_engines_are_warm_and_not_before() -> None:
    brain = SlowToWarm()
    service = VoiceService(settings(), ScriptedShelf(scripted(brain)))
    async with client_of(service) as http:
        starting = asyncio.create_task(service.start())
        await asyncio.sleep(0)
        before = await http.get("/readyz")
        assert (before.status_code, before.text) == (503, "engines are warming up\n")
        assert (await http.get("/healthz")).status_code == 200
        brain.may_finish.set()
        await starting
        assert (await http.get("/readyz")).status_code == 200
        await service.hub.drain(0)
        assert (await http.get("/readyz")).status_code == 503, "a server that is going down takes nobody in"
    await service.stop()


async def test_the_process_answers_while_its_engines_warm_up() -> None:
    brain = SlowToWarm()
    service = VoiceService(settings(), ScriptedShelf(scripted(brain)))
    server = build_server(settings(), service)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    listener = socket.create_server(("127.0.0.1", 0))
    starting = asyncio.create_task(server.startup(sockets=[listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=2) as http:
            statuses = [(await http.get(path)).status_code for path in ("/healthz", "/readyz")]
    finally:
        brain.may_finish.set()
        await starting
        await server.shutdown(sockets=[listener])
    assert statuses == [200, 503]


async def test_an_engine_that_cannot_run_here_is_named() -> None:
    brain = SlowToWarm(EngineFault("the model file is missing", temporary=False))
    brain.may_finish.set()
    service = VoiceService(settings(), ScriptedShelf(scripted(brain)))
    with pytest.raises(EngineFault):
        await service.start()
    async with client_of(service) as http:
        response = await http.get("/readyz")
    assert (response.status_code, response.text) == (503, "the model file is missing\n")


async def test_metrics_count_what_happened_and_hold_no_secrets_and_no_words() -> None:
    brain = ScriptedBrain("confidential answer.", repeat=True)
    async with serving(scripted(brain), keys=(KEY,)) as server:
        async with server.connect() as client, httpx.AsyncClient(base_url=server.url) as http:
            await client.append(TURN)
            await client.done()
            await client.refused({"type": "nonsense"})
            during = (await http.get("/metrics")).text
        await server.empty()
        await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=server.url) as http:
            after = (await http.get("/metrics")).text
    assert _value(during, "vivavoce_sessions", kind="agent") == 1
    assert _value(during, "vivavoce_turns_total", model=MODEL) == 1
    assert _value(during, "vivavoce_responses_total", model=MODEL, status="completed") == 1
    assert _value(during, "vivavoce_errors_total", code="invalid_value") == 1
    assert _value(during, "vivavoce_turn_to_first_audio_seconds_count", model=MODEL) == 1
    assert _value(after, "vivavoce_sessions", kind="agent") == 0
    assert _value(after, "vivavoce_sessions_opened_total", kind="agent", model=MODEL) == 1
    assert _value(after, "vivavoce_tokens_total", model=MODEL, direction="output", content="audio") == 2 * 300 / 50
    for secret in (KEY, "confidential", "hello"):
        assert secret not in during + after


async def test_the_engines_are_closed_when_the_server_stops() -> None:
    stack = scripted()
    async with serving(stack):
        pass
    assert [getattr(engine, "closed", None) for engine in stack.engines()] == [True] * 4


def _value(text: str, name: str, **labels: Any) -> float:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return next(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())

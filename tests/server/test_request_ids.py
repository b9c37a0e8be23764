"""Every answer to an HTTP request has a name, and the log knows it where something broke."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import httpx
import openai
import pytest

from kit import MODEL, ScriptedShelf, scripted, serving, settings
from vivavoce.api.app import create_app
from vivavoce.sessions.service import VoiceService


async def test_answers_have_names_of_their_own_whatever_they_say() -> None:
    async with serving() as server, httpx.AsyncClient(base_url=server.url) as http:
        answers = [
            await http.get("/v1/models"),
            await http.get("/v1/models/none"),
            await http.get("/nowhere"),
            await http.put("/v1/models"),
            await http.post("/v1/responses", json={"model": MODEL, "input": "hi", "stream": True}),
        ]
    names = [answer.headers["x-request-id"] for answer in answers]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 405, 200]
    assert len(set(names)) == len(names) and all(len(name) == 36 and name.startswith("req_") for name in names)


async def test_the_official_client_shows_the_name_with_an_error() -> None:
    async with serving() as server, openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="-") as client:
        with pytest.raises(openai.NotFoundError) as missing:
            await client.models.retrieve("none")
        assert missing.value.request_id is not None and missing.value.request_id.startswith("req_")


async def test_a_crash_is_in_the_log_under_the_name_the_client_got(log: list[MutableMapping[str, Any]]) -> None:
    service = VoiceService(settings(), ScriptedShelf(scripted()))
    app = create_app(service, warm=False)

    def broken() -> Any:
        raise RuntimeError("broken")

    service.served = broken  # type: ignore[method-assign]
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        answer = await http.get("/v1/models")
    assert answer.status_code == 500
    assert [line["request"] for line in log] == [answer.headers["x-request-id"]]
    log.clear()

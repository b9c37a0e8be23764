"""Models tell which languages they can do, once their engines are there."""

from __future__ import annotations

from dataclasses import replace

import httpx

from kit import MODEL, ScriptedShelf, scripted, serving, settings
from vivavoce.api.app import create_app
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.translator import ScriptedTranslator

OFFICIAL = {"id", "object", "created", "owned_by"}


async def test_a_transcription_model_tells_what_it_understands_and_an_agent_nothing_more() -> None:
    async with serving() as server, httpx.AsyncClient(base_url=server.url) as http:
        heard = (await http.get("/v1/models/whisper-1")).json()
        agent = (await http.get(f"/v1/models/{MODEL}")).json()
        listed = (await http.get("/v1/models")).json()["data"]
    assert heard["languages"] == []
    assert set(agent) == OFFICIAL
    assert all(set(model) == OFFICIAL for model in listed)


async def test_a_translation_model_tells_its_pairs() -> None:
    stack = replace(scripted(), translator=ScriptedTranslator(pairs=(("en", "es"), ("*", "de"))))
    async with serving(stack) as server, httpx.AsyncClient(base_url=server.url) as http:
        told = (await http.get("/v1/models/gpt-realtime-translate")).json()
    assert told["translation"] == {"sources": ["en", "*"], "targets": ["es", "de"], "pairs": [["en", "es"], ["*", "de"]]}


async def test_before_the_engines_are_there_a_model_is_described_without_languages() -> None:
    service = VoiceService(settings(), ScriptedShelf(scripted()))
    transport = httpx.ASGITransport(app=create_app(service, warm=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        answer = await http.get("/v1/models/whisper-1")
    assert (answer.status_code, set(answer.json())) == (200, OFFICIAL)

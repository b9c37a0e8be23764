"""`GET /v1/sessions/{id}`: what a session has used and cost, in the route, the log and the metrics alike."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kit import REASONING_MODEL, scripted, serving, silence, speech
from vivavoce.sessions import records
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import ScriptedRecognizer
from vivavoce.testing.script import Count, Fail, Say


async def record(url: str, session_id: str, key: str | None = None) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await http.get(f"{url}/v1/sessions/{session_id}", headers=headers)


async def test_a_session_tells_what_it_has_used_and_cost() -> None:
    brain = ScriptedBrain([Say("one two"), Count(0, 50)], [Fail("broken")])
    async with serving(scripted(brain)) as server:
        async with server.connect(REASONING_MODEL) as client:
            session = (await client.session())["id"]
            await client.say("hello")
            done = await client.respond()
            await client.respond()
            told = (await record(server.url, session)).json()
        await server.empty()
        after = (await record(server.url, session)).json()
        metrics = await fetch(f"{server.url}/metrics")
    usage = done["usage"]
    details = usage["input_token_details"], usage["output_token_details"]
    cost = (details[0]["text_tokens"] * 4 + 50 * 24 + details[1]["audio_tokens"] * 64) / 1e6
    assert (told["object"], told["status"], told["kind"], told["model"]) == ("vivavoce.session", "open", "agent", REASONING_MODEL)
    assert told["responses"] == {"completed": 1, "failed": 1}
    first, failed = told["recent_responses"]
    assert (first["id"], first["usage"], first["cost_usd"]) == (done["id"], usage, pytest.approx(cost, abs=1e-6))
    assert told["cost_usd"] == pytest.approx(first["cost_usd"] + failed["cost_usd"], abs=1e-6)
    assert told["usage"]["total_tokens"] == sum(entry["usage"]["total_tokens"] for entry in told["recent_responses"])
    assert (after["status"], after["usage"]) == ("ended", told["usage"])
    assert after["ended_at"] >= after["created_at"] and told["ended_at"] is None
    (paid,) = [line for line in metrics.splitlines() if line.startswith("vivavoce_cost_usd_total")]
    assert float(paid.split()[-1]) == pytest.approx(told["cost_usd"], abs=1e-6)


async def fetch(url: str) -> str:
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).text


async def test_transcription_is_paid_for_by_the_second() -> None:
    stack = scripted(ScriptedBrain("Hello."), ScriptedRecognizer("hello there"))
    async with serving(stack) as server, server.connect() as client:
        session = (await client.session())["id"]
        await client.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
        await client.append(silence(300) + speech(1_200) + silence(900))
        done = await client.until("conversation.item.input_audio_transcription.completed")
        await client.done()
        told = (await record(server.url, session)).json()
    assert told["transcribed_seconds"] == done["usage"]["seconds"]
    spoken = sum(entry["cost_usd"] for entry in told["recent_responses"])
    assert told["cost_usd"] == pytest.approx(spoken + done["usage"]["seconds"] / 60 * 0.017, abs=2e-6)


async def test_a_session_is_only_told_to_the_key_that_opened_it() -> None:
    async with serving(keys=("k1", "k2")) as server, server.connect() as client:
        session = (await client.session())["id"]
        assert (await record(server.url, session, "k1")).status_code == 200
        other = await record(server.url, session, "k2")
        assert (await record(server.url, session)).status_code == 401
    assert other.status_code == 404
    assert other.json()["error"]["param"] == "session_id"


async def test_the_oldest_of_the_ended_sessions_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "KEPT", 2)
    ids: list[Any] = []
    async with serving() as server:
        for _ in range(5):
            async with server.connect() as client:
                ids.append((await client.session())["id"])
            await server.empty()
        status = [(await record(server.url, id)).status_code for id in ids]
    assert status == [404, 404, 200, 200, 200]

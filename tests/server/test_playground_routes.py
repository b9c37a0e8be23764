"""The playground's routes: the page and its files, what it asks, and that it can be switched off."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from kit import scripted, serving
from vivavoce.models.prices import PriceTable
from vivavoce.playground.files import static_files
from vivavoce.playground.presets import PRESETS
from vivavoce.protocol.session_schema import TOOL

KEY = "sk-test-1234567890"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@asynccontextmanager
async def browser(**server: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """Run a server and give a client that asks as browsers do."""
    async with serving(scripted(), **server) as running, httpx.AsyncClient(base_url=running.url, headers=HTML) as http:
        yield http


async def test_the_page_is_at_the_root_with_a_strict_policy() -> None:
    async with browser() as http:
        page = await http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_a_client_whose_base_url_is_wrong_gets_the_official_error() -> None:
    async with browser() as http:
        answer = await http.get("/", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_every_file_is_served_with_its_type_and_asked_for_again_only_when_it_has_changed() -> None:
    async with browser() as http:
        for name in static_files():
            first = await http.get(f"/playground/{name}")
            assert first.status_code == 200 and first.headers["content-type"].startswith(("text/", "image/svg+xml"))
            again = await http.get(f"/playground/{name}", headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["nothing.js", "../files.py", "%2e%2e/files.py", "js", "js/", "", "index.html/"])
async def test_what_is_no_file_of_the_page_does_not_exist(path: str) -> None:
    async with browser() as http:
        answer = await http.get(f"/playground/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_the_page_names_every_file_it_needs_and_nothing_from_elsewhere() -> None:
    files = static_files()
    for name, file in files.items():
        text = file.content.decode()
        assert "//cdn" not in text and "https://" not in text.replace("https://localhost", ""), name
        assert "innerHTML" not in text and "eval(" not in text.replace("eval(what", ""), name
    page = files["index.html"].content.decode()
    linked = [part.split('"')[0] for part in page.split('"playground/')[1:]]
    assert linked and set(linked) <= files.keys()


async def test_the_server_describes_itself_to_the_page() -> None:
    async with browser() as http:
        about = (await http.get("/playground/server.json")).json()
    assert about["keyed"] is False and about["webrtc"] is True and about["minutes"] == 10
    assert "marin" in about["voices"] and "low" in about["efforts"]


async def test_the_ready_made_agents_are_sessions_the_server_takes() -> None:
    async with browser() as http:
        presets = (await http.get("/playground/presets.json")).json()["presets"]
        assert [preset["id"] for preset in presets] == [preset.id for preset in PRESETS]
        for preset in presets:
            for tool in preset["tools"]:
                TOOL.check(tool, "tool")
                assert tool["name"] in preset["results"], "every tool returns something"
            session = {
                "type": "realtime",
                "model": preset["model"],
                "instructions": preset["instructions"],
                "tools": preset["tools"],
            }
            made = await http.post("/playground/secret", json={"session": session})
            assert made.status_code == 200, made.text
            assert preset["examples"]


async def test_prices_are_those_of_the_price_list() -> None:
    async with browser() as http:
        models = {model["name"]: model for model in (await http.get("/playground/prices.json")).json()["models"]}
    table = PriceTable({})
    assert models["gpt-realtime-2"]["price"]["audio_out"] == table.agent("gpt-realtime-2").audio_out
    assert models["gpt-realtime-whisper"]["price"]["per_minute"] == table.transcription("gpt-realtime-whisper").per_minute
    assert {model["kind"] for model in models.values()} == {"agent", "transcription", "translation"}
    assert "VIVAVOCE_LLM_BASE_URL" in models["gpt-realtime-translate"]["missing"]


async def test_a_secret_is_made_for_pages_of_this_machine_only() -> None:
    async with browser() as http:
        body = {"session": {"type": "realtime"}}
        made = await http.post("/playground/secret", json=body, headers={"Origin": str(http.base_url)})
        assert made.json()["value"].startswith("ek_")
        assert made.headers["cache-control"] == "no-store"
        foreign = await http.post("/playground/secret", json=body, headers={"Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        for wrong in (
            {},
            {"session": 3},
            {"session": {"type": "realtime"}, "more": 1},
            {"session": {"type": "realtime", "voice": "x"}},
        ):
            assert (await http.post("/playground/secret", json=wrong)).status_code == 400
        for kind in ({"type": "transcription"}, {"type": "realtime", "model": "gpt-realtime-2"}):
            assert (await http.post("/playground/secret", json={"session": kind})).status_code == 200


async def test_where_keys_are_asked_for_nothing_is_given_without_one() -> None:
    async with browser(keys=(KEY,)) as http:
        assert (await http.get("/")).status_code == 200
        assert (await http.get("/playground/server.json")).json()["keyed"] is True
        assert (await http.get("/playground/prices.json")).status_code == 401
        secret = await http.post("/playground/secret", json={"session": {"type": "realtime"}})
        assert secret.status_code == 401
        shown = await http.get("/playground/prices.json", headers={"Authorization": f"Bearer {KEY}"})
        assert shown.status_code == 200


@pytest.mark.parametrize("path", ["/", "/playground/js/app.js", "/playground/server.json", "/playground/presets.json"])
async def test_it_can_be_switched_off(path: str) -> None:
    async with browser(playground=False) as http:
        answer = await http.get(path)
        secret = await http.post("/playground/secret", json={"session": {"type": "realtime"}})
    assert answer.status_code == 404 and secret.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"

"""Client secrets of translation sessions: how they are made, what they open, and what they do not."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from translation_kit import MODEL, TRANSCRIBED, audio_of, interpreters, listening, talk
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import MODEL as AGENT
from kit import Serving, scripted, serving

KEY = "sk-test-1234567890"
PATH = "/v1/realtime/translations/client_secrets"
SESSION = {"model": MODEL, "audio": {**TRANSCRIBED, "output": {"language": "fr"}}}


async def post(server: Serving, body: Any, path: str = PATH, key: str = KEY) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {key}"}) as http:
        return await http.post(path, json=body)


def bearer(value: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {value}"}}


async def test_the_official_client_makes_a_secret_which_opens_the_session_it_was_made_for() -> None:
    words = talk("good morning.")
    async with serving(interpreters(words), keys=(KEY,)) as server:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            audio: Any = SESSION["audio"]
            made = await client.realtime.translations.client_secrets.create(session={"model": MODEL, "audio": audio})
        assert made.value.startswith("ek_")
        assert made.session.type == "translation"
        assert made.session.model == MODEL
        assert made.session.audio.output is not None
        assert made.session.audio.output.language == "fr"
        async with listening(server, **bearer(made.value)) as session:
            assert session.events[0]["session"]["audio"]["output"] == {"language": "fr"}
            await session.append(audio_of(words))
            await session.finish()
        assert session.text() == "[fr] good morning."
        assert session.text("input") == "good morning."


async def test_a_secret_opens_its_session_without_naming_the_model() -> None:
    async with serving(interpreters(), keys=(KEY,)) as server:
        made = (await post(server, {"session": SESSION, "expires_after": {"anchor": "created_at", "seconds": 60}})).json()
        assert set(made) == {"value", "expires_at", "session"}
        async with connect(server.realtime("", "/v1/realtime/translations"), **bearer(made["value"])) as client:
            assert json.loads(await client.recv())["session"]["audio"]["output"] == {"language": "fr"}


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_required_parameter", "session"),
        ({"session": {}}, "missing_required_parameter", "session.model"),
        ({"session": {"model": MODEL, "type": "translation"}}, "unknown_parameter", "session.type"),
        ({"session": {"model": AGENT}}, "invalid_model", "session.model"),
        ({"session": {"model": "nonsense"}}, "model_not_found", "session.model"),
        ({"session": {"model": MODEL, "voice": "alloy"}}, "unknown_parameter", "session.voice"),
        (
            {"session": {"model": MODEL, "audio": {"output": {"language": "de"}}}},
            "invalid_value",
            "session.audio.output.language",
        ),
        (
            {"session": SESSION, "expires_after": {"anchor": "created_at", "seconds": 5}},
            "integer_below_min_value",
            "expires_after.seconds",
        ),
    ],
    ids=str,
)
async def test_a_wrong_configuration_makes_no_secret(body: Any, code: str, param: str) -> None:
    async with serving(interpreters(), keys=(KEY,)) as server:
        response = await post(server, body)
        assert response.status_code in (400, 404)
        error = response.json()["error"]
        assert (error["code"], error["param"]) == (code, param)


async def test_no_secret_is_made_for_what_cannot_be_translated() -> None:
    async with serving(scripted(), keys=(KEY,)) as server:
        response = await post(server, {"session": {"model": MODEL}})
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_model")


async def test_secrets_open_the_kind_of_session_they_were_made_for() -> None:
    async with serving(interpreters(), keys=(KEY,)) as server:
        interpreter = (await post(server, {"session": {"model": MODEL}})).json()["value"]
        agent = (await post(server, {"session": {"type": "realtime"}}, "/v1/realtime/client_secrets")).json()["value"]
        for value, path in ((interpreter, "/v1/realtime"), (agent, "/v1/realtime/translations")):
            with pytest.raises(InvalidStatus):
                async with connect(server.realtime("", path), **bearer(value)):
                    raise AssertionError("accepted")


async def test_only_an_api_key_makes_secrets() -> None:
    async with serving(interpreters(), keys=(KEY,)) as server:
        assert (await post(server, {"session": SESSION}, key="sk-wrong")).status_code == 401
        made = (await post(server, {"session": SESSION})).json()["value"]
        assert (await post(server, {"session": SESSION}, key=made)).status_code == 403

"""The document at `/openapi.json`: it has every route, no other, and says of requests what the code checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from kit import ScriptedShelf, scripted, serving, settings
from vivavoce.api.app import create_app
from vivavoce.api.audio import speech
from vivavoce.api.chat.schema import REQUEST
from vivavoce.api.openapi.document import document
from vivavoce.api.openapi.table import table
from vivavoce.protocol.schema_document import json_schema
from vivavoce.protocol.transcription_request import TRANSCRIPTION
from vivavoce.sessions.service import VoiceService

Json = dict[str, Any]


def routes() -> set[tuple[str, str]]:
    """Return the methods and paths of the app's HTTP routes."""
    app = create_app(VoiceService(settings(), ScriptedShelf(scripted())), warm=False)
    found = [route for route in app.routes if isinstance(route, Route) and route.include_in_schema]
    # Whatever answers GET answers HEAD.
    return {(method, route.path) for route in found for method in route.methods or () if method != "HEAD"}


def described(**switches: bool) -> set[tuple[str, str]]:
    """Return the methods and paths of the document."""
    paths = document(**{"keyed": False, "beta": True, **switches})["paths"]
    return {(method.upper(), path) for path, operations in paths.items() for method in operations}


def references(value: Any) -> set[str]:
    """Return every reference in the document."""
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_route_is_in_the_document_and_every_route_of_the_document_exists() -> None:
    assert described() == routes()


def test_routes_of_the_beta_are_described_where_they_are_switched_on() -> None:
    beta = described() - described(beta=False)
    assert beta == {("POST", f"/v1/realtime{path}") for path in ("", "/sessions", "/transcription_sessions")}
    assert all(document(keyed=False, beta=True)["paths"][path][method.lower()]["deprecated"] for method, path in beta)


@pytest.mark.parametrize("beta", [True, False])
def test_every_reference_leads_somewhere_and_every_component_is_used(beta: bool) -> None:
    whole = document(keyed=True, beta=beta)
    found = references(whole)
    there = {f"#/components/{kind}/{name}" for kind, named in whole["components"].items() for name in named}
    schemes = {name for name in there if name.startswith("#/components/securitySchemes/")}
    assert found == there - schemes


def test_a_server_without_keys_says_that_none_is_needed() -> None:
    assert {} in document(keyed=False, beta=False)["security"]
    assert {} not in document(keyed=True, beta=False)["security"]


def test_operations_have_names_of_their_own() -> None:
    paths = document(keyed=True, beta=True)["paths"]
    ids = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_requests_are_described_by_the_schemas_that_check_them() -> None:
    schemas = document(keyed=True, beta=False)["components"]["schemas"]
    assert schemas["CreateSpeechRequest"] == json_schema(speech.BODY)
    assert schemas["CreateChatCompletionRequest"] == json_schema(REQUEST)
    form = schemas["CreateTranscriptionRequest"]
    assert set(form["properties"]) == {"file", *TRANSCRIPTION.fields}
    assert form["required"] == ["file", *TRANSCRIPTION.required]


async def test_everybody_may_read_the_document() -> None:
    async with serving(keys=("sk-test-1234567890",)) as server, httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == document(keyed=True, beta=False)
    assert answer.json()["openapi"].startswith("3.1.")


def test_the_page_about_the_routes_is_made_from_the_document() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "http.md"
    assert table() in page.read_text("utf-8"), "run: python -m vivavoce.api.openapi.table"

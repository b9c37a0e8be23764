"""What an offer may be, who may make one, and what it is refused with before anybody works on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import httpx
import openai
import pytest
from call_kit import CALLS, app_state, ended, offered, post
from edge_kit import ANSWER, StandInEdges, stand_in
from starlette.requests import ClientDisconnect
from translation_kit import MODEL as INTERPRETER
from translation_kit import Listener, interpreters

from kit import MODEL, REASONING_MODEL, Event, Serving, eventually, scripted, serving
from vivavoce.api.offers import LONGEST_SDP, LONGEST_SESSION
from vivavoce.config import LimitSettings
from vivavoce.transports.webrtc.faults import EdgeFault, OfferRefused

KEY = "sk-test-1234567890"
OTHER = "sk-other-0987654321"
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"
TRANSLATIONS = "/v1/realtime/translations/calls"


def error_of(answer: httpx.Response) -> Event:
    error: Event = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


async def secret(server: Serving, **session: Any) -> str:
    """Make a client secret."""
    translation = session.get("type") == "translation"
    session = {name: value for name, value in session.items() if not translation or name != "type"}
    path = "translations/client_secrets" if translation else "client_secrets"
    answer = await post(server, f"/v1/realtime/{path}", json={"session": session})
    value: str = answer.json()["value"]
    return value


async def created(edges: StandInEdges) -> Event:
    """Return the session of the last call, as it was created."""
    event = await edges.legs[-1].client.until("session.created")
    found: Event = event["session"]
    return found


# --- what opens -----------------------------------------------------------------------------------------------------------------


async def test_raw_sdp_with_a_key_and_a_model_opens_an_agent_session() -> None:
    async with serving(keys=(KEY,)) as server:
        edges = stand_in(server)
        answer = await offered(server, SDP)
        session = await created(edges)
    assert (answer.status_code, answer.text) == (201, ANSWER)
    assert answer.headers["content-type"] == "application/sdp"
    assert answer.headers["location"] == f"{CALLS}/rtc_{session['id'].removeprefix('sess_')}", "relative, the session's tail"
    assert edges.offers == [SDP]
    assert (session["type"], session["model"]) == ("realtime", MODEL)


async def test_raw_sdp_with_a_client_secret_opens_what_the_secret_says() -> None:
    async with serving(keys=(KEY,)) as server:
        edges = stand_in(server)
        value = await secret(server, type="realtime", model=REASONING_MODEL, instructions="Sell coffee.")
        answer = await offered(server, SDP, CALLS, key=value)
        session = await created(edges)
        other = await offered(server, SDP, f"{CALLS}?model={MODEL}", key=value)
    assert answer.status_code == 201
    assert (session["model"], session["instructions"]) == (REASONING_MODEL, "Sell coffee.")
    assert (other.status_code, error_of(other)["code"]) == (400, "invalid_model")


@pytest.mark.parametrize("query", ["intent=transcription", "model=gpt-4o-transcribe", "intent=transcription&model=whisper-1"])
async def test_transcription_calls_open_like_transcription_sockets(query: str) -> None:
    async with serving() as server:
        edges = stand_in(server)
        answer = await offered(server, SDP, f"{CALLS}?{query}")
        session = await created(edges)
        refused = await edges.legs[-1].client.refused({"type": "response.create"})
    assert answer.status_code == 201
    assert session["type"] == "transcription"
    assert refused["param"] == "type", "the events are those of transcription sessions"


@pytest.mark.parametrize("content_type", ["application/json", None])
@pytest.mark.parametrize("filename", ["blob", None])
async def test_a_form_brings_the_session_along(content_type: str | None, filename: str | None) -> None:
    session = {"type": "realtime", "model": REASONING_MODEL, "instructions": "Sell tea.", "output_modalities": ["text"]}
    form: Any = {"sdp": (filename, SDP, "application/sdp"), "session": (filename, json.dumps(session), content_type)}
    async with serving(keys=(KEY,)) as server:
        edges = stand_in(server)
        answer = await post(server, files=form)
        opened = await created(edges)
    assert answer.status_code == 201, answer.text
    assert edges.offers == [SDP]
    assert {name: opened[name] for name in session} == session


async def test_the_official_client_offers_calls_both_ways_and_hangs_up() -> None:
    async with serving(keys=(KEY,)) as server:
        edges = stand_in(server)
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
            value = await secret(server, type="realtime", instructions="Be kind.")
            async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=value) as browser:
                raw = await browser.realtime.calls.with_raw_response.create(sdp=SDP)
            assert (await created(edges))["instructions"] == "Be kind."
            made = await client.realtime.calls.create(
                sdp=SDP, session={"type": "realtime", "model": MODEL, "instructions": "Be brief."}
            )
            assert (await created(edges))["instructions"] == "Be brief."
            assert made.response.status_code == raw.status_code == 201
            assert (made.text, raw.text) == (ANSWER, ANSWER)
            for answer in (raw, made.response):
                await client.realtime.calls.hangup(answer.headers["location"].rpartition("/")[2])
        await ended(server)
        assert [leg.closed for leg in edges.legs] == [True, True]


async def test_a_session_without_a_model_gets_that_of_the_address_or_the_default() -> None:
    form: Any = {"sdp": (None, SDP), "session": (None, '{"type": "realtime"}')}
    async with serving() as server:
        edges = stand_in(server)
        for path, model in ((CALLS, "gpt-realtime"), (f"{CALLS}?model={REASONING_MODEL}", REASONING_MODEL)):
            assert (await post(server, path, files=form)).status_code == 201
            assert (await created(edges))["model"] == model


async def test_a_translation_call_opens_with_its_secret_alone() -> None:
    async with serving({"": scripted(), INTERPRETER: interpreters()}) as server:
        edges = stand_in(server)
        value = await secret(server, type="translation", model=INTERPRETER, audio={"output": {"language": "es"}})
        answer = await offered(server, SDP, TRANSLATIONS, key=value)
        listener = Listener(edges.legs[0].client.put, edges.legs[0].client.take)
        session = (await listener.until("session.created"))["session"]
        refused = await listener.refused({"type": "input_audio_buffer.clear"})
        named = await offered(server, SDP, f"{TRANSLATIONS}?model={INTERPRETER}", key=value)
        agents = await offered(server, SDP, CALLS, key=value)
        keyed = await offered(server, SDP, TRANSLATIONS)
        agent = await offered(server, SDP, TRANSLATIONS, key=await secret(server, type="realtime"))
        form = await post(server, TRANSLATIONS, key=value, files={"sdp": (None, SDP)})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].startswith(f"{CALLS}/rtc_")
    assert (session["type"], session["audio"]["output"]["language"]) == ("translation", "es")
    assert (named.status_code, error_of(named)["param"]) == (400, "model")
    assert (agents.status_code, error_of(agents)["param"]) == (400, "type")
    assert "/v1/realtime/translations" in error_of(agents)["message"]
    assert (keyed.status_code, agent.status_code, form.status_code) == (403, 400, 415)
    assert "session.close" in refused["message"], "the events are those of translation sessions"


# --- what does not --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, SDP, 415, "unsupported_content_type"),
        ({"Content-Type": "application/json"}, "{}", 415, "unsupported_content_type"),
        ({"Content-Type": ""}, SDP, 415, "unsupported_content_type"),
        ({}, "", 400, "invalid_offer"),
        ({}, "hello", 400, "invalid_offer"),
        ({}, b"v=0\xff", 400, "invalid_offer"),
        ({}, "v=0\r\n" + "a" * LONGEST_SDP, 413, None),
        ({"Content-Type": "multipart/form-data"}, SDP, 400, None),
        ({"Content-Type": "multipart/form-data; boundary=x"}, SDP, 400, None),
        (
            {"Content-Type": "multipart/form-data; boundary=x"},
            '--x\r\nContent-Disposition: form-data; name="sdp"\r\n\r\nv=0',
            400,
            None,
        ),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "--x\r\nContent-Type: a/b\r\n\r\nv=0\r\n--x--\r\n", 400, None),
    ],
)
async def test_what_is_no_offer_is_refused(headers: dict[str, str], content: Any, status: int, code: str | None) -> None:
    async with serving() as server:
        edges = stand_in(server)
        answer = await offered(server, content, headers=headers)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert error_of(answer)["type"] == "invalid_request_error"
    assert not edges.offers


@pytest.mark.parametrize(
    ("form", "path", "status", "param"),
    [
        ({"session": '{"type": "realtime"}'}, CALLS, 400, "sdp"),
        ({"sdp": "no"}, CALLS, 400, "sdp"),
        ({"sdp": SDP, "other": "x"}, CALLS, 400, "other"),
        ({"sdp": SDP + "a" * LONGEST_SDP}, CALLS, 413, None),
        ({"sdp": SDP, "session": "{"}, CALLS, 400, "session"),
        ({"sdp": SDP, "session": "[]"}, CALLS, 400, "session"),
        ({"sdp": SDP, "session": "[" * 100 + "]" * 100}, CALLS, 400, "session"),
        ({"sdp": SDP, "session": '{"a": ' * 100 + "1" + "}" * 100}, CALLS, 400, "session"),
        ({"sdp": SDP, "session": " " * (LONGEST_SESSION + 1)}, CALLS, 413, None),
        ({"sdp": SDP, "session": "{}"}, CALLS, 400, "session.type"),
        ({"sdp": SDP, "session": '{"type": "opera"}'}, CALLS, 400, "session.type"),
        ({"sdp": SDP, "session": '{"type": "translation"}'}, CALLS, 400, "session.type"),
        ({"sdp": SDP, "session": '{"type": "realtime", "voice": "alloy"}'}, CALLS, 400, "session.voice"),
        ({"sdp": SDP, "session": '{"type": "realtime", "model": "gpt-9"}'}, CALLS, 404, "session.model"),
        ({"sdp": SDP, "session": '{"type": "realtime", "model": "gpt-realtime"}'}, f"{CALLS}?model=gpt-realtime-2", 400, "model"),
        ({"sdp": SDP, "session": '{"type": "transcription"}'}, f"{CALLS}?model=whisper-1", 400, "model"),
        ({"sdp": SDP, "session": '{"type": "realtime"}'}, f"{CALLS}?intent=transcription", 400, "intent"),
        ({"sdp": SDP}, CALLS, 400, "model"),
    ],
)
async def test_a_form_that_is_wrong_is_refused_with_the_place(
    form: dict[str, str], path: str, status: int, param: str | None
) -> None:
    async with serving() as server:
        edges = stand_in(server)
        answer = await post(server, path, files={name: (None, value) for name, value in form.items()})
        assert (answer.status_code, error_of(answer)["param"]) == (status, param), answer.text
        assert not edges.offers
        assert not len(server.service.hub)


async def test_a_field_that_comes_twice_is_refused() -> None:
    async with serving() as server:
        answer = await post(server, files=[("sdp", (None, SDP)), ("sdp", (None, SDP))])
    assert (answer.status_code, error_of(answer)["param"]) == (400, "sdp")


async def test_a_session_beside_a_client_secret_is_refused() -> None:
    async with serving(keys=(KEY,)) as server:
        value = await secret(server, type="realtime")
        form: Any = {"sdp": (None, SDP), "session": (None, '{"type": "realtime"}')}
        answer = await post(server, key=value, files=form)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "session")


@pytest.mark.parametrize("path", [CALLS, f"{CALLS}?model=gpt-9", f"{CALLS}?model={MODEL}&intent=opera"])
async def test_raw_sdp_that_opens_nothing_is_refused(path: str) -> None:
    async with serving() as server:
        edges = stand_in(server)
        answer = await offered(server, SDP, path)
    assert answer.status_code == (404 if "gpt-9" in path else 400)
    assert error_of(answer)["param"] == ("intent" if "opera" in path else "model")
    assert not edges.offers


async def test_nobody_calls_without_a_key_where_one_is_needed() -> None:
    async with serving(keys=(KEY,)) as server:
        edges = stand_in(server)
        async with httpx.AsyncClient(base_url=server.url) as http:
            nobody = [await http.post(path, content=SDP) for path in (CALLS, TRANSLATIONS, f"{CALLS}/rtc_x/hangup")]
        wrong = await offered(server, SDP, key="sk-wrong")
    assert [answer.status_code for answer in (*nobody, wrong)] == [401] * 4
    assert not edges.offers


async def test_calls_can_be_switched_off() -> None:
    async with serving(webrtc={"enabled": False}) as server:
        edges = stand_in(server)
        answer = await offered(server, SDP)
    assert answer.status_code == 404
    assert "webrtc.enabled" in error_of(answer)["message"]
    assert not edges.offers


async def test_engines_that_are_not_ready_take_no_calls() -> None:
    async with serving() as server:
        server.service.ready = False
        answer = await offered(server, SDP)
        server.service.ready = True
    assert (answer.status_code, error_of(answer)["code"]) == (503, "server_is_overloaded")


async def test_calls_hold_places_like_sockets_and_give_them_back() -> None:
    async with serving(max_sessions=1) as server:
        edges = stand_in(server)
        call = await offered(server, SDP)
        full = await offered(server, SDP)
        edges.legs[0].over()
        await ended(server)
        again = await offered(server, SDP)
    assert [answer.status_code for answer in (call, full, again)] == [201, 503, 201]
    assert full.headers["retry-after"]


async def test_the_limits_of_a_key_hold_for_calls() -> None:
    limits = LimitSettings(concurrent_sessions=1, requests_per_minute=3)
    async with serving(keys=(KEY,), limits=limits) as server:
        edges = stand_in(server)
        assert (await offered(server, SDP)).status_code == 201
        second = await offered(server, SDP)
        edges.legs[0].over()
        await ended(server)
        edges.fails = OfferRefused("The offer has no audio.")
        for _ in range(5):
            assert (await offered(server, SDP)).status_code == 400
        edges.fails = None
        for _ in range(2):
            assert (await offered(server, SDP)).status_code == 201
            edges.legs[-1].over()
            await ended(server)
        spent = await offered(server, SDP)
    assert (second.status_code, error_of(second)["code"]) == (429, "rate_limit_exceeded")
    assert (spent.status_code, error_of(spent)["type"]) == (429, "requests"), "refused offers have cost nothing"


async def test_an_offer_that_nothing_comes_of_gives_everything_back(log: list[MutableMapping[str, Any]]) -> None:
    async with serving() as server:
        edges = stand_in(server)
        edges.fails = OfferRefused("The offer has no audio.", "invalid_offer")
        refused = await offered(server, SDP)
        edges.fails = EdgeFault("no port is free")
        failed = await offered(server, SDP)
        assert not len(server.service.hub)
        assert not len(app_state(server).calls)
    assert (refused.status_code, error_of(refused)["message"]) == (400, "The offer has no audio.")
    assert (failed.status_code, error_of(failed)["code"]) == (503, "server_is_overloaded")
    assert "port" not in error_of(failed)["message"]
    assert [line["cause"] for line in log] == ["no port is free"]
    log.clear()


# --- clients that leave ---------------------------------------------------------------------------------------------------------


async def test_an_upload_that_breaks_off_leaves_nothing_behind() -> None:
    async def stutter() -> Any:
        yield SDP.encode()
        raise ClientDisconnect

    async with serving() as server:
        edges = stand_in(server)
        with pytest.raises(ClientDisconnect):
            await offered(server, stutter())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await eventually(lambda: not len(server.service.hub))
        assert not edges.offers

"""What one key may do: sessions at once, requests and tokens per minute, and what those are told who may not."""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import TURN, Serving, scripted, serving
from vivavoce.config import KeySettings, LimitSettings, Secret
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.usage import RateLimit
from vivavoce.sessions.limits import KeyLimiter
from vivavoce.testing.brain import ScriptedBrain

KEY = "sk-test-1234567890"
KIOSK = "sk-kiosk-0987654321"


@dataclass
class Clock:
    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def limiter(clock: Clock, *, requests: int | None = None, tokens: int | None = None, sessions: int | None = None) -> KeyLimiter:
    return KeyLimiter(LimitSettings(sessions, requests, tokens), clock)


def refusal(of: KeyLimiter) -> ClientFault:
    fault = of.request()
    assert fault is not None
    return fault


# --- the buckets ----------------------------------------------------------------------------------------------------------------


def test_a_key_without_limits_may_do_everything_and_is_told_nothing() -> None:
    free = KeyLimiter()
    free.use(10**12)
    assert [free.request() for _ in range(1_000)] == [None] * 1_000
    with free.session(), free.session():
        assert free.state() == ()


def test_a_minutes_requests_may_be_made_at_once_and_then_they_come_back_one_by_one() -> None:
    clock = Clock()
    three = limiter(clock, requests=3)
    assert [three.request() for _ in range(3)] == [None] * 3
    fault = refusal(three)
    assert (fault.status, fault.type, fault.code, fault.retry_after_s) == (429, "requests", "rate_limit_exceeded", 20)
    clock.now_s += 19.9
    assert refusal(three).retry_after_s == pytest.approx(0.1)
    clock.now_s += 0.1
    assert three.request() is None
    assert three.request() is not None


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    one = limiter(clock, requests=1)
    assert one.request() is None
    waits = {refusal(one).retry_after_s for _ in range(100)}
    assert waits == {60}


def test_tokens_are_charged_afterwards_and_the_debt_is_waited_for() -> None:
    clock = Clock()
    tokens = limiter(clock, tokens=600)
    assert tokens.request() is None
    tokens.use(1_200)
    assert tokens.state() == (RateLimit("tokens", 600, 0, 120.0),), "what is left is never below zero, and full is far away"
    fault = refusal(tokens)
    assert (fault.type, fault.code, fault.retry_after_s) == ("tokens", "rate_limit_exceeded", pytest.approx(60.1))
    clock.now_s += 60.0
    assert refusal(tokens).retry_after_s == pytest.approx(0.1)
    clock.now_s += 0.1
    assert tokens.request() is None
    assert tokens.state() == (RateLimit("tokens", 600, 1, 59.9),)


def test_of_two_limits_the_one_that_takes_longer_is_named_and_requests_are_told_first() -> None:
    clock = Clock()
    both = limiter(clock, requests=60, tokens=60)
    assert both.request() is None
    both.use(100)
    assert [limit.name for limit in both.state()] == ["requests", "tokens"]
    assert refusal(both).type == "tokens"
    assert both.state()[0].remaining == 59, "what was refused for its tokens is no request"


def test_only_so_many_sessions_are_open_at_once() -> None:
    two = limiter(Clock(), sessions=2)
    with contextlib.ExitStack() as places:
        places.enter_context(two.session())
        with two.session(), pytest.raises(ClientFault) as full, two.session():
            pass
        assert (full.value.status, full.value.type, full.value.code) == (429, "requests", "rate_limit_exceeded")
        with two.session():
            pass
    assert two.state() == (), "the number of sessions is no limit per minute"


@given(st.lists(st.one_of(st.floats(0, 100), st.integers(0, 500)), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate_allows(steps: list[float | int]) -> None:
    clock = Clock()
    bucket = limiter(clock, requests=30, tokens=100)
    made, passed_s = 0, 0.0
    for step in steps:
        if isinstance(step, float):
            clock.now_s += step
            passed_s += step
        else:
            fault = bucket.request()
            made += fault is None
            bucket.use(step)
            if fault is not None:
                assert fault.retry_after_s is not None and fault.retry_after_s > 0
        assert made <= 30 + passed_s / 2 + 1e-3
        for limit in bucket.state():
            assert 0 <= limit.remaining <= limit.limit
            assert limit.reset_seconds >= 0


@given(st.integers(1, 10_000_000), st.integers(0, 30_000_000))
def test_who_waits_as_long_as_told_may_go_on(limit: int, used: int) -> None:
    clock = Clock()
    tokens = limiter(clock, tokens=limit)
    tokens.use(used)
    fault = tokens.request()
    if fault is not None:
        assert fault.retry_after_s is not None
        clock.now_s += fault.retry_after_s
        assert tokens.request() is None


# --- on the wire ----------------------------------------------------------------------------------------------------------------


async def too_many(server: Serving, key: str | None = None) -> httpx.Headers:
    """Try to open a session and return the headers of the 429."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(server.realtime(), additional_headers=headers):
            pass
    response = refused.value.response
    assert response.status_code == 429
    assert b"rate_limit_exceeded" in (response.body or b"")
    return httpx.Headers(list(response.headers.raw_items()))


async def test_a_key_opens_no_more_sessions_than_it_may_and_others_are_not_concerned() -> None:
    named = {"kiosk": KeySettings(Secret(KIOSK), LimitSettings(concurrent_sessions=1))}
    async with serving(keys=(KEY,), named=named) as server:
        kiosk = {"Authorization": f"Bearer {KIOSK}"}
        async with server.connect(additional_headers=kiosk):
            await too_many(server, KIOSK)
            async with server.connect(), server.connect():
                pass
        await server.empty()
        async with server.connect(additional_headers=kiosk):
            pass


async def test_handshakes_responses_and_secrets_are_requests_and_a_refusal_says_when_to_come_back() -> None:
    three = LimitSettings(requests_per_minute=3)
    async with serving(limits=three) as server, server.connect() as client, httpx.AsyncClient(base_url=server.url) as http:
        assert (await client.respond())["status"] == "completed"
        assert (await http.post("/v1/realtime/client_secrets", json={})).status_code == 200
        refused = await http.post("/v1/realtime/client_secrets", json={})
        assert refused.status_code == 429
        error = refused.json()["error"]
        assert (error["type"], error["code"], error["param"]) == ("requests", "rate_limit_exceeded", None)
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert 1 <= int((await too_many(server))["retry-after"]) <= 20
        assert (await http.get("/v1/models")).status_code == 200, "looking costs nothing"


async def test_what_was_refused_for_another_reason_is_no_request() -> None:
    async with serving(limits=LimitSettings(requests_per_minute=1)) as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            assert (await http.post("/v1/realtime/client_secrets", json={"nonsense": 1})).status_code == 400
        with pytest.raises(InvalidStatus):
            async with connect(server.realtime("model=gpt-9")):
                pass
        async with server.connect():
            pass


async def test_the_official_client_takes_the_429_for_what_it_is() -> None:
    one = LimitSettings(requests_per_minute=1)
    async with (
        serving(keys=(KEY,), limits=one) as server,
        openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client,
    ):
        await client.realtime.client_secrets.create()
        with pytest.raises(openai.RateLimitError) as refused:
            await client.realtime.client_secrets.create()
    assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "requests")


async def test_a_refused_response_fails_at_no_cost_and_the_session_lives(log: list[MutableMapping[str, Any]]) -> None:
    brain = ScriptedBrain("Hello.", repeat=True)
    async with serving(scripted(brain), limits=LimitSettings(tokens_per_minute=1)) as server, server.connect() as client:
        await client.say("a question of many words, so that it costs something to ask")
        assert (await client.respond())["status"] == "completed", "what it costs is known when it is over"
        left = await client.until("rate_limits.updated")
        response = await client.respond()
        assert response["status"] == "failed"
        error = response["status_details"]["error"]
        assert (error["type"], error["code"]) == ("tokens", "rate_limit_exceeded")
        assert "try again in" in error["message"]
        assert response["usage"]["total_tokens"] == 0, "nothing was asked, nothing is charged"
        again = await client.until("rate_limits.updated")
        assert again["rate_limits"][0]["reset_seconds"] <= left["rate_limits"][0]["reset_seconds"]
        await client.append(TURN)
        assert (await client.done())["status"] == "failed", "a spoken turn is answered as well"
        await client.say("still here")
    assert len(brain.requests) == 1
    assert [line["event"] for line in log] == ["response_failed", "response_failed"]


async def test_after_each_response_and_right_after_it_the_client_is_told_what_is_left() -> None:
    limits = LimitSettings(requests_per_minute=100, tokens_per_minute=1_000)
    async with serving(limits=limits) as server, server.connect() as client:
        await client.say("hi")
        done = await client.respond()
        await client.send("response.create")
        await client.send("response.cancel")
        await client.settled()
    told = client.of("rate_limits.updated")
    types = client.types()
    assert [types[place + 1] for place, kind in enumerate(types) if kind == "response.done"] == ["rate_limits.updated"] * len(
        told
    )
    assert len(told) == len(client.of("response.done"))
    requests, tokens = told[0]["rate_limits"]
    assert (requests["name"], requests["limit"], tokens["name"], tokens["limit"]) == ("requests", 100, "tokens", 1_000)
    assert requests["remaining"] == 98, "a handshake and a response"
    assert 1_000 - done["usage"]["total_tokens"] <= tokens["remaining"] < 1_000


async def test_all_sessions_of_a_key_share_its_limits_and_without_limits_nothing_is_told() -> None:
    named = {"kiosk": KeySettings(Secret(KIOSK), LimitSettings(tokens_per_minute=5_000))}
    async with serving(keys=(KEY,), named=named) as server:
        kiosk = {"Authorization": f"Bearer {KIOSK}"}
        async with server.connect(additional_headers=kiosk) as one, server.connect(additional_headers=kiosk) as two:
            left = []
            for client in (one, two):
                await client.respond()
                left.append((await client.until("rate_limits.updated"))["rate_limits"][0]["remaining"])
            assert left[1] < left[0] < 5_000
        async with server.connect() as other:
            await other.respond()
            await other.settled()
        assert not other.of("rate_limits.updated")

"""Sidebands: servers that watch and steer a call whose media somebody else has."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from call_kit import CALLS, app_state, ended, offered, post
from edge_kit import StandInEdges, StandInLeg, stand_in
from test_calls_offers import SDP, secret
from translation_kit import MODEL as INTERPRETER
from translation_kit import Listener, interpreters
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import MODEL, Client, Event, Serving, eventually, scripted, serving
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.party import MOST_OBSERVERS
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.script import CallTool, Say
from vivavoce.transports.websocket import OBSERVER_BYTES

KEY = "sk-test-1234567890"
OTHER = "sk-other-0987654321"
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


@dataclass
class Standing:
    """A call whose peer is the test."""

    server: Serving
    leg: StandInLeg
    id: str

    @property
    def client(self) -> Client:
        """The client on its data channel."""
        return self.leg.client

    def url(self, rest: str = "") -> str:
        """The address of a sideband."""
        return self.server.realtime(f"call_id={self.id}{rest}")

    @asynccontextmanager
    async def sideband(self, rest: str = "", **options: Any) -> AsyncGenerator[Client]:
        """Attach a sideband."""
        async with self.server.open(self.url(rest), read=False, check=False, **options) as client:
            yield client


async def call(server: Serving, edges: StandInEdges, path: str = f"{CALLS}?model={MODEL}", **options: Any) -> Standing:
    """Open a call."""
    answer = await offered(server, SDP, path, **options)
    assert answer.status_code == 201, answer.text
    return Standing(server, edges.legs[-1], answer.headers["location"].rpartition("/")[2])


async def refused(url: str, **options: Any) -> tuple[int, Event]:
    """Return the status and the error of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(url, **options):
            pass
    error: Event = json.loads(refusal.value.response.body or b"")["error"]
    return refusal.value.response.status_code, error


def bearer(key: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {key}"}}


async def test_a_sideband_gets_no_session_created_and_every_event_from_then_on() -> None:
    brain = ScriptedBrain([Say("Let me look."), CallTool("look", {}, "call_1")], "It is there.")
    async with serving(scripted(brain)) as server:
        one = await call(server, stand_in(server))
        await one.client.until("session.created")
        async with one.sideband() as first, one.sideband("&model=gpt-9") as second:
            updated = await first.update(tools=[TOOL], instructions="Look.")
            assert first.types() == ["session.updated"], "the first frame answers the first event"
            await one.client.say("Where is it?")
            await one.client.send("response.create")
            for client in (one.client, first, second):
                await client.done()
            await second.create({"type": "function_call_output", "call_id": "call_1", "output": "there"})
            await second.send("response.create")
            for client in (one.client, first, second):
                assert (await client.done())["output"][0]["content"][0]["transcript"] == "It is there."
            seen = [event for event in one.client.events if event["type"] != "session.created"]
            assert first.events == second.events == seen
            assert updated["instructions"] == "Look."
            assert not [event for event in seen if event["type"] == "response.output_audio.delta"]
            assert [event for event in seen if event["type"] == "response.output_audio.done"]
            assert one.leg.orders, "the audio goes to the track"


async def test_an_error_goes_to_the_sender_alone() -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        await one.client.until("session.created")
        async with one.sideband() as first, one.sideband() as second:
            assert (await first.refused({"type": "nonsense", "event_id": "mine"}))["event_id"] == "mine"
            assert (await second.refused("{"))["code"] == "invalid_json"
            assert (await one.client.refused({"type": "response.cancel"}))["code"] == "response_cancel_not_active"
            for client in (one.client, first, second):
                await client.settled()
            await first.update()
            for client in (one.client, second):
                assert "error" not in client.types()[client.types().index("session.updated") :]
            assert [len(client.of("error")) for client in (one.client, first, second)] == [1, 1, 1]


async def test_audio_comes_over_the_track_and_nobody_appends_it() -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        async with one.sideband() as side:
            append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(480)).decode(), "event_id": "mine"}
            assert (await side.refused(append))["event_id"] == "mine"
            await one.client.until("session.created")
            assert (await one.client.refused(append))["event_id"] == "mine"


async def test_leaving_a_call_ends_nothing() -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        await one.client.until("session.created")
        async with one.sideband() as polite:
            await polite.settled()
        async with one.sideband() as rude:
            await rude.settled()
            rude.socket.transport.abort()
        party = app_state(server).calls.find(one.id, Caller()).party
        await eventually(lambda: not party.observers)
        assert (await one.client.respond())["status"] == "completed"


async def test_the_end_of_the_call_closes_every_sideband() -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        async with one.sideband() as first, one.sideband() as second:
            await first.settled()
            one.leg.over()
            for client in (first, second):
                end = await client.closed()
                assert end.rcvd is not None and end.rcvd.code == 1000
        status, error = await refused(one.url())
        await ended(server)
    assert (status, error["param"]) == (404, "call_id")


async def test_a_hang_up_from_elsewhere_ends_the_call_for_everybody() -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        async with one.sideband() as side:
            await side.settled()
            assert (await post(server, f"{CALLS}/{one.id}/hangup")).status_code == 200
            end = await side.closed()
        assert one.leg.closed
        assert end.rcvd is not None and end.rcvd.code == 1000
        await ended(server)


@pytest.mark.parametrize("call_id", ["rtc_nobody", "", "../x"])
async def test_a_call_that_is_not_there_has_no_sideband(call_id: str) -> None:
    async with serving() as server:
        status, error = await refused(server.realtime(f"call_id={call_id}&model={MODEL}"))
    assert (status, error["type"], error["param"]) == (404, "invalid_request_error", "call_id")


async def test_a_key_sees_its_own_calls_alone() -> None:
    async with serving(keys=(KEY, OTHER)) as server:
        one = await call(server, stand_in(server))
        assert (await refused(one.url(), **bearer(OTHER)))[0] == 404
        assert (await refused(one.url()))[0] == 401
        for action in ("hangup", "accept"):
            assert (await post(server, f"{CALLS}/{one.id}/{action}", key=OTHER)).status_code == 404
        async with one.sideband(**bearer(KEY)) as side:
            await side.settled()
        assert (await post(server, f"{CALLS}/{one.id}/hangup", key=KEY)).status_code == 200


async def test_a_client_secret_sees_the_calls_it_opened_and_its_key_sees_all_of_them() -> None:
    async with serving(keys=(KEY,)) as server:
        edges = stand_in(server)
        mine, other = [await secret(server, type="realtime") for _ in range(2)]
        one = await call(server, edges, CALLS, key=mine)
        assert (await refused(one.url(), **bearer(other)))[0] == 404
        assert (await post(server, f"{CALLS}/{one.id}/hangup", key=other)).status_code == 404
        for key in (mine, KEY):
            async with one.sideband(**bearer(key)) as side:
                await side.settled()
        assert (await post(server, f"{CALLS}/{one.id}/hangup", key=mine)).status_code == 200


@pytest.mark.parametrize("action", ["accept", "reject", "refer"])
async def test_what_is_for_sip_calls_is_refused_on_others(action: str) -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        answer = await post(server, f"{CALLS}/{one.id}/{action}", json={"type": "realtime", "target_uri": "tel:+1555"})
        nobody = await post(server, f"{CALLS}/rtc_nobody/{action}", json={})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", "call_id")
    assert "SIP" in error["message"] and action in error["message"]
    assert nobody.status_code == 404


async def test_the_beta_has_no_sidebands() -> None:
    header = {"additional_headers": {"OpenAI-Beta": "realtime=v1"}}
    async with serving() as server:
        one = await call(server, stand_in(server))
        async with one.sideband(**header) as side:
            end = await side.closed()
        assert [event["error"]["code"] for event in side.events] == ["beta_api_shape_disabled"]
        assert end.rcvd is not None and end.rcvd.code == 4000
    async with serving(beta=True) as server:
        one = await call(server, stand_in(server))
        assert (await refused(one.url(), **header))[0] == 400


async def test_there_is_an_end_to_sidebands() -> None:
    async with serving() as server:
        one = await call(server, stand_in(server))
        async with AsyncExitStack() as sides:
            for _ in range(MOST_OBSERVERS):
                await sides.enter_async_context(one.sideband())
            status, error = await refused(one.url())
        assert (status, error["code"]) == (429, "rate_limit_exceeded")
        await eventually(lambda: not app_state(server).calls.find(one.id, Caller()).party.observers)
        async with one.sideband() as side:
            await side.settled()


async def test_the_official_client_attaches() -> None:
    async with serving(keys=(KEY,)) as server:
        one = await call(server, stand_in(server))
        async with (
            openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client,
            client.realtime.connect(call_id=one.id) as side,
        ):
            await side.session.update(session={"type": "realtime", "instructions": "Be brief."})
            event = await side.recv()
            assert event.type == "session.updated"
            await side.response.create()
            assert [event.type async for event in _until(side, "response.done")][-1] == "response.done"


async def test_translation_calls_are_watched_with_the_events_of_translations() -> None:
    async with serving({"": scripted(), INTERPRETER: interpreters()}) as server:
        edges = stand_in(server)
        value = await secret(server, type="translation", model=INTERPRETER, audio={"output": {"language": "es"}})
        one = await call(server, edges, "/v1/realtime/translations/calls", key=value)
        async with one.sideband() as raw:
            side = Listener(raw.put, raw.take)
            assert (await side.change(output={"language": "fr"}))["audio"]["output"]["language"] == "fr"
            owner = Listener(one.client.put, one.client.take)
            await owner.until("session.updated")
            await side.send("session.close")
            for listener in (owner, side):
                await listener.until("session.closed")
            end = await raw.closed()
        assert end.rcvd is not None and end.rcvd.code == 1000
        await ended(server)


async def test_a_sideband_that_reads_nothing_is_cut_off_and_holds_nobody_up() -> None:
    """Each retrieval tells everybody of an item of many kilobytes: a minute of it, and the socket of one that does not read is full."""
    long = "words " * 40_000
    async with serving() as server:
        one = await call(server, stand_in(server))
        await one.client.until("session.created")
        item = await one.client.say(long)
        party = app_state(server).calls.find(one.id, Caller()).party
        deaf = _deaf(server, one.id)
        await eventually(lambda: party.observers == 1)
        async with one.sideband() as healthy:
            for _ in range(60 + OBSERVER_BYTES // len(long)):
                await one.client.send("conversation.item.retrieve", item_id=item)
                await one.client.until("conversation.item.retrieved")
                await healthy.until("conversation.item.retrieved")
            await eventually(lambda: party.observers == 1)
            await one.client.send("conversation.item.delete", item_id=item)
            assert (await one.client.respond())["status"] == "completed"
            assert (await healthy.done())["status"] == "completed"
        deaf.close()


def _deaf(server: Serving, call_id: str) -> socket.socket:
    """Attach a sideband over a bare socket with a small buffer, of which nothing is ever read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect(("127.0.0.1", server.port))
    key = base64.b64encode(bytes(16)).decode()
    lines = (
        f"GET /v1/realtime?call_id={call_id} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "",
        "",
    )
    raw.sendall("\r\n".join(lines).encode())
    return raw


async def _until(side: Any, kind: str) -> AsyncGenerator[Any]:
    async with asyncio.timeout(20):
        while True:
            event = await side.recv()
            yield event
            if event.type == kind:
                return

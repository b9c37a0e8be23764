"""What a call makes of a peer that reads nothing, sends too much or takes small messages only, and of a session that is behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from call_kit import CALLS, app_state, ended, offered
from edge_kit import StandInEdges, StandInLeg, stand_in
from test_calls_offers import SDP

from kit import MODEL, Event, eventually, scripted, serving
from vivavoce.core import effects
from vivavoce.sessions import runner as running
from vivavoce.sessions.caller import Caller
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.official import validate_event
from vivavoce.transports.webrtc import call as calls
from vivavoce.transports.webrtc.call import AHEAD_S, CallOutlet
from vivavoce.transports.webrtc.fitting import fitted
from vivavoce.transports.webrtc.leg import Leg

SECOND = bytes(48_000)


def leg_of(edges: StandInEdges) -> StandInLeg:
    return edges.legs[-1]


class Played:
    """The events of a leg that nobody listens to."""

    def __getattr__(self, name: str) -> Any:
        return lambda *values: None


def outlet() -> tuple[CallOutlet, StandInLeg]:
    """An outlet on a leg, without a session."""
    made, leg = CallOutlet(), StandInLeg(Played(), 1_000)
    made.attach(leg)  # type: ignore[arg-type]
    return made, leg


# --- events that do not fit -----------------------------------------------------------------------------------------------------


def item(**part: Any) -> Event:
    return {
        "type": "conversation.item.retrieved",
        "event_id": "event_1",
        "item": {"id": "item_1", "type": "message", "status": "completed", "role": "user", "content": [part]},
    }


def test_an_event_that_fits_goes_as_it_is() -> None:
    event = item(type="input_audio", audio="QUJD", transcript="hello", format="pcm16")
    assert json.loads(fitted(event, 1_000)) == event


@pytest.mark.parametrize(("type", "key"), [("input_audio", "audio"), ("input_image", "image_url")])
def test_sound_and_pictures_are_left_out_where_they_do_not_fit(type: str, key: str) -> None:
    event = item(type=type, **{key: "data:image/png;base64," + "A" * 2_000})
    sent = json.loads(fitted(event, 1_000))
    assert sent == item(type=type), "absent, as the official types want it, and not null"
    assert event["item"]["content"][0][key], "the event itself is not changed"
    validate_event(sent)


def test_what_does_not_fit_without_them_either_is_named_in_an_error() -> None:
    event = item(type="input_text", text="word " * 400)
    sent = json.loads(fitted(event, 1_000))
    validate_event(sent)
    assert (sent["type"], sent["event_id"], sent["error"]["code"]) == ("error", "event_1", "event_too_large")
    assert "conversation.item.retrieved" in sent["error"]["message"] and "1000" in sent["error"]["message"]


async def test_a_peer_that_takes_small_messages_is_told_everything_that_fits() -> None:
    async with serving() as server:
        edges = stand_in(server, most_bytes=4_000)
        await offered(server, SDP)
        client = leg_of(edges).client
        await client.until("session.created")
        await client.send("session.update", session={"type": "realtime", "instructions": "word " * 1_000})
        error = (await client.until("error"))["error"]
        assert (error["code"], "session.updated" in error["message"]) == ("event_too_large", True)
        await client.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        assert (await client.until("session.updated"))["session"]["instructions"] == "Be brief."


async def test_a_peer_without_a_data_channel_is_sent_no_events_and_is_answered() -> None:
    async with serving() as server:
        edges = stand_in(server, most_bytes=0)
        answer = await offered(server, SDP)
        call_id = answer.headers["location"].rpartition("/")[2]
        async with server.open(server.realtime(f"call_id={call_id}"), read=False, check=False) as side:
            assert (await side.respond())["status"] == "completed"
        assert leg_of(edges).orders and not leg_of(edges).sent.qsize()


# --- the playout ----------------------------------------------------------------------------------------------------------------


async def test_voices_wait_while_half_a_minute_is_to_be_played_and_go_on_when_it_is_thrown_away() -> None:
    made, leg = outlet()
    play = made.performers[effects.Play]
    for _ in range(int(AHEAD_S)):
        play(effects.Play("resp_1", "item_1", SECOND))
        await asyncio.wait_for(made.room(), 1)
    play(effects.Play("resp_1", "item_1", SECOND))
    play(effects.Play("resp_1", "item_1", SECOND))
    waiting = asyncio.create_task(made.room())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    made.performers[effects.FlushPlayback](effects.FlushPlayback(1))
    await asyncio.wait_for(waiting, 1)
    assert [order[0] for order in leg.orders] == ["play"] * (int(AHEAD_S) + 2) + ["flush"]


async def test_an_orderly_end_lets_the_rest_be_heard_and_every_other_end_is_now() -> None:
    for code, closed in ((1000, False), (1001, True), (1011, True)):
        made, leg = outlet()
        made.performers[effects.Play](effects.Play("", "", bytes(48 * 80)))
        made.close(code, "over")
        assert leg.closed is closed
        await eventually(lambda leg=leg: leg.closed)  # type: ignore[misc]
        made.send({"type": "error"})
        assert not leg.sent.qsize(), "nothing is sent once closing has begun"


async def test_a_leg_that_comes_when_the_call_is_over_already_is_closed() -> None:
    made = CallOutlet()
    made.close(1001, "The server is shutting down.")
    leg = StandInLeg(Played(), 1_000)
    made.attach(leg)  # type: ignore[arg-type]
    assert leg.closed


# --- peers that misbehave -------------------------------------------------------------------------------------------------------


async def test_a_peer_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "STALL_S", 0.2)
    async with serving(scripted(ScriptedBrain("one two three", repeat=True))) as server:
        edges = stand_in(server)
        await offered(server, SDP)
        leg = leg_of(edges)
        leg.reads.clear()
        await leg.client.send("response.create")
        await ended(server)
        assert leg.closed


async def test_a_peer_that_sends_more_than_is_handled_has_to_wait_and_loses_nothing() -> None:
    async with serving() as server:
        edges = stand_in(server)
        await offered(server, SDP)
        leg = leg_of(edges)
        for number in range(1_000):
            leg.events.message(json.dumps({"type": "input_audio_buffer.clear", "event_id": f"evt_{number}"}))
        assert leg.held
        await eventually(lambda: not leg.held)
        await leg.client.settled()
        assert len(leg.client.of("input_audio_buffer.cleared")) == 1_000


async def test_binary_messages_are_events_too() -> None:
    async with serving() as server:
        edges = stand_in(server)
        await offered(server, SDP)
        leg = leg_of(edges)
        await leg.client.until("session.created")
        leg.events.message(b'{"type": "response.create"}')
        assert (await leg.client.done())["status"] == "completed"
        leg.events.message(b"\xff\xfe")
        assert (await leg.client.until("error"))["error"]["code"] == "invalid_json"


async def test_audio_that_comes_while_the_session_is_hopelessly_behind_is_dropped_and_noted(
    monkeypatch: pytest.MonkeyPatch, log: list[MutableMapping[str, Any]]
) -> None:
    monkeypatch.setattr(running, "MOST_WAITING", 10)
    async with serving() as server:
        edges = stand_in(server)
        answer = await offered(server, SDP)
        runner = app_state(server).calls.find(answer.headers["location"].rpartition("/")[2], Caller()).runner
        for _ in range(50):
            leg_of(edges).events.audio(bytes(960))
        assert len(runner.inbox) == 11
        await leg_of(edges).client.settled()
        leg_of(edges).events.audio(bytes(960))
    assert [line["event"] for line in log] == ["audio dropped: the session is too far behind"], "said once"


async def test_a_leg_that_never_says_that_it_is_closed_costs_a_while_and_not_its_place(
    monkeypatch: pytest.MonkeyPatch, log: list[MutableMapping[str, Any]]
) -> None:
    monkeypatch.setattr(calls, "ENDING_S", 0.1)
    async with serving() as server:
        edges = stand_in(server)
        await offered(server, SDP)
        leg_of(edges).hangs = True
        await app_state(server).calls.close()
        await ended(server)
    assert [line["event"] for line in log] == ["a leg did not say that it is closed"]


async def test_a_session_that_crashes_ends_its_call_and_says_so(
    monkeypatch: pytest.MonkeyPatch, log: list[MutableMapping[str, Any]]
) -> None:
    async with serving() as server:
        edges = stand_in(server)
        answer = await offered(server, SDP, f"{CALLS}?model={MODEL}")
        call_id = answer.headers["location"].rpartition("/")[2]
        async with server.open(server.realtime(f"call_id={call_id}"), read=False, check=False) as side:
            await side.settled()
            runner = app_state(server).calls.find(call_id, Caller()).runner
            monkeypatch.setattr(runner, "handle", lambda event: {}["nothing"])
            await side.send("response.create")
            end = await side.closed()
        await ended(server)
        assert leg_of(edges).closed
    assert side.events[-1]["error"]["type"] == "server_error"
    assert end.rcvd is not None and end.rcvd.code == 1011
    assert any(line["event"] == "session crashed" for line in log)
    log.clear()


def test_the_stand_in_is_what_a_leg_is() -> None:
    missing = [name for name in vars(Leg) if not name.startswith("_") and not hasattr(StandInLeg, name)]
    assert set(missing) <= {"queued", "take", "end"}, "those are for the media process"

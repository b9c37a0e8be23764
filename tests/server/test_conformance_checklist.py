"""The minimal conformance checklist, item by item, each as one short call on a real server.

The items keep the numbers of the checklist; those that are missing belong to sessions or transports that are not served.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import test_golden_sequences
from call_kit import CALLS, calling
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from kit import REASONING_MODEL, TURN, Event, create, respond, scripted, serving, session, silence, speech, truncate
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.script import CallTool, Fail, Finish, Hang, Say

CLIENTS = 6
AGENT_SEQUENCES = {1, 2, 3, 4, 5, 6, 7, 12, 13, 14}
KEY = "sk-checklist"
MINE = "evt_mine"
TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object", "properties": {}}} for name in ("look", "book")]


def output(call_id: str, said: str) -> Event:
    return {"type": "function_call_output", "call_id": call_id, "output": said}


# --- 1: clients -----------------------------------------------------------------------------------------------------------------


def test_1_all_clients_connect_with_only_the_base_url_changed(request: pytest.FixtureRequest) -> None:
    page: Path = request.config.rootpath / "docs" / "conformance.md"
    if not page.is_file():
        pytest.skip("docs/conformance.md is not there yet: `make conformance` writes it")
    table = page.read_text(encoding="utf-8").partition("## Clients")[2].strip().split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert len(rows) == CLIENTS, rows
    for client, version, green in rows:
        counted = re.fullmatch(r"(\d+) of (\d+)", green)
        assert counted, (client, version, green)
        assert counted[1] == counted[2] != "0", (client, version, green)


# --- 2: sequences ---------------------------------------------------------------------------------------------------------------


def test_2_every_sequence_of_an_agent_session_has_a_test_of_its_own() -> None:
    numbers = {int(found[1]) for name in vars(test_golden_sequences) if (found := re.match(r"test_(\d+)_", name))}
    assert numbers == AGENT_SEQUENCES


async def test_2_one_conversation_goes_through_the_sequences_and_keeps_every_rule() -> None:
    """Each event is read strictly, keys and nulls included, and the whole stream is checked against the invariants."""
    brain = ScriptedBrain(
        "Hello.",
        [Say("Let me look."), CallTool("look", {"a": 1}, "call_1"), CallTool("book", {"b": 2}, "call_2")],
        "Both done.",
        "A label.",
        [Say("one two three. four"), Hang()],
        "Yes?",
    )
    async with serving(scripted(brain)) as server, server.official(REASONING_MODEL) as client:
        await client.update(tools=TOOLS, audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
        await client.append(TURN)
        assert (await client.done())["status"] == "completed"
        await client.say("look and book")
        called = await client.respond()
        assert [item["type"] for item in called["output"]] == ["message", "function_call", "function_call"]
        for call_id in ("call_2", "call_1"):
            await client.create(output(call_id, "ok"))
        assert (await client.respond())["output"][0]["content"][0]["transcript"] == "Both done."
        assert (await client.respond(conversation="none", output_modalities=["text"]))["conversation_id"] is None
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(speech(600) + silence(1_000))
        assert (await client.done())["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert (await client.done())["status"] == "completed"
        check_stream(client.events, ended=True)


# --- 3: usage -------------------------------------------------------------------------------------------------------------------


async def test_3_usage_is_there_however_a_response_ends() -> None:
    scripts: list[Any] = ["one two.", [Say("one two."), Finish("length")], [Say("one two."), Fail("broken")], [Fail("broken")]]
    async with serving(scripted(ScriptedBrain(*scripts, [Say("one two. three"), Hang()]))) as server, server.connect() as client:
        await client.say("count")
        endings = [await client.respond() for _ in scripts]
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        endings.append(await client.done())
    assert [ending["status"] for ending in endings] == ["completed", "incomplete", "failed", "failed", "cancelled"]
    for usage in (ending["usage"] for ending in endings):
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        for details in ("input_token_details", "output_token_details"):
            assert all(isinstance(usage[details][name], int) for name in ("text_tokens", "audio_tokens"))
        assert isinstance(usage["input_token_details"]["cached_tokens_details"], dict)


# --- 4: errors ------------------------------------------------------------------------------------------------------------------

MISTAKES: list[tuple[Event, str, str | None]] = [
    ({"type": "response.crate"}, "invalid_value", "type"),
    ({}, "invalid_event", None),
    ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
    ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
    (session(temperature=0.8), "unknown_parameter", "session.temperature"),
    (session(audio={"input": {"turn_detection": {"type": "magic"}}}), "invalid_value", "session.audio.input.turn_detection.type"),
    (session(instructions=7), "invalid_type", "session.instructions"),
    (session(max_output_tokens=0), "integer_below_min_value", "session.max_output_tokens"),
    (session(audio={"output": {"speed": 1.6}}), "decimal_above_max_value", "session.audio.output.speed"),
    (respond(metadata={"key": "x" * 513}), "string_above_max_length", "response.metadata.key"),
    (create({"type": "telegram"}), "invalid_value", "item.type"),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    ({"type": "response.cancel"}, "response_cancel_not_active", None),
    ({"type": "conversation.item.retrieve", "item_id": "item_x"}, "item_retrieve_invalid_item_id", "item_id"),
    (truncate("item_x"), "item_truncate_invalid_item_id", "item_id"),
]


async def test_4_every_error_names_the_code_the_field_and_the_event_and_the_session_survives() -> None:
    async with serving() as server, server.connect() as client:
        before = await client.session()
        for number, (frame, code, param) in enumerate(MISTAKES):
            error = await client.refused({**frame, "event_id": f"{MINE}_{number}"})
            assert list(error) == ["type", "code", "message", "param", "event_id"]
            assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param), frame
            assert error["event_id"] == f"{MINE}_{number}"
        assert (await client.refused({"type": "response.cancel"}))["event_id"] is None
        assert await client.session() == before
        assert (await client.respond())["status"] == "completed"


# --- 5: updates -----------------------------------------------------------------------------------------------------------------


async def test_5_updates_merge_deeply_are_refused_whole_and_lock_the_voice() -> None:
    async with serving() as server, server.connect() as client:
        start = await client.session()
        merged = await client.update(audio={"input": {"turn_detection": {"threshold": 0.7}}})
        told = start["audio"]["input"]["turn_detection"]
        assert merged["audio"]["input"]["turn_detection"] == {**told, "threshold": 0.7}
        assert merged["audio"]["output"] == start["audio"]["output"]

        for modalities in (["text", "audio"], []):
            assert (await client.refused(session(output_modalities=modalities)))["param"] == "session.output_modalities"
        missing = await client.refused({"type": "session.update", "session": {"instructions": "Be brief."}})
        assert (missing["code"], missing["param"]) == ("missing_required_parameter", "session.type")
        half_wrong = session(instructions="Be brief.", tools=TOOLS, audio={"output": {"voice": "nobody"}})
        assert (await client.refused(half_wrong))["param"] == "session.audio.output.voice"
        assert await client.session() == merged, "a refused update changes none of its fields"

        await client.update(audio={"output": {"voice": "echo"}})
        await client.respond()
        other = session(instructions="Whisper.", audio={"output": {"voice": "sage"}})
        assert (await client.refused(other))["code"] == "cannot_update_voice"
        assert (await client.update(audio={"output": {"voice": "echo"}}))["instructions"] == start["instructions"]


# --- 6: calls -------------------------------------------------------------------------------------------------------------------


async def test_6_a_preamble_two_calls_their_outputs_too_early_and_the_final_answer() -> None:
    brain = ScriptedBrain(
        [Say("One moment."), CallTool("look", {"a": 1}, "call_1"), CallTool("book", {"b": 2}, "call_2"), Say("Working.")],
        "All done.",
    )
    async with serving(scripted(brain)) as server, server.connect(REASONING_MODEL) as client:
        await client.update(tools=TOOLS)
        await client.send("response.create")
        await client.until("response.output_item.added", lambda event: event["item"].get("call_id") == "call_2")
        assert not client.of("response.done")
        for call_id in ("call_2", "call_1"):
            await client.send("conversation.item.create", item=output(call_id, f"output of {call_id}"))
        first = await client.done()
        second = await client.respond()
        added = {event["item"].get("call_id") for event in client.of("conversation.item.added") if "output" in event["item"]}
    assert [(item["type"], item["status"]) for item in first["output"]] == [
        ("message", "completed"),
        ("function_call", "completed"),
        ("function_call", "completed"),
        ("message", "completed"),
    ]
    assert [item.get("phase") for item in first["output"]][:3] == ["commentary", None, None]
    assert [item["phase"] for item in second["output"]] == ["final_answer"]
    assert added == {"call_1", "call_2"}
    asked = brain.requests[1].messages
    assert {(m.call_id, m.text) for m in asked if m.role == "tool"} == {(f"call_{n}", f"output of call_{n}") for n in (1, 2)}
    assert [call.call_id for message in asked for call in message.tool_calls] == ["call_1", "call_2"]


# --- 7: barge-in, on a WebSocket ------------------------------------------------------------------------------------------------


async def test_7_barge_in_stops_the_audio_and_the_truncation_is_to_the_ms() -> None:
    async with serving(scripted(ScriptedBrain([Say("one two three four. five"), Hang()], "Yes?"))) as server:
        async with server.connect() as client:
            await client.send("response.create")
            await client.until("response.output_audio.delta")
            item = client.of("response.output_item.added")[0]["item"]["id"]
            await client.append(speech(600))
            cancelled = await client.done()
            await client.frame(truncate(item, end=640))
            truncated = await client.until("conversation.item.truncated")
            await client.append(silence(1_000))
            await client.done()
        after = client.events[client.types().index("input_audio_buffer.speech_started") :]
    assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert cancelled["output"][0]["status"] == "incomplete"
    assert not [e for e in after if e["type"] == "response.output_audio.delta" and e["response_id"] == cancelled["id"]]
    assert (truncated["item_id"], truncated["content_index"], truncated["audio_end_ms"]) == (item, 0, 640)


async def test_7_barge_in_on_a_call_is_truncated_by_the_server_itself() -> None:
    brain = ScriptedBrain([Say("one two three four. five"), Hang()], "Yes?")
    async with serving(scripted(brain), webrtc={"echo": False}) as server, calling(server) as call:
        await call.client.send("response.create")
        await call.client.until("output_audio_buffer.started")
        item = call.client.of("response.output_item.added")[0]["item"]["id"]
        call.peer.microphone.say(speech(600) + silence(1_000))
        truncated = await call.client.until("conversation.item.truncated")
        types = call.client.types()
    cancelled = call.client.of("response.done")[0]["response"]
    assert cancelled["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    order = ["input_audio_buffer.speech_started", "response.done", "output_audio_buffer.cleared", "conversation.item.truncated"]
    assert [kind for kind in types if kind in order] == order
    assert not call.client.of("response.output_audio.delta")
    assert truncated["item_id"] == item
    assert 0 <= truncated["audio_end_ms"] <= 4 * 300


# --- 8 and 14: calls ------------------------------------------------------------------------------------------------------------


async def test_8_a_sideband_gets_everything_but_audio_and_leaves_the_call_up() -> None:
    async with serving() as server, calling(server) as call:
        async with call.sideband() as side:
            await side.update(instructions="Be brief.")
            assert (await side.respond())["status"] == "completed"
            assert side.types()[0] == "session.updated"
            assert not side.of("response.output_audio.delta")
            assert side.of("response.output_audio.done")
        assert (await call.client.respond())["status"] == "completed"


async def test_14_an_offer_without_candidates_is_answered_and_pages_may_read_where_the_call_is() -> None:
    async with serving(keys=(KEY,)) as server, httpx.AsyncClient(base_url=server.url) as http:
        origin = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
        preflight = await http.options(CALLS, headers={**origin, "Access-Control-Request-Headers": "authorization, content-type"})
        async with calling(server) as call:
            assert (await call.client.respond())["status"] == "completed"
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert call.location.startswith("/v1/realtime/calls/rtc_")


# --- 11 to 13: lifetime and handshake -------------------------------------------------------------------------------------------


async def test_11_a_session_says_when_it_ends_and_ends_then() -> None:
    async with serving() as server, server.connect() as client:
        hour = client.events[0]["session"]["expires_at"] - time.time()
    async with serving(max_session_minutes=0.005) as server, server.connect() as client:
        end = await client.closed()
    assert 3_500 < hour <= 3_601
    error = client.events[-1]["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "session_expired")
    assert end.rcvd is not None
    assert (end.rcvd.code, end.rcvd.reason) == (1001, error["message"])


async def test_12_the_beta_header_is_refused_with_its_error_and_4000() -> None:
    async with serving() as server:
        headers = {"OpenAI-Beta": "realtime=v1"}
        async with server.connect(read=False, check=False, additional_headers=headers) as client:
            end = await client.closed()
    assert [(event["type"], event["error"]["code"]) for event in client.events] == [("error", "beta_api_shape_disabled")]
    assert end.rcvd is not None and end.rcvd.code == 4000


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["realtime"], ["realtime", "openai-insecure-api-key.sk-wrong"]])
async def test_13_no_key_and_unknown_subprotocols_are_refused_at_the_handshake(offered: Any) -> None:
    async with serving(keys=(KEY,)) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(server.realtime(), subprotocols=offered):
                pass
    assert refused.value.response.status_code == 401


async def test_13_a_subprotocol_nobody_speaks_is_refused_even_with_a_key() -> None:
    async with serving(keys=(KEY,)) as server:
        offered: Any = ["graphql-ws"]
        with pytest.raises(InvalidStatus) as refused:
            async with connect(server.realtime(), subprotocols=offered, additional_headers={"Authorization": f"Bearer {KEY}"}):
                pass
    assert refused.value.response.status_code == 401


async def test_13_realtime_is_selected_where_it_is_offered() -> None:
    async with serving(keys=(KEY,)) as server:
        offered: Any = ["realtime", f"openai-insecure-api-key.{KEY}", "openai-agents-sdk.0.17.0"]
        async with connect(server.realtime(), subprotocols=offered) as socket:
            assert socket.subprotocol == "realtime"

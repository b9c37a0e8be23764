"""Calls over WebRTC from a peer connection to the engines and back: what is said, heard, cut off and told, and how calls end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from call_kit import CALLS, Peer, app_state, calling, ended, offered, post
from test_access import request
from test_calls_offers import TRANSLATIONS, secret
from test_real_speech import LEAD_MS, clip, embedded, prepared, words
from translation_kit import MODEL as INTERPRETER
from translation_kit import Listener, interpreters

import kit
from kit import MODEL, TURN, Serving, eventually, scripted, serving, silence, speech, streams
from vivavoce.config import LimitSettings
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Hang, Say

KEY = "sk-test-1234567890"
HUMS: dict[str, Any] = {"webrtc": {"echo": False}}
"""Where both sides hum: a tone over a tone is what an echo sounds like."""

LOUD = 1_000.0
"""What a scripted voice is louder than, and silence is not."""

ANSWER = "one two three four. five six seven eight nine ten. eleven"
"""Each word lasts 300 ms in a scripted voice."""

HEARD = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
OPENED = ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
CLOSED = ["response.content_part.done", "conversation.item.done", "response.output_item.done"]


async def test_a_spoken_turn_is_answered_over_the_track() -> None:
    brain = ScriptedBrain("one two three four.")
    recognizer = ScriptedRecognizer(Heard("a large latte please", partials=("a large",)))
    limits = LimitSettings(tokens_per_minute=100_000)
    async with serving(scripted(brain, recognizer), limits=limits) as server, calling(server) as call:
        await call.client.update(audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
        start = len(call.client.events)
        call.peer.microphone.say(TURN)
        await call.client.until("output_audio_buffer.started")
        await eventually(lambda: call.peer.loudness() > LOUD)
        await call.client.until("output_audio_buffer.stopped")
        await eventually(lambda: call.peer.loudness() < LOUD)
        types = call.client.types(start)
    told = streams([kind for kind in types if not kind.startswith("output_audio_buffer.")])
    assert told["main"] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        *HEARD,
        "response.created",
        *OPENED,
        *CLOSED,
        "response.done",
        "rate_limits.updated",
    ]
    assert told["audio"] == ["response.output_audio.done"], "the audio itself goes over the track"
    assert types.index("response.content_part.added") < types.index("output_audio_buffer.started")
    assert types.index("output_audio_buffer.stopped") == len(types) - 1 > types.index("rate_limits.updated")
    (transcribed,) = call.client.of("conversation.item.input_audio_transcription.completed")
    assert transcribed["transcript"] == "a large latte please"


async def test_the_echo_of_an_answer_lasts_as_long_as_its_words() -> None:
    async with serving(scripted(ScriptedBrain("one two three four five."))) as server, calling(server) as call:
        await call.client.send("response.create")
        await call.client.until("output_audio_buffer.stopped")
        await asyncio.sleep(0.2)
        heard = [samples for samples in call.peer.heard if abs(samples).max() > LOUD]
    spoken_ms = sum(map(len, heard)) * 1000 / call.peer.heard_hz
    assert 1_350 <= spoken_ms <= 1_600, "five words of 300 ms"


async def test_barge_in_is_cut_where_the_listener_was() -> None:
    brain = ScriptedBrain([Say(ANSWER), Hang()], "Yes?")
    async with serving(scripted(brain), **HUMS) as server, calling(server) as call:
        await call.client.send("response.create")
        await call.client.until("output_audio_buffer.started")
        began_s = time.monotonic()
        item = call.client.of("response.output_item.added")[0]["item"]["id"]
        await asyncio.sleep(0.8)
        start = len(call.client.events)
        call.peer.microphone.say(speech(500) + silence(1_200))
        await call.client.until("input_audio_buffer.speech_started")
        played_ms = (time.monotonic() - began_s) * 1000
        truncated = await call.client.until("conversation.item.truncated")
        during = call.client.types(start)
        await call.client.done()
        await call.client.send("conversation.item.retrieve", item_id=item)
        kept = (await call.client.until("conversation.item.retrieved"))["item"]["content"][0]
    place = during.index("input_audio_buffer.speech_started")
    assert [kind for kind in during[place:] if not kind.endswith("transcript.delta")] == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        *CLOSED,
        "response.done",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
    ]
    cancelled = call.client.of("response.done")[0]["response"]
    assert (cancelled["status"], cancelled["status_details"]["reason"]) == ("cancelled", "turn_detected")
    assert call.client.of("output_audio_buffer.cleared")[0]["response_id"] == cancelled["id"]
    assert (truncated["item_id"], truncated["content_index"]) == (item, 0)
    assert abs(truncated["audio_end_ms"] - played_ms) < 250
    assert ANSWER.startswith(kept["transcript"])
    assert len(kept["transcript"].split()) == truncated["audio_end_ms"] // 300, "the words that were over by then"


async def test_barge_in_after_everything_was_generated_only_clears_and_truncates() -> None:
    brain = ScriptedBrain("one two three four five six seven.", "Yes?")
    async with serving(scripted(brain), **HUMS) as server, calling(server) as call:
        first = await call.client.respond()
        await call.client.until("output_audio_buffer.started")
        start = len(call.client.events)
        call.peer.microphone.say(speech(500) + silence(1_200))
        truncated = await call.client.until("conversation.item.truncated")
        during = call.client.types(start)
        assert (await call.client.done())["status"] == "completed"
    assert during == ["input_audio_buffer.speech_started", "output_audio_buffer.cleared", "conversation.item.truncated"]
    assert first["status"] == "completed"
    assert 0 < truncated["audio_end_ms"] < 7 * 300


async def test_a_stop_button_cancels_and_clears() -> None:
    brain = ScriptedBrain([Say("one two three four. five six seven eight. nine"), Hang()], "Yes?")
    async with serving(scripted(brain)) as server, calling(server) as call:
        await call.client.send("response.create")
        await call.client.until("output_audio_buffer.started")
        await eventually(lambda: call.peer.loudness() > LOUD)
        await call.client.send("response.cancel")
        await call.client.send("output_audio_buffer.clear")
        await call.client.until("output_audio_buffer.cleared")
        await call.client.until("conversation.item.truncated")
        await eventually(lambda: call.peer.loudness(60) < LOUD)
        assert (await call.client.respond())["status"] == "completed"


async def test_push_to_talk_commits_what_came_over_the_track() -> None:
    async with serving() as server, calling(server) as call:
        await call.client.update(audio={"input": {"turn_detection": None}})
        await call.client.send("input_audio_buffer.clear")
        call.peer.microphone.say(speech(600))
        await eventually(lambda: call.peer.microphone.silent)
        await asyncio.sleep(0.3)
        await call.client.send("input_audio_buffer.commit")
        await call.client.until("conversation.item.done")
        assert (await call.client.respond())["status"] == "completed"


@pytest.mark.speech
async def test_a_caller_is_understood_over_the_track(speech: Path) -> None:
    audio, _ = clip(speech, "order_status")
    async with embedded() as server, calling(server) as call:
        await prepared(call.client)
        call.peer.microphone.say(audio)
        response = await call.client.done()
        assert response["status"] == "completed"
        kind = "conversation.item.input_audio_transcription.completed"
        understood = call.client.of(kind)[-1]["transcript"]
    assert {"order", "status"} <= words(understood), understood


@pytest.mark.speech
async def test_a_caller_who_speaks_over_the_answer_is_heard(speech: Path) -> None:
    audio, _ = clip(speech, "order_status")
    brain = ScriptedBrain([Say(ANSWER), Hang()], "Yes?")
    async with embedded(brain) as server, calling(server) as call:
        await prepared(call.client)
        await call.client.send("response.create")
        await call.client.until("output_audio_buffer.started")
        call.peer.microphone.say(audio)
        truncated = await call.client.until("conversation.item.truncated")
        assert (await call.client.done())["status"] == "completed"
        kind = "conversation.item.input_audio_transcription.completed"
        understood = call.client.of(kind)[-1]["transcript"]
    assert call.client.of("response.done")[0]["response"]["status"] == "cancelled"
    assert LEAD_MS <= truncated["audio_end_ms"] <= LEAD_MS + 1_500
    assert {"order", "status"} <= words(understood), understood


async def test_a_transcription_call_tells_what_is_said() -> None:
    stack = scripted(recognizer=ScriptedRecognizer(Heard("good morning")))
    async with serving(stack) as server, calling(server, f"{CALLS}?intent=transcription&model=gpt-4o-transcribe") as call:
        call.peer.microphone.say(TURN)
        completed = await call.client.until("conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "good morning"


async def test_a_translation_call_speaks_another_language_over_the_track() -> None:
    recognizer = ScriptedRecognizer(Heard("Good morning."), Heard("How are you?"), repeat=True)
    stack = {"": scripted(), INTERPRETER: replace(interpreters(), recognizer=recognizer)}
    async with serving(stack) as server, asyncio.timeout(kit.PATIENCE_S):
        value = await secret(server, type="translation", model=INTERPRETER, audio={"output": {"language": "es"}})
        peer = Peer()
        answer = await offered(server, await peer.offer(), TRANSLATIONS, key=value)
        await peer.accept(answer.text)
        listener = Listener(peer.client.put, peer.client.take)
        await listener.until("session.created")
        peer.microphone.say(TURN + TURN)
        await listener.until("session.output_transcript.delta")
        await eventually(lambda: peer.loudness() > LOUD)
        await eventually(lambda: peer.microphone.silent)
        await listener.send("session.close")
        await listener.until("session.closed")
        assert not listener.of("session.output_audio.delta")
        await peer.gone.wait()
        await peer.close()
        await ended(server)


# --- ends -----------------------------------------------------------------------------------------------------------------------


async def test_a_peer_that_hangs_up_leaves_nothing_behind() -> None:
    async with serving() as server:
        async with calling(server) as call, call.sideband() as side:
            await side.settled()
            await call.peer.close()
            end = await side.closed()
            assert end.rcvd is not None and end.rcvd.code == 1000
        await ended(server)
        record = server.service.records.find(call.id.replace("rtc_", "sess_"))
        assert record is not None and record.ended_at is not None


async def test_a_hang_up_closes_the_peer_and_is_an_empty_200_once() -> None:
    async with serving(keys=(KEY,)) as server, calling(server) as call:
        answer, again = await call.hang_up(), await call.hang_up()
        await asyncio.wait_for(call.peer.gone.wait(), kit.PATIENCE_S)
        await ended(server)
        later = await call.hang_up()
    assert (answer.status_code, answer.content) == (200, b"")
    assert [again.status_code, later.status_code] == [404, 404]


async def test_a_call_that_is_over_its_time_says_so_and_ends() -> None:
    async with serving(max_session_minutes=0.03) as server, calling(server) as call, call.sideband() as side:
        error = (await call.client.until("error"))["error"]
        end = await side.closed()
        await asyncio.wait_for(call.peer.gone.wait(), kit.PATIENCE_S)
        await ended(server)
    assert (error["type"], error["code"]) == ("invalid_request_error", "session_expired")
    assert [event["error"]["code"] for event in side.of("error")] == ["session_expired"]
    assert end.rcvd is not None and (end.rcvd.code, end.rcvd.reason) == (1001, error["message"])


async def test_a_peer_that_never_comes_is_given_up() -> None:
    async with serving(max_sessions=1, webrtc={"connect_timeout_s": 0.3}) as server:
        peer = Peer()
        answer = await offered(server, await peer.offer())
        assert answer.status_code == 201
        assert len(server.service.hub) == 1
        await ended(server)
        assert (await post(server, f"{answer.headers['location']}/hangup")).status_code == 404
        await peer.close()


async def test_a_server_that_stops_closes_its_calls() -> None:
    async with serving() as server, calling(server) as call, call.sideband() as side:
        await side.settled()
        await server.service.hub.drain(0.05)
        end = await side.closed()
        await asyncio.wait_for(call.peer.gone.wait(), kit.PATIENCE_S)
        await ended(server)
        refused = await offered(server, "v=0\r\n")
    assert end.rcvd is not None and end.rcvd.code == 1001
    assert refused.status_code == 503


async def test_a_media_process_that_dies_costs_its_calls_and_the_next_one_gets_another(
    log: list[MutableMapping[str, Any]],
) -> None:
    async with serving() as server:
        async with calling(server) as call, call.sideband() as side:
            await side.settled()
            os.kill(_media_processes(server)[0], signal.SIGKILL)
            end = await side.closed()
            assert end.rcvd is not None and end.rcvd.code == 1000
            await ended(server)
        async with calling(server) as call:
            assert (await call.client.respond())["status"] == "completed"
    log.clear()


async def test_a_secret_may_bound_the_time_of_its_sessions() -> None:
    async with serving(keys=(KEY,)) as server:
        state = app_state(server)
        caller = state.gate.check(request(key=KEY))
        short = state.secrets.mint(caller, {"type": "realtime"}, 60, max_minutes=0.03)
        long = state.secrets.mint(caller, {"type": "realtime"}, 60, max_minutes=600)
        async with calling(server, CALLS, key=short.value) as call:
            error = (await call.client.until("error"))["error"]
            assert (error["code"], "0.03 minutes" in error["message"]) == ("session_expired", True)
        async with server.connect(additional_headers={"Authorization": f"Bearer {long.value}"}) as client:
            assert client.events[0]["session"]["expires_at"] - time.time() <= 3_601, "never more than the server allows"
        await ended(server)


async def test_calls_are_counted() -> None:
    async with serving() as server:
        async with calling(server) as call, call.sideband() as side:
            await side.settled()
            call.peer.microphone.say(TURN)
            await call.client.until("output_audio_buffer.started")
            during = await _metrics(server)
        await ended(server)
        after = await _metrics(server)
    assert during['vivavoce_calls{kind="agent"}'] == during["vivavoce_sidebands"] == 1
    assert during[f'vivavoce_turn_to_first_audio_seconds_count{{model="{MODEL}"}}'] == 1
    assert after['vivavoce_calls{kind="agent"}'] == after["vivavoce_sidebands"] == 0
    assert after['vivavoce_calls_opened_total{kind="agent"}'] == 1


@pytest.mark.parametrize(("calls", "slack"), [(10, 5), pytest.param(200, 5, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
async def test_calls_without_number_leave_nothing_behind(calls: int, slack: int) -> None:
    """The slack is for pools of threads, which fill up to 32 and then no more, and for what libraries keep once."""
    async with serving() as server:
        async with calling(server):
            pass
        await ended(server)
        before, tasks = _held(server), asyncio.all_tasks()
        for number in range(calls):
            async with calling(server) as call, call.sideband() as side:
                await side.settled()
                if number % 2:
                    await call.hang_up()
        await ended(server)
        here = asyncio.current_task()
        await eventually(lambda: asyncio.all_tasks() - tasks <= {here})
        after = _held(server)
        assert not app_state(server).calls._calls
    for name, count in after.items():
        assert count - before[name] <= slack < calls, (name, before, after)


def _held(server: Serving) -> dict[str, int]:
    """Count what a leak would be made of, here and in the media process."""
    pid = _media_processes(server)[0]
    return {
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "its threads": len(os.listdir(f"/proc/{pid}/task")),
        "its descriptors": len(os.listdir(f"/proc/{pid}/fd")),
    }


def _media_processes(server: Serving) -> list[int]:
    return [place.process.pid for place in app_state(server).edges._places if place.process is not None]


async def _metrics(server: Serving) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=server.url) as http:
        lines = (await http.get("/metrics")).text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

"""The pieces of a call: microphone, loudspeaker, floor, recording, story and views. No server, no real time."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from vivavoce.cli.addresses import http_base_url
from vivavoce.cli.call.clock import SAMPLES_PER_MS
from vivavoce.cli.call.floor import Floor
from vivavoce.cli.call.microphone import CHUNK_SAMPLES, VirtualMicrophone, audible
from vivavoce.cli.call.speaker import Cut, Part, Piece, VirtualSpeaker
from vivavoce.cli.call.story import Line, Story
from vivavoce.cli.call.talking import answer_of
from vivavoce.cli.call.view import LiveView, PlainView
from vivavoce.cli.demo.recording import EventLog, mix, shortened

ONE, TWO = Part("item_1", 0), Part("item_2", 0)


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = 0.0

    def __call__(self) -> float:
        return self.ms


def tone(ms: int, level: int = 1000) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.full(ms * SAMPLES_PER_MS, level, np.int16)


# --- loudspeaker ------------------------------------------------------------------------------------------------------------------


def test_audio_sounds_when_it_comes_or_when_what_is_before_it_has_sounded() -> None:
    time = Time()
    speaker = VirtualSpeaker(time)
    time.ms = 100
    speaker.play(ONE, tone(200))
    speaker.play(ONE, tone(100))
    assert speaker.left_ms() == 300
    time.ms = 1000
    speaker.play(TWO, tone(50))
    assert [piece.start / SAMPLES_PER_MS for piece in speaker.heard] == [100, 300, 1000]


def test_a_cut_tells_for_each_part_how_much_was_heard() -> None:
    time = Time()
    speaker = VirtualSpeaker(time)
    speaker.play(ONE, tone(200))
    speaker.play(ONE, tone(100))
    speaker.play(TWO, tone(100))
    time.ms = 250
    assert speaker.cut() == [Cut(ONE, 250), Cut(TWO, 0)]
    assert speaker.left_ms() == 0
    assert sum(len(piece.pcm) for piece in speaker.heard) == 250 * SAMPLES_PER_MS


def test_what_was_heard_to_its_end_is_not_cut() -> None:
    time = Time()
    speaker = VirtualSpeaker(time)
    speaker.play(ONE, tone(200))
    time.ms = 200
    assert speaker.cut() == []


# --- microphone -------------------------------------------------------------------------------------------------------------------


async def test_the_microphone_captures_silence_and_what_is_said_at_its_place() -> None:
    time = Time()
    time.ms = 10_000  # every chunk is due: nothing waits
    microphone = VirtualMicrophone(time)
    chunks = microphone.chunks()
    await anext(chunks)
    utterance = np.concatenate([np.zeros(240, np.int16), tone(30), np.zeros(240, np.int16)])
    saying = asyncio.create_task(microphone.say(utterance))
    await asyncio.sleep(0)
    for _ in range(4):
        await anext(chunks)
    spoken = await saying
    assert (spoken.start_ms, spoken.end_ms) == (30, 60)
    assert np.array_equal(microphone.captured[CHUNK_SAMPLES : CHUNK_SAMPLES + len(utterance)], utterance)
    assert len(microphone.captured) == 5 * CHUNK_SAMPLES


def test_faint_noise_is_not_audible_speech() -> None:
    noise = np.full(2400, 10, np.int16)
    speech = np.concatenate([noise, tone(100, 5000), noise])
    assert audible(speech) == (2400, 4800)
    assert audible(np.zeros(2400, np.int16)) == (0, 0)


# --- floor ------------------------------------------------------------------------------------------------------------------------


def created(number: int) -> Mapping[str, Any]:
    return {"type": "response.created", "response": {"id": f"resp_{number}"}}


def done(number: int, status: str = "completed", *, call: bool = False) -> Mapping[str, Any]:
    output = [{"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"}] if call else [{"type": "message"}]
    return {"type": "response.done", "response": {"id": f"resp_{number}", "status": status, "output": output}}


COMMITTED = {"type": "input_audio_buffer.committed"}


def test_a_turn_is_owed_an_answer_until_a_response_is_done() -> None:
    floor = Floor()
    assert floor.quiet
    for event in (
        {"type": "input_audio_buffer.speech_started"},
        {"type": "input_audio_buffer.speech_stopped"},
        COMMITTED,
        created(1),
    ):
        floor.received(event)
        if event["type"] != "input_audio_buffer.speech_stopped":
            assert not floor.quiet
    floor.received(done(1))
    assert (floor.quiet, floor.answers) == (True, 1)


def test_a_function_call_is_not_yet_the_answer() -> None:
    floor = Floor()
    for event in (COMMITTED, created(1), done(1, call=True)):
        floor.received(event)
    assert (floor.quiet, floor.answers) == (False, 0)
    floor.sent({"type": "response.create"})
    floor.received(created(2))
    floor.received(done(2))
    assert (floor.quiet, floor.answers) == (True, 1)


def test_an_interrupted_answer_does_not_count() -> None:
    floor = Floor()
    for event in (COMMITTED, created(1), done(1, "cancelled")):
        floor.received(event)
    assert (floor.quiet, floor.answers) == (False, 0)


# --- recording --------------------------------------------------------------------------------------------------------------------


def test_both_sides_are_placed_where_they_sounded() -> None:
    heard = [Piece(ONE, 480, tone(10, 7)), Piece(TWO, 960, tone(30, 9))]
    stereo = mix(tone(40, 3), heard)
    assert stereo.shape == (960 + 720, 2)
    assert set(stereo[:960, 0]) == {3} and set(stereo[960:, 0]) == {0}
    assert [stereo[at, 1] for at in (0, 479, 480, 719, 720, 960, 1679)] == [0, 0, 7, 7, 0, 9, 9]


def test_a_call_in_which_nothing_was_said_is_an_empty_recording() -> None:
    assert mix(np.empty(0, np.int16), []).shape == (0, 2)


def test_an_answer_begins_with_its_first_sound_and_keeps_its_pauses() -> None:
    answer = answer_of([Piece(ONE, 1000, tone(10, 5)), Piece(TWO, 1480, tone(10, 6))])
    assert len(answer) == 720
    assert [answer[at] for at in (0, 239, 240, 480)] == [5, 5, 0, 6]


def test_events_are_logged_one_a_line_with_their_audio_shortened(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.write("client", {"type": "input_audio_buffer.append", "audio": "A" * 1280}, 20.04)
        log.write("server", {"type": "response.output_audio_transcript.delta", "delta": "Which size would you like?"}, 31)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines()]
    assert [(line["ms"], line["from"]) for line in lines] == [(20.0, "client"), (31, "server")]
    assert lines[0]["event"]["audio"] == "AAAAAAAAAAAAAAAA… (1280 characters of base64)"
    assert lines[1]["event"]["delta"] == "Which size would you like?"


def test_short_audio_is_left_as_it_is() -> None:
    event = {"type": "response.output_audio.delta", "delta": "AAAA"}
    assert shortened(event) is event


# --- story and views --------------------------------------------------------------------------------------------------------------


def transcript(text: str) -> Mapping[str, Any]:
    return {"type": "conversation.item.input_audio_transcription.completed", "transcript": text}


def an_order(story: Story) -> Iterator[Line]:
    """One turn that ends in a function call and an answer."""
    story.caller_begins("Yes, please.", 1000)
    yield from story.caller_ends(1800)
    for at_ms, event in (
        (1100, {"type": "input_audio_buffer.speech_started"}),
        (2300, {"type": "input_audio_buffer.speech_stopped"}),
        (2350, transcript("yes please")),
    ):
        yield from story.received(event, at_ms)
    call = {"type": "function_call", "name": "orderDrink", "arguments": '{"size": "large"}', "call_id": "call_1"}
    response = {"id": "resp_1", "status": "completed", "output": [call]}
    yield from story.received({"type": "response.done", "response": response}, 2360)
    output = {"type": "function_call_output", "call_id": "call_1", "output": '{"order_number": 47}'}
    yield from story.sent({"type": "conversation.item.create", "item": output}, 2361)
    for at_ms, event in (
        (2400, {"type": "response.output_audio_transcript.delta", "delta": "Number 47."}),
        (2450, {"type": "response.output_audio.delta", "delta": "AAAA"}),
        (2460, {"type": "response.output_audio_transcript.done", "transcript": "Number 47."}),
    ):
        yield from story.received(event, at_ms)


def test_the_story_tells_who_said_what_and_how_long_the_answer_took() -> None:
    story = Story()
    assert list(an_order(story)) == [
        Line(1000, "caller", 'Yes, please.  (heard "yes please")'),
        Line(2360, "call", 'orderDrink(size="large")'),
        Line(2361, "output", '{"order_number": 47}'),
        Line(2450, "latency", "speech end → turn closed 500 ms → first word 600 ms → first audio 650 ms"),
        Line(2450, "agent", "Number 47."),
    ]
    assert story.answer == "Number 47."
    assert story.output_was_answered
    assert story.median_answer_ms == 650


def test_an_answer_that_was_spoken_over_is_not_measured() -> None:
    story = Story()
    story.caller_begins("a.wav", 0)
    story.received({"type": "input_audio_buffer.speech_stopped"}, 500)
    story.received({"type": "response.output_audio.delta", "delta": ""}, 600)
    story.received({"type": "input_audio_buffer.speech_started"}, 700)
    assert story.caller_ends(1500) == []
    story.received({"type": "input_audio_buffer.speech_stopped"}, 2000)
    assert story.received({"type": "response.output_audio.delta", "delta": ""}, 2100)[0].text.endswith("first audio 600 ms")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"type": "error", "error": {"message": "No."}}, "error: No."),
        (
            {
                "type": "response.done",
                "response": {"id": "r", "status": "failed", "status_details": {"error": {"message": "dead"}}},
            },
            "the answer failed: dead",
        ),
        (
            {
                "type": "response.done",
                "response": {"id": "r", "status": "incomplete", "status_details": {"reason": "max_output_tokens"}},
            },
            "the answer is incomplete: max_output_tokens",
        ),
    ],
)
def test_what_goes_wrong_is_told(event: Mapping[str, Any], text: str) -> None:
    assert Story().received(event, 5) == [Line(5, "note", text)]


def test_plain_lines_have_offset_who_and_text_and_are_not_wrapped() -> None:
    text = io.StringIO()
    with PlainView(Console(file=text, width=40)) as view:
        view.show([Line(1234, "agent", "Which size [would] you like? " * 3)])
    assert text.getvalue() == "   1.23 s  agent    " + "Which size [would] you like? " * 3 + "\n"


def test_the_live_view_shows_who_speaks_now_and_keeps_the_lines() -> None:
    story, text = Story(), io.StringIO()
    console = Console(file=text, width=100, force_terminal=True, color_system=None)
    view = LiveView(console, story, lambda: 1500.0, lambda: False)
    view.show(an_order(story))
    story.caller_begins("Thank you, goodbye.", 5000)
    console.print(view.now())
    lines = text.getvalue().splitlines()
    assert any("2.36 s" in line and 'orderDrink(size="large")' in line for line in lines)
    assert lines[-3].startswith("1.5 s ──")
    assert "● speaks" in lines[-2] and "Thank you, goodbye." in lines[-2]
    assert "○" in lines[-1] and "agent" in lines[-1]


# --- addresses --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("ws://host/v1/realtime?model=x", "http://host/v1"),
        ("wss://host/", "https://host/v1"),
        ("https://host/voice/v1/", "https://host/voice/v1"),
    ],
)
def test_an_address_may_be_typed_in_any_usual_form(typed: str, meant: str) -> None:
    assert http_base_url(typed) == meant

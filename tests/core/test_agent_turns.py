"""Turns of the user: server_vad with all its knobs, manual turns, barge-in, idle time-out."""

from __future__ import annotations

import pytest

from vivavoce.core import inputs
from vivavoce.core.turns import TAIL_MS
from vivavoce.testing.simulator import Call, Say, Simulator, Timings


def speech(*stretches: tuple[float, float]):
    """Return a detector that hears speech in these stretches (ms)."""
    return lambda ms: 0.95 if any(start < ms <= end for start, end in stretches) else 0.02


def simulator(**options) -> Simulator:
    sim = Simulator(**options)
    sim.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    return sim


def test_a_spoken_turn_is_answered_in_the_recorded_order():
    sim = simulator()
    sim.loudness = speech((320, 1280))
    sim.stream(4000)
    sim.settle()
    kinds = [kind for kind in sim.types() if not kind.endswith(".delta")]
    assert kinds == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "conversation.item.input_audio_transcription.completed",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]


def test_every_event_of_a_turn_names_the_same_item():
    sim = simulator()
    sim.loudness = speech((320, 1280))
    sim.stream(3000)
    ids = {
        sim.of(kind)[0]["item_id"]
        for kind in ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed")
    }
    assert ids == {sim.of("conversation.item.added")[0]["item"]["id"]}


def test_offsets_are_exact_to_a_frame_and_include_padding_and_silence():
    sim = simulator()
    sim.loudness = speech((1280, 2560))
    sim.stream(5000)
    started, stopped = sim.of("input_audio_buffer.speech_started")[0], sim.of("input_audio_buffer.speech_stopped")[0]
    assert started["audio_start_ms"] == 1280 - 300
    assert abs(stopped["audio_end_ms"] - (2560 + 500 - TAIL_MS)) <= 16


@pytest.mark.parametrize("silence", [100, 200, 700, 1500])
def test_silence_duration_ms_is_waited_to_the_nearest_frame(silence):
    sim = simulator()
    sim.update(audio={"input": {"turn_detection": {"silence_duration_ms": silence}}})
    sim.loudness = speech((640, 1280))
    sim.stream(4000)
    assert abs(sim.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"] - (1280 + silence - TAIL_MS)) <= 16


def test_prefix_padding_never_reaches_into_the_turn_before():
    sim = simulator(timings=Timings(first_token=10_000))
    sim.update(audio={"input": {"turn_detection": {"silence_duration_ms": 96, "prefix_padding_ms": 5000}}})
    sim.loudness = speech((640, 1280), (1600, 2240))
    sim.stream(4000)
    first_end = sim.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert sim.of("input_audio_buffer.speech_started")[1]["audio_start_ms"] >= first_end


def test_a_click_of_one_frame_starts_no_turn():
    sim = simulator()
    sim.loudness = speech((640, 672))
    sim.stream(2000)
    assert not sim.of("input_audio_buffer.speech_started")


def test_threshold_decides_what_counts_as_speech():
    sim = simulator()
    sim.update(audio={"input": {"turn_detection": {"threshold": 0.99}}})
    sim.loudness = speech((640, 1600))
    sim.stream(3000)
    assert not sim.of("input_audio_buffer.speech_started")


def test_without_create_response_the_turn_is_committed_and_nothing_is_said():
    sim = simulator()
    sim.update(audio={"input": {"turn_detection": {"create_response": False}}})
    sim.loudness = speech((640, 1600))
    sim.stream(4000)
    sim.settle()
    assert sim.of("input_audio_buffer.committed")
    assert not sim.of("response.created")


def test_barge_in_cancels_with_turn_detected_and_nothing_of_the_response_follows():
    sim = simulator(replies=[(Say("one two three four five six seven eight nine ten"),)], timings=Timings(synthesis=400))
    sim.loudness = speech((320, 960), (2560, 3200))
    sim.stream(5000)
    done = sim.of("response.done")[0]["response"]
    assert (done["status"], done["status_details"]) == ("cancelled", {"type": "cancelled", "reason": "turn_detected"})
    place = next(i for i, event in enumerate(sim.events) if event["type"] == "response.done")
    assert not [event for event in sim.events[place + 1 :] if event.get("response_id") == done["id"]]
    assert sim.events[place - 1]["type"] == "response.output_item.done"
    assert sim.events[place - 1]["item"]["status"] == "incomplete"


def test_without_interrupt_response_the_answer_goes_on():
    sim = simulator(replies=[(Say("one two three four five six seven"),)], timings=Timings(synthesis=400))
    sim.update(audio={"input": {"turn_detection": {"interrupt_response": False, "create_response": True}}})
    sim.loudness = speech((320, 960), (2240, 2880))
    sim.stream(8000)
    sim.settle()
    assert sim.of("response.done")[0]["response"]["status"] == "completed"


def test_after_barge_in_the_next_context_ends_at_the_last_word_heard():
    sim = simulator(
        replies=[(Say("one two three four five six seven eight nine ten"),)], timings=Timings(speech_per_word=300, synthesis=1)
    )
    # Audio starts at about 1.7 s; the barge-in comes about 1.2 s later: four words.
    sim.loudness = speech((320, 960), (2800, 3400))
    sim.stream(6000)
    sim.settle()
    heard = [item.text for item in sim.contexts[1].context.items if item.kind == "assistant"]
    assert (
        heard[0].split()
        == ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"][: len(heard[0].split())]
    )
    assert 2 <= len(heard[0].split()) <= 5


def test_client_truncation_corrects_the_estimate():
    sim = simulator(replies=[(Say("one two three four five six seven eight nine ten"),)], timings=Timings(synthesis=1))
    sim.loudness = speech((320, 960))
    sim.stream(2500)
    sim.settle()
    item = sim.of("response.output_item.done")[0]["item"]["id"]
    sim.client({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 950})
    assert sim.of("conversation.item.truncated")[-1]["audio_end_ms"] == 950
    sim.client({"type": "conversation.item.retrieve", "item_id": item})
    part = sim.of("conversation.item.retrieved")[-1]["item"]["content"][0]
    assert part["transcript"] == "one two three"
    import base64

    assert len(base64.b64decode(part["audio"])) == 950 * 48
    sim.client({"type": "response.create"})
    assert [i.text for i in sim.contexts[-1].context.items if i.kind == "assistant"] == ["one two three"]


def test_manual_commit_makes_an_item_and_no_response():
    sim = simulator()
    sim.update(audio={"input": {"turn_detection": None}})
    sim.append(500)
    sim.client({"type": "input_audio_buffer.commit"})
    sim.settle()
    kinds = sim.types(3)
    assert kinds == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]


def test_commit_under_100_ms_is_refused_and_the_audio_stays():
    sim = simulator()
    sim.update(audio={"input": {"turn_detection": None}})
    sim.append(80)
    sim.client({"type": "input_audio_buffer.commit", "event_id": "mine"})
    error = sim.of("error")[0]["error"]
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "mine")
    sim.append(40)
    sim.client({"type": "input_audio_buffer.commit"})
    assert sim.of("input_audio_buffer.committed")


def test_clear_forgets_the_buffer_and_the_turn():
    sim = simulator()
    sim.loudness = speech((320, 5000))
    sim.stream(1000)
    sim.client({"type": "input_audio_buffer.clear"})
    sim.loudness = speech()
    sim.stream(2000)
    assert sim.of("input_audio_buffer.cleared")
    assert not sim.of("input_audio_buffer.committed")


def test_commit_while_speaking_ends_the_turn_with_its_item():
    sim = simulator()
    sim.loudness = speech((320, 5000))
    sim.stream(1200)
    sim.client({"type": "input_audio_buffer.commit"})
    started = sim.of("input_audio_buffer.speech_started")[0]["item_id"]
    assert sim.of("input_audio_buffer.committed")[0]["item_id"] == started


def test_idle_timeout_counts_from_the_end_of_playback():
    sim = simulator(replies=[(Say("one two three four five six seven eight nine ten"),)], timings=Timings(synthesis=1))
    sim.update(audio={"input": {"turn_detection": {"idle_timeout_ms": 5000}}})
    sim.loudness = speech((320, 960))
    sim.stream(2200)
    sim.settle(500)
    done_at = sim.times[sim.types().index("response.done")]
    sim.loudness = speech()
    sim.stream(10_000)
    fired_at = sim.times[sim.types().index("input_audio_buffer.timeout_triggered")]
    assert fired_at - done_at >= 5000 + 2500
    place = sim.types().index("input_audio_buffer.timeout_triggered")
    assert [kind for kind in sim.types(place)[:6] if "transcription" not in kind][:5] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]


def test_semantic_vad_closes_a_complete_turn_early_and_waits_for_an_incomplete_one():
    ends = {}
    for verdict in (0.9, 0.1):
        sim = simulator(judged=True, verdict=verdict)
        sim.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
        sim.loudness = speech((320, 1280))
        sim.stream(5000)
        ends[verdict] = sim.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
    assert abs(ends[0.9] - (1280 + 200 - TAIL_MS)) <= 64
    assert abs(ends[0.1] - (1280 + 2000 - TAIL_MS)) <= 16


def test_g711_offsets_count_the_same_milliseconds():
    sim = simulator()
    sim.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    sim.loudness = speech((1280, 2560))
    import base64

    for _ in range(250):
        sim.client({"type": "input_audio_buffer.append", "audio": base64.b64encode(b"\xff" * 160).decode()})
        sim.run(20)
    assert sim.of("input_audio_buffer.speech_started")[0]["audio_start_ms"] == 980
    assert abs(sim.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"] - 3060) <= 32


def test_an_idle_timeout_set_after_the_answer_counts_from_then():
    sim = simulator()
    sim.client({"type": "response.create"})
    sim.settle()
    sim.stream(3_000)
    sim.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5_000}}})
    sim.stream(4_900)
    assert not sim.of("input_audio_buffer.timeout_triggered")
    sim.stream(200)
    assert sim.of("input_audio_buffer.timeout_triggered")


def test_an_idle_timeout_tells_of_the_silence_since_playback_ended():
    sim = simulator()
    sim.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5_000}}})
    sim.stream(1_000)
    sim.client({"type": "response.create"})
    sim.stream(9_000)
    (event,) = sim.of("input_audio_buffer.timeout_triggered")
    assert event["audio_end_ms"] - event["audio_start_ms"] == 5_000


def test_truncating_an_earlier_answer_leaves_the_one_that_is_being_made_alone():
    look = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    two = (Say("one two three"), Call("look"), Say("four five six"))
    sim = simulator(replies=[(Say("old words"),), two], timings=Timings(synthesis=50), in_turn=True)
    sim.update(tools=[look], audio={"input": {"turn_detection": None}})
    sim.client({"type": "response.create"})
    sim.settle()
    old = sim.of("response.output_item.done")[0]["item"]["id"]
    sim.client({"type": "response.create"})
    second = None
    while second is None or not [e for e in sim.of("response.output_audio.delta") if e["item_id"] == second]:
        sim.run(10)
        messages = [e["item"]["id"] for e in sim.of("response.output_item.added") if e["item"]["type"] == "message"]
        second = messages[2] if len(messages) > 2 else None
    sim.client({"type": "conversation.item.truncate", "item_id": old, "content_index": 0, "audio_end_ms": 300})
    sim.settle()
    sim.client({"type": "conversation.item.retrieve", "item_id": second})
    assert sim.of("conversation.item.retrieved")[-1]["item"]["content"][0]["transcript"] == "four five six"


def test_a_barge_in_cuts_what_a_failed_answer_had_said():
    sim = simulator(replies=[(Say("one two three four five six seven eight nine ten"),)], timings=Timings(synthesis=100))
    sim.loudness = speech((1_600, 2_200))
    sim.client({"type": "response.create"})
    sim.run(1_000)
    sim.give(inputs.GenerationFailed(sim.contexts[0].generation, "server_error", "The voice broke."))
    assert sim.of("response.done")[0]["response"]["status"] == "failed"
    began = sim.times[sim.types().index("response.output_audio.delta")]
    sim.stream(1_700)
    stopped = sim.times[sim.types().index("input_audio_buffer.speech_started")]
    item = sim.of("response.output_item.done")[0]["item"]["id"]
    sim.client({"type": "conversation.item.retrieve", "item_id": item})
    heard = sim.of("conversation.item.retrieved")[-1]["item"]["content"][0]["transcript"].split()
    assert len(heard) == (stopped - began) // 300 < len(sim.of("response.output_audio.delta"))

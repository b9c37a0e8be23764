"""Calls: the server owns the playout clock. What was heard is what the playout played, and clients are told when it sounds."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from vivavoce.core import effects, inputs
from vivavoce.protocol.formats import PCM, PCMU
from vivavoce.protocol.usage import RateLimit
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.official import validate_event
from vivavoce.testing.simulator import Call, Say, Simulator, Timings

TEN = "one two three four five six seven eight nine ten"
WORD_MS = 300
LIMITS = (RateLimit("tokens", 1_000, 900, 60.0),)
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


def call(*, link_ms: float = 5.0, text: str = TEN, **options: Any) -> Simulator:
    """Return a call whose answers are as long as the text."""
    options.setdefault("replies", [(Say(text),)])
    options.setdefault("timings", Timings(synthesis=1, speech_per_word=WORD_MS))
    return Simulator(link_ms=lambda: link_ms, in_turn=True, limits=LIMITS, **options)


def speech(*stretches: tuple[float, float]):
    """Return a detector that hears speech in these stretches (ms)."""
    return lambda ms: 0.95 if any(start < ms <= end for start, end in stretches) else 0.02


def respond(sim: Simulator, run_ms: float = 400, **response: Any) -> str:
    """Have the session answer, let it speak for a while, and return the response's id."""
    sim.client({"type": "response.create", "response": response})
    created: str = sim.of("response.created")[-1]["response"]["id"]
    sim.run(run_ms)
    return created


def heard(sim: Simulator, item: str) -> str:
    """Return what the conversation holds of an item."""
    sim.client({"type": "conversation.item.retrieve", "item_id": item})
    text: str = sim.of("conversation.item.retrieved")[-1]["item"]["content"][0]["transcript"]
    return text


def sound(sim: Simulator, item: str) -> bytes:
    """Return the audio the conversation holds of an item."""
    sim.client({"type": "conversation.item.retrieve", "item_id": item})
    return base64.b64decode(sim.of("conversation.item.retrieved")[-1]["item"]["content"][0].get("audio", ""))


def played(sim: Simulator, item: str) -> float:
    """Return how many ms of an item the playout has played."""
    assert sim.playout is not None
    return sim.playout.heard_ms(item)


def spoken(sim: Simulator) -> list[str]:
    """Return the spoken items, in order."""
    return [e["item"]["id"] for e in sim.of("response.output_item.added") if e["item"]["type"] == "message"]


def flat(sim: Simulator, start: int = 0) -> list[str]:
    """Return the types of events without deltas."""
    return [kind for kind in sim.types(start) if not kind.endswith(".delta")]


# --- the recorded order ---------------------------------------------------------------------------------------------------------


def test_a_spoken_answer_is_told_in_the_recorded_order() -> None:
    sim = call()
    respond(sim, 10_000)
    assert flat(sim, 1) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
    ]
    kinds = sim.types()
    assert "response.output_audio.delta" not in kinds, "the audio goes over the track"
    done_ms = sim.times[kinds.index("response.done")]
    assert 3_000 - 50 <= sim.times[kinds.index("output_audio_buffer.stopped")] - done_ms <= 3_000 + 50
    for event in sim.events:
        validate_event(event)
    check_stream(sim.events, ended=True)


def test_a_slow_voice_starts_to_sound_after_the_first_words_and_stops_after_the_rate_limits() -> None:
    sim = call(timings=Timings(synthesis=400, speech_per_word=WORD_MS))
    respond(sim, 10_000)
    kinds = sim.types()
    started = kinds.index("output_audio_buffer.started")
    assert kinds.index("response.content_part.added") < kinds.index("response.output_audio_transcript.delta") < started
    assert (
        started < kinds.index("response.done") < kinds.index("rate_limits.updated") < kinds.index("output_audio_buffer.stopped")
    )
    assert len(sim.of("output_audio_buffer.started")) == 1, "a voice that is slower than its playout is one sound all the same"


def test_barge_in_is_told_in_the_recorded_order() -> None:
    sim = call(timings=Timings(synthesis=250, speech_per_word=WORD_MS))
    sim.loudness = speech((320, 960), (2560, 3200))
    sim.stream(5_000)
    order = [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
        "input_audio_buffer.speech_stopped",
    ]
    second = [place for place, kind in enumerate(sim.types()) if kind == "input_audio_buffer.speech_started"][1]
    assert flat(sim, second)[: len(order)] == order
    response = sim.of("response.done")[0]["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "turn_detected")
    (cleared,), (truncated,) = sim.of("output_audio_buffer.cleared"), sim.of("conversation.item.truncated")
    item = response["output"][0]["id"]
    assert (cleared["response_id"], truncated["item_id"], truncated["content_index"]) == (response["id"], item, 0)
    assert truncated["audio_end_ms"] == played(sim, item)
    for event in sim.events:
        validate_event(event)


# --- what was heard -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link_ms", [0.0, 35.0, 160.0])
def test_after_a_barge_in_the_history_ends_at_the_last_word_that_was_played(link_ms: float) -> None:
    sim = call(link_ms=link_ms)
    sim.loudness = speech((320, 960), (2900, 3500))
    sim.stream(6_000)
    item = spoken(sim)[0]
    at_ms = played(sim, item)
    assert 900 < at_ms < 2_500
    words = TEN.split()[: int(at_ms // WORD_MS)]
    assert sim.of("conversation.item.truncated")[0]["audio_end_ms"] == at_ms
    assert heard(sim, item).split() == words
    assert len(sound(sim, item)) == at_ms * 48
    assert [entry.text.split() for entry in sim.contexts[1].context.items if entry.kind == "assistant"] == [words]
    cut_at = sim.times[sim.types().index("output_audio_buffer.cleared")]
    sounded = [stretch for stretch in sim.playout.sounded if stretch.place[1] == item] if sim.playout else []
    assert sounded[-1].at_ms <= cut_at, "nothing sounds once it is cleared"


def test_until_the_report_comes_the_estimate_holds() -> None:
    sim = call(link_ms=200.0)
    sim.loudness = speech((320, 960), (2900, 3500))
    sim.stream(3_060)
    assert len(sim.of("input_audio_buffer.speech_started")) == 2
    assert not sim.of("output_audio_buffer.cleared")
    item = spoken(sim)[0]
    assert TEN.startswith(heard(sim, item))
    assert 3 <= len(heard(sim, item).split()) <= 6


def test_of_two_messages_the_one_that_had_not_begun_was_not_heard() -> None:
    sim = call(replies=[(Say("one two three four"), Call("look"), Say("five six seven eight"))])
    sim.update(tools=[LOOK])
    response = respond(sim, 700)
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    first, second = spoken(sim)
    assert [(e["item_id"], e["audio_end_ms"]) for e in sim.of("conversation.item.truncated")] == [
        (first, played(sim, first)),
        (second, 0),
    ]
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [response]
    assert heard(sim, first).split() == TEN.split()[: int(played(sim, first) // WORD_MS)]
    assert heard(sim, second) == "" and sound(sim, second) == b""


def test_an_item_that_was_played_to_its_end_stays_whole() -> None:
    sim = call(replies=[(Say("one two three four"), Call("look"), Say("five six seven eight"))])
    sim.update(tools=[LOOK])
    respond(sim, 1_800)
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    first, second = spoken(sim)
    assert [e["item_id"] for e in sim.of("conversation.item.truncated")] == [second]
    assert heard(sim, first) == "one two three four"


def test_what_had_just_been_played_is_neither_cleared_nor_truncated() -> None:
    sim = call(text="one two", link_ms=60.0)
    sim.loudness = speech((320, 960))
    while "response.done" not in sim.types():
        sim.stream(20)
    sounding = 2 * WORD_MS
    turn_ms = (
        sim.now_ms + sounding + 10
    )  # the turn begins two frames later: all of it has been played, and nobody has said so yet
    sim.loudness = speech((320, 960), (turn_ms, turn_ms + 600))
    sim.stream(3_000)
    sim.settle()
    assert len(sim.of("input_audio_buffer.speech_started")) == 2
    assert any(isinstance(play, effects.FlushPlayback) for play in sim.plays)
    first = sim.of("response.created")[0]["response"]["id"]
    assert first in [event["response_id"] for event in sim.of("output_audio_buffer.stopped")]
    assert not sim.of("output_audio_buffer.cleared") and not sim.of("conversation.item.truncated")
    assert heard(sim, spoken(sim)[0]) == "one two"


def test_without_interrupt_response_the_answer_plays_on() -> None:
    sim = call()
    sim.update(audio={"input": {"turn_detection": {"interrupt_response": False, "create_response": False}}})
    respond(sim)
    sim.loudness = speech((320, 960))
    sim.stream(5_000)
    assert sim.of("input_audio_buffer.speech_stopped")
    assert sim.of("output_audio_buffer.stopped") and not sim.of("output_audio_buffer.cleared")


def test_what_a_client_truncated_stays_as_short() -> None:
    sim = call()
    respond(sim, 1_500)
    (item,) = spoken(sim)
    sim.client({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 650})
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    assert [e["audio_end_ms"] for e in sim.of("conversation.item.truncated")] == [650, 650]
    assert heard(sim, item) == "one two"


def test_an_item_that_was_deleted_while_it_played_is_cleared_and_not_truncated() -> None:
    sim = call()
    response = respond(sim, 1_500)
    sim.client({"type": "conversation.item.delete", "item_id": spoken(sim)[0]})
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [response]
    assert not sim.of("conversation.item.truncated")


# --- stopping -------------------------------------------------------------------------------------------------------------------


def test_the_stop_button_cancels_and_clears() -> None:
    sim = call(timings=Timings(synthesis=100, speech_per_word=WORD_MS))
    response = respond(sim, 700)
    start = len(sim.events)
    sim.client({"type": "response.cancel"})
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    assert flat(sim, start)[-4:] == [
        "response.done",
        "rate_limits.updated",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
    ]
    (item,) = spoken(sim)
    assert sim.of("output_audio_buffer.cleared")[0]["response_id"] == response
    assert heard(sim, item).split() == TEN.split()[: int(played(sim, item) // WORD_MS)]
    check_stream(sim.events, ended=True)


def test_cancel_stops_the_generation_and_what_is_queued_plays_on() -> None:
    sim = call(timings=Timings(synthesis=100, speech_per_word=WORD_MS))
    response = respond(sim, 700)
    sim.client({"type": "response.cancel"})
    said = [play for play in sim.plays if isinstance(play, effects.Play)]
    sim.settle()
    (item,) = spoken(sim)
    assert played(sim, item) == len(said) * WORD_MS < len(TEN.split()) * WORD_MS
    assert sim.of("output_audio_buffer.stopped")[0]["response_id"] == response
    assert heard(sim, item).split() == TEN.split()[: len(said)], "what was voiced was heard, and nothing else"
    assert not sim.of("conversation.item.truncated")


def test_a_barge_in_after_a_cancel_cuts_what_plays_on() -> None:
    sim = call()
    sim.loudness = speech((320, 960), (2900, 3500))
    sim.update(audio={"input": {"turn_detection": {"create_response": False}}})
    sim.stream(1_500)
    respond(sim, 0)
    sim.stream(500)
    sim.client({"type": "response.cancel", "event_id": "late"})
    sim.stream(2_000)
    (item,) = spoken(sim)
    assert 0 < played(sim, item) < 3_000
    assert sim.of("conversation.item.truncated")[0]["audio_end_ms"] == played(sim, item)
    assert heard(sim, item).split() == TEN.split()[: int(played(sim, item) // WORD_MS)]


def test_clear_alone_silences_the_answer_that_is_being_made() -> None:
    sim = call(timings=Timings(synthesis=300, speech_per_word=WORD_MS))
    response = respond(sim, 1_500)
    sim.client({"type": "output_audio_buffer.clear"})
    queued = len(sim.plays)
    sim.settle()
    assert not [play for play in sim.plays[queued:] if isinstance(play, effects.Play)], "it is not heard again"
    done = sim.of("response.done")[0]["response"]
    assert (done["status"], done["output"][0]["content"][0]["transcript"]) == ("completed", TEN), "its text goes on"
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [response]
    assert not sim.of("output_audio_buffer.stopped")
    (item,) = spoken(sim)
    assert heard(sim, item).split() == TEN.split()[: int(played(sim, item) // WORD_MS)]
    check_stream(sim.events, ended=True)
    after = respond(sim, 10_000)
    assert sim.of("output_audio_buffer.stopped")[0]["response_id"] == after, "the next one is heard"


def test_a_message_that_begins_after_a_clear_was_not_heard() -> None:
    slow = Timings(synthesis=300, speech_per_word=WORD_MS)
    sim = call(replies=[(Say("one two three four"), Call("look"), Say("five six seven eight"))], timings=slow)
    sim.update(tools=[LOOK])
    respond(sim, 900)
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    assert sim.of("response.done")[0]["response"]["status"] == "completed"
    second = spoken(sim)[1]
    assert played(sim, second) == 0 and heard(sim, second) == ""
    respond(sim, 200, conversation="none", output_modalities=["text"])
    assert "five" not in " ".join(entry.text for entry in sim.contexts[-1].context.items)


def test_clear_with_nothing_playing_names_the_last_response() -> None:
    sim = call(text="hi")
    response = respond(sim, 3_000)
    assert sim.of("output_audio_buffer.stopped")
    sim.client({"type": "output_audio_buffer.clear"})
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [response]
    assert not any(isinstance(play, effects.FlushPlayback) for play in sim.plays)


def test_clear_before_any_audio_is_refused() -> None:
    sim = call()
    respond(sim, 3_000, output_modalities=["text"])
    sim.client({"type": "output_audio_buffer.clear", "event_id": "mine"}, sender=3)
    (error,) = sim.of("error")
    assert (error["error"]["code"], error["error"]["event_id"]) == ("invalid_value", "mine")
    assert sim.recipients[sim.events.index(error)] == 3


def test_every_clear_is_answered() -> None:
    sim = call(link_ms=80.0)
    response = respond(sim, 1_000)
    for _ in range(3):
        sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [response] * 3
    assert len(sim.of("conversation.item.truncated")) == 1


def test_a_response_that_follows_at_once_is_heard_after_a_flush_that_is_still_under_way() -> None:
    sim = call(link_ms=90.0)
    first = respond(sim, 800)
    sim.client({"type": "output_audio_buffer.clear"})
    second = respond(sim, 8_000)
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [first]
    assert [e["response_id"] for e in sim.of("output_audio_buffer.stopped")] == [second]
    check_stream(sim.events, ended=True)


# --- beside the conversation ----------------------------------------------------------------------------------------------------


def test_responses_sound_one_after_the_other() -> None:
    sim = call(timings=Timings(synthesis=60, speech_per_word=WORD_MS))
    first = respond(sim, 350)
    beside = respond(sim, 20_000, conversation="none")
    assert sim.playout is not None
    order = list(dict.fromkeys(stretch.place[0] for stretch in sim.playout.sounded))
    assert order == [first, beside]
    places = [stretch.place[0] for stretch in sim.playout.sounded]
    assert places == sorted(places, key=order.index), "no response interrupts another"
    assert [e["response_id"] for e in sim.of("output_audio_buffer.started")] == [first, beside]
    assert [e["response_id"] for e in sim.of("output_audio_buffer.stopped")] == [first, beside]


def test_what_waited_behind_another_answer_was_not_heard() -> None:
    sim = call(timings=Timings(synthesis=60, speech_per_word=WORD_MS))
    beside = respond(sim, 350, conversation="none")
    first = respond(sim, 400)
    sim.client({"type": "output_audio_buffer.clear"})
    sim.settle()
    assert [e["response_id"] for e in sim.of("output_audio_buffer.cleared")] == [beside, first]
    item = spoken(sim)[1]
    assert [(e["item_id"], e["audio_end_ms"]) for e in sim.of("conversation.item.truncated")] == [(item, 0)]
    assert heard(sim, item) == ""
    assert not [stretch for stretch in sim.playout.sounded if stretch.place[0] == first] if sim.playout else False


# --- idle time-out --------------------------------------------------------------------------------------------------------------


def idle_call(**options: Any) -> Simulator:
    sim = call(**options)
    sim.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5_000}}})
    return sim


def test_the_idle_timeout_counts_from_the_end_of_playback() -> None:
    sim = idle_call(link_ms=50.0)
    respond(sim, 0)
    sim.stream(9_000)
    kinds = sim.types()
    stopped_ms = sim.times[kinds.index("output_audio_buffer.stopped")]
    fired = kinds.index("input_audio_buffer.timeout_triggered")
    assert sim.times[fired] - stopped_ms == 5_000
    assert [kind for kind in kinds[fired:] if "transcription" not in kind][:5] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    event = sim.events[fired]
    assert event["audio_end_ms"] - event["audio_start_ms"] == 5_000


def test_the_idle_timeout_counts_from_a_clear_as_well() -> None:
    sim = idle_call()
    respond(sim, 800)
    sim.client({"type": "output_audio_buffer.clear"})
    cleared_ms = sim.now_ms
    sim.stream(6_000)
    fired_ms = sim.times[sim.types().index("input_audio_buffer.timeout_triggered")]
    assert 5_000 <= fired_ms - cleared_ms <= 5_030


def test_an_answer_without_sound_starts_the_idle_clock_at_once() -> None:
    sim = idle_call()
    respond(sim, 500, output_modalities=["text"])
    done_ms = sim.times[sim.types().index("response.done")]
    sim.stream(6_000)
    assert sim.times[sim.types().index("input_audio_buffer.timeout_triggered")] == done_ms + 5_000


# --- audio over the track -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", [0, 2])
def test_audio_in_events_is_refused(sender: int) -> None:
    sim = call()
    sim.client({"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "mine"}, sender=sender)
    (error,) = sim.of("error")
    assert error["error"]["event_id"] == "mine" and "media track" in error["error"]["message"]
    assert sim.recipients[sim.events.index(error)] == sender
    assert sim.core._hearing.buffer.end == 0


def test_push_to_talk_clears_at_the_beginning_and_commits_at_the_end() -> None:
    sim = call()
    sim.update(audio={"input": {"turn_detection": None}})
    sim.stream(2_000)
    sim.client({"type": "input_audio_buffer.clear"})
    sim.stream(700)
    sim.client({"type": "input_audio_buffer.commit"})
    item = sim.of("input_audio_buffer.committed")[0]["item_id"]
    assert len(sound(sim, item)) == 700 * 48
    sim.stream(80)
    sim.client({"type": "input_audio_buffer.commit", "event_id": "early"})
    assert sim.of("error")[0]["error"]["code"] == "input_audio_buffer_commit_empty"


def test_hours_of_audio_without_turn_detection_keep_the_last_ten_minutes() -> None:
    sim = call()
    sim.update(audio={"input": {"turn_detection": None}})
    second = b"\1\0" * 24_000
    for _ in range(3 * 3_600):
        sim.give(inputs.TrackAudio(second))
    buffer = sim.core._hearing.buffer
    assert buffer.end == 3 * 3_600 * 24_000
    assert buffer.ticks == 600 * 24_000
    assert not sim.of("error")
    sim.client({"type": "input_audio_buffer.commit"})
    assert sim.of("input_audio_buffer.committed")


def test_a_detector_that_died_costs_no_memory() -> None:
    sim = call()
    sim.give(inputs.ListeningFailed(sim.core._hearing._epoch, "It died."))
    for _ in range(2_000):
        sim.give(inputs.TrackAudio(bytes(48_000)))
    assert sim.core._hearing.buffer.ticks == 600 * 24_000


def test_pieces_of_any_length_are_heard_alike() -> None:
    ends = []
    for pieces in ((480,), (1, 479), (7, 13, 940)):
        sim = call()
        sim.loudness = speech((1_280, 2_560))
        for _ in range(5_000 * 24 // sum(pieces)):
            for piece in pieces:
                sim.give(inputs.TrackAudio(bytes(2 * piece)))
            sim.run(sum(pieces) / 24)
        ends.append([e["audio_end_ms"] for e in sim.of("input_audio_buffer.speech_stopped")])
    assert len(ends[0]) == 1 and ends == ends[:1] * 3


def test_the_formats_of_the_session_do_not_matter() -> None:
    sim = call(text="one two")
    sim.update(audio={"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}})
    assert sim.of("session.updated")[-1]["session"]["audio"]["output"]["format"] == {"type": "audio/pcma"}
    sim.loudness = speech((320, 960))
    sim.stream(3_000)
    sim.settle()
    assert sim.core._hearing.format == PCM and sim.contexts[0].config.output_format == PCM
    assert sim.of("response.done")[0]["response"]["audio"]["output"]["format"] == {"type": "audio/pcma"}, "what the client set"
    item = spoken(sim)[0]
    assert played(sim, item) == 2 * WORD_MS and len(sound(sim, item)) == 2 * WORD_MS * 48
    sim.update(audio={"input": {"format": {"type": "audio/pcm", "rate": 24_000}}})
    assert not sim.of("error"), "no audio has to change over"


def test_audio_in_items_has_the_format_the_client_set() -> None:
    sim = call()
    sim.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    content = [{"type": "input_audio", "audio": base64.b64encode(b"\xff" * 801).decode()}]
    sim.client({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}})
    assert not sim.of("error")
    assert sim.core._archive.get(sim.of("conversation.item.added")[0]["item"]["id"], 0) == (b"\xff" * 801, PCMU)


# --- several clients ------------------------------------------------------------------------------------------------------------


def test_everybody_is_told_everything_but_the_beginning_and_the_mistakes_of_others() -> None:
    sim = call(text="hi")
    sim.client({"type": "response.cancel", "event_id": "theirs"}, sender=2)
    respond(sim, 3_000)
    sim.client({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}}, sender=1)
    told = {kind: to for kind, to in zip(sim.types(), sim.recipients, strict=True) if to is not None}
    assert told == {"session.created": 0, "error": 2}


def test_reports_of_what_is_over_change_nothing() -> None:
    sim = call(text="hi")
    response = respond(sim, 3_000)
    before = len(sim.events)
    for report in (
        inputs.PlaybackStarted(response),
        inputs.PlaybackStopped(response),
        inputs.PlaybackStarted("resp_none"),
        inputs.PlaybackStopped("resp_none"),
        inputs.PlaybackCut(99, (inputs.Cut(response, spoken(sim)[0], 0.0),)),
    ):
        sim.give(report)
    assert len(sim.events) == before
    assert heard(sim, spoken(sim)[0]) == "hi"

"""The transcription session core where one way of listening gives way to another, and where commits and detector race."""

from __future__ import annotations

from scribe import STREAMING, WHOLE, Scribe

VAD = {"type": "server_vad"}


def transcripts(scribe: Scribe) -> list[str]:
    scribe.settle()
    return [event["transcript"] for event in scribe.of("completed")]


def words(start: int, end: int) -> str:
    return " ".join(f"w{number}" for number in range(start, end))


def test_what_was_said_under_detection_goes_on_by_hand() -> None:
    scribe = Scribe()
    scribe.append(1_000, speech=True)
    scribe.run(10)
    scribe.update(turn_detection=None)
    scribe.append(1_000, speech=True)
    scribe.client({"type": "input_audio_buffer.commit"})
    assert transcripts(scribe) == [words(0, 20)]


def test_audio_in_another_format_does_not_go_along() -> None:
    scribe = Scribe()
    scribe.append(1_000, speech=False)
    scribe.run(10)
    scribe.update(turn_detection=None, format={"type": "audio/pcmu"})
    scribe.append(500, speech=True)
    scribe.client({"type": "input_audio_buffer.commit"})
    assert transcripts(scribe) == [words(10, 15)]
    assert scribe.seconds == 1


def test_detection_that_takes_over_right_after_a_commit_makes_no_item_of_nothing() -> None:
    scribe = Scribe(model=STREAMING, lag_ms=lambda: 500.0)
    scribe.append(1_000, speech=True)
    scribe.client({"type": "input_audio_buffer.commit"})
    scribe.update(turn_detection=VAD)
    assert len(scribe.of("input_audio_buffer.committed")) == 1
    assert transcripts(scribe) == [words(0, 10)]


def test_what_nobody_has_looked_at_becomes_an_item_when_detection_takes_over() -> None:
    scribe = Scribe(model=STREAMING, lag_ms=lambda: 5_000.0)
    scribe.append(1_000, speech=True)
    scribe.update(turn_detection=VAD)
    assert transcripts(scribe) == [words(0, 10)]


def test_nor_is_it_lost_behind_what_was_heard_already() -> None:
    scribe = Scribe(model=STREAMING)
    scribe.append(1_000, speech=True)
    scribe.append(1_000, speech=False)
    scribe.run(100)
    scribe.append(1_000, speech=True)
    scribe.update(turn_detection=VAD)
    assert transcripts(scribe) == [f"{words(0, 10)} {words(20, 30)}"]


def test_silence_that_was_looked_at_becomes_none() -> None:
    scribe = Scribe(model=STREAMING)
    scribe.append(2_000, speech=False)
    scribe.run(100)
    scribe.update(turn_detection=VAD)
    assert not scribe.of("input_audio_buffer.committed")


def test_audio_that_was_committed_before_it_was_judged_is_no_turn_of_its_own() -> None:
    scribe = Scribe(model=WHOLE, lag_ms=lambda: 100.0)
    scribe.append(600, speech=True)
    scribe.append(900, speech=False)
    scribe.client({"type": "input_audio_buffer.commit"})
    scribe.settle()
    assert not scribe.of("input_audio_buffer.speech_started")
    scribe.append(600, speech=True)
    scribe.append(900, speech=False)
    assert transcripts(scribe) == [words(0, 6), words(15, 21)]


def test_who_speaks_when_counts_from_the_beginning_of_the_item() -> None:
    scribe = Scribe(model="gpt-4o-transcribe-diarize")
    scribe.update(turn_detection=None)
    for _ in range(2):
        scribe.append(500, speech=True)
        scribe.client({"type": "input_audio_buffer.commit"})
        scribe.settle()
    assert [(event["start"], event["end"]) for event in scribe.of("segment")] == [(0.0, 0.5), (0.0, 0.5)]


def test_a_detector_that_dies_costs_the_passage_at_hand_and_no_other() -> None:
    scribe = Scribe(model=STREAMING)
    scribe.append(500, speech=True)
    scribe.die()
    scribe.append(500, speech=True)
    scribe.client({"type": "input_audio_buffer.commit"})
    scribe.append(500, speech=True)
    scribe.client({"type": "input_audio_buffer.commit"})
    assert transcripts(scribe) == [words(10, 15)]
    assert len(scribe.of("failed")) == len(scribe.of("error")) == 1


def test_it_is_tried_again_by_itself_where_nobody_commits() -> None:
    scribe = Scribe(model=STREAMING)
    scribe.die()
    for _ in range(8):
        scribe.append(1_000, speech=True)
        scribe.run(1_000)
    assert scribe.of("delta")[0]["delta"].startswith("w50")


def test_the_format_may_change_right_after_a_clear() -> None:
    scribe = Scribe(model=STREAMING, lag_ms=lambda: 500.0)
    scribe.append(1_000, speech=True)
    scribe.client({"type": "input_audio_buffer.clear"})
    scribe.update(format={"type": "audio/pcmu"})
    scribe.append(500, speech=True)
    scribe.client({"type": "input_audio_buffer.commit"})
    assert transcripts(scribe) == [words(10, 15)]
    assert not scribe.of("error")

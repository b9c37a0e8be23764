"""The translation session core in virtual time: what the client is told, and that engines, pace and chunks change none of it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreting_kit import Booth, shouted

from vivavoce.core import inputs
from vivavoce.core.interpreting.interpreter import Request
from vivavoce.core.translation import WAITING_MS
from vivavoce.protocol import client_events
from vivavoce.testing.legible import LegibleWord, legible

TRANSCRIBED = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}


def talk(*sentences: str, pause_ms: int = 800) -> list[LegibleWord]:
    """Sentences after one another, with pauses between them."""
    words: list[LegibleWord] = []
    for sentence in sentences:
        words += legible(sentence, (words[-1].end_ms if words else 0) + pause_ms)
    return words


def length(words: list[LegibleWord]) -> int:
    return words[-1].end_ms + 1_000


MORNING = talk("good morning everybody", "this is a somewhat longer sentence which goes on and on for a while", "good night.")
SHOUTED = " ".join(word.text for word in MORNING).upper()


# --- the sequence ---------------------------------------------------------------------------------------------------------------


def test_speech_is_transcribed_translated_and_spoken_while_it_goes_on() -> None:
    booth = Booth(MORNING)
    booth.update(**TRANSCRIBED, output={"language": "es"})
    booth.stream(length(MORNING))
    before = len(booth.events)
    booth.close()
    assert [event["type"] for event in booth.events[:2]] == ["session.created", "session.updated"]
    assert booth.events[-1]["type"] == "session.closed"
    assert booth.closed is not None
    assert booth.closed.fatal.close_code == 1000
    assert booth.text("input") == " ".join(word.text for word in MORNING)
    assert booth.text() == SHOUTED
    assert len(booth.audio) >= 48 * 300 * len(MORNING) / 1.25
    assert before > 10, "not everything comes at the end"
    assert not booth.errors


def test_words_are_spoken_before_their_sentence_is_over() -> None:
    sentence = talk("this is a somewhat longer sentence which goes on and on for a while")
    booth = Booth(sentence)
    booth.stream(sentence[-1].end_ms)
    assert len(booth.text().split()) >= 5
    assert booth.audio


def test_the_source_is_transcribed_only_where_it_is_asked_for() -> None:
    booth = Booth(MORNING)
    booth.stream(length(MORNING))
    booth.close()
    assert not booth.of("input_transcript.delta")
    assert booth.text() == SHOUTED


def test_a_recognizer_that_tells_nothing_before_the_end_will_do() -> None:
    booth = Booth(MORNING, partials=False)
    booth.stream(length(MORNING))
    booth.close()
    assert booth.text() == SHOUTED


def test_silence_is_heard_for_as_long_as_it_lasts_and_nothing_is_said() -> None:
    booth = Booth()
    booth.stream(120_000)
    booth.close()
    assert [event["type"] for event in booth.events] == ["session.created", "session.closed"]
    assert booth.seconds == 120


def test_close_hears_what_is_left_to_the_last_sample() -> None:
    words = talk("good morning")
    booth = Booth(words)
    booth.append(words[-1].end_ms + 7)  # no whole frame, and no pause after the last word
    booth.close()
    assert booth.text() == "GOOD MORNING"
    assert booth.closed is not None


def test_a_session_that_heard_nothing_closes_at_once() -> None:
    booth = Booth()
    booth.close()
    assert [event["type"] for event in booth.events] == ["session.created", "session.closed"]


# --- chunks and chance ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_ms", [20, 33, 200, 1_000, 5_000])
def test_the_text_is_the_same_for_audio_in_pieces_of_any_length(step_ms: int) -> None:
    booth = Booth(MORNING)
    booth.update(**TRANSCRIBED)
    booth.stream(length(MORNING), step_ms)
    booth.close()
    assert booth.text() == SHOUTED
    assert booth.text("input") == " ".join(word.text for word in MORNING)


def check(booth: Booth) -> None:
    """What holds of every session, whatever happened in it."""
    for kind in ("input_transcript.delta", "output_transcript.delta", "output_audio.delta"):
        elapsed = [event["elapsed_ms"] for event in booth.of(kind)]
        assert elapsed == sorted(elapsed), kind
        assert all(ms % 200 == 0 for ms in elapsed), kind
    assert all(len(event["delta"]) <= 12_800 for event in booth.of("output_audio.delta")), "200 ms at most"
    ids = [event["event_id"] for event in booth.events]
    assert len(ids) == len(set(ids))
    assert all(1.0 <= voice.speed <= 1.25 for voice in booth.voiced)


SENTENCES = st.lists(
    st.lists(st.sampled_from(["one", "two", "three,", "four.", "five", "six"]), min_size=1, max_size=25).map(" ".join),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(SENTENCES, st.integers(0, 1_000_000), st.sampled_from([20, 90, 200, 1_500, 5_000]), st.integers(100, 1_500))
def test_nothing_is_lost_whatever_the_engines_take_and_however_audio_comes(
    sentences: list[str], seed: int, step_ms: int, pause_ms: int
) -> None:
    chance = random.Random(seed)

    def delay_ms(engine: str) -> float:
        return 0.0 if engine in ("vad", "recognizer") else chance.choice([0, 50, 400, 3_000])

    words = talk(*sentences, pause_ms=pause_ms)
    booth = Booth(words, delay_ms=delay_ms)
    booth.update(**TRANSCRIBED)
    booth.stream(length(words), step_ms)
    booth.close()
    assert booth.text("input").split() == [word.text for word in words]
    assert booth.text().split() == [word.text.upper() for word in words]
    assert not booth.errors
    assert booth.seconds == -(-length(words) // 1_000)
    check(booth)


@settings(max_examples=60, deadline=None)
@given(SENTENCES, st.integers(0, 1_000_000))
def test_whatever_engines_fail_the_session_says_so_and_goes_on(sentences: list[str], seed: int) -> None:
    chance = random.Random(seed)

    def translate(request: Request) -> Any:
        return RuntimeError("no") if chance.random() < 0.3 else shouted(request)

    def speak(text: str) -> float | None:
        return None if chance.random() < 0.3 else 300.0 * len(text.split())

    words = talk(*sentences)
    booth = Booth(words, translate=translate, speak=speak)
    booth.stream(length(words))
    booth.close()
    assert booth.closed is not None
    assert booth.events[-1]["type"] == "session.closed"
    said = iter(word.text.upper() for word in words)
    assert all(word in said for word in booth.text().split())
    assert all(error["type"] == "server_error" for error in booth.errors)
    check(booth)


# --- languages ------------------------------------------------------------------------------------------------------------------


def test_a_new_language_holds_for_later_speech() -> None:
    words = talk("good morning everybody", "good night everybody")
    booth = Booth(words, translate=lambda request: f"{request.target}: {request.text}")
    booth.update(output={"language": "es"})
    booth.stream(words[2].end_ms + 300)
    booth.update(output={"language": "fr"})
    booth.stream(length(words) - words[2].end_ms - 300)
    booth.close()
    assert booth.text() == "es: good morning everybody fr: good night everybody"
    assert [voice.language for voice in booth.voiced] == ["es", "fr"]


def test_a_language_nobody_speaks_is_refused_and_nothing_changes() -> None:
    booth = Booth(MORNING)
    booth.update(output={"language": "es"})
    booth.update(output={"language": "tlh"}, **TRANSCRIBED)
    error = booth.errors[0]
    assert (error["code"], error["param"]) == ("invalid_value", "session.audio.output.language")
    assert "'es', 'fr', 'en', 'ja'" in error["message"]
    booth.update()
    session = booth.of("session.updated")[-1]["session"]
    assert session["audio"] == {"input": {"transcription": None, "noise_reduction": None}, "output": {"language": "es"}}


def test_speech_in_the_target_language_stays_silent_and_is_transcribed() -> None:
    words = [*legible("good morning everybody", 500, language="en"), *legible("buenos días a todos", 4_000, language="es")]
    booth = Booth(words, languages=("en", "es"))
    booth.update(**TRANSCRIBED, output={"language": "en"})
    booth.stream(length(words))
    booth.close()
    assert booth.text("input") == "good morning everybody buenos días a todos"
    assert booth.text() == "BUENOS DÍAS A TODOS"
    assert [(request.source, request.target) for request in booth.requests if not request.open] == [("es", "en")]


def test_a_language_nobody_can_translate_is_left_out_and_said_so_once() -> None:
    words = [
        *legible("guten morgen. guten tag. guten abend.", 500, language="de"),
        *legible("good morning.", 6_000, language="en"),
        *legible("gute nacht.", 9_000, language="de"),
    ]
    booth = Booth(words, languages=("en", "de"))
    booth.update(output={"language": "es"})
    booth.stream(length(words))
    booth.close()
    assert booth.text() == "GOOD MORNING."
    assert [error["code"] for error in booth.errors] == ["unsupported_language", "unsupported_language"]
    assert "'de'" in booth.errors[0]["message"]


def test_languages_without_spaces_get_none() -> None:
    words = talk("good morning.", "good night.")
    booth = Booth(words, translate=lambda request: {"good morning.": "おはよう。", "good night.": "おやすみ。"}[request.text])
    booth.update(output={"language": "ja"})
    booth.stream(length(words))
    booth.close()
    assert booth.text() == "おはよう。おやすみ。"


# --- faults ---------------------------------------------------------------------------------------------------------------------


def test_a_clause_that_cannot_be_translated_is_left_out_and_said_so() -> None:
    words = talk("one two.", "three four.", "five six.")
    booth = Booth(words, translate=lambda request: RuntimeError("no") if "three" in request.text else shouted(request))
    booth.stream(length(words))
    booth.close()
    assert booth.text() == "ONE TWO. FIVE SIX."
    assert [(error["type"], error["code"]) for error in booth.errors] == [("server_error", None)]
    assert "left out: no" in booth.errors[0]["message"]


def test_a_clause_that_cannot_be_spoken_is_told_in_text() -> None:
    words = talk("one two.", "three four.")
    booth = Booth(words, speak=lambda text: None if "ONE" in text else 600.0)
    booth.stream(length(words))
    booth.close()
    assert booth.text() == "ONE TWO. THREE FOUR."
    assert len(booth.audio) == 600 * 48
    assert len(booth.errors) == 1
    assert len(booth.lags) == 1, "what was not heard has no lag"


def test_a_recognition_that_fails_costs_its_segment() -> None:
    words = talk("one two.", "three four.")
    booth = Booth(words, partials=False)
    booth.update(**TRANSCRIBED)
    booth.stream(words[1].end_ms + 600)
    job = next(iter(booth.core._recognizing))
    booth.give(inputs.RecognitionFailed(job, "server_error", "The decoder died."))
    booth.stream(length(words) - words[1].end_ms - 600)
    booth.close()
    assert booth.text() == "THREE FOUR."
    assert [error["message"] for error in booth.errors] == ["The decoder died."]


def test_a_detector_that_dies_is_tried_again() -> None:
    words = talk("one two.", "three four.", pause_ms=8_000)
    booth = Booth(words)
    booth.stream(1_000)
    booth.deafen()
    booth.stream(length(words) - 1_000)
    booth.close()
    assert [error["message"] for error in booth.errors] == ["The detector died."]
    assert booth.text() == "ONE TWO. THREE FOUR."


def test_closing_with_a_dead_detector_ends_the_session() -> None:
    booth = Booth(MORNING)
    booth.stream(1_000)
    booth.deafen()
    booth.append(2_000)
    booth.close()
    assert booth.closed is not None


def test_results_nobody_waits_for_change_nothing() -> None:
    booth = Booth(MORNING)
    booth.stream(length(MORNING))
    booth.settle()
    before = len(booth.events)
    for late in (
        inputs.Translated(999, "nonsense"),
        inputs.TranslationFailed(999, "server_error", "nonsense"),
        inputs.Voiced(999, b"\1\0" * 100, ()),
        inputs.VoiceFinished(999),
        inputs.VoiceFailed(999, "server_error", "nonsense"),
        inputs.VadFrame(999, 1.0),
        inputs.Recognized(999, "nonsense"),
    ):
        booth.give(late)
    assert len(booth.events) == before


# --- bounds ---------------------------------------------------------------------------------------------------------------------


def test_an_hour_at_once_is_read_no_further_until_it_has_been_heard() -> None:
    words = talk(*["one two three four."] * 60)
    booth = Booth(words, delay_ms=lambda engine: 30.0)
    for _ in range(0, length(words), 5_000):
        while booth.held:
            booth.run(10)
        booth.append(5_000)
        assert booth.core._intake.waiting <= (WAITING_MS + 5_000) * 48
        assert booth.core._interpreter.backlog <= 8
        assert booth.core._speaking.backlog <= 12
    booth.close()
    assert booth.text() == " ".join(["ONE TWO THREE FOUR."] * 60)


def test_ten_minutes_of_unheard_audio_are_the_most() -> None:
    booth = Booth(delay_ms=lambda engine: 1e9)
    for _ in range(3):
        booth.append(200_000)
    assert not booth.errors
    booth.append(10_000)
    assert booth.errors[0]["code"] == "input_audio_buffer_full"


def test_half_samples_are_refused() -> None:
    booth = Booth()
    booth.give(inputs.Received(client_events.TranslationAppend("evt_1", b"\0\0\0")))
    assert (booth.errors[0]["code"], booth.errors[0]["param"], booth.errors[0]["event_id"]) == ("invalid_value", "audio", "evt_1")
    assert booth.core._intake.appended == 0


def test_after_close_nothing_more_is_taken() -> None:
    booth = Booth(MORNING)
    booth.stream(3_000)
    booth.client("session.close")
    booth.append(200)
    booth.client("session.close")
    assert [error["code"] for error in booth.errors] == ["invalid_value", "invalid_value"]
    booth.settle()
    assert booth.closed is not None


def test_the_session_ends_with_its_time() -> None:
    booth = Booth(MORNING, minutes=1)
    assert booth.timers["expiry"].delay_ms == 60_000
    booth.stream(2_000)
    booth.give(inputs.TimerFired("expiry", 0))
    assert booth.closed is not None
    fatal = booth.closed.fatal
    assert (fatal.close_code, fatal.error.code if fatal.error else None) == (1001, "session_expired")
    booth.settle()
    booth.append(200)


# --- lag ------------------------------------------------------------------------------------------------------------------------


def test_a_translation_twice_as_long_hurries_and_one_as_long_as_its_source_does_not() -> None:
    words = talk(*["one two three four five six."] * 20, pause_ms=300)
    calm = Booth(words)
    calm.stream(length(words))
    calm.close()
    hasty = Booth(words, speak=lambda text: 450.0 * len(text.split()))
    hasty.stream(length(words))
    hasty.close()
    assert max(voice.speed for voice in calm.voiced) <= 1.1
    assert [voice.speed for voice in hasty.voiced[-5:]] == [1.25] * 5
    assert hasty.text() == calm.text()
    assert (calm.lags[-1].lag.lag_ms or 0) < (hasty.lags[-1].lag.lag_ms or 0)


def test_lag_is_kept_clause_by_clause() -> None:
    booth = Booth(MORNING)
    booth.stream(length(MORNING))
    booth.close()
    clauses = [request for request in booth.requests if not request.open]
    assert len(booth.lags) == len(clauses)
    assert booth.lags[-1].lag.words == len(SHOUTED.split())
    assert all(0 < lagged.clause_ms < 10_000 for lagged in booth.lags)

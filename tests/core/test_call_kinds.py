"""Calls to transcribers and interpreters: audio comes over the media track, and an interpreter's voice goes to the playout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from interpreting_kit import PAIRS, VOICED_WORD_MS, Booth
from scribe import STREAMING, WHOLE, Scribe, numbered

from vivavoce.core import effects, inputs
from vivavoce.core.dictation import BEHIND_S
from vivavoce.core.effects import Effect
from vivavoce.core.server_clock import ServerClock
from vivavoce.core.transcription import TranscriptionCore
from vivavoce.core.translation import FULL_MS, TranslationCore
from vivavoce.protocol import client_events as client
from vivavoce.protocol.formats import PCM
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.transcription_session import TranscriptionDefaults
from vivavoce.protocol.translation_session import TranslationDefaults
from vivavoce.testing.legible import LegibleWord
from vivavoce.testing.playout import PlayoutModel

SECOND = b"\1\0" * 24_000
WORDS = tuple(LegibleWord(word, 1_000 + 400 * place, 1_350 + 400 * place) for place, word in enumerate(["ten", "days", "ago"]))


class ScribeOnCall(Scribe):
    """Drives the `TranscriptionCore` of a call."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.events.clear()
        defaults = TranscriptionDefaults(self.model, {STREAMING: (), WHOLE: ()})
        self.core = TranscriptionCore("sess_test", defaults, IdSource(1), judged=self.judged, playout=ServerClock())
        self._perform(self.core.start())

    def append(self, ms: int, *, speech: bool) -> None:
        start, self.sent_ms = self.sent_ms, self.sent_ms + ms
        self.spoken[start : self.sent_ms] = speech
        self.give(inputs.TrackAudio(numbered(start, self.sent_ms, PCM)))


class BoothOnCall(Booth):
    """Drives the `TranslationCore` of a call, with a playout 30 ms away."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.events.clear()
        self.timers.clear()

        def later(ms: float, what: Callable[[], None]) -> None:
            self.later("playout", what, ms)

        self.delay_ms = self._delay_of(self.delay_ms)
        self.playout = PlayoutModel(lambda: self.now_ms, later, self.give, lambda: 30.0)
        defaults = TranslationDefaults("gpt-realtime-translate", PAIRS)
        self.core = TranslationCore("sess_test", defaults, IdSource(1), languages=self.languages, playout=ServerClock())
        self._perform(self.core.start({"audio": {"output": {"language": "es"}}}))

    @staticmethod
    def _delay_of(delay_ms: Callable[[str], float]) -> Callable[[str], float]:
        return lambda engine: 0.0 if engine == "playout" else delay_ms(engine)

    def append(self, ms: int) -> None:
        self.give(inputs.TrackAudio(bytes(ms * 48)))

    def _do_play(self, effect: effects.Play) -> None:
        self.playout.take(effect)

    def _do_endplay(self, effect: effects.EndPlay) -> None:
        self.playout.take(effect)


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


# --- transcription --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [STREAMING, WHOLE])
def test_what_is_said_on_a_call_is_transcribed(model: str) -> None:
    scribe = ScribeOnCall(model=model, partials=model == STREAMING)
    if model == STREAMING:
        assert scribe.format == PCM
    for speech in (False, True, False):
        for _ in range(50):
            scribe.append(32, speech=speech)
            scribe.run(32)
    if model == STREAMING:
        scribe.client({"type": "input_audio_buffer.commit"})
    scribe.run(5_000)
    (completed,) = of(scribe.events, "conversation.item.input_audio_transcription.completed")
    assert completed["transcript"].split()
    assert not of(scribe.events, "error")


@pytest.mark.parametrize("model", [STREAMING, WHOLE])
def test_a_transcription_call_takes_no_audio_in_events_and_any_format(model: str) -> None:
    scribe = ScribeOnCall(model=model)
    scribe.append(500, speech=False)
    scribe.client({"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "mine"})
    assert of(scribe.events, "error")[0]["error"]["event_id"] == "mine"
    scribe.update(format={"type": "audio/pcmu"})
    (updated,) = of(scribe.events, "session.updated")
    assert updated["session"]["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    assert scribe.format == PCM, "what comes over the track stays what it is"


@pytest.mark.parametrize("detection", [None, {"type": "server_vad"}])
def test_hours_of_a_detector_that_says_nothing_take_bounded_memory(detection: dict[str, Any] | None) -> None:
    core = core_of(detection)
    for _ in range(2 * 3_600):
        assert not told(core.handle(inputs.TrackAudio(SECOND), 0.0))
    assert core._hearing.buffer.ticks <= 600 * 24_000
    assert core._dictation.end - core._dictation._now() <= BEHIND_S * 24_000


def test_a_detector_that_is_ten_minutes_behind_costs_the_passage_at_hand_and_the_client_is_told() -> None:
    core = core_of(None)
    for _ in range(BEHIND_S + 2):
        core.handle(inputs.TrackAudio(SECOND), 0.0)
    events = told(core.handle(inputs.Received(client.AudioCommit(None)), 0.0))
    assert [event["type"] for event in events][-1] == "conversation.item.input_audio_transcription.failed"
    assert "600 seconds behind" in events[-1]["error"]["message"]


def core_of(detection: dict[str, Any] | None) -> TranscriptionCore:
    core = TranscriptionCore("sess_test", TranscriptionDefaults(WHOLE, {WHOLE: ()}), IdSource(1), playout=ServerClock())
    core.start({"type": "transcription", "audio": {"input": {"turn_detection": detection}}})
    return core


def told(done: list[Effect]) -> list[dict[str, Any]]:
    return [effect.event for effect in done if isinstance(effect, effects.Send)]


# --- translation ----------------------------------------------------------------------------------------------------------------


def test_what_an_interpreter_says_is_played_and_not_sent() -> None:
    booth = BoothOnCall(words=WORDS)
    booth.stream(6_000)
    booth.settle()
    assert booth.text() == "TEN DAYS AGO"
    assert not booth.of("output_audio.delta"), "the audio goes over the track"
    assert booth.playout.heard_ms("") == sum(VOICED_WORD_MS * len(said.text.split()) / said.speed for said in booth.voiced)
    assert not [event for event in booth.events if event["type"].startswith("output_audio_buffer")]


def test_a_translation_call_ends_when_everything_was_heard() -> None:
    booth = BoothOnCall(words=WORDS)
    booth.stream(2_600)
    booth.client("session.close")
    while not booth.voiced or booth.playout.busy is False:
        booth.run(20)
    assert booth.closed is None and not booth.of("session.closed"), "it is still speaking"
    booth.append(200)
    booth.settle()
    last = booth.playout.sounded[-1]
    assert booth.closed is not None and booth.closed.fatal.close_code == 1000
    assert booth.of("session.closed") and booth.now_ms >= last.at_ms + 20


def test_a_translation_call_without_a_word_ends_at_once() -> None:
    booth = BoothOnCall()
    booth.stream(1_000)
    booth.close()
    assert booth.closed is not None and booth.of("session.closed")


def test_a_translation_call_takes_no_audio_in_events() -> None:
    booth = BoothOnCall()
    booth.client("session.input_audio_buffer.append", audio="AAAA")
    assert "media track" in booth.errors[0]["message"]


def test_an_interpreter_that_is_ten_minutes_behind_says_once_that_it_loses_something() -> None:
    booth = BoothOnCall(delay_ms=lambda engine: 1e9)
    for _ in range(2 * FULL_MS // 1_000):
        booth.append(1_000)
    assert booth.core._intake.waiting <= FULL_MS * 48
    assert [error["code"] for error in booth.errors] == ["server_is_overloaded"]

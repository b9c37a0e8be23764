"""The invariants of transcription sessions under random interleavings of clients, detectors and recognizers, in virtual time.

| Invariant | Asserted by |
|---|---|
| I2 | `StreamChecker`: deltas concatenate to the transcript; `teardown`: every item gets one end, `completed` or `failed` |
| I3 | `StreamChecker`: `previous_item_id` names the item before |
| I6 | `results_of_the_past`; besides, `Scribe` lets partials arrive after their recognition was given up |
| I7 | `refused`: one error with the id, nothing else sent, and the session's state as it was |
| I8 | `teardown`: no word is in two items, every one is where its audio was, and none is lost; `StreamChecker` on the offsets |
| I9 | `teardown`: what was charged is what the client was told, and no more audio than was sent |
| I10 | `teardown`: nothing is left of what is over |
| I11 | `the_detector_dies`, `a_recognition_breaks_off`: the client is told, and the words after that are there |

Three hundred runs of forty steps by default; `HYPOTHESIS_PROFILE=properties` (`make properties`) makes it ten thousand.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scribe import LONGEST_MS, STREAMING, WHOLE, WORD_MS, Event, Scribe

from vivavoce.core import inputs
from vivavoce.testing.invariants import StreamChecker

SURE_MS = 200
"""Speech around a word that the detector cannot miss, wherever its frames lie."""

DETECTIONS = [
    None,
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "silence_duration_ms": 200},
    {"type": "semantic_vad", "eagerness": "high"},
]
WRONG = [
    "",
    "[]",
    '{"type":"response.create","event_id":"bad"}',
    '{"type":"conversation.item.create","event_id":"bad","item":{}}',
    '{"type":"session.update","event_id":"bad","session":{"type":"realtime"}}',
    '{"type":"session.update","event_id":"bad","session":{"type":"transcription","audio":{"input":{"format":{"type":"audio/pcma"},"x":1}}}}',
    '{"type":"session.update","event_id":"bad","session":{"type":"transcription","audio":{"input":{"transcription":{"model":"gpt-9"}}}}}',
    '{"type":"session.update","event_id":"bad","session":{"type":"transcription","audio":{"input":{"turn_detection":{"threshold":7}}}}}',
    '{"type":"input_audio_buffer.append","event_id":"bad","audio":"A"}',
    '{"type":"input_audio_buffer.append","event_id":"bad","audio":7}',
]


class Session(RuleBasedStateMachine):
    """A client that does anything at any time, engines of any speed that break when they like, and a speaker who talks as he likes."""

    @initialize(
        model=st.sampled_from([STREAMING, WHOLE, "whisper-1", "gpt-4o-transcribe-diarize"]),
        lag=st.sampled_from([1, 1, 40, 400]),
        took=st.integers(0, 800),
        seed=st.integers(0, 2**16),
        fragile=st.sampled_from([0.0, 0.0, 0.2]),
        partials=st.booleans(),
        judged=st.booleans(),
    )
    def start(self, model, lag, took, seed, fragile, partials, judged):
        chance = random.Random(seed)
        self.scribe = Scribe(
            lag_ms=lambda: chance.uniform(0, lag),
            took_ms=lambda: chance.uniform(0, took),
            partials=partials,
            breaks=lambda: chance.random() < fragile,
            judged=judged,
            model=model,
        )
        self.checker = StreamChecker()
        self.seen = 0
        self.sound = True
        self.by_hand = model == STREAMING
        self.edges = [0]
        """Where the audio was cut by something else than the detector."""
        self.excused = []
        """Stretches of audio of which nothing has to be told."""
        self.settled = 0
        """The audio up to here is in items."""
        self.started = 0
        self.spans: dict[str, tuple[int, int]] = {}
        """Where the audio of each item lies, as the client knows."""
        self.ended: dict[str, Event] = {}
        self.silent: set[str] = set()
        """Items whose transcripts nobody wanted."""
        self.deaf = False
        self.wanted = True
        self.logprobs = False

    # --- time and sound ---------------------------------------------------------------------------------------------------------

    @rule(duration=st.integers(0, 1_500))
    def time_passes(self, duration):
        self.scribe.run(duration)

    @rule(duration=st.integers(1, 60), speech=st.booleans())
    def audio_flows(self, duration, speech):
        for _ in range(duration):
            self.append(32, speech)
            self.scribe.run(32)

    @rule(duration=st.integers(0, 3_000), speech=st.booleans())
    def audio_comes_at_once(self, duration, speech):
        self.append(duration, speech)

    def append(self, ms, speech):
        if self.scribe.sent_ms + ms <= LONGEST_MS + 500:
            before = self.scribe.sent_ms
            self.scribe.append(ms, speech=speech)
            if self.deaf and not self.by_hand:
                self.excuse(before)

    # --- the client -------------------------------------------------------------------------------------------------------------

    @rule()
    def commit(self):
        """A commit yields an item or one error, and by hand the item is what was sent since the last one."""
        before = len(self.scribe.events)
        self.scribe.client({"type": "input_audio_buffer.commit", "event_id": "commit"})
        self.edges.append(self.scribe.sent_ms)
        told = self.scribe.events[before]
        if told["type"] == "error":
            assert (told["error"]["code"], told["error"]["event_id"]) == ("input_audio_buffer_commit_empty", "commit")
            return
        self.see()
        if self.by_hand:
            self.deaf = False
        elif self.deaf:
            self.excuse(0)

    @rule()
    def clear(self):
        self.see()
        self.scribe.client({"type": "input_audio_buffer.clear"})
        self.excuse()
        self.edges.append(self.scribe.sent_ms)
        self.settled = self.scribe.sent_ms
        if self.by_hand:
            self.deaf = False

    @rule(detection=st.sampled_from(DETECTIONS))
    def change_turn_detection(self, detection):
        self.see()
        self.scribe.update(turn_detection=detection)
        self.changed(detection is None)

    @rule(model=st.sampled_from([STREAMING, WHOLE, "whisper-1"]))
    def change_model(self, model):
        before = len(self.scribe.events)
        self.scribe.update(transcription={"model": model})
        self.changed(self.scribe.events[before]["session"]["audio"]["input"]["turn_detection"] is None)
        self.wanted = True

    @rule()
    def want_no_transcripts(self):
        self.scribe.update(transcription=None)
        self.see()
        self.wanted = False
        self.silent |= self.spans.keys() - self.ended.keys()

    @rule(wanted=st.booleans())
    def change_logprobs(self, wanted):
        include = ["item.input_audio_transcription.logprobs"] if wanted else None
        self.scribe.client({"type": "session.update", "session": {"type": "transcription", "include": include}})

    @rule(fmt=st.sampled_from(["audio/pcm", "audio/pcmu"]), detection=st.sampled_from([*DETECTIONS, "as it is"]))
    def change_format(self, fmt, detection):
        """Between two turns; perhaps together with how turns end."""
        self.see()
        before, was = len(self.scribe.events), self.scribe.core._hearing.format.type
        also = {} if detection == "as it is" else {"turn_detection": detection}
        self.scribe.update(format={"type": fmt}, **also)
        if self.scribe.events[before]["type"] == "error":
            assert was != fmt
            return
        if was != fmt:
            self.edges.append(self.scribe.sent_ms)
            if not self.by_hand:
                self.excuse()
        self.scribe.format = self.scribe.core._hearing.format
        self.changed(self.scribe.events[before]["session"]["audio"]["input"]["turn_detection"] is None)

    def changed(self, by_hand):
        """Take note of a configuration that was accepted."""
        if by_hand != self.by_hand:
            self.edges.append(self.scribe.sent_ms)
        if self.deaf:
            self.excuse()
        self.deaf = False
        self.see(left=self.by_hand and not by_hand)
        self.by_hand = by_hand

    @rule(frame=st.sampled_from(WRONG))
    def refused(self, frame):
        """I7: one bad frame, one error with its id, and nothing is changed by it."""
        before, state = len(self.scribe.events), self.state()
        self.scribe.client(frame)
        answers = self.scribe.events[before:]
        assert [answer["type"] for answer in answers] == ["error"], "I7: one bad frame, one answer"
        assert answers[0]["error"]["event_id"] == ("bad" if '"bad"' in frame else None), "I7: the error names the event"
        assert self.state() == state, "I7: a refused event changed something"

    def state(self):
        core = self.scribe.core
        before = len(self.scribe.events)
        self.scribe.client({"type": "session.update", "session": {"type": "transcription"}})
        session = self.scribe.events.pop()["session"]
        assert len(self.scribe.events) == before
        dictation = core._dictation
        return (
            session,
            core._hearing.buffer.ticks,
            core._hearing.turn,
            list(core._transcribing.jobs),
            (dictation.end, dictation.passage, [(each.job, each.result, each.shown.emitted) for each in dictation._segments]),
            {number: (passage.job.emitted, list(passage.said)) for number, passage in core._passages.items()},
            core._last_item,
            len(self.scribe.queue),
        )

    # --- engines ----------------------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def results_of_the_past(self, data):
        """I6: whatever comes of a recognition that is over changes nothing."""
        state, before = self.state(), len(self.scribe.events)
        turn = self.scribe.core._hearing.turn
        over = [job for job, each in self.scribe.jobs.items() if each.over and (turn is None or turn.job != job)]
        job = data.draw(st.sampled_from(over or [9_999]))
        for event in (
            inputs.Heard(job, "ghost"),
            inputs.Recognized(job, "ghost"),
            inputs.RecognitionFailed(job, "server_error", "ghost"),
            inputs.TurnJudged(9_999, 1.0),
            inputs.VadFrame(-1, 1.0),
            inputs.ListeningFailed(-1, "ghost"),
        ):
            self.scribe.give(event)
        assert len(self.scribe.events) == before, "I6: a ghost was heard"
        assert self.state() == state, "I6: a ghost changed something"

    @rule(fault=st.booleans(), data=st.data())
    @precondition(lambda self: self.scribe.open_jobs)
    def a_recognition_breaks_off(self, fault, data):
        """I11: a recognition ends before its audio does; what follows is heard by another, or fails with it under turn detection."""
        self.see()
        at = self.scribe.heard_ms
        self.scribe.break_off(data.draw(st.sampled_from(self.scribe.open_jobs)), fault=fault)
        self.edges.append(at)
        if not self.by_hand:
            self.excuse(at, self.scribe.sent_ms + 100_000)  # until the turn is over
            self.started = max(self.started, 0)

    @rule()
    def the_detector_dies(self):
        """I11: the client is told once, and the next passage is heard again."""
        self.see()
        core, before = self.scribe.core, len(self.scribe.events)
        listening = (core._dictation if self.by_hand else core._hearing)._taking is not None
        self.scribe.die()
        told = [event for event in self.scribe.events[before:] if event["type"] == "error"]
        assert [event["error"]["type"] for event in told] == (["server_error"] if listening else [])
        if listening:
            self.deaf = True
            self.excuse()
            self.edges.append(self.scribe.sent_ms)

    # --- always -----------------------------------------------------------------------------------------------------------------

    @invariant()
    def the_stream_is_sound(self):
        if hasattr(self, "scribe"):
            self.see()

    def see(self, *, left=False):
        """Take note of what was sent since we looked last; `left`: by hand until just now."""
        self.sound = False
        for event in self.scribe.events[self.seen :]:
            self.checker.see(event)
            self.follow(event, self.by_hand or left)
        self.seen = len(self.scribe.events)
        self.sound = True

    def follow(self, event, by_hand):
        kind = event["type"].removeprefix("input_audio_buffer.").removeprefix("conversation.item.input_audio_transcription.")
        match kind:
            case "speech_started":
                self.started = event["audio_start_ms"]
            case "speech_stopped":
                self.turn = (self.started, event["audio_end_ms"], event["item_id"])
            case "committed":
                item = event["item_id"]
                turn = getattr(self, "turn", None)
                if not by_hand and turn is not None and turn[2] == item:
                    span = (self.settled, turn[1])
                    self.forgive_to(turn[1])
                else:
                    span = (self.settled, self.scribe.sent_ms)
                self.spans[item] = span
                self.settled = max(self.settled, span[1])
                if not self.wanted:
                    self.silent.add(item)
            case "completed" | "failed":
                assert event["item_id"] in self.spans, "a transcript of an item that is not there"
                self.ended[event["item_id"]] = event
                if kind == "failed":
                    self.excused.append(self.spans[event["item_id"]])

    def excuse(self, start=None, end=None):
        """Ask for nothing of a stretch of audio, by default all that is in no item yet."""
        self.excused.append((self.settled if start is None else start, self.scribe.sent_ms if end is None else end))

    def forgive_to(self, end):
        """End what was excused until the end of a turn."""
        self.excused = [(low, min(high, end) if high > LONGEST_MS else high) for low, high in self.excused]

    def teardown(self):
        """Everything comes to its end, and all that was said is there, once."""
        if not hasattr(self, "scribe") or not self.sound:
            return  # what is broken already has been told
        self.scribe.settle()
        self.see()
        self.forgive_to(self.scribe.sent_ms)
        if self.by_hand:
            self.append(150, False)
            self.commit()
        else:
            self.excuse()  # a turn may be open, and no silence comes to end it
            self.clear()
        self.scribe.settle()
        self.see()
        self.checker.end()
        self.check_ends()
        self.check_words()
        self.check_books()
        self.check_rest()

    def check_ends(self):
        open_items = self.spans.keys() - self.ended.keys() - self.silent
        assert not open_items, f"I2: items without an end: {sorted(open_items)}"

    def check_words(self):
        told: dict[int, str] = {}
        for item, event in self.ended.items():
            words = [int(word.removeprefix("w")) for word in event.get("transcript", "").split()]
            assert words == sorted(set(words)), f"I8: {item} says its words out of order: {words}"
            for word in words:
                assert word not in told, f"I8: w{word} is in {told[word]} and in {item}"
                told[word] = item
                low, high = self.spans[item]
                assert low - 2_500 <= word * WORD_MS <= high, f"I8: w{word} is in an item that lies from {low} to {high} ms"
        unheard = self.spans.keys() & self.silent
        for word in range(self.scribe.sent_ms // WORD_MS):
            middle = word * WORD_MS + WORD_MS // 2
            low, high = max(0, middle - SURE_MS), middle + SURE_MS
            sure = self.scribe.spoken[low:high].all() and not any(low < edge < high for edge in self.edges)
            excused = [*self.excused, *(self.spans[item] for item in unheard)]
            if sure and not any(start - SURE_MS <= middle <= end + SURE_MS for start, end in excused):
                assert word in told, f"I8: w{word} is lost; items {self.spans}, edges {self.edges}, excused {self.excused}"

    def check_books(self):
        completed = [event for event in self.ended.values() if "transcript" in event]
        told = sum(event["usage"]["seconds"] for event in completed if event["usage"]["type"] == "duration")
        assert told <= self.scribe.seconds <= self.scribe.sent_ms / 1000 + len(completed) + 2.5 * len(completed)

    def check_rest(self):
        core = self.scribe.core
        assert not core._transcribing.jobs and not core._dictation._segments
        assert not core._dictation._marks and not core._dictation._discarded
        assert len(core._passages) <= 1 and len(core._dictation._told) <= 1, "I10: something is left of passages that are over"
        assert not self.scribe.open_jobs


settings.register_profile("properties", max_examples=10_000, derandomize=False, print_blob=True)
EXAMPLES = (
    settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "")).max_examples if os.environ.get("HYPOTHESIS_PROFILE") else 300
)

TestSession = pytest.mark.timeout(EXAMPLES)(Session.TestCase)
TestSession.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 300,
)

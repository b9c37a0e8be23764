"""The invariants I1 to I9 and I11 under random interleavings of clients, detectors and engines, in virtual time.

| Invariant | Asserted by |
|---|---|
| I1, I2, I3, I4 | `StreamChecker`, on every event; `teardown` has everything brought to its end |
| I5 | `what_was_not_heard_is_unknown`: every context and every `retrieve` against a listener with a clock of his own |
| I6 | `jobs_of_the_past_report`; besides, the simulator's engines never obey when they are told to stop |
| I7 | `refused`: one error with the id, nothing else sent, and the session's state as it was |
| I8 | `StreamChecker` on the offsets; `no_sample_is_in_two_items` on the audio itself, every sample of which is numbered |
| I9 | `StreamChecker` on each response; `teardown` on the session |
| I10 | `memory_is_bounded` |
| I11 | `an_engine_breaks`, `the_detector_dies`; `teardown` has the session answer after whatever happened |

A thousand runs of forty steps by default; `HYPOTHESIS_PROFILE=properties` (`make properties`) makes it ten thousand.
"""

from __future__ import annotations

import base64
import json
import os
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from interleavings import DETECTIONS, REPLIES, TOOLS, TRANSCRIPTS, WRONG, Event, Listener

from vivavoce.core import inputs
from vivavoce.core.archive import DEFAULT_BUDGET_BYTES
from vivavoce.core.replies import MAX_OUT_OF_BAND
from vivavoce.protocol.session import SessionDefaults
from vivavoce.testing.invariants import StreamChecker
from vivavoce.testing.simulator import Say, Simulator, Timings

WORD_MS = 240
ms = st.integers(0, 900)


class Session(RuleBasedStateMachine):
    """A client that does anything at any time, engines of any speed that break when they like, and a speaker who talks as he likes."""

    @initialize(
        timings=st.tuples(st.integers(0, 400), st.integers(0, 60), st.integers(0, 500), st.integers(0, 1500)),
        uneven=st.one_of(st.none(), st.integers(0, 2**16)),
        replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6),
        transcripts=st.lists(st.sampled_from(TRANSCRIPTS), min_size=1, max_size=4),
        text=st.booleans(),
        reasoning=st.booleans(),
        judged=st.booleans(),
        partials=st.booleans(),
        in_turn=st.booleans(),
    )
    def start(self, timings, uneven, replies, transcripts, text, reasoning, judged, partials, in_turn):
        first_token, token, synthesis, recognition = timings
        chance = random.Random(uneven)
        self.sim = Simulator(
            replies=replies,
            transcripts=transcripts,
            timings=Timings(recognition, first_token, token, synthesis, WORD_MS),
            defaults=SessionDefaults("gpt-realtime", "alloy", 200, reasoning=reasoning),
            judged=judged,
            verdict=0.9,
            jitter=(lambda took: took) if uneven is None else (lambda took: took * chance.uniform(0, 3)),
            partials=partials,
            in_turn=in_turn,
        )
        self.checker = StreamChecker()
        self.listener = Listener()
        self.seen = self.asked = self.appended = 0
        self.talking = False
        self.sound = True
        self.responses: dict[str, Event] = {}
        self.interrupting = True
        self.owner: dict[int, str] = {}
        self.sim.loudness = lambda _: 0.9 if self.talking else 0.05
        self.sim.update(
            tools=TOOLS,
            output_modalities=["text" if text else "audio"],
            audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}},
        )

    # --- time and sound ---------------------------------------------------------------------------------------------------------

    @rule(duration=ms)
    def time_passes(self, duration):
        self.sim.run(duration)

    @rule(duration=st.integers(4_000, 12_000))
    def nobody_says_anything(self, duration):
        self.sim.run(duration)

    @rule(duration=st.integers(20, 1500), talking=st.booleans())
    def audio_flows(self, duration, talking):
        self.talking = talking
        for _ in range(duration // 20):
            self.append(20)
            self.sim.run(20)

    @rule(duration=st.integers(0, 400))
    def audio_comes_at_once(self, duration):
        self.append(duration)

    @rule(after=st.integers(0, 1_500), told=st.booleans(), share=st.floats(0, 1))
    def barge_in(self, after, told, share):
        """Talk over an answer, and perhaps say how much of it was heard."""
        for _ in range(60):
            if self.sim.of("response.output_audio.delta") and self.live():
                break
            self.sim.run(50)
        self.sim.run(after)
        self.audio_flows(500, True)
        self.talking = False
        self.see()
        if told and self.listener.spans:
            item, spans = list(self.listener.spans.items())[-1]
            self.truncate_item(item, int(share * sum(length for _, length in spans)))

    def append(self, duration):
        """Append audio whose every sample says which millisecond it belongs to; G.711 has no room for that."""
        if self.sim.core._hearing.format.type == "audio/pcm":
            numbers = np.repeat(np.arange(self.appended, self.appended + duration), 24)
            audio = numbers.astype("<u2").tobytes()
            self.appended += duration
        else:
            audio = b"\xff" * (8 * duration)
        self.sim.client({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})

    # --- the client -------------------------------------------------------------------------------------------------------------

    @rule()
    def commit(self):
        self.sim.client({"type": "input_audio_buffer.commit", "event_id": "commit"})

    @rule()
    def clear(self):
        self.sim.client({"type": "input_audio_buffer.clear"})

    @rule(words=st.sampled_from(["hi", "tell me more", ""]), first=st.booleans(), sound=st.booleans())
    def write(self, words, first, sound):
        content = [{"type": "input_text", "text": words}]
        if sound:
            content.append({"type": "input_audio", "audio": base64.b64encode(bytes(4_800)).decode()})
        item = {"type": "message", "role": "user", "content": content}
        self.sim.client({"type": "conversation.item.create", "item": item, "previous_item_id": "root" if first else None})

    @rule()
    def answer_a_call(self):
        calls = [e["item"]["call_id"] for e in self.sim.of("conversation.item.done") if e["item"]["type"] == "function_call"]
        for call_id in calls[-1:]:
            item = {"type": "function_call_output", "call_id": call_id, "output": "found"}
            self.sim.client({"type": "conversation.item.create", "item": item})

    @rule(band=st.sampled_from(["auto", "none"]), data=st.data())
    def respond(self, band, data):
        response = {"conversation": band}
        if self.items() and data.draw(st.booleans()):
            response["input"] = [{"type": "item_reference", "id": data.draw(st.sampled_from(self.items()))}]
        self.sim.client({"type": "response.create", "event_id": "create", "response": response})

    @rule(data=st.data())
    def cancel(self, data):
        live = [response["id"] for response in self.live()]
        which = {"response_id": data.draw(st.sampled_from(live))} if live and data.draw(st.booleans()) else {}
        self.sim.client({"type": "response.cancel", "event_id": "cancel", **which})

    @rule(data=st.data(), at=st.integers(0, 3000))
    @precondition(lambda self: self.items())
    def truncate(self, data, at):
        self.truncate_item(data.draw(st.sampled_from(self.items())), at)

    def truncate_item(self, item, at):
        before = len(self.sim.events)
        self.sim.client({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": at})
        if self.sim.events[before]["type"] == "conversation.item.truncated":
            self.retrieve_item(item)

    @rule(data=st.data())
    @precondition(lambda self: self.items())
    def delete(self, data):
        self.sim.client({"type": "conversation.item.delete", "item_id": data.draw(st.sampled_from(self.items()))})

    @rule(data=st.data())
    @precondition(lambda self: self.items())
    def retrieve(self, data):
        self.retrieve_item(data.draw(st.sampled_from(self.items())))

    def retrieve_item(self, item):
        """I5: what comes back ends at the last word whose audio had ended, and so does the audio."""
        self.see()
        self.sim.client({"type": "conversation.item.retrieve", "item_id": item})
        answer = self.sim.events[-1]
        if answer["type"] != "conversation.item.retrieved" or item not in self.listener.spans:
            return
        part, heard = answer["item"]["content"][0], self.listener.most(item)
        if answer["item"]["status"] != "in_progress":
            assert len(part["transcript"].split()) <= heard // WORD_MS, "I5: unheard words are retrieved"
        assert len(base64.b64decode(part.get("audio", ""))) <= round(heard) * 48, "I5: unheard audio is retrieved"

    @rule(detection=st.sampled_from(DETECTIONS))
    def change_turn_detection(self, detection):
        self.sim.update(audio={"input": {"turn_detection": detection}})

    @rule(fmt=st.sampled_from(["audio/pcm", "audio/pcmu"]))
    def change_input_format(self, fmt):
        self.sim.update(audio={"input": {"format": {"type": fmt}}})

    @rule(transcription=st.sampled_from([None, {"model": "whisper-1"}, {"model": "gpt-realtime-whisper"}]))
    def change_transcription(self, transcription):
        self.sim.update(audio={"input": {"transcription": transcription}})

    @rule(frame=st.sampled_from(WRONG))
    def refused(self, frame):
        """I7: one bad frame, one error with its id, and nothing is changed by it."""
        before, state = len(self.sim.events), self.state()
        self.sim.client(frame)
        answers = self.sim.events[before:]
        assert [answer["type"] for answer in answers] == ["error"], "I7: one bad frame, one answer"
        assert answers[0]["error"]["event_id"] == ("bad" if '"bad"' in frame else None), "I7: the error names the event"
        assert self.state() == state, "I7: a refused event changed something"

    def state(self):
        core = self.sim.core
        hearing, live = core._hearing, core._replies._live
        items = [item.wire() for item in core._conversation.items()]
        session = json.dumps(core._session)
        return (
            session,
            items,
            hearing.buffer.ticks,
            hearing.turn,
            list(live),
            list(core._transcribing.jobs),
            core.usage,
            len(self.sim._queue),
        )

    # --- engines ----------------------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def jobs_of_the_past_report(self, data):
        """I6: whatever comes of a job that is over changes nothing."""
        state, before, asked = self.state(), len(self.sim.events), len(self.sim.contexts)
        ended = data.draw(st.sampled_from(sorted(self.sim.stopped) or [9_999]))
        job = data.draw(st.sampled_from(sorted(self.sim.recognized) or [9_999]))
        for event in (
            inputs.BrainText(ended, "ghost"),
            inputs.BrainCall(ended, 0, "look", "ghost", "{}"),
            inputs.Spoken(ended, 0, b"\0\0" * 24, "ghost", ()),
            inputs.SpeechFinished(ended, 0),
            inputs.BrainFinished(ended, "stop"),
            inputs.GenerationFailed(ended, "server_error", "ghost"),
            inputs.Heard(job, "ghost"),
            inputs.Recognized(job, "ghost"),
            inputs.RecognitionFailed(job, "server_error", "ghost"),
            inputs.TurnJudged(9_999, 1.0),
            inputs.VadFrame(-1, 1.0),
            inputs.ListeningFailed(-1, "ghost"),
            inputs.TimerFired("idle", -1),
        ):
            kept = self.sim.core._transcribing._early
            if self.sim.core._hearing.turn is not None and getattr(event, "job", None) == self.sim.core._hearing.turn.job:
                continue  # the turn goes on, and so does its job
            self.sim.give(event)
            assert self.sim.core._transcribing._early is kept
        assert len(self.sim.events) == before and len(self.sim.contexts) == asked, "I6: a ghost was heard"
        assert self.state() == state, "I6: a ghost changed something"

    @rule(data=st.data())
    @precondition(lambda self: self.sim.contexts)
    def an_engine_breaks(self, data):
        """I11: the response of a generation that breaks fails in the official shape; where it is over, nothing happens."""
        generation = data.draw(st.sampled_from(self.sim.contexts)).generation
        alive, before = generation not in self.sim.stopped, len(self.sim.events)
        self.sim.give(inputs.GenerationFailed(generation, "server_error", "The engine broke."))
        done = [event["response"] for event in self.sim.events[before:] if event["type"] == "response.done"]
        assert len(done) == alive
        for response in done:
            error = {"type": "server_error", "code": "server_error", "message": "The engine broke."}
            assert (response["status"], response["status_details"]) == ("failed", {"type": "failed", "error": error})

    @rule()
    def the_detector_dies(self):
        """I11: the client is told once; turning detection on again brings a new one."""
        before, listening = len(self.sim.events), self.sim.core._hearing._taking is not None
        self.sim.give(inputs.ListeningFailed(self.sim.core._hearing._epoch, "The detector died."))
        told = [event["error"]["type"] for event in self.sim.events[before:] if event["type"] == "error"]
        assert told == (["server_error"] if listening else [])

    # --- always -----------------------------------------------------------------------------------------------------------------

    @invariant()
    def the_stream_is_sound(self):
        if hasattr(self, "sim"):
            self.see()

    def see(self):
        """Take note of what was sent, and of what the brain was asked, since we looked last."""
        self.sound = False
        for place in range(self.seen, len(self.sim.events)):
            event, now = self.sim.events[place], self.sim.times[place]
            self.checker.see(event)
            self.follow(event, now)
        self.seen = len(self.sim.events)
        self.sound = True

    def follow(self, event, now):
        """Let the listener hear what was sent."""
        match event["type"]:
            case "session.updated":
                detection = event["session"]["audio"]["input"]["turn_detection"]
                self.interrupting = bool(detection and detection["interrupt_response"])
            case "response.created":
                self.responses[event["response"]["id"]] = event["response"]
            case "response.output_audio.delta" if self.responses[event["response_id"]]["conversation_id"]:
                self.listener.hear(event, now)
            case "input_audio_buffer.speech_started" if self.interrupting:
                self.listener.stop(now)
            case "response.done" if event["response"]["status"] == "cancelled" and event["response"]["conversation_id"]:
                self.listener.stop(now)
            case "conversation.item.truncated":
                self.listener.truncate(event["item_id"], event["audio_end_ms"])

    @invariant()
    def what_was_not_heard_is_unknown(self):
        """I5: no context that was built since we looked last has a word that was not heard by now."""
        if not hasattr(self, "sim"):
            return
        for asked in self.sim.contexts[self.asked :]:
            for entry in asked.context.items:
                if entry.kind == "assistant" and entry.id in self.listener.spans:
                    assert "ghost" not in entry.text
                    said = sum(length for _, length in self.listener.spans[entry.id])
                    assert len(entry.text.split()) <= said // WORD_MS, "I5: the brain sees what was never voiced"
        self.asked = len(self.sim.contexts)

    @rule()
    def the_brain_sees_no_more_than_was_heard(self):
        """I5: of every answer that was cut short, the next context holds what `retrieve` shows, or nothing of it."""
        self.see()
        asked = len(self.sim.contexts)
        self.sim.client({"type": "response.create", "response": {"conversation": "none", "output_modalities": ["text"]}})
        if len(self.sim.contexts) == asked:
            return  # something is still being recognized, or too many run beside it
        seen = {item.id: item.text for item in self.sim.contexts[-1].context.items if item.kind == "assistant"}
        for item, text in seen.items():
            if item in self.listener.spans:
                assert len(text.split()) <= self.listener.most(item) // WORD_MS, "I5: the brain sees what was not heard"
        for item in self.listener.ended:
            self.sim.client({"type": "conversation.item.retrieve", "item_id": item})
            answer = self.sim.events[-1]
            if answer["type"] == "conversation.item.retrieved" and answer["item"]["status"] != "in_progress":
                assert seen.get(item, "") == answer["item"]["content"][0]["transcript"], "I5: context and retrieve differ"

    @rule()
    def no_sample_is_in_two_items(self):
        """I8: the audio of every user item is a run of samples as they were sent, and no two items share one."""
        for item in self.items():
            self.sim.client({"type": "conversation.item.retrieve", "item_id": item})
            answer = self.sim.events[-1]
            if answer["type"] != "conversation.item.retrieved" or answer["item"].get("role") != "user":
                continue
            for part in answer["item"]["content"]:
                if part.get("audio") and part["format"]["type"] == "audio/pcm" and item not in self.placed():
                    numbers = np.frombuffer(base64.b64decode(part["audio"]), "<u2")
                    steps = np.diff(numbers.astype(int))
                    assert set(steps.tolist()) <= {0, 1}, "I8: a sample is missing or out of order"
                    for number in set(numbers[12:-12].tolist()):
                        assert self.owner.setdefault(number, item) == item, f"I8: millisecond {number} is in two items"

    @invariant()
    def memory_is_bounded(self):
        """I10: what is kept of the audio never exceeds its budget, and only so many responses run beside the active one."""
        if hasattr(self, "sim"):
            core = self.sim.core
            assert core._archive.size <= DEFAULT_BUDGET_BYTES
            assert len(core._replies._live) <= MAX_OUT_OF_BAND + 1

    def teardown(self):
        """I1, I2, I9, I11: everything comes to its end, the usage adds up, and the session answers whatever comes next."""
        if not hasattr(self, "sim") or not self.sound:
            return  # what is broken already has been told
        self.talking = False
        self.sim.client({"type": "input_audio_buffer.clear"})
        self.sim.update(audio={"input": {"turn_detection": None}})
        self.sim.settle()
        self.sim.replies, self.sim.transcripts = [(Say("still here"),)], ["fine"]
        self.sim.update(output_modalities=["text"])
        before = len(self.sim.events)
        self.sim.client({"type": "response.create", "event_id": "last"})
        self.sim.settle()
        last = [event["response"] for event in self.sim.events[before:] if event["type"] == "response.done"]
        assert [response["status"] for response in last] == ["completed"], "I11: the session goes on"
        self.see()
        self.checker.end()
        used = [event["response"]["usage"]["total_tokens"] for event in self.sim.of("response.done")]
        total = self.sim.core.usage
        assert total.input.total + total.output.total == sum(used), "I9: the session adds up"

    # --- looking ----------------------------------------------------------------------------------------------------------------

    def items(self):
        deleted = {event["item_id"] for event in self.sim.of("conversation.item.deleted")}
        return [e["item"]["id"] for e in self.sim.of("conversation.item.added") if e["item"]["id"] not in deleted]

    def placed(self):
        """The items the client wrote itself."""
        committed = {event["item_id"] for event in self.sim.of("input_audio_buffer.committed")}
        return [item for item in self.items() if item not in committed]

    def live(self):
        done = {event["response"]["id"] for event in self.sim.of("response.done")}
        return [e["response"] for e in self.sim.of("response.created") if e["response"]["id"] not in done]


settings.register_profile("properties", max_examples=10_000, derandomize=False, print_blob=True)
EXAMPLES = (
    settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "")).max_examples if os.environ.get("HYPOTHESIS_PROFILE") else 1_000
)

TestSession = pytest.mark.timeout(EXAMPLES)(Session.TestCase)
TestSession.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 1_000,
)

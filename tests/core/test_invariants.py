"""The invariants I1 to I9 under random interleavings of clients, detectors and engines, in virtual time."""

from __future__ import annotations

import base64

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vivavoce.core import inputs
from vivavoce.core.archive import DEFAULT_BUDGET_BYTES
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.simulator import Break, Call, Say, Simulator, Timings

TOOLS = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]
REPLIES = [
    (Say("one two three four five six"),),
    (Say("I will look now."), Call("look", '{"a": 1}')),
    (Call("look", "{}"), Call("look", '{"b": 2}'), Say("and then")),
    (Call("burn_it_down", "{}"),),
    (Say("half of"), Break()),
    (Break(),),
    (),
    (Say("  "), Say("after blanks")),
]
WORD_MS = 240
ms = st.integers(0, 900)


class Session(RuleBasedStateMachine):
    """A client that does anything at any time, engines of any speed, and a speaker who talks when he likes."""

    @initialize(
        first_token=st.integers(0, 400),
        token=st.integers(0, 60),
        synthesis=st.integers(0, 500),
        recognition=st.integers(0, 1500),
        replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6),
        text=st.booleans(),
        reasoning=st.booleans(),
    )
    def start(self, first_token, token, synthesis, recognition, replies, text, reasoning):
        from vivavoce.protocol.session import SessionDefaults

        self.sim = Simulator(
            replies=replies,
            transcripts=["first words", "", "more words"],
            timings=Timings(recognition, first_token, token, synthesis, WORD_MS),
            defaults=SessionDefaults("gpt-realtime", "alloy", 200, reasoning=reasoning),
        )
        self.talking = False
        self.heard = {}
        self.sim.loudness = lambda _: 0.9 if self.talking else 0.05
        self.sim.update(
            tools=TOOLS,
            output_modalities=["text" if text else "audio"],
            audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}},
        )

    @rule(duration=ms)
    def time_passes(self, duration):
        self.sim.run(duration)

    @rule(duration=st.integers(20, 1500), talking=st.booleans())
    def audio_flows(self, duration, talking):
        self.talking = talking
        self.sim.stream(duration)

    @rule(duration=st.integers(0, 400))
    def audio_comes_at_once(self, duration):
        self.sim.append(duration)

    @rule()
    def commit(self):
        self.sim.client({"type": "input_audio_buffer.commit", "event_id": "commit"})

    @rule()
    def clear(self):
        self.sim.client({"type": "input_audio_buffer.clear"})

    @rule(words=st.sampled_from(["hi", "tell me more", ""]), first=st.booleans())
    def write(self, words, first):
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}
        self.sim.client({"type": "conversation.item.create", "item": item, "previous_item_id": "root" if first else None})

    @rule(band=st.sampled_from(["auto", "none"]))
    def respond(self, band):
        self.sim.client({"type": "response.create", "event_id": "create", "response": {"conversation": band}})

    @rule()
    def cancel(self):
        self.sim.client({"type": "response.cancel", "event_id": "cancel"})

    @rule(data=st.data(), at=st.integers(0, 3000))
    @precondition(lambda self: self.items())
    def truncate(self, data, at):
        item = data.draw(st.sampled_from(self.items()))
        self.sim.client({"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": at})
        if self.sim.events[-1]["type"] == "conversation.item.truncated":
            self.heard[item] = self.sim.events[-1]["audio_end_ms"]
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
        self.sim.client({"type": "conversation.item.retrieve", "item_id": item})
        if item in self.heard and self.sim.events[-1]["type"] == "conversation.item.retrieved":
            part = self.sim.events[-1]["item"]["content"][0]
            assert len(part["transcript"].split()) <= self.heard[item] // WORD_MS
            assert len(base64.b64decode(part.get("audio", ""))) <= self.heard[item] * 48

    @rule(detection=st.sampled_from([None, {"type": "server_vad", "interrupt_response": False}, {"type": "server_vad"}]))
    def change_turn_detection(self, detection):
        self.sim.update(audio={"input": {"turn_detection": detection}})

    @rule(fmt=st.sampled_from(["audio/pcm", "audio/pcmu"]))
    def change_input_format(self, fmt):
        self.sim.update(audio={"input": {"format": {"type": fmt}}})

    @rule(frame=st.sampled_from(["", "{", "[]", '{"type": 1}', '{"type":"response.crate","event_id":"bad"}']))
    def send_nonsense(self, frame):
        before, answers = self.errors_of("bad"), len(self.sim.events)
        self.sim.client(frame)
        assert len(self.sim.events) == answers + 1, "I7: one bad frame, one answer"
        assert self.sim.events[-1]["type"] == "error"
        assert self.errors_of("bad") - before in (0, 1)

    @rule(job=st.integers(0, 6), generation=st.integers(0, 6))
    def engines_of_the_past_speak(self, job, generation):
        """I6: whatever an engine of an unknown or ended job says changes nothing."""
        live = {r["id"] for r in self.live()}
        if live or self.sim.core._jobs:  # only when nothing is under way can any number be called stale
            return
        before = len(self.sim.events)
        self.sim.give(inputs.BrainText(generation, "ghost"))
        self.sim.give(inputs.Spoken(generation, 0, b"\0\0" * 24, "ghost", ()))
        self.sim.give(inputs.BrainFinished(generation, "stop"))
        self.sim.give(inputs.Recognized(1000 + job, "ghost"))
        self.sim.give(inputs.VadFrame(-1, 1.0))
        assert len(self.sim.events) == before

    @invariant()
    def the_stream_is_sound(self):
        if hasattr(self, "sim"):
            check_stream(self.sim.events)

    @rule()
    def the_brain_sees_no_more_than_was_heard(self):
        """I5: of every answer that was cut short, the next context holds what `retrieve` shows, or nothing of it."""
        asked = len(self.sim.contexts)
        self.sim.client({"type": "response.create", "response": {"conversation": "none", "output_modalities": ["text"]}})
        if len(self.sim.contexts) == asked:
            return  # something is still being recognized, or too many run beside it
        seen = [item.text for item in self.sim.contexts[-1].context.items if item.kind == "assistant"]
        for item in self.heard:
            self.sim.client({"type": "conversation.item.retrieve", "item_id": item})
            answer = self.sim.events[-1]
            if answer["type"] == "conversation.item.retrieved" and answer["item"]["status"] != "in_progress":
                shown = answer["item"]["content"][0]["transcript"]
                assert shown in seen or not shown

    @invariant()
    def memory_is_bounded(self):
        """I10: the audio kept never exceeds its budget, and nothing waits to be committed but the turn and what leads up to it."""
        if hasattr(self, "sim"):
            assert self.sim.core._archive.size <= DEFAULT_BUDGET_BYTES

    def teardown(self):
        if hasattr(self, "sim"):
            self.talking = False
            self.sim.settle()
            check_stream(self.sim.events, ended=True)
            used = [event["response"]["usage"]["total_tokens"] for event in self.sim.of("response.done")]
            total = self.sim.core.usage
            assert total.input.total + total.output.total == sum(used), "I9: the session adds up"

    def items(self):
        deleted = {event["item_id"] for event in self.sim.of("conversation.item.deleted")}
        return [e["item"]["id"] for e in self.sim.of("conversation.item.added") if e["item"]["id"] not in deleted]

    def live(self):
        done = {event["response"]["id"] for event in self.sim.of("response.done")}
        return [e["response"] for e in self.sim.of("response.created") if e["response"]["id"] not in done]

    def errors_of(self, event_id):
        return sum(event["error"]["event_id"] == event_id for event in self.sim.of("error"))


TestSession = pytest.mark.timeout(300)(Session.TestCase)
TestSession.settings = settings(
    max_examples=1000, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

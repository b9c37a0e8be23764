"""The invariants of calls: those of `test_invariants.py`, I1 to I9 and I11, where the server owns the playout clock.

The playout is a process away, and every message to it and from it takes as long as chance wants; what it has really played is what the
session's memory is compared with.

| Invariant | Asserted by |
|---|---|
| I5 | `cut_by_the_server`: to the ms where it was; `what_was_played_is_what_is_known`: those words and no other |
| I6 | `playouts_of_the_past_report` |
| playout | `StreamChecker`, on every event; `watch`: nothing is played of what was flushed; `teardown`: every sound comes to one end |

A thousand runs of forty steps by default; `HYPOTHESIS_PROFILE=properties` (`make properties`) makes it ten thousand.
"""

from __future__ import annotations

import os
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from interleavings import REPLIES, TOOLS, TRANSCRIPTS, WRONG, Listener
from test_invariants import WORD_MS, Session

from vivavoce.core import effects, inputs
from vivavoce.protocol.session import SessionDefaults
from vivavoce.testing.invariants import StreamChecker
from vivavoce.testing.playout import PlayoutModel
from vivavoce.testing.simulator import Simulator, Timings


class Loudspeaker(Listener):
    """Who hears a call: what the playout plays."""

    def __init__(self, playout: PlayoutModel) -> None:
        super().__init__()
        self.playout = playout
        self.flushing: set[str] = set()
        """Items of which something was to be thrown away, and the report is not here yet."""

    def most(self, item: str) -> float:
        """Return how much of an item can have been heard, in ms."""
        return sum(length for _, length in self.spans.get(item, [])) if item in self.flushing else super().most(item)


class CallSession(Session):
    """A call: audio comes over the track, and goes to a playout that is a process away."""

    @initialize(
        timings=st.tuples(st.integers(0, 400), st.integers(0, 60), st.integers(0, 500), st.integers(0, 1500)),
        uneven=st.integers(0, 2**16),
        link=st.sampled_from([0, 3, 30, 150]),
        replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6),
        transcripts=st.lists(st.sampled_from(TRANSCRIPTS), min_size=1, max_size=4),
        text=st.sampled_from([False, False, False, True]),
        reasoning=st.booleans(),
        judged=st.booleans(),
    )
    def start(self, timings, uneven, link, replies, transcripts, text, reasoning, judged):
        first_token, token, synthesis, recognition = timings
        chance = random.Random(uneven)
        self.sim = Simulator(
            replies=replies,
            transcripts=transcripts,
            timings=Timings(recognition, first_token, token, synthesis, WORD_MS),
            defaults=SessionDefaults("gpt-realtime", "alloy", 200, reasoning=reasoning),
            judged=judged,
            verdict=0.9,
            jitter=lambda took: took * chance.uniform(0, 3),
            in_turn=True,
            link_ms=lambda: chance.uniform(0, link),
        )
        self.checker = StreamChecker()
        self.listener = Loudspeaker(self.sim.playout)
        self.seen = self.asked = self.appended = self.told = 0
        self.talking = False
        self.sound = True
        self.responses = {}
        self.interrupting = True
        self.owner = {}
        self.items_of = {}
        """Items given to the playout, by response."""
        self.pieces = {}
        """What each item says, span by span."""
        self.silenced = set()
        self.clears = 0
        self.truncating = None
        self.sim.loudness = lambda _: 0.9 if self.talking else 0.05
        self.sim.update(
            tools=TOOLS,
            output_modalities=["text" if text else "audio"],
            audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}},
        )

    # --- the client -------------------------------------------------------------------------------------------------------------

    @rule(frame=st.sampled_from([frame for frame in WRONG if "output_audio_buffer" not in frame]))
    def refused(self, frame):
        super().refused(frame)

    def truncate_item(self, item, at):
        self.see()
        self.truncating = self.sim.core._replies.spoken_with(item) or (item,)
        super().truncate_item(item, at)
        self.truncating = None

    def append(self, duration):
        numbers = np.repeat(np.arange(self.appended, self.appended + duration), 24)
        self.appended += duration
        self.sim.give(inputs.TrackAudio(numbers.astype("<u2").tobytes()))

    def sounding(self, band, after):
        """Let an answer sound for a while."""
        if not self.sim.playout.busy:
            response = {"conversation": band, "output_modalities": ["audio"]}
            self.sim.client({"type": "response.create", "event_id": "create", "response": response})
        for _ in range(60):
            if self.sim.playout.busy:
                break
            self.sim.run(50)
        self.sim.run(after)

    @rule(band=st.sampled_from(["auto", "auto", "none"]), after=st.integers(0, 1_500), told=st.none(), share=st.none())
    def barge_in(self, band, after, told, share):
        """Talk over an answer that sounds."""
        self.sounding(band, after)
        self.audio_flows(500, True)
        self.talking = False

    @rule(band=st.sampled_from(["auto", "none"]), after=st.integers(0, 1_500))
    def speak(self, band, after):
        self.sounding(band, after)

    @rule(cancelled=st.booleans(), sender=st.integers(0, 2), after=st.one_of(st.none(), st.integers(0, 1_500)))
    def stop_button(self, cancelled, sender, after):
        """Every clear has an answer: an error where nothing was ever said, else a `cleared`, now or when the playout has reported."""
        if after is not None:
            self.sounding("auto", after)
        if cancelled:
            self.sim.client({"type": "response.cancel"}, sender)
        before, ever = len(self.sim.events), any(isinstance(play, effects.Play) for play in self.sim.plays)
        self.sim.client({"type": "output_audio_buffer.clear", "event_id": "clear"}, sender)
        told = [event["type"] for event in self.sim.events[before:]]
        if ever:
            self.clears += 1
            assert told in ([], ["output_audio_buffer.cleared"])
        else:
            assert told == ["error"] and self.sim.recipients[-1] == sender

    @rule(sender=st.integers(0, 2))
    def audio_in_events_is_refused(self, sender):
        state = self.state()
        self.sim.client({"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "no"}, sender)
        assert self.sim.events[-1]["error"]["event_id"] == "no" and self.sim.recipients[-1] == sender
        assert self.state() == state

    @rule()
    def playouts_of_the_past_report(self):
        """I6: reports of what is over change nothing."""
        state, before = self.state(), len(self.sim.events)
        over = [event["response_id"] for event in self.sim.of("output_audio_buffer.stopped")]
        for response in [*over[-1:], "resp_none"]:
            self.sim.give(inputs.PlaybackStarted(response))
            self.sim.give(inputs.PlaybackStopped(response))
        self.sim.give(inputs.PlaybackCut(-1, (inputs.Cut("resp_none", "item_none", 7.0),)))
        assert self.state() == state and len(self.sim.events) == before

    # --- what is told -----------------------------------------------------------------------------------------------------------

    def see(self):
        self.watch()
        super().see()

    def watch(self):
        """Take note of what the playout was told since we looked last."""
        for order in self.sim.plays[self.told :]:
            match order:
                case effects.Play(response, item, audio):
                    assert response not in self.silenced, "a response is played again after it was flushed"
                    self.items_of.setdefault(response, [])
                    if item not in self.items_of[response]:
                        self.items_of[response].append(item)
                    if self.of_conversation(response):
                        self.listener.spans.setdefault(item, []).append((0.0, len(audio) / 48))
                case effects.FlushPlayback():
                    self.silenced.update(self.items_of)
                    sounding = self.items_of.keys() - self.quiet()
                    self.listener.flushing.update(item for each in sounding for item in self.items_of[each])
        self.told = len(self.sim.plays)

    def follow(self, event, now):
        match event["type"]:
            case "response.output_audio.delta":
                raise AssertionError("the audio goes over the track")
            case "response.created":
                self.responses[event["response"]["id"]] = event["response"]
            case "response.output_audio_transcript.delta":
                self.pieces.setdefault(event["item_id"], []).append(event["delta"])
            case "output_audio_buffer.stopped":
                response = event["response_id"]
                for item in self.items_of[response]:
                    said = sum(length for _, length in self.listener.spans.get(item, []))
                    assert self.listener.playout.heard_ms(item, now) >= said, "stopped before all of it was played"
                    self.listener.flushing.discard(item)
            case "output_audio_buffer.cleared":
                self.silenced.add(event["response_id"])
                for item in self.items_of.get(event["response_id"], []):
                    self.listener.flushing.discard(item)
            case "conversation.item.truncated" if self.truncating is None:
                self.cut_by_the_server(event["item_id"], event["audio_end_ms"])
            case "conversation.item.truncated":
                place = self.truncating.index(event["item_id"])
                self.listener.ended |= dict.fromkeys(self.truncating[place:], 0) | {event["item_id"]: event["audio_end_ms"]}

    def cut_by_the_server(self, item, at_ms):
        """I5: it is exactly what was played of something that was not played to its end; less only where a client had said so."""
        heard = self.listener.playout.heard_ms(item)
        said = sum(length for _, length in self.listener.spans.get(item, []))
        assert heard < said or not said, "what was heard to its end is not cut"
        assert at_ms == min(int(heard), self.listener.ended.get(item, heard)), "I5: it is cut where it was not"
        self.listener.ended[item] = at_ms

    def quiet(self):
        """The responses that sound no more, as the clients were told."""
        return {e["response_id"] for e in self.sim.of("output_audio_buffer.stopped") + self.sim.of("output_audio_buffer.cleared")}

    def of_conversation(self, response):
        return next(e["response"] for e in self.sim.of("response.created") if e["response"]["id"] == response)["conversation_id"]

    @invariant()
    def what_was_played_is_what_is_known(self):
        """I5: of every item that was cut, the session knows the words that were played to their end, and no other."""
        if not hasattr(self, "sim"):
            return
        self.see()
        for item, at_ms in list(self.listener.ended.items())[-2:]:
            if item in self.listener.flushing or item not in self.items():
                continue
            text = self.sim.core._ledger.heard_text(item, "")
            assert text.split() == "".join(self.pieces.get(item, [])[: at_ms // WORD_MS]).split(), "I5: other words are known"

    def teardown(self):
        super().teardown()
        if hasattr(self, "sim") and self.sound:
            assert self.items_of.keys() <= self.quiet(), "every sound comes to its end"
            ends = len(self.sim.of("output_audio_buffer.stopped")) + len(self.sim.of("output_audio_buffer.cleared"))
            assert ends - len(self.quiet()) <= self.clears, "more than one end, and nobody asked for it"
            assert bool(self.clears) <= bool(self.sim.of("output_audio_buffer.cleared")), "every clear has an answer"
            clock = self.sim.core._playout
            assert not (clock._sounds or clock._held or clock._flushes or clock._muted), "I10: something is kept of what is over"


EXAMPLES = settings.get_profile("properties").max_examples if os.environ.get("HYPOTHESIS_PROFILE") == "properties" else 1_000

TestCallSession = pytest.mark.timeout(EXAMPLES)(CallSession.TestCase)
TestCallSession.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 1_000,
)

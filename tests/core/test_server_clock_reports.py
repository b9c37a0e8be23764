"""The server's clock and its playout, report by report: whatever order they come in, each response comes to one end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vivavoce.core import effects
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Cut, PlaybackCut, PlaybackStarted, PlaybackStopped, Word
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.core.playout import Place, Rooms
from vivavoce.core.server_clock import ServerClock
from vivavoce.protocol.formats import PCM

WORDS = ("one", "two", "three", "four")
WORD_MS = 300


@dataclass
class Clock:
    """A server's clock on its own, with a response of two items that is at an end, half of the first estimated to have been heard."""

    told: list[tuple[str, Any]] = field(default_factory=list)
    out: list[Effect] = field(default_factory=list)
    ledger: PlaybackLedger = field(default_factory=PlaybackLedger)
    silences: int = 0

    def __post_init__(self) -> None:
        self.clock = ServerClock()
        self.clock.attach(Rooms(self.out, self.tell, self.ledger, self.cut, self.fell_silent))
        for index, item in enumerate(("item_a", "item_b")):
            self.say("resp", item, index)
        self.clock.end("resp")
        self.clock.handle(PlaybackStarted("resp"))
        self.told.clear()

    def say(self, response: str, item: str, index: int = 0) -> None:
        for word in WORDS:
            self.clock.play(Place(response, item, index), bytes(WORD_MS * 48), PCM)
            self.ledger.enter(item, WORD_MS, word + " ", (Word(word, 0, WORD_MS),), 0.0)

    def tell(self, event: dict[str, Any]) -> None:
        self.told.append((event["type"].rpartition(".")[2], event.get("item_id") or event["response_id"]))

    def cut(self, item: str, heard_ms: float) -> int:
        self.ledger.cut(item, heard_ms, exact=True)
        return int(heard_ms)

    def fell_silent(self) -> None:
        self.silences += 1

    def heard(self, item: str) -> str:
        return self.ledger.heard_text(item, " ".join(WORDS))

    def token(self) -> int:
        return next(effect.token for effect in reversed(self.out) if isinstance(effect, effects.FlushPlayback))


def test_what_was_played_just_before_a_barge_in_is_stopped_whichever_report_comes_first() -> None:
    for stopped_first in (True, False):
        clock = Clock()
        clock.clock.interrupted(700.0)
        assert clock.heard("item_a") == "one two", "the estimate"
        reports = [PlaybackStopped("resp"), PlaybackCut(clock.token(), ())]
        for report in reports if stopped_first else reversed(reports):
            clock.clock.handle(report)
        assert clock.told == [("stopped", "resp")]
        assert clock.heard("item_a") == clock.heard("item_b") == "one two three four", "it was heard after all"
        assert clock.silences == 1


def test_what_was_played_just_before_a_clear_is_told_of_once_and_the_clear_has_its_answer() -> None:
    clock = Clock()
    clock.clock.clear(700.0)
    clock.clock.handle(PlaybackCut(clock.token(), ()))
    clock.clock.handle(PlaybackStopped("resp"))
    assert clock.told == [("cleared", "resp")]
    assert clock.heard("item_b") == "one two three four"
    clock.clock.clear(800.0)
    assert clock.told[1:] == [("cleared", "resp")]


def test_an_item_that_is_not_reported_as_cut_was_heard_whatever_the_estimate_says() -> None:
    clock = Clock()
    clock.clock.interrupted(700.0)
    clock.clock.handle(PlaybackCut(clock.token(), (Cut("resp", "item_b", 320.0),)))
    assert clock.told == [("cleared", "resp"), ("truncated", "item_b")]
    assert (clock.heard("item_a"), clock.heard("item_b")) == ("one two three four", "one")


def test_a_response_that_is_still_being_made_is_cleared_even_where_nothing_of_it_waited() -> None:
    clock = Clock()
    clock.say("slow", "item_c")
    clock.clock.handle(PlaybackStopped("resp"))
    clock.told.clear()
    clock.clock.interrupted(5_000.0)
    assert not clock.clock.takes("slow")
    assert clock.out[-1] == effects.EndPlay("slow"), "the playout waits for no more of it"
    clock.clock.handle(PlaybackCut(clock.token(), ()))
    clock.clock.handle(PlaybackStopped("slow"))
    clock.clock.end("slow")
    assert clock.told == [("cleared", "slow")]
    assert clock.out.count(effects.EndPlay("slow")) == 1


def test_a_report_that_a_response_was_played_counts_only_once_all_of_it_was_given() -> None:
    clock = Clock()
    clock.say("slow", "item_c")
    clock.clock.handle(PlaybackStopped("slow"))
    assert clock.told == []

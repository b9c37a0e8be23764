"""The playback ledger: what was heard is a beginning of what was said, by whole words, and a told end beats an estimated one."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.inputs import Word
from vivavoce.core.ledger import PlaybackLedger


@dataclass(frozen=True)
class Said:
    """A span: its words, each with its length in ms, and a pause at the end."""

    words: tuple[tuple[str, int], ...]
    pause_ms: int

    @property
    def text(self) -> str:
        return "".join(word + " " for word, _ in self.words)

    @property
    def duration_ms(self) -> int:
        return sum(length for _, length in self.words) + self.pause_ms

    def times(self) -> tuple[Word, ...]:
        at, found = 0, []
        for word, length in self.words:
            found.append(Word(word, at, at + length))
            at += length
        return tuple(found)


WORDS = st.tuples(st.sampled_from(["a", "the", "latte,", "naïve", "“yes”", "5", "a", "the"]), st.integers(1, 900))
SPANS = st.lists(st.builds(Said, st.lists(WORDS, max_size=5).map(tuple), st.integers(0, 300)), min_size=1, max_size=5)


def ledger_of(spans: list[Said], now_ms: float = 0) -> PlaybackLedger:
    ledger = PlaybackLedger()
    for span in spans:
        ledger.enter("item", span.duration_ms, span.text, span.times(), now_ms)
    return ledger


def heard_by(spans: list[Said], at_ms: float) -> list[str]:
    """The words whose audio ended by then, worked out the slow way."""
    heard, start = [], 0
    for span in spans:
        if start + span.duration_ms <= at_ms:
            heard += [word for word, _ in span.words]
        elif start < at_ms:
            for word in span.times():
                if start + word.end_ms > at_ms:
                    break
                heard.append(word.text)
        start += span.duration_ms
    return heard


@given(spans=SPANS, share=st.floats(0, 1.2))
def test_the_text_heard_ends_at_the_last_word_whose_audio_ended(spans: list[Said], share: float) -> None:
    full = "".join(span.text for span in spans)
    ledger = ledger_of(spans)
    at_ms = share * ledger.generated_ms("item")
    ledger.cut("item", at_ms, exact=True)
    heard = ledger.heard_text("item", full)
    assert full.startswith(heard)
    assert heard.split() == heard_by(spans, min(at_ms, ledger.generated_ms("item")))
    assert ledger.told_ms("item") == ledger.heard_ms("item") == round(min(at_ms, ledger.generated_ms("item")))


@given(spans=SPANS, times=st.lists(st.integers(0, 5_000), min_size=2, max_size=6))
def test_the_longer_one_listens_the_more_one_has_heard(spans: list[Said], times: list[int]) -> None:
    full = "".join(span.text for span in spans)
    lengths = []
    for at_ms in sorted(times):
        ledger = ledger_of(spans)
        ledger.cut("item", at_ms, exact=False)
        lengths.append(len(ledger.heard_text("item", full)))
    assert lengths == sorted(lengths)


@given(spans=SPANS, sent_at=st.integers(0, 1_000), stopped_after=st.integers(0, 6_000))
def test_a_barge_in_is_estimated_from_when_the_audio_was_sent(spans: list[Said], sent_at: int, stopped_after: int) -> None:
    ledger = ledger_of(spans, now_ms=sent_at)
    total = sum(span.duration_ms for span in spans)
    cut = ledger.stop(sent_at + stopped_after)
    assert ledger.playing_ms(sent_at + stopped_after) == 0
    if stopped_after < total:
        assert cut == ("item",)
        assert ledger.heard_ms("item") == stopped_after
    else:
        assert cut == ()
        assert ledger.heard_ms("item") is None, "it had been heard to its end"


def test_spans_play_one_after_the_other_and_never_before_they_are_sent() -> None:
    ledger = PlaybackLedger()
    ledger.enter("a", 500, "one ", (), 0)
    ledger.enter("b", 500, "two ", (), 100)
    ledger.enter("c", 500, "three ", (), 5_000)
    assert ledger.playing_ms(5_100) == 400
    assert ledger.stop(5_100) == ("c",)
    assert (ledger.heard_ms("a"), ledger.heard_ms("b"), ledger.heard_ms("c")) == (None, None, 100)


def test_an_estimate_never_overrides_what_was_told() -> None:
    ledger = ledger_of([Said((("one", 300), ("two", 300)), 0)])
    ledger.cut("item", 300, exact=True)
    ledger.cut("item", 600, exact=False)
    ledger.stop(0)
    assert ledger.told_ms("item") == 300
    ledger.cut("item", 100, exact=True)
    assert ledger.told_ms("item") == 100


def test_what_nothing_cut_short_counts_as_heard_whole() -> None:
    ledger = ledger_of([Said((("one", 300),), 0)])
    assert ledger.heard_ms("item") is None
    assert ledger.heard_text("item", "one ") == "one "
    assert ledger.heard_text("written", "only text") == "only text"


def test_a_repeated_word_is_not_confused_with_the_one_before() -> None:
    ledger = ledger_of([Said((("no", 200), ("no", 200), ("no", 200)), 0)])
    ledger.cut("item", 400, exact=True)
    assert ledger.heard_text("item", "no no no ") == "no no"


def test_a_span_without_word_times_is_heard_whole_or_not_at_all() -> None:
    ledger = PlaybackLedger()
    ledger.enter("item", 500, "one two ", (), 0)
    ledger.enter("item", 500, "three ", (), 0)
    ledger.cut("item", 700, exact=True)
    assert ledger.heard_text("item", "one two three ") == "one two"


def test_the_voice_is_locked_once_anything_was_said() -> None:
    ledger = PlaybackLedger()
    assert not ledger.spoken()
    ledger.enter("item", 20, "", (), 0)
    ledger.forget("item")
    assert ledger.spoken()
    assert ledger.generated_ms("item") == 0


def test_what_was_voiced_of_a_finished_item_plays_on_and_may_still_be_cut() -> None:
    ledger = ledger_of([Said((("one", 300), ("two", 300)), 0)])
    ledger.finish("item")
    assert ledger.heard_text("item", "one two three four") == "one two"
    assert ledger.stop(350) == ("item",)
    assert ledger.heard_text("item", "one two three four") == "one"
    ledger.lift("item")
    assert ledger.heard_text("item", "one two three four") == "one two"
    ledger.finish("never voiced")
    assert ledger.heard_text("never voiced", "words") == ""

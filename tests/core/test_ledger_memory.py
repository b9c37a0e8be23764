"""The ledger forgets what it needs no more, and answers as if it had kept everything."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.inputs import Word
from vivavoce.core.ledger import EXACT_WORDS, PlaybackLedger


@dataclass
class Plain:
    """A ledger that keeps every span for ever and works everything out the slow way."""

    spans: dict[str, list[tuple[float, float, float, str, tuple[Word, ...]]]] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    until: float = 0.0

    def generated(self, item: str) -> float:
        return sum(span[1] for span in self.spans.get(item, []))

    def enter(self, item: str, duration: float, text: str, words: tuple[Word, ...], now: float) -> None:
        at = max(now, self.until)
        self.spans.setdefault(item, []).append((self.generated(item), duration, at, text, words))
        self.until = at + duration

    def cut(self, item: str, at: float, exact: bool) -> None:
        if item in self.told and not exact:
            return
        self.heard[item] = min(at, self.generated(item))
        if exact:
            self.told.add(item)

    def stop(self, now: float) -> tuple[str, ...]:
        cut = []
        for item, spans in self.spans.items():
            if item not in self.heard and spans and spans[-1][2] + spans[-1][1] > now:
                self.cut(item, sum(min(max(now - at, 0.0), length) for _, length, at, _, _ in spans), False)
                cut.append(item)
        self.until = min(self.until, now)
        return tuple(cut)

    def text(self, item: str, full: str) -> str:
        if item not in self.heard:
            return full
        told = ""
        for start, length, _, text, words in self.spans.get(item, []):
            if start >= self.heard[item]:
                break
            if start + length <= self.heard[item]:
                told += text
                continue
            end = 0
            for word in words:
                if start + word.end_ms > self.heard[item]:
                    break
                end = text.find(word.text, end) + len(word.text)
            told += text[:end]
        return told.strip()


WORDS = st.lists(st.tuples(st.sampled_from(["one", "two", "a", "né"]), st.integers(1, 400)), max_size=4)
ITEMS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), ITEMS, WORDS, st.integers(0, 200)),
        st.tuples(st.just("cut"), ITEMS, st.integers(0, 3_000), st.booleans()),
        st.tuples(st.just("stop"), st.none(), st.none(), st.none()),
        st.tuples(st.just("wait"), st.none(), st.integers(0, 1_500), st.none()),
        st.tuples(st.just("forget"), ITEMS, st.none(), st.none()),
    ),
    max_size=30,
)


def spoken(words: list[tuple[str, int]]) -> tuple[str, int, tuple[Word, ...]]:
    at, times = 0, []
    for text, length in words:
        times.append(Word(text, at, at + length))
        at += length
    return "".join(text + " " for text, _ in words), at, tuple(times)


@given(steps=STEPS)
def test_forgetting_changes_no_answer(steps: list[tuple[str, str, object, object]]) -> None:
    ledger, plain, now = PlaybackLedger(), Plain(), 0.0
    for verb, item, first, second in steps:
        if verb == "say":
            text, length, words = spoken(first)  # type: ignore[arg-type]
            for each in (ledger.enter, plain.enter):
                each(item, length + second, text, words, now)  # type: ignore[operator]
        elif verb == "cut":
            ledger.cut(item, first, exact=second)  # type: ignore[arg-type]
            plain.cut(item, first, second)  # type: ignore[arg-type]
        elif verb == "stop":
            assert set(ledger.stop(now)) == set(plain.stop(now))
        elif verb == "wait":
            now += first  # type: ignore[operator]
        else:
            ledger.forget(item)
            plain.spans.pop(item, None)
            plain.heard.pop(item, None)
            plain.told.discard(item)
        assert ledger.playing_ms(now) == max(0.0, plain.until - now)
        for name in "abc":
            heard = plain.heard.get(name)
            assert ledger.generated_ms(name) == plain.generated(name)
            assert ledger.heard_ms(name) == (None if heard is None else round(heard))
            assert ledger.told_ms(name) == (round(plain.heard[name]) if name in plain.told else None)
            assert ledger.heard_text(name, "full") == plain.text(name, "full")


@given(spans=st.lists(WORDS, min_size=1, max_size=6), at_ms=st.integers(0, 6_000))
def test_an_old_item_is_cut_at_the_last_span_that_was_heard_whole(spans: list[list[tuple[str, int]]], at_ms: int) -> None:
    ledger = PlaybackLedger(exact_words=0)
    told, start = "", 0
    for words in spans:
        text, length, times = spoken(words)
        ledger.enter("old", length, text, times, 0.0)
        start += length
        if start <= at_ms and start:
            told += text
    ledger.enter("new", 500, "and now ", (Word("and", 0, 200), Word("now", 200, 500)), 0.0)
    ledger.cut("old", at_ms, exact=True)
    ledger.cut("new", 250, exact=True)
    assert ledger.heard_text("old", "full") == told.strip(), "nothing that was not heard"
    assert ledger.heard_text("new", "full") == "and", "the last item is still cut by words"


def test_two_hours_of_speech_take_little_memory() -> None:
    ledger = PlaybackLedger()
    for number in range(3_000):
        for _ in range(4):
            words = tuple(Word("word", at, at + 250) for at in range(0, 1_500, 250))
            ledger.enter(f"item {number}", 1_500, "word word word word word word ", words, number * 6_000.0)
    tracks = ledger._tracks.values()
    held = sum(sys.getsizeof(track.ends_ms) + sys.getsizeof(track.ends_at) + sys.getsizeof(track.spans_at) for track in tracks)
    assert sum(len(track.ends_ms) for track in tracks) < 2 * EXACT_WORDS + 4 * 3_000
    assert held < 2_000_000
    assert sum(len(track.playing) for track in tracks) <= 4

"""The interpreter: append-only, in order, nothing lost, and the same text for the same words, whoever is slow and however they come."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.interpreting.clauses import MOST_WORDS, SourceWord
from vivavoce.core.interpreting.interpreter import AHEAD_STEP, AHEAD_WORDS, CONTEXT_CLAUSES, Interpreter, Phrase, Request

Translate = Callable[[Request], str | None]


def capitals(request: Request) -> str:
    """Translate word for word; of an open clause the last word is a guess that will change."""
    words = request.text.upper().split()
    return " ".join([*words[:-1], words[-1] + "?"] if request.open else words)


@dataclass
class Desk:
    """An interpreter and a translator that answers when it is told to."""

    interpreter: Interpreter
    translate: Translate = capitals
    took_ms: float = 10.0
    requests: list[Request] = field(default_factory=list)
    waiting: list[Request] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)

    def collect(self) -> None:
        due = self.interpreter.requests()
        assert len(due) + len(self.waiting) <= 1, "one request at a time"
        self.requests += due
        self.waiting += due
        self.phrases += self.interpreter.phrases()

    def answer(self) -> None:
        while self.waiting:
            self.answer_one()

    def answer_one(self) -> None:
        request = self.waiting.pop()
        text = self.translate(request)
        if text is None:
            self.interpreter.failed(request.job)
        else:
            assert self.interpreter.translated(request.job, text, self.took_ms)
        self.collect()

    def hear(self, words: Sequence[SourceWord], language: str = "") -> None:
        self.interpreter.hear(words, language)
        self.collect()

    def pause(self, language: str = "") -> None:
        self.interpreter.pause(language)
        self.collect()

    @property
    def text(self) -> str:
        return "".join(phrase.text for phrase in self.phrases)


def spoken(text: str, start_ms: int = 0) -> list[SourceWord]:
    """Words of 300 ms each; `|` is half a second of silence."""
    words: list[SourceWord] = []
    for word in text.split():
        if word != "|":
            words.append(SourceWord(" " + word, start_ms, start_ms + 300))
        start_ms += 500 if word == "|" else 300
    return words


SPEECH = st.lists(st.sampled_from(["one", "two", "three,", "four.", "five", "six", "|"]), min_size=1, max_size=60).map(" ".join)


# --- properties -----------------------------------------------------------------------------------------------------------------


@given(SPEECH, st.integers(0, 1_000_000))
def test_the_text_depends_on_the_words_alone(text: str, seed: int) -> None:
    words, chance = spoken(text), random.Random(seed)
    quick, slow = Desk(Interpreter("es", language="en")), Desk(Interpreter("es", language="en"))
    for word in words:
        quick.hear([word])
        quick.answer()
    while words:  # in pieces of any size, answered whenever
        size = chance.randint(1, 12)
        slow.hear(words[:size])
        words = words[size:]
        while slow.waiting and chance.random() < 0.5:
            slow.answer_one()
    for desk in (quick, slow):
        desk.pause()
        desk.answer()
    assert quick.text == slow.text
    assert [request.text for request in quick.requests] == [request.text for request in slow.requests]


@given(SPEECH)
def test_nothing_is_lost_and_nothing_said_twice(text: str) -> None:
    desk = Desk(Interpreter("es", language="en"))
    for word in spoken(text):
        desk.hear([word])
        desk.answer()
    desk.pause()
    desk.answer()
    assert desk.text.split() == text.upper().replace("|", "").split()
    assert desk.interpreter.idle


@given(SPEECH, st.integers(0, 1_000_000))
def test_clauses_that_fail_are_left_out_and_the_others_said_in_order(text: str, seed: int) -> None:
    chance = random.Random(seed)

    def translate(request: Request) -> str | None:
        return None if chance.random() < 0.3 else capitals(request)

    desk = Desk(Interpreter("es", language="en"), translate)
    for word in spoken(text):
        desk.hear([word])
        desk.answer()
    desk.pause()
    desk.answer()
    said = iter(text.upper().split())
    assert all(word in said for word in desk.text.split()), "what is said is a part of what was to be said, in its order"
    assert desk.interpreter.idle
    assert sum(phrase.last for phrase in desk.phrases) == sum(not request.open for request in desk.requests)


# --- saying early ---------------------------------------------------------------------------------------------------------------


def test_what_two_translations_agree_on_is_said_before_the_clause_ends() -> None:
    desk = Desk(Interpreter("es", language="en"))
    for word in spoken("one two three four five six seven"):
        desk.hear([word])
        desk.answer()
    assert [(request.text, request.open) for request in desk.requests] == [
        ("one two three four", True),
        ("one two three four five six seven", True),
    ]
    assert [(phrase.text, phrase.last) for phrase in desk.phrases] == [("ONE TWO THREE", False)]
    desk.pause()
    desk.answer()
    assert desk.text == "ONE TWO THREE FOUR FIVE SIX SEVEN"
    assert desk.phrases[-1].last


def test_nothing_is_translated_ahead_by_a_slow_translator() -> None:
    desk = Desk(Interpreter("es", language="en"), took_ms=3_000)
    for word in spoken("one two three four five six seven eight. one two three four five six seven eight nine."):
        desk.hear([word])
        desk.answer()
    assert [request.open for request in desk.requests] == [True, False, False]
    desk.took_ms = 100
    for word in spoken("one. two. three. four. five. six. one two three four"):
        desk.hear([word])
        desk.answer()
    assert desk.requests[-1].open


def test_a_translation_that_changes_its_mind_is_not_taken_back() -> None:
    answers = iter(["el gran perro corre x", "el gran perro corre rápido x", "el perro grande corre rápido hoy"])
    desk = Desk(Interpreter("es", language="en"), lambda request: next(answers))
    for word in spoken("the big dog runs fast right now"):
        desk.hear([word])
        desk.answer()
    assert desk.text == "el gran perro corre"
    desk.pause()
    desk.answer()
    assert desk.text == "el gran perro corre rápido hoy"


def test_a_translator_that_repeats_itself_costs_a_bounded_number_of_requests() -> None:
    desk = Desk(Interpreter("es", language="en"))
    for word in spoken(" ".join(["word"] * 200)):
        desk.hear([word])
        desk.answer()
    assert len(desk.requests) <= 200 // MOST_WORDS * (1 + (MOST_WORDS - AHEAD_WORDS) // AHEAD_STEP + 1)


def test_what_has_no_spaces_is_not_broken_off_within_a_word() -> None:
    answers = iter(["昨日は雨でした、今日は", "昨日は雨でした、今日はいい", "昨日は雨でした、今日はいい天気です。"])
    desk = Desk(Interpreter("ja", language="en"), lambda request: next(answers))
    for word in spoken("yesterday it rained and today it is sunny"):
        desk.hear([word])
        desk.answer()
    assert [phrase.text for phrase in desk.phrases] == ["昨日は雨でした、"]
    desk.pause()
    desk.answer()
    assert [phrase.text for phrase in desk.phrases] == ["昨日は雨でした、", "今日はいい天気です。"]


def test_characters_of_a_script_without_spaces_count_for_half_a_word() -> None:
    desk = Desk(Interpreter("en", language="ja"), lambda request: request.text)
    for at, character in enumerate("今日はとてもいい天気ですから"):
        desk.hear([SourceWord(character, at * 150, at * 150 + 150)])
        desk.answer()
    assert [len(request.text) for request in desk.requests] == [8, 14]


# --- languages ------------------------------------------------------------------------------------------------------------------


def test_speech_in_the_target_language_is_passed_over_in_silence() -> None:
    desk = Desk(Interpreter("en", told=True))
    desk.hear(spoken("this is english already and stays as it is."), "en-GB")
    desk.pause("en")
    assert not desk.requests
    assert desk.interpreter.idle
    desk.hear(spoken("buenos días a todos.", 9_000), "es")
    desk.answer()
    assert desk.text == "BUENOS DÍAS A TODOS."


def test_words_wait_until_their_language_is_told_or_the_speech_ends() -> None:
    desk = Desk(Interpreter("en", told=True))
    desk.hear(spoken("buenos días a todos."))
    assert not desk.requests
    desk.hear(spoken("estamos aquí.", 2_000), "es")
    desk.answer()
    assert [(request.text, request.source) for request in desk.requests] == [
        ("buenos días a todos.", "es"),
        ("estamos aquí.", "es"),
    ]
    desk.hear(spoken("quién sabe.", 5_000))
    desk.pause()
    desk.answer()
    assert desk.requests[-1].source == ""


def test_a_language_that_changes_ends_the_clause() -> None:
    desk = Desk(Interpreter("fr", told=True))
    desk.hear(spoken("good morning"), "en")
    desk.hear(spoken("buenos días", 600), "es")
    desk.pause()
    desk.answer()
    assert [(request.text, request.source) for request in desk.requests] == [("good morning", "en"), ("buenos días", "es")]


def test_a_new_target_holds_for_what_is_spoken_after_it() -> None:
    desk = Desk(Interpreter("es", language="en"))
    desk.interpreter.aim("fr", 600)
    desk.hear(spoken("one two three four"))
    desk.pause()
    desk.answer()
    assert [(request.text, request.target) for request in desk.requests] == [("one two", "es"), ("three four", "fr")]


def test_of_targets_that_change_while_nobody_speaks_the_last_one_holds() -> None:
    desk = Desk(Interpreter("es", language="en"))
    for number in range(1_000):
        desk.interpreter.aim(("fr", "de")[number % 2], number)
    desk.hear(spoken("one two.", 2_000))
    desk.answer()
    assert [request.target for request in desk.requests] == ["de"]
    assert len(desk.interpreter._targets) <= 64


# --- bounds ---------------------------------------------------------------------------------------------------------------------


def test_the_translator_sees_the_last_clauses_of_the_pair_at_hand() -> None:
    desk = Desk(Interpreter("es", language="en"))
    for number in range(20):
        desk.hear(spoken(f"clause {number}.", number * 1_000))
        desk.answer()
    assert desk.requests[-1].context == tuple((f"clause {n}.", f"CLAUSE {n}.") for n in range(19 - CONTEXT_CLAUSES, 19))
    desk.interpreter.aim("fr", 30_000)
    desk.hear(spoken("another.", 30_000))
    assert desk.requests[-1].context == ()


def test_a_late_answer_of_another_request_changes_nothing() -> None:
    desk = Desk(Interpreter("es", language="en"))
    desk.hear(spoken("one."))
    assert not desk.interpreter.translated(99, "nonsense", 1)
    assert desk.interpreter.failed(99) is None
    desk.answer()
    assert desk.text == "ONE."

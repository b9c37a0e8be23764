"""Clauses from streamed text: exact, independent of the deltas, early at first, never inside a number, a name or an address."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vivavoce.dialogue.clauses import ClauseLimits, ClauseSplitter

PIECES = st.sampled_from(
    (
        " ", "  ", "\n", ". ", ", ", "; ", "! ", "? ", "... ", "… ", " — ", "—", " - ", ": ", ".", ",", "Dr. ", "e.g. ",
        "3.5", "1,000", "8", "No. ", "5 p.m. ", "https://a.b/c?d=e.f", "joe@x.org", "word", "Word", "I", "A. ", "1. ", "“",
        "”", "(", ")", "今天", "，", "。", "」", "ครับ", "e\u0301", "👍🏽", "x" * 90,
    )
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map("".join))


def split(text: str, *cuts: int) -> list[str]:
    """Feed a text in deltas cut at the given places."""
    splitter = ClauseSplitter()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    clauses = [clause for start, end in pairwise(places) for clause in splitter.feed(text[start:end])]
    return clauses + splitter.flush()


@given(TEXTS, st.lists(st.integers(0, 300), max_size=20))
@example("Hello.", [])
@example("x" * 1000, [7])
def test_clauses_add_up_to_the_text_however_it_came(text: str, cuts: list[int]) -> None:
    clauses = split(text, *cuts)
    assert "".join(clauses) == text
    assert clauses == split(text, *range(len(text)))


@given(TEXTS)
def test_clauses_are_bounded_and_hold_something_to_say(text: str) -> None:
    clauses = split(text)
    assert all(clause.strip() for clause in clauses[:-1])
    longest_space = max((len(run) for run in text.split("x") if run.isspace()), default=0)
    assert all(len(clause.strip()) <= ClauseLimits().most_characters + longest_space + 1 for clause in clauses[:-1])


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Yes. Of course! Why not? Go.", ["Yes. ", "Of course! ", "Why not? ", "Go."]),
        ("He said \"yes.\" Then he left (fast!). Done", ['He said "yes." ', "Then he left (fast!). ", "Done"]),
        ("It costs 3.5 euros. Or 1,000. Maybe", ["It costs 3.5 euros. ", "Or 1,000. ", "Maybe"]),
        ("Dr. Smith met Mrs. Jones. Then", ["Dr. Smith met Mrs. Jones. ", "Then"]),
        ("J. R. R. Tolkien wrote it. So do I. Then", ["J. R. R. Tolkien wrote it. ", "So do I. ", "Then"]),
        ("Use fruit e.g. apples i.e. food. Good", ["Use fruit e.g. apples i.e. food. ", "Good"]),
        ("At 5 p.m. we eat. At 5 p.m. We left", ["At 5 p.m. we eat. ", "At 5 p.m. ", "We left"]),
        ("No. 5 is yours. No. I mean it", ["No. 5 is yours. ", "No. ", "I mean it"]),
        ("1. Eggs and milk\n2. Bread\n- Tea", ["1. Eggs and milk\n", "2. Bread\n", "- Tea"]),
        ("See https://a.b/c?d=e.f! Or joe.doe@x.org. Bye", ["See https://a.b/c?d=e.f! ", "Or joe.doe@x.org. ", "Bye"]),
        ("It is 8... 3... 5... 2, right", ["It is 8... 3... 5... 2, ", "right"]),
        ("The digits are 8, 3, 5, 2 and more", ["The digits are 8, 3, 5, 2 and more"]),
        ("From 5 - 7 it is open", ["From 5 - 7 it is open"]),
        ("今天天气很好，我们去公园散步吧。好的！", ["今天天气很好，", "我们去公园散步吧。", "好的！"]),
        ("「そうですね。」彼は言った。", ["「そうですね。」", "彼は言った。"]),
        ("क्या आप ठीक हैं। हाँ", ["क्या आप ठीक हैं। ", "हाँ"]),
        ("ยินดีต้อนรับสู่ร้านกาแฟ ของเรา", ["ยินดีต้อนรับสู่ร้านกาแฟ ", "ของเรา"]),
        ("", []),
        ("\n\n", ["\n\n"]),
    ],
)  # fmt: skip
def test_boundaries(text: str, clauses: list[str]) -> None:
    assert split(text, *range(len(text))) == clauses


@pytest.mark.parametrize("mark", [",", ";", ":", " —", " -"])
def test_the_first_clause_ends_at_the_first_mark_after_a_few_words(mark: str) -> None:
    text = f"I can help you{mark} but first{mark} tell me your name{mark} please"
    assert split(text)[0] == f"I can help you{mark} "


def test_a_mark_after_one_word_is_too_early() -> None:
    assert split("Sure, I can do that, yes")[0] == "Sure, I can do that, "


def test_later_clauses_are_longer() -> None:
    text = "one two three, " * 12
    words = [len(clause.split()) for clause in split(text)]
    assert words[0] == 3
    assert words[1] == 9
    assert words[2] == 12


def test_text_without_marks_is_cut_between_words() -> None:
    clauses = split("word " * 100)
    assert [len(clause.split()) for clause in clauses] == [20, 40, 40]
    assert all(clause.endswith("word ") for clause in clauses)


def test_a_run_without_spaces_is_cut_but_never_before_a_combining_mark() -> None:
    clauses = split("e\u0301" * 200)
    assert len(clauses) > 1
    assert all(clause.startswith("e") for clause in clauses)


def test_a_cut_waits_for_what_follows() -> None:
    splitter = ClauseSplitter()
    assert splitter.feed("The price is 3.") == []
    assert splitter.feed("50") == []
    assert splitter.feed(". ") == []
    assert splitter.feed("Ok") == ["The price is 3.50. "]
    assert splitter.flush() == ["Ok"]


def test_after_a_flush_the_next_answer_starts_anew() -> None:
    splitter = ClauseSplitter()
    for _ in range(2):
        assert splitter.feed("I can help you, of course") == ["I can help you, "]
        assert splitter.flush() == ["of course"]
    assert splitter.flush() == []

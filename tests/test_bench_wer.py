"""The benchmark's own arithmetic: texts are made alike, words are counted, matches are found."""

from __future__ import annotations

import pytest
from bench.wer import Errors, errors, same_words


@pytest.mark.parametrize(
    ("reference", "heard", "wrong", "words"),
    [
        ("Ten of clubs.", "ten of clubs", 0, 3),
        ("order 12345", "order one two three four five", 0, 6),
        ("one two", "one", 1, 2),
        ("one", "one two three", 2, 1),
        ("one two three", "one too three", 1, 3),
        ("", "", 0, 0),
    ],
)
def test_errors_are_words_changed_dropped_and_added(reference: str, heard: str, wrong: int, words: int) -> None:
    assert errors(reference, heard) == Errors(wrong, words)


def test_rates_are_pooled() -> None:
    assert (Errors(1, 4) + Errors(2, 8)).percent == 25.0


def test_words_that_both_texts_have_are_paired_in_order() -> None:
    assert same_words(["a", "b", "x", "c"], ["a", "b", "c"]) == [(0, 0), (1, 1), (3, 2)]

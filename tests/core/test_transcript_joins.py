"""A final is joined to what was said before it: nothing said is taken back, nothing is said twice, nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.transcripts import Job

words = st.lists(st.sampled_from(["yes", "no", "very", "ice", "cream"]), max_size=12)


def join(said: str, final: str) -> str:
    job = Job("item", 0, 100.0)
    job.extend(said)
    delta, transcript = job.complete(final)
    assert said + delta == transcript
    return transcript


@pytest.mark.parametrize(
    ("said", "final", "transcript"),
    [
        ("", "yes please", "yes please"),
        ("yes", "yes please", "yes please"),
        ("i scream", "ice cream please", "i scream please"),
        ("a nice cream", "an ice cream please", "a nice cream please"),
        ("the cat sat", "a the cat sat down", "the cat sat down"),
        ("yes uh no", "yes no maybe", "yes uh no maybe"),
        ("Yes, no", "yes no maybe", "Yes, no maybe"),
        ("yes", "", "yes"),
    ],
)
def test_a_final_goes_on_from_the_words_that_were_said(said: str, final: str, transcript: str) -> None:
    assert join(said, final) == transcript


@given(words, words)
def test_nothing_said_is_taken_back_whatever_the_final(said: list[str], final: list[str]) -> None:
    assert join(" ".join(said), " ".join(final)).startswith(" ".join(said))


@given(words, words, st.integers(0, 11))
def test_one_word_misheard_costs_one_word(said: list[str], rest: list[str], place: int) -> None:
    final = [*said, *rest]
    if said:
        said[place % len(said)] = "misheard"
    assert join(" ".join(said), " ".join(final)) == " ".join([*said, *rest])


def test_a_long_segment_is_joined_too() -> None:
    said = [f"w{n}" for n in range(3_000)]
    final = ["w", *said[1:1_500], "oh", *said[1_500:], "end"]
    assert join(" ".join(said), " ".join(final)).endswith("w2999 end")

"""The trigram model is a probability distribution, written as the decoder reads it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.engines.asr.pocketsphinx.language_model import END, START, TrigramModel, WeightedPhrase, train

WORDS = ("red", "green", "blue", "lamp", "on", "off")
corpora = st.lists(
    st.builds(
        WeightedPhrase,
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(tuple),
        st.floats(min_value=0.1, max_value=10),
    ),
    min_size=1,
    max_size=12,
)
backgrounds = st.dictionaries(st.sampled_from((*WORDS, "the", "of")), st.floats(min_value=0.01, max_value=1), max_size=4)


def _read(arpa: str) -> TrigramModel:
    """Read an ARPA file back, independently of the writer."""
    probabilities: dict[tuple[str, ...], float] = {}
    backoffs: dict[tuple[str, ...], float] = {}
    order = 0
    for line in arpa.splitlines():
        if head := re.fullmatch(r"\\(\d)-grams:", line):
            order = int(head[1])
        elif order and line and not line.startswith("\\"):
            score, *rest = line.split()
            gram = tuple(rest[:order])
            probabilities[gram] = 10 ** float(score)
            if len(rest) > order:
                backoffs[gram] = 10 ** float(rest[order])
    return TrigramModel(probabilities, backoffs)


@settings(max_examples=60)
@given(corpora, backgrounds)
def test_every_history_sums_to_one(phrases: list[WeightedPhrase], background: dict[str, float]) -> None:
    model = train(phrases, background)
    vocabulary = (*model.words, END)
    histories = [(), (START,), ("unheard", "of"), *(gram for gram in model.backoffs if END not in gram)]
    for history in histories:
        assert sum(model.probability(word, history) for word in vocabulary) == pytest.approx(1.0)


@given(corpora)
def test_what_is_written_is_what_was_learnt(phrases: list[WeightedPhrase]) -> None:
    model = train(phrases, {"the": 1.0})
    again = _read(model.arpa())
    assert again.probabilities.keys() == model.probabilities.keys()
    for word in (*model.words, END):
        for history in ((), (START,), *model.backoffs):
            assert again.probability(word, history) == pytest.approx(model.probability(word, history), rel=2e-3)


def test_a_heavier_phrase_is_likelier() -> None:
    model = train([WeightedPhrase(("lamp", "on"), 9.0), WeightedPhrase(("lamp", "off"), 1.0)], {})
    assert model.probability("on", (START, "lamp")) > 2 * model.probability("off", (START, "lamp"))


def test_a_background_word_can_turn_up_anywhere() -> None:
    model = train([WeightedPhrase(("lamp", "on"))], {"please": 1.0})
    assert 0 < model.probability("please", (START, "lamp")) < model.probability("on", (START, "lamp"))


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(ValueError, match="no phrases"):
        train([WeightedPhrase(())], {"the": 1.0})

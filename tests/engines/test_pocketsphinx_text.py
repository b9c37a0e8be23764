"""Written text becomes the words a person would say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.asr.pocketsphinx.pronunciation import Lookup, pronounce
from vivavoce.engines.asr.pocketsphinx.text import quoted_sentences, sentences, spoken_words

PHONES = frozenset(
    phone
    for phones in ("AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY", "JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH")
    for phone in phones.split()
)


def dictionary(**entries: str) -> Lookup:
    return lambda word: entries.get(word)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("setThermostat", "set thermostat"),
        ("HTMLPage_view", "html page view"),
        ("extra-large (XL)", "extra large xl"),
        ("Café crème", "cafe creme"),
        ("50% off & free", "fifty percent off and free"),
        ("I'd like", "i'd like"),
        ("I’d like", "i'd like"),
        ("item 0042", "item zero zero four two"),
        ("order 12345", "order one two three four five"),
        ("room 315", "room three hundred fifteen"),
        ("1200 watts", "one thousand two hundred watts"),
        ("日本", ""),
    ],
)
def test_text_is_spelled_as_it_is_said(written: str, said: str) -> None:
    assert " ".join(spoken_words(written)) == said


@given(st.text())
def test_any_text_becomes_plain_words(text: str) -> None:
    for word in spoken_words(text):
        assert word.isascii()
        assert word.replace("'", "").isalpha()
        assert word == word.lower()


def test_quoted_passages_are_found_and_placeholders_dropped() -> None:
    text = 'Say: "Your ride is coming. It takes {minutes} minutes." Never say “good luck”.'
    said = [" ".join(words) for words in quoted_sentences(text)]
    assert said == ["your ride is coming", "it takes minutes", "good luck"]


def test_sentences_are_split_at_stops_and_lines() -> None:
    assert sentences("Turn it on.\n- Really? ") == (("turn", "it", "on"), ("really",))


def test_a_known_word_keeps_its_pronunciation() -> None:
    assert pronounce("tea", dictionary(tea="T IY")) == "T IY"


def test_a_compound_is_said_by_its_parts() -> None:
    assert pronounce("teapot", dictionary(tea="T IY", pot="P AA T")) == "T IY P AA T"


def test_initials_are_spelled_out() -> None:
    assert pronounce("pbx", dictionary()) == "P IY B IY EH K S"


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True))
def test_every_word_gets_phones_of_the_model(word: str) -> None:
    phones = pronounce(word, dictionary()).split()
    assert phones
    assert set(phones) <= PHONES

"""Words of a hypothesis as written, and where a new hypothesis goes on from what has been shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.asr.agreement.placing import divide_by_text, divide_by_time, plain
from vivavoce.engines.asr.agreement.prefix import AgreedPrefix
from vivavoce.engines.asr.agreement.tokens import Token, joined, split, tokens, written
from vivavoce.engines.asr.agreement.window import Window
from vivavoce.engines.ports import Hypothesis, RecognizedWord

texts = st.lists(st.sampled_from(["yes", "no", "very", "Ice,", "ice", "cream."]), max_size=8)


def timed(*words: str, step_ms: int = 200, late_ms: int = 0) -> list[Token]:
    return [Token(word, n * step_ms + late_ms, (n + 1) * step_ms - 20 + late_ms) for n, word in enumerate(words)]


@given(st.text(alphabet="ab c.\n你好ไทยก้", max_size=20))
def test_the_words_of_a_text_make_it_up(text: str) -> None:
    assert "".join(gap + word for gap, word in split(text)) == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world.", ["Hello,", "world."]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        ("買う iPhone を", ["買", "う", "iPhone", "を"]),
        ("ก้าว", ["ก้", "า", "ว"]),
        ("", []),
    ],
)
def test_scripts_without_spaces_are_agreed_on_by_the_letter(text: str, words: list[str]) -> None:
    assert [word for _, word in split(text)] == words


def test_timed_words_are_written_as_the_text_writes_them() -> None:
    words = tuple(RecognizedWord(word, n * 100, n * 100 + 80) for n, word in enumerate(("hello", "world", "again")))
    found = tokens(Hypothesis("“Hello, World - again!”", words=words), 1_000, 2_000)
    assert [token.text for token in found] == ["“Hello,", "World -", "again!”"]
    assert [token.start_ms for token in found] == [1_000, 1_100, 1_200]
    assert written(found) == "“Hello, World - again!”"


def test_words_the_text_does_not_hold_stand_for_it() -> None:
    words = (RecognizedWord("twelve", 0, 80), RecognizedWord("ounces", 100, 180))
    assert written(tokens(Hypothesis("12 oz", words=words), 0, 200)) == "twelve ounces"


def test_words_without_times_share_the_audio_by_their_lengths() -> None:
    found = tokens(Hypothesis("a bbb"), 1_000, 2_000)
    assert [(token.start_ms, token.end_ms) for token in found] == [(1_000, 1_250), (1_250, 2_000)]


def test_windows_are_joined_as_their_script_is_written() -> None:
    latin, han = [Token("one", 0, 1, gap="")], [Token("二", 0, 1, gap="")]
    assert written(latin + joined(latin, latin)) == "one one"
    assert written(han + joined(han, han)) == "二二"


@pytest.mark.parametrize(
    ("text", "as_compared"), [("Yes,", "yes"), ("¿Qué", "qué"), ("don't", "don't"), ("...", "..."), ("STRASSE", "strasse")]
)
def test_words_are_compared_without_case_and_marks(text: str, as_compared: str) -> None:
    assert plain(text) == as_compared


@given(texts, texts)
def test_a_hypothesis_that_goes_on_is_divided_where_it_does(before: list[str], after: list[str]) -> None:
    assert divide_by_text(before, before + after) == len(before)
    assert divide_by_time(timed(*before), timed(*before, *after)) == len(before)


@given(texts, texts, st.integers(-60, 60))
def test_times_that_waver_divide_no_differently_where_words_agree(before: list[str], after: list[str], late_ms: int) -> None:
    assert divide_by_time(timed(*before), timed(*before, *after, late_ms=late_ms)) == len(before)


def test_a_word_that_became_two_moves_the_division() -> None:
    assert divide_by_text(["a", "nice", "cream", "please"], ["an", "ice", "cream", "please", "sir"]) == 4
    assert divide_by_text(["i", "scream"], ["ice", "cream", "please"]) == 2


def test_one_hypothesis_is_enough_for_words_long_past() -> None:
    agreed: AgreedPrefix[Token] = AgreedPrefix(1, 300)
    assert [token.text for token in agreed.advance(timed("yes", "please", "now"), 700)] == ["yes", "please"]


def window_of(*levels: int) -> Window:
    """Return a window of 100 ms stretches of these levels."""
    window = Window()
    window.append(np.repeat(np.array(levels, dtype="<i2"), 1_600).tobytes())
    return window


def test_a_window_is_cut_in_its_quietest_place() -> None:
    window = window_of(900, 900, 900, 5, 5, 900, 900, 900)
    assert 350 <= window.quietest_ms(0, 800) <= 450
    window.cut(400)
    assert (window.start_ms, window.end_ms, window.length_ms) == (400, 800, 400)
    assert len(window.until(500)) == 100 * 32
    assert window.quietest_ms(450, 500) == 475


def test_a_split_sample_is_put_together_in_the_window() -> None:
    window = Window()
    window.append(b"\x01")
    assert window.until(window.end_ms) == b""
    window.append(b"\x02\x03")
    assert window.until(window.end_ms) == b"\x01\x02"

"""Texts before and after the engine: written words, what is read out, pauses, word times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.ports import WordTime
from vivavoce.engines.tts.pauses import ELLIPSIS_MS, pause_after_ms, widen_ellipses
from vivavoce.engines.tts.reading import Reading, retuned, span_of
from vivavoce.engines.tts.spoken import spoken_text
from vivavoce.engines.tts.voices import DEFAULT_VOICE, ESPEAK_VOICES, FLITE_VOICES, TONE_VOICES, VOICE_NAMES
from vivavoce.engines.tts.word_times import marked_words, proportional_words, syllable_weight
from vivavoce.engines.tts.written import written_words


@given(st.text())
def test_written_words_leave_out_nothing_but_white_space(text: str) -> None:
    position = 0
    for word in written_words(text):
        assert text[position : word.start].strip() == ""
        assert text[word.start : word.end] == word.text
        position = word.end
    assert text[position:].strip() == ""


def test_scripts_without_spaces_give_a_word_a_sign() -> None:
    assert [word.text for word in written_words("「そうですね。」Python は速い！")] == [
        "「そ", "う", "で", "す", "ね。」", "Python", "は", "速", "い！",
    ]  # fmt: skip
    assert [word.text for word in written_words("きょう")] == ["きょ", "う"]


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("I want **two** of `them`.", "I want two of them."),
        ("order #42", "order number 42"),
        ("great 😀 work 👍🏽!", "great work !"),
        ("wait — what", "wait, what"),
        ("word—word", "word, word"),
        ("“quoted” it’s", '"quoted" it\'s'),
        ("café über", "cafe uber"),
        ("€5.50 or £3", "5.50 euros or 3 pounds"),
        ("4–6 weeks", "4 to 6 weeks"),
        ("https://a.b/c me@x.org", "a dot b/c me@x dot org"),
        ("8... 3… 5", "8, 3, 5"),
        ("Привет there", "there"),
        ("3 + 4 = 7", "3 + 4 = 7"),
        ("...", ""),
        ("— !", ""),
        ("\x00\ud800", ""),
    ],
)
def test_ascii_form_is_what_an_english_engine_can_read(written: str, spoken: str) -> None:
    assert spoken_text(written, ascii_only=True).text == spoken.replace("work !", "work")


def test_other_scripts_pass_to_an_engine_that_reads_them() -> None:
    assert spoken_text("Привет, мир! 今天 😀").text == "Привет, мир! 今天"


@given(st.text(), st.booleans())
def test_every_spoken_character_belongs_to_the_word_it_reads(text: str, ascii_only: bool) -> None:
    spoken = spoken_text(text, ascii_only=ascii_only)
    assert len(spoken.spans) == len(spoken.words)
    spoken.text.encode("utf-8")
    assert not ascii_only or spoken.text.isascii()
    for index, (start, end) in enumerate(spoken.spans):
        for offset in range(start, end):
            assert spoken.word_at(offset) == index
    assert spoken.word_at(len(spoken.text)) is None


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Yes. ", 200, 400),
        ("well, ", 80, 200),
        ("(really?)", 200, 400),
        ("好的。", 200, 400),
        ("and", 0, 0),
        ("", 0, 0),
        ("8...", 300, 500),
    ],
)
def test_the_pause_follows_the_punctuation(text: str, least: int, most: int) -> None:
    assert least <= pause_after_ms(text) <= most
    assert pause_after_ms(text, 0.5) == 2 * pause_after_ms(text)


def test_an_ellipsis_inside_a_clause_is_widened_and_later_words_move() -> None:
    words = [WordTime("8...", 0, 200), WordTime("3", 250, 400), WordTime("5", 400, 500)]
    pcm = np.arange(500, dtype=np.int16)
    longer, moved = widen_ellipses(pcm, words, 1000)
    assert len(longer) == 500 + ELLIPSIS_MS - 50
    assert [(word.start_ms, word.end_ms) for word in moved] == [(0, 200), (550, 700), (700, 800)]
    assert np.array_equal(longer[longer > 0], pcm[pcm > 0])
    assert longer[600] == pcm[300]


@given(st.text(max_size=80), st.integers(0, 100_000))
def test_proportional_words_are_monotone_and_within_the_duration(text: str, duration: int) -> None:
    words = proportional_words(text, duration)
    times = [time for word in words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert all(0 <= time <= duration for time in times)
    assert "".join(word.text for word in words) == "".join(text.split())


def test_proportional_words_give_longer_words_more_and_commas_a_gap() -> None:
    yes, extraordinary, stone = proportional_words("Yes, extraordinary stone.", 1000)
    assert yes.end_ms < extraordinary.start_ms
    assert extraordinary.end_ms - extraordinary.start_ms > 3 * (stone.end_ms - stone.start_ms)
    assert stone.end_ms == 1000


@pytest.mark.parametrize(
    ("word", "syllables"), [("hello", 2), ("stone", 1), ("table", 2), ("42", 3), ("今天", 2), ("...", 0), ("мир", 1)]
)
def test_syllables_are_estimated(word: str, syllables: float) -> None:
    assert syllable_weight(word) == syllables


def test_words_run_together_by_the_engine_share_its_mark() -> None:
    spoken = spoken_text("one of the tigers 😀")
    words = marked_words(spoken, [(0, 0, 300), (4, 300, 500), (11, 500, 900)], 950)
    assert [(word.start_ms, word.end_ms) for word in words] == [(0, 300), (300, 400), (400, 500), (500, 900), (900, 900)]


def test_many_marks_for_one_written_word_make_one_word() -> None:
    words = marked_words(spoken_text("order 42 now"), [(0, 0, 300), (6, 300, 500), (6, 500, 700), (9, 700, 900)], 900)
    assert [(word.text, word.start_ms, word.end_ms) for word in words] == [("order", 0, 300), ("42", 300, 700), ("now", 700, 900)]


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(-5, 60), st.floats(0, 2000), st.floats(0, 2000)), max_size=10))
def test_no_marks_of_an_engine_can_break_the_order_of_times(text: str, marks: list[tuple[int, float, float]]) -> None:
    words = marked_words(spoken_text(text), marks, 1500)
    times = [time for word in words for time in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert all(0 <= time <= 1500 for time in times)


def test_the_engines_own_silence_is_cut_and_word_times_move_with_it() -> None:
    pcm = np.zeros(1000, np.int16)
    pcm[200:600] = 1000
    span = span_of("Hi", spoken_text("Hi"), Reading(pcm, 1000, ((0, 200.0, 600.0),), 200.0, 600.0))
    assert len(span.pcm) < 450
    assert span.words[0].start_ms < 10
    assert span.words[0].end_ms - span.words[0].start_ms == 400


def test_retuning_changes_the_rate_and_all_times() -> None:
    reading = retuned(Reading(np.full(100, 30_000, np.int16), 1000, ((0, 10.0, 50.0),), 10.0, 50.0), 2000, gain=2.0)
    assert (reading.rate_hz, reading.marks, reading.speech_end_ms) == (2000, ((0, 5.0, 25.0),), 25.0)
    assert reading.pcm.max() == 32_767


@pytest.mark.parametrize("table", [FLITE_VOICES, ESPEAK_VOICES, TONE_VOICES])
def test_every_public_voice_is_distinct_and_unknown_names_get_the_default(table: object) -> None:
    settings = [table[name] for name in VOICE_NAMES]  # type: ignore[index]
    assert len(set(settings)) == len(VOICE_NAMES)
    assert table["no such voice"] == table[DEFAULT_VOICE] == table[" Alloy "]  # type: ignore[index]

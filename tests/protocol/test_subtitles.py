"""Subtitles anyone can read, in files any player can."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.protocol.subtitles import LINE_CHARACTERS, LONGEST_CUE_MS, Cue, Word, cues_of, spread, srt, vtt

LONG = (
    "Good evening, everybody. Tonight I would like to tell you about the house we built at the lake, and why it took us eleven "
    "years. You may laugh now, but nobody laughed then."
)


def spoken(text: str, word_ms: int = 300, gap_ms: int = 50) -> list[Word]:
    """Return the words of a text, bare, at a steady pace."""
    bare = [word.strip(".,") for word in text.split()]
    return [Word(word, place * (word_ms + gap_ms), place * (word_ms + gap_ms) + word_ms) for place, word in enumerate(bare)]


def test_subrip_numbers_its_cues_and_writes_commas() -> None:
    cues = [Cue(0, 1_500, "Hello."), Cue(3_723_004, 3_724_000, "Bye.", "A")]
    assert "".join(srt(cues)) == ("1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n01:02:03,004 --> 01:02:04,000\nA: Bye.\n\n")


def test_webvtt_has_a_header_points_and_voices() -> None:
    cues = [Cue(0, 1_500, "Hello."), Cue(2_000, 3_000, "Bye.", "Ann")]
    assert "".join(vtt(cues)) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n00:00:02.000 --> 00:00:03.000\n<v Ann>Bye.\n\n"
    )


def test_webvtt_escapes_what_would_be_markup() -> None:
    assert "a &lt;b&gt; &amp; c --&gt; d" in "".join(vtt([Cue(0, 1, "a <b> & c --> d")]))


def test_no_text_can_begin_another_cue() -> None:
    hostile = "well\n\n2\n00:00:09,000 --> 00:00:10,000\nforged --->"
    for written in ("".join(srt([Cue(0, 1_000, hostile)])), "".join(vtt([Cue(0, 1_000, hostile, "A\n\nB")]))):
        blocks = [block for block in written.split("\n\n") if block and block != "WEBVTT"]
        assert len(blocks) == 1
        assert written.count("-->") == 1


def test_cues_are_written_as_they_come() -> None:
    told: list[int] = []

    def source() -> object:
        for number in range(3):
            told.append(number)
            yield Cue(number * 1_000, number * 1_000 + 500, "x")

    pieces = srt(source())  # type: ignore[arg-type]
    next(pieces)
    assert told == [0]


def test_cues_do_not_overlap() -> None:
    cues = [Cue(0, 2_000, "one"), Cue(1_500, 1_800, "two"), Cue(1_700, 3_000, "three")]
    times = re.findall(r"00:00:(\d\d),(\d{3})", "".join(srt(cues)))
    flat = [int(seconds) * 1000 + int(ms) for seconds, ms in times]
    assert flat == sorted(flat)
    assert all(start < end for start, end in zip(flat[0::2], flat[1::2], strict=True))


def test_a_cue_that_says_nothing_is_left_out() -> None:
    assert "".join(srt([Cue(0, 1_000, " \n "), Cue(1_000, 2_000, "x")])).startswith("1\n00:00:01,000")


def test_long_utterances_are_cut_at_sentences_and_keep_their_punctuation() -> None:
    cues = list(cues_of(LONG, spoken(LONG)))
    assert " ".join(" ".join(cue.text.split()) for cue in cues) == LONG
    assert all(len(line) <= LINE_CHARACTERS for cue in cues for line in cue.text.split("\n"))
    assert all(cue.text.count("\n") <= 1 for cue in cues)
    assert all(cue.end_ms - cue.start_ms <= LONGEST_CUE_MS for cue in cues)


def test_cues_keep_the_times_of_their_words() -> None:
    words = spoken(LONG)
    cues = list(cues_of(LONG, words))
    assert cues[0].start_ms == words[0].start_ms
    assert cues[-1].end_ms == words[-1].end_ms
    assert {cue.start_ms for cue in cues} <= {word.start_ms for word in words}


def test_a_long_pause_begins_a_new_cue() -> None:
    words = [Word("one", 0, 400), Word("two", 5_000, 5_400)]
    assert [(cue.text, cue.start_ms) for cue in cues_of("one two", words)] == [("one", 0), ("two", 5_000)]


@pytest.mark.parametrize("words", [(), (Word("quite", 0, 1), Word("different", 1, 2))], ids=["none", "others"])
def test_without_the_words_of_the_text_it_is_spread_over_the_time(words: tuple[Word, ...]) -> None:
    cues = list(cues_of(LONG, words, start_ms=1_000, end_ms=21_000))
    assert (cues[0].start_ms, cues[-1].end_ms) == (1_000, 21_000)
    assert " ".join(" ".join(cue.text.split()) for cue in cues) == LONG


def test_languages_without_spaces_are_cut_by_width() -> None:
    text = "今日はとても良い天気ですね。" * 10
    for words in ([], [Word(letter, place * 150, place * 150 + 150) for place, letter in enumerate(text)]):
        cues = list(cues_of(text, words, end_ms=21_000))
        assert "".join(cue.text.replace("\n", "") for cue in cues) == text
        assert all(len(line) <= LINE_CHARACTERS // 2 for cue in cues for line in cue.text.split("\n"))


def test_spread_gives_long_words_more_time() -> None:
    assert [(word.text, word.start_ms, word.end_ms) for word in spread("a word", 0, 1_000)] == [
        ("a ", 0, 200),
        ("word", 200, 1_000),
    ]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=120), max_size=8),
    st.lists(st.integers(0, 10_000), min_size=2, max_size=2),
)
def test_any_text_makes_a_well_formed_file(texts: list[str], times: list[int]) -> None:
    start_ms, end_ms = sorted(times)
    cues = [cue for text in texts for cue in cues_of(text, spread(text, start_ms, end_ms), start_ms=start_ms, end_ms=end_ms)]
    for written in ("".join(srt(cues)), "".join(vtt(cues))):
        blocks = [block for block in written.split("\n\n") if block and block != "WEBVTT"]
        assert all(block.count("-->") == 1 for block in blocks)

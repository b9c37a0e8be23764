"""Where clauses end, what two translations agree on, how fast the voice speaks, how lag is reckoned: each part of interpreting by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.interpreting import clauses
from vivavoce.core.interpreting.agreement import agreed, continuation
from vivavoce.core.interpreting.clauses import Clause, SourceWord, complete, parted, placed
from vivavoce.core.interpreting.frames import FRAME_BYTES, Intake, Timeline, grid
from vivavoce.core.interpreting.lag import Arrivals, LagMeter
from vivavoce.core.interpreting.pace import CALM_MS, FASTEST, LATE_MS, NORMAL, STEP, Pace
from vivavoce.core.interpreting.units import joined, units

TEXTS = st.text(st.sampled_from("ab ,.\n今日はสวัé"), max_size=40)


def clause(text: str, word_ms: int = 300, *, timed: bool = True) -> Clause:
    words = [SourceWord(" " + word, at * word_ms, (at + 1) * word_ms, timed) for at, word in enumerate(text.split())]
    return Clause(1, "en", "es", words)


# --- clauses --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Yes.", True),
        ("Is it?", True),
        ('He said "no."', True),
        ("今日は。", True),
        ("well,", False),
        ("and that is why,", True),
        ("I saw Dr.", False),
        ("it costs 3.5", False),
        ("this is going on", False),
        (" ".join(["word"] * clauses.MOST_WORDS), True),
    ],
)
def test_a_clause_ends_with_a_sentence_at_a_late_comma_or_when_it_is_long(text: str, ends: bool) -> None:
    assert complete(clause(text)) is ends


def test_a_slow_speaker_s_clause_ends_by_its_time_if_that_is_known() -> None:
    slow = "one two three four five"
    assert complete(clause(slow, clauses.MOST_MS // 5))
    assert not complete(clause(slow, clauses.MOST_MS // 5, timed=False))


@pytest.mark.parametrize(
    ("count", "silence_ms", "ends"), [(1, 400, False), (3, 400, True), (3, 200, False), (1, 700, True)], ids=str
)
def test_a_pause_parts_clauses(count: int, silence_ms: int, ends: bool) -> None:
    before = clause(" ".join(["word"] * count))
    after = before.end_ms + silence_ms
    assert parted(before, SourceWord(" next", after, after + 300)) is ends
    assert not parted(before, SourceWord(" next", after, after + 300, timed=False))


@given(TEXTS)
def test_units_are_the_text(text: str) -> None:
    assert "".join(units(text)) == text.rstrip() or not text.strip()
    assert all(unit.strip() for unit in units(text))


@given(TEXTS, st.integers(0, 1_000), st.integers(0, 5_000))
def test_words_without_times_of_their_own_share_those_of_their_piece(text: str, start: int, length: int) -> None:
    words = placed(text, [], start, start + length)
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert not words or (edges[0], edges[-1]) == (start, start + length)
    assert not any(word.timed for word in words)


def test_words_keep_their_times() -> None:
    assert placed(" good morning", [(10, 20), (30, 40)], 10, 40) == [SourceWord(" good", 10, 20), SourceWord(" morning", 30, 40)]


def test_spaces_are_put_only_where_a_language_has_them() -> None:
    assert joined("", " hola ", "es") == "hola"
    assert joined("hola", "amigo", "es-MX") == " amigo"
    assert joined("今日は。", "元気", "ja") == "元気"
    assert joined("hola", "  ", "es") == ""


# --- agreement ------------------------------------------------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


@given(WORDS, WORDS)
def test_what_is_agreed_begins_both(one: list[str], other: list[str]) -> None:
    count = agreed(one, other)
    assert one[:count] == other[:count]
    assert count in (len(one), len(other)) or one[count] != other[count]


@given(WORDS, WORDS)
def test_the_continuation_of_what_was_rightly_said_is_the_rest(said: list[str], rest: list[str]) -> None:
    assert continuation(said, said + rest) == rest


@given(WORDS, WORDS)
def test_the_continuation_is_an_end_of_the_whole(said: list[str], whole: list[str]) -> None:
    left = continuation(said, whole)
    assert left == whole[len(whole) - len(left) :]


def test_a_word_that_turned_out_otherwise_stays_said_and_is_not_said_again() -> None:
    whole = ["el", "perro", "grande", "corre", "por", "la", "calle"]
    assert continuation(["el", "gran", "perro", "corre"], whole) == ["por", "la", "calle"]
    assert continuation(["El", "perro,", "grande"], whole) == ["corre", "por", "la", "calle"]


# --- pace -----------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 60_000), max_size=30))
def test_the_voice_speaks_between_its_own_pace_and_the_fastest_and_never_slows_down_at_once(waits_ms: list[float]) -> None:
    pace, before = Pace(), NORMAL
    for wait_ms in waits_ms:
        speed = pace.choose(wait_ms)
        assert NORMAL <= speed <= FASTEST
        assert speed >= before - STEP - 1e-9
        assert wait_ms < LATE_MS or speed == FASTEST
        before = speed


def test_nobody_hurries_without_need() -> None:
    pace = Pace()
    assert pace.choose(CALM_MS) == NORMAL
    assert pace.choose(LATE_MS) == FASTEST
    assert [pace.choose(0) for _ in range(6)] == [1.2, 1.15, 1.1, 1.05, 1.0, 1.0]


# --- lag ------------------------------------------------------------------------------------------------------------------------


def test_lag_is_what_each_word_is_late_against_an_interpreter_without_any() -> None:
    meter = LagMeter()
    assert meter.clause(1_000, 3_000, [2_500, 3_500], 4_000, 1.1) == (1_500.0, 1_000.0)
    assert meter.clause(5_000, 6_000, [6_000], 6_500, 1.0) == (1_000.0, 500.0)
    lag = meter.lag
    assert lag.lag_ms == pytest.approx((1_500 + 1_500 + 1_000) / 3)
    assert lag.clause_lag_ms == pytest.approx(750)
    assert lag.worst_clause_lag_ms == 1_000
    assert (lag.clauses, lag.words, lag.speed) == (2, 3, 1.0)
    assert 1_000 < (lag.recent_lag_ms or 0) < 1_500


def test_audio_came_when_the_piece_that_holds_it_came_and_marks_do_not_pile_up() -> None:
    arrivals = Arrivals()
    for number in range(1, 100_001):
        arrivals.note(number * 20, 100 + number * 20)
    assert arrivals.at(2_000_000) == 2_000_100
    assert 1_999_500 <= arrivals.at(1_999_410) <= 1_999_800
    assert len(arrivals._marks) <= 3_000


# --- frames ---------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=3 * FRAME_BYTES), max_size=6))
def test_audio_is_given_out_in_frames_however_it_comes(pieces: list[bytes]) -> None:
    intake, frames = Intake(), []
    for piece in pieces:
        intake.append(piece)
        while frame := intake.take():
            frames.append(frame)
    assert all(len(frame) == FRAME_BYTES for frame in frames)
    assert intake.waiting < FRAME_BYTES
    assert b"".join([*frames, intake.rest()]) == b"".join(pieces)
    assert intake.waiting == 0
    assert intake.appended == sum(map(len, pieces))


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 30_000)), max_size=12))
def test_elapsed_time_is_on_the_grid_and_never_goes_back(steps: list[tuple[int, int]]) -> None:
    timeline, input_ms, before = Timeline(), 0, 0
    for silence_ms, size in steps:
        input_ms += silence_ms
        timeline.present(input_ms)
        pieces = list(timeline.cut(bytes(size)))
        assert b"".join(piece for piece, _ in pieces) == bytes(size)
        for piece, elapsed_ms in pieces:
            assert len(piece) <= FRAME_BYTES
            assert elapsed_ms % 200 == 0
            assert elapsed_ms >= max(before, grid(input_ms))
            before = elapsed_ms

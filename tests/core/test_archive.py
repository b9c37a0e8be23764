"""The audio archive: whole recordings within a budget, or none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.archive import MAX_RECORDINGS, REMEMBERED, AudioArchive
from vivavoce.protocol.formats import PCM, PCMU

KEYS = st.tuples(st.sampled_from("abc"), st.integers(0, 1))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), KEYS, st.binary(max_size=40).map(lambda data: data[: len(data) // 2 * 2])),
        st.tuples(st.just("cut"), KEYS, st.integers(0, 3)),
        st.tuples(st.just("forget"), KEYS, st.none()),
    ),
    max_size=40,
)


@given(steps=STEPS, budget=st.integers(0, 120))
def test_a_recording_is_whole_or_not_there_and_the_budget_is_kept(
    steps: list[tuple[str, tuple[str, int], object]], budget: int
) -> None:
    archive = AudioArchive(budget)
    written: dict[tuple[str, int], bytes] = {}
    for verb, (item, index), value in steps:
        if verb == "add":
            assert isinstance(value, bytes)
            archive.add(item, index, value, PCM)
            written[item, index] = written.get((item, index), b"") + value
        elif verb == "cut":
            assert isinstance(value, int)
            archive.cut(item, index, value)
            if archive.get(item, index) is not None:
                written[item, index] = written[item, index][: value * PCM.bytes_per_ms]
        else:
            archive.forget(item)
            written = {key: audio for key, audio in written.items() if key[0] != item}
        kept = {key: archive.get(*key) for key in written}
        assert archive.size <= budget
        assert archive.size == sum(len(recording[0]) for recording in kept.values() if recording)
        for key, recording in kept.items():
            assert recording is None or recording == (written[key], PCM)


def test_the_oldest_recordings_go_first() -> None:
    archive = AudioArchive(100)
    for name in "abc":
        archive.add(name, 0, b"x" * 40, PCMU)
    assert archive.get("a", 0) is None
    assert archive.get("b", 0) == (b"x" * 40, PCMU)
    assert archive.get("c", 0) == (b"x" * 40, PCMU)


def test_the_second_half_of_a_dropped_recording_is_not_kept_alone() -> None:
    archive = AudioArchive(100)
    archive.add("long", 0, b"1" * 80, PCMU)
    archive.add("long", 0, b"2" * 80, PCMU)
    archive.add("long", 0, b"3" * 80, PCMU)
    assert archive.get("long", 0) is None
    assert archive.size == 0


def test_a_deleted_item_may_come_again() -> None:
    archive = AudioArchive(100)
    archive.add("a", 0, b"1" * 120, PCMU)
    archive.forget("a")
    archive.add("a", 0, b"2" * 80, PCMU)
    assert archive.get("a", 0) == (b"2" * 80, PCMU)


def test_recordings_of_nothing_much_do_not_pile_up() -> None:
    archive = AudioArchive(1_000_000)
    for number in range(3 * MAX_RECORDINGS):
        archive.add(f"item {number}", 0, b"x", PCMU)
    assert archive.size == MAX_RECORDINGS
    assert archive.get("item 0", 0) is None
    assert len(archive._dropped) == REMEMBERED


def test_a_recording_that_grows_while_others_are_dropped_stays_dropped() -> None:
    archive = AudioArchive(10)
    for number in range(3 * REMEMBERED):
        archive.add("long", 0, b"1" * 11, PCMU)
        archive.add(f"item {number}", 0, b"2" * 11, PCMU)
    assert archive.get("long", 0) is None

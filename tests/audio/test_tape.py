"""The tape: samples at their positions, cut off at the back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.tape import Tape

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 60), st.just(0)),
        st.tuples(st.just("drop"), st.integers(-10, 300), st.just(0)),
        st.tuples(st.just("read"), st.integers(-20, 300), st.integers(-20, 300)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_every_read_gives_the_samples_that_are_still_and_already_there(steps: list[tuple[str, int, int]]) -> None:
    tape = Tape()
    written: list[int] = []
    for verb, first, second in steps:
        if verb == "write":
            samples = list(range(len(written), len(written) + first))
            tape.write(np.array(samples, dtype=np.int16))
            written += samples
        elif verb == "drop":
            before = tape.start
            tape.drop_before(first)
            assert tape.start == min(max(before, first), len(written))
        else:
            got = np.frombuffer(tape.read(first, second), dtype="<i2").tolist()
            assert got == written[max(first, tape.start) : max(second, tape.start)]
        assert tape.end == len(written)


def test_what_was_dropped_takes_no_room() -> None:
    tape = Tape()
    for _ in range(1_000):
        tape.write(np.zeros(1_600, dtype=np.int16))
        tape.drop_before(tape.end - 1_600)
    assert len(tape._bytes) == 3_200
    assert (tape.start, tape.end) == (1_598_400, 1_600_000)

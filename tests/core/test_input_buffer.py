"""The input buffer: every sample once, at its place, in every format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.input_buffer import LIMIT_S, InputBuffer
from vivavoce.protocol.formats import PCM, PCMA, PCMU, TICKS_PER_MS, AudioFormat

FORMATS = st.sampled_from([PCM, PCMU, PCMA])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 400), st.just(0)),
        st.tuples(st.just("take"), st.integers(-50, 1_500), st.integers(0, 800)),
        st.tuples(st.just("drop"), st.integers(-50, 1_500), st.just(0)),
        st.tuples(st.just("clear"), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@given(fmt=FORMATS, steps=STEPS)
def test_what_is_taken_is_what_was_written_there_and_nothing_is_taken_twice(
    fmt: AudioFormat, steps: list[tuple[str, int, int]]
) -> None:
    buffer = InputBuffer()
    buffer.format = fmt
    tape = b""
    taken_until = 0
    for verb, first, length in steps:
        start_before, end_before = buffer.start, buffer.end
        if verb == "append":
            audio = bytes((len(tape) // fmt.width + place) % 251 for place in range(first) for _ in range(fmt.width))
            buffer.append(audio)
            tape += audio
        elif verb == "take":
            start = start_before + first * fmt.ticks_per_sample
            end = start + length * fmt.ticks_per_sample
            got = buffer.take(start, end)
            low, high = (min(max(position, start_before), end_before) for position in (start, end))
            assert got == tape[_byte(low, fmt) : _byte(high, fmt)]
            assert low >= taken_until or not got
            taken_until = max(taken_until, high)
            assert buffer.start == max(start_before, high)
        elif verb == "drop":
            buffer.drop_before(start_before + first * fmt.ticks_per_sample)
            assert start_before <= buffer.start <= max(start_before, start_before + first * fmt.ticks_per_sample)
        else:
            buffer.clear()
            assert buffer.ticks == 0
        assert buffer.end == len(tape) // fmt.width * fmt.ticks_per_sample
        assert buffer.start <= buffer.end


@given(cut=st.integers(0, 300))
def test_a_position_inside_a_sample_of_telephone_audio_falls_on_its_start(cut: int) -> None:
    buffer = InputBuffer()
    buffer.format = PCMU
    buffer.append(bytes(range(100)))
    assert buffer.take(0, cut) == bytes(range(cut // 3))
    assert buffer.take(0, buffer.end) == bytes(range(cut // 3, 100))


def test_positions_go_on_when_the_format_changes() -> None:
    buffer = InputBuffer()
    buffer.append(b"\0" * PCM.bytes_per_ms * 500)
    buffer.clear()
    buffer.format = PCMU
    buffer.append(b"\0" * PCMU.bytes_per_ms * 250)
    assert (buffer.start, buffer.end) == (500 * TICKS_PER_MS, 750 * TICKS_PER_MS)


@pytest.mark.parametrize("fmt", [PCM, PCMU])
def test_ten_minutes_fit_and_no_more(fmt: AudioFormat) -> None:
    buffer = InputBuffer()
    buffer.format = fmt
    second = b"\0" * fmt.bytes_per_ms * 1_000
    for _ in range(LIMIT_S):
        assert buffer.fits(second)
        buffer.append(second)
    assert not buffer.fits(second)


def _byte(position: int, fmt: AudioFormat) -> int:
    return position // fmt.ticks_per_sample * fmt.width

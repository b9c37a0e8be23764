"""The rules of the file commands, one by one: writing as it comes, cutting, laying out in time, reading streams, finding turns."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import wave
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from command_kit import srt_texts
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.audio.wav import read_wav
from vivavoce.cli.errors import Trouble
from vivavoce.cli.files.dubbing import laid_out, pace
from vivavoce.cli.files.formats import SoundFormat, TextFormat, sound_format, text_format
from vivavoce.cli.files.heading import HEADING_BYTES, wav_heading
from vivavoce.cli.files.hints import Hints
from vivavoce.cli.files.incoming import samples
from vivavoce.cli.files.interpreting import Lines
from vivavoce.cli.files.lines import Line, Piece
from vivavoce.cli.files.output import PartFile
from vivavoce.cli.files.pieces import quietest
from vivavoce.cli.files.saying import portions
from vivavoce.cli.files.screen import Progress, Screen, clock
from vivavoce.cli.files.sound import Voiced
from vivavoce.cli.files.turns import Turn, turns
from vivavoce.cli.files.writers import writer
from vivavoce.engines.ports import RecognizedWord

SAID = [
    Piece("good"),
    Piece(
        " morning", Line(500, 1_500, "good morning", (RecognizedWord("good", 500, 900), RecognizedWord("morning", 950, 1_500)))
    ),
    Piece(" everybody", Line(2_000, 2_600, "everybody", (RecognizedWord("everybody", 2_000, 2_600),), "", "en")),
]


class Sink:
    def __init__(self) -> None:
        self.writes: list[str] = []

    def write(self, text: str) -> None:
        self.writes.append(text)

    @property
    def text(self) -> str:
        return "".join(self.writes)


def written(fmt: TextFormat, pieces: Sequence[Piece], *, complete: bool = True) -> str:
    sink = Sink()
    out = writer(fmt, sink)
    for piece in pieces:
        out.add(piece)
    out.close(3_000, complete=complete)
    return sink.text


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


# --- writing ----------------------------------------------------------------------------------------------------------------------


def test_text_is_written_word_by_word_and_a_line_for_each_stretch() -> None:
    sink = Sink()
    out = writer(TextFormat.txt, sink)
    seen = []
    for piece in SAID:
        out.add(piece)
        seen.append(sink.text)
    assert seen == ["good", "good morning\n", "good morning\neverybody\n"]


def test_subtitles_are_written_when_a_line_is_complete() -> None:
    sink = Sink()
    out = writer(TextFormat.srt, sink)
    out.add(SAID[0])
    assert sink.text == ""
    out.add(SAID[1])
    assert sink.text == "1\n00:00:00,500 --> 00:00:01,500\ngood morning\n\n"


@pytest.mark.parametrize("heard", range(4))
def test_cut_short_anywhere_what_was_written_is_valid(heard: int) -> None:
    srt_texts(written(TextFormat.srt, SAID[:heard], complete=False))
    text = written(TextFormat.json, SAID[:heard], complete=False)
    if not heard:
        assert text == ""
        return
    answer = json.loads(text)
    assert answer["complete"] is False
    assert answer["text"] == "".join(piece.text for piece in SAID[:heard])


def test_json_tells_segments_words_text_language_and_length() -> None:
    answer = json.loads(written(TextFormat.json, SAID))
    assert answer == {
        "task": "transcribe",
        "segments": [
            {"id": 0, "start": 0.5, "end": 1.5, "text": "good morning"},
            {"id": 1, "start": 2.0, "end": 2.6, "text": "everybody"},
        ],
        "words": [
            {"word": "good", "start": 0.5, "end": 0.9},
            {"word": "morning", "start": 0.95, "end": 1.5},
            {"word": "everybody", "start": 2.0, "end": 2.6},
        ],
        "text": "good morning everybody",
        "language": "english",
        "duration": 3.0,
    }


def test_a_file_gets_its_name_when_it_is_complete_and_keeps_the_old_one_until_then(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    file = PartFile(path)
    file.write("new")
    assert (path.read_text(), (tmp_path / "out.txt.part").read_text()) == ("old", "new")
    file.finish()
    assert path.read_text() == "new"
    abandoned = PartFile(path)
    assert abandoned.abandon() is None
    assert [each.name for each in tmp_path.iterdir()] == ["out.txt"]


def test_without_a_terminal_only_the_text_is_shown() -> None:
    out, err = io.StringIO(), io.StringIO()
    with Screen("transcribing", Progress(1, 2), out, err) as screen:
        screen.note("nobody reads this")
        screen.write("hel")
        assert out.getvalue() == "hel"
        screen.write("lo\n")
    assert (out.getvalue(), err.getvalue()) == ("hello\n", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_piped_text_stays_clean_while_the_bar_is_on_the_terminal() -> None:
    out, err = io.StringIO(), Terminal()
    with Screen("transcribing", Progress(30_000, 60_000), out, err) as screen:
        screen.write("hello\n")
    assert out.getvalue() == "hello\n"
    assert "transcribing" in err.getvalue()
    assert "0:30 of 1:00" in err.getvalue()


def test_on_a_terminal_whole_lines_stand_above_the_bar() -> None:
    both = Terminal()
    with Screen("transcribing", Progress(), both, both) as screen:
        for text in ("good ", "morning\nevery", "body"):
            screen.write(text)
    assert "good morning\n" in both.getvalue()
    assert both.getvalue().endswith("everybody")


@pytest.mark.parametrize(("ms", "shown"), [(0, "0:00"), (61_999, "1:01"), (3_723_000, "1:02:03")])
def test_time_is_shown_as_people_read_it(ms: int, shown: str) -> None:
    assert clock(ms) == shown


def test_the_flag_goes_before_the_name_of_the_file() -> None:
    assert text_format(TextFormat.json, Path("a.srt")) is TextFormat.json
    assert text_format(None, Path("a.SRT")) is TextFormat.srt
    assert text_format(None, Path("a.dat")) is TextFormat.txt
    assert sound_format(None, Path("-")) is SoundFormat.wav
    assert sound_format(None, Path("a.OGG")) is SoundFormat.opus


def test_keywords_go_into_the_prompt_where_a_model_takes_none() -> None:
    hints = Hints("en", ("Vivavoce", "Opus"), "About sound")
    assert hints.fields("gpt-transcribe") == {"language": "en", "keywords": ["Vivavoce", "Opus"], "prompt": "About sound"}
    assert hints.fields("whisper-1") == {"language": "en", "prompt": "About sound. Vivavoce, Opus"}


# --- cutting ----------------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 190))
def test_a_long_recording_is_cut_where_it_is_quiet(place: int) -> None:
    pcm = np.random.default_rng(1).integers(-9_000, 9_000, 160_000).astype(np.int16)
    quiet = 80_000 + min(place, 93) * 800
    pcm[quiet : quiet + 5_600] = 0
    assert quiet <= quietest(pcm, 80_000) <= quiet + 5_600


@given(st.lists(st.sampled_from(["One. ", "Two, ", "three", " ", "\n", "Four! ", "12345678901234567890"]), max_size=40))
async def test_portions_are_short_enough_and_nothing_is_lost(parts: list[str]) -> None:
    async def text() -> AsyncIterator[str]:
        for part in parts:
            yield part

    found = [portion async for portion in portions(text(), 16)]
    assert all(0 < len(portion) <= 16 and portion.strip() for portion in found)
    assert "".join("".join(found).split()) == "".join("".join(parts).split())


# --- in time ----------------------------------------------------------------------------------------------------------------------


async def test_speech_is_laid_out_at_its_moment_or_after_what_came_before() -> None:
    queue: asyncio.Queue[Voiced | None] = asyncio.Queue()
    loud = np.full(24_000, 1_000, np.int16)
    for at_ms in (500, 1_000, 4_000):
        queue.put_nowait(Voiced(at_ms, loud))
    queue.put_nowait(None)
    pcm = np.concatenate([part async for part in laid_out(queue)])
    edges = np.flatnonzero(np.diff((pcm != 0).astype(np.int8), prepend=0, append=0)) / 24
    assert edges.tolist() == [500, 2_500, 4_000, 5_000]


def test_a_voice_that_falls_behind_hurries_but_not_beyond_reason() -> None:
    assert [pace(behind_ms) for behind_ms in (-5_000, 0, 1_000)] == [1.0, 1.0, 1.0]
    assert 1.0 < pace(3_000) < pace(5_000) < 1.31
    assert pace(60_000) == pytest.approx(1.3)


def test_an_interpreter_is_written_down_in_sentences() -> None:
    lines = Lines()
    pieces = []
    for delta, at_ms in (("Good", 400), (" morning.", 800), (" How", 1_200), (" are you", 1_600), (" Well", 9_000)):
        pieces += lines.add(delta, at_ms)
    pieces += lines.end()
    assert "".join(piece.text for piece in pieces) == "Good morning. How are you Well"
    told = [(piece.line.start_ms, piece.line.text) for piece in pieces if piece.line is not None]
    assert told == [(400, "Good morning."), (1_200, "How are you"), (9_000, "Well")]


# --- streams ----------------------------------------------------------------------------------------------------------------------


def wav_stream(pcm: np.ndarray[tuple[int, ...], np.dtype[np.int16]], rate_hz: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


@given(st.lists(st.integers(0, 400), max_size=8), st.sampled_from([1, 2, 3]))
async def test_a_stream_gives_the_same_sound_however_it_is_cut(cuts: list[int], channels: int) -> None:
    mono = np.arange(-200, 200, dtype=np.int16)
    data = wav_stream(np.repeat(mono, channels), 16_000, channels)
    places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    parts = [data[start:end] for start, end in pairwise(places)]
    heard = b"".join([part async for part in samples(stream(*parts), None)])
    assert heard == mono.tobytes()


async def test_a_stream_at_another_rate_keeps_its_length() -> None:
    heard = b"".join([part async for part in samples(stream(bytes(2 * 44_100)), 44_100)])
    assert len(heard) // 2 == pytest.approx(16_000, abs=32)


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"ID3\x04 not a wave stream at all", wav_stream(np.zeros(4, np.int16), 16_000)[:30],
     struct.pack("<4sI4s4sI", b"RIFF", 0, b"WAVE", b"data", 0),
     wav_stream(np.zeros(4, np.int16), 16_000).replace(b"\x10\x00data", b"\x08\x00data")],
)  # fmt: skip
async def test_what_is_no_stream_of_samples_is_refused(data: bytes) -> None:
    with pytest.raises(Trouble):
        async for _ in samples(stream(data), None):
            pass


def test_a_heading_tells_what_follows() -> None:
    with wave.open(io.BytesIO(wav_heading(4_800, 24_000) + bytes(4_800))) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels(), file.getsampwidth()) == (2_400, 24_000, 1, 2)
    assert len(wav_heading(1 << 40, 24_000)) == HEADING_BYTES


async def test_turns_end_where_people_pause(speech: Path) -> None:
    pcm, _ = read_wav(speech / "caller" / "order_status.wav", 16_000)
    silence = np.zeros(16_000, np.int16)
    data = np.concatenate([silence, pcm, silence, pcm, silence]).tobytes()
    parts = [part async for part in turns(stream(*(data[at : at + 3_000] for at in range(0, len(data), 3_000))))]
    found = [part for part in parts if isinstance(part, Turn)]
    length_ms = len(pcm) / 16
    assert [turn.start_ms for turn in found] == pytest.approx([1_000, 2_000 + length_ms], abs=200)
    assert [turn.end_ms for turn in found] == pytest.approx([1_000 + length_ms, 2_000 + 2 * length_ms], abs=200)
    sent = sum(len(part) for part in parts if isinstance(part, bytes))
    assert sent < len(data)  # not all of the silence
    assert isinstance(parts[-1], Turn) and isinstance(parts[-2], bytes)

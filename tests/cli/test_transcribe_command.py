"""`vivavoce transcribe` without a server: the embedded engines on human recordings, pipes, formats, misuse, and Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from command_kit import ENVIRONMENT, command, piped, run, srt_texts, the_error, vtt_texts

from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.cli.errors import FAILED, INTERRUPTED, MISUSED


@pytest.fixture(scope="module")
def order(speech: Path) -> Path:
    """Two seconds: "I'd like to check my order status please"."""
    return speech / "caller" / "order_status.wav"


def samples_of(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


# --- what is written --------------------------------------------------------------------------------------------------------------


def test_a_recording_becomes_lines_of_text_and_nothing_else(order: Path) -> None:
    result = run("transcribe", order)
    assert result.exit_code == 0, result.output
    assert "like to check my order" in result.stdout
    assert result.stdout.endswith("\n")
    assert result.stderr == ""


def test_keywords_and_prompt_shape_what_is_heard(order: Path) -> None:
    hints = ["--keywords", "order status, please", "--prompt", "I'd like to check my order status please", "--language", "en"]
    result = run("transcribe", order, *hints)
    assert result.exit_code == 0, result.output
    assert "order status please" in result.stdout


def test_the_name_of_the_file_decides_its_format(order: Path, tmp_path: Path) -> None:
    for name, texts in (("out.srt", srt_texts), ("out.vtt", vtt_texts)):
        result = run("transcribe", order, "-o", tmp_path / name, "--profile", "null")
        assert result.exit_code == 0, result.output
        assert result.output == ""
        assert texts((tmp_path / name).read_text("utf-8")) == ["hello"]
    assert not list(tmp_path.glob("*.part"))


def test_json_has_the_shape_of_the_api_with_every_word_in_its_time(order: Path) -> None:
    result = run("transcribe", order, "--format", "json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["task"] == "transcribe"
    assert answer["language"] == "english"
    assert answer["duration"] == pytest.approx(len(samples_of(order)) / 32_000, abs=0.01)
    assert " ".join(segment["text"] for segment in answer["segments"]) == answer["text"]
    assert [word["word"] for word in answer["words"]] == answer["text"].split()
    times = [time for word in answer["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert "complete" not in answer


def test_silence_gives_an_empty_but_whole_transcript(tmp_path: Path) -> None:
    write_wav(tmp_path / "silence.wav", np.zeros(16_000, np.int16), 16_000)
    expected = {"txt": "", "srt": "", "vtt": "WEBVTT\n\n"}
    quick = ["transcribe", tmp_path / "silence.wav", "--profile", "null", "--format"]
    for fmt, text in expected.items():
        assert run(*quick, fmt).stdout == text
    answer = json.loads(run(*quick, "json").stdout)
    assert (answer["text"], answer["segments"], answer["duration"]) == ("", [], 1.0)


def test_a_compressed_stereo_file_is_heard_too(order: Path, tmp_path: Path) -> None:
    from vivavoce.audio.media import MediaWorkers

    pcm, _ = read_wav(order, 24_000)

    async def one() -> AsyncIterator[np.ndarray[tuple[int], np.dtype[np.int16]]]:
        yield pcm

    async def encode() -> bytes:
        media = MediaWorkers()
        try:
            return b"".join([data async for data in media.encode(one(), 24_000, "mp3")])
        finally:
            await media.close()

    (tmp_path / "order.mp3").write_bytes(asyncio.run(encode()))
    result = run("transcribe", tmp_path / "order.mp3")
    assert result.exit_code == 0, result.output
    assert "check my order" in result.stdout


# --- pipes ------------------------------------------------------------------------------------------------------------------------


def test_standard_input_may_be_a_whole_file_or_bare_samples(order: Path) -> None:
    for data, flags in ((order.read_bytes(), []), (samples_of(order), ["--rate", "16000"])):
        done = piped(data, "transcribe", "-", "--profile", "null", *flags)
        assert done.returncode == 0, done.stderr
        assert done.stdout == b"hello\n"
        assert done.stderr == b""


def test_live_captions_of_a_stream_come_before_it_ends(order: Path) -> None:
    process = subprocess.Popen(
        command("transcribe", "-", "--live"),
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    endless = b"\xff\xff\xff\xff"
    data = order.read_bytes()
    stream = data[:4] + endless + data[8:40] + endless + data[44:]
    process.stdin.write(stream + bytes(32_000))
    process.stdin.flush()
    line = process.stdout.readline()  # while the stream is still open
    process.stdin.close()
    assert process.wait(60) == 0
    assert b"check my order" in line
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_live_captions_of_a_file_are_subtitles_too(order: Path) -> None:
    result = run("transcribe", order, "--live", "--format", "srt")
    assert result.exit_code == 0, result.output
    assert "check my order" in " ".join(srt_texts(result.stdout)).replace("\n", " ")


def test_a_reader_that_goes_away_ends_it_without_a_traceback(order: Path) -> None:
    process = subprocess.Popen(
        command("transcribe", order, "--profile", "null"), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(60) != 0
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_there_is_and_does_not_call_it_complete(speech: Path, tmp_path: Path) -> None:
    out, shown = tmp_path / "out.json", tmp_path / "out.json.part"
    pcm, _ = read_wav(speech / "caller" / "order_status.wav", 16_000)
    source = tmp_path / "long.wav"
    write_wav(source, np.concatenate([pcm, np.zeros(16_000, np.int16)] * 30), 16_000)
    process = subprocess.Popen(
        command("transcribe", source, "--live", "-o", out, "--profile", "null"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(600):
            if shown.exists() and "hello" in shown.read_text("utf-8"):
                break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == INTERRUPTED
    finally:
        process.kill()
        _, errors = process.communicate()
    assert b"Traceback" not in errors
    assert not out.exists()
    answer = json.loads(shown.read_text("utf-8"))
    assert answer["complete"] is False
    assert answer["text"].startswith("hello")


def test_ctrl_c_is_the_end_of_a_stream_that_has_none(order: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.srt"
    process = subprocess.Popen(
        command("transcribe", "-", "--live", "--rate", "16000", "-o", out, "--profile", "null"),
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stderr is not None
    try:
        process.stdin.write(samples_of(order) + bytes(32_000))
        process.stdin.flush()
        for _ in range(600):
            part = out.with_name("out.srt.part")
            if part.exists() and part.stat().st_size:
                break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        errors = process.stderr.read()
        process.stderr.close()
    assert errors == b""
    assert srt_texts(out.read_text("utf-8")) == ["hello"]


# --- misuse -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    write_wav(tmp_path / "silence.wav", np.zeros(1_600, np.int16), 16_000)
    return tmp_path / "silence.wav"


def test_what_is_not_there_or_no_recording_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("nothing to hear")
    said = {"nowhere.wav": "No such file", "empty.wav": "empty.wav is empty", "notes.txt": "notes.txt: the file is not audio"}
    for name, reason in said.items():
        result = run("transcribe", tmp_path / name)
        assert result.exit_code == MISUSED
        assert reason in the_error(result)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--language", "de"], "pocketsphinx knows en"),
        (["--model", "gpt-transcrib"], "did you mean 'gpt-transcribe'?"),
        (["--model", "gpt-realtime"], "is no transcription model"),
        (["--rate", "16000"], "name - as the file"),
        (["--mic"], "choose one"),
        (["-o", "/no such folder/out.txt"], "cannot be written"),
        (["--url", "ftp://127.0.0.1"], "is no address"),
    ],
)
def test_what_makes_no_sense_is_misuse_and_named(silence: Path, flags: list[str], reason: str) -> None:
    result = run("transcribe", silence, *flags)
    assert result.exit_code == MISUSED
    assert reason in the_error(result)


def test_nothing_to_listen_to_is_misuse() -> None:
    result = run("transcribe")
    assert result.exit_code == MISUSED
    assert "a file, - for standard input, or --mic" in the_error(result)


def test_the_source_is_never_written_over(silence: Path) -> None:
    before = silence.read_bytes()
    result = run("transcribe", silence, "-o", silence)
    assert result.exit_code == MISUSED
    assert silence.read_bytes() == before


def test_a_failure_leaves_no_file_behind(silence: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    assert run("transcribe", tmp_path / "notes.txt", "-o", tmp_path / "out.json").exit_code == MISUSED
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "silence.wav"]


def test_what_is_no_sound_on_standard_input_is_misuse() -> None:
    for flags, reason in (([], b"standard input: the file is not audio"), (["--live"], b"is no WAV stream")):
        done = piped(b"nothing to hear, but long enough to be looked at", "transcribe", "-", *flags)
        assert done.returncode == MISUSED
        assert reason in done.stderr
        assert done.stdout == b""


def test_a_microphone_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = run("transcribe", "--mic")
    assert result.exit_code == FAILED
    assert "pip install 'vivavoce[mic]', or name a file" in the_error(result)

"""`vivavoce say` without a server: every format, standard input and output, and misuse."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_kit import ENVIRONMENT, command, needs_voice, piped, run, the_error

from vivavoce.audio.wav import read_wav
from vivavoce.cli.errors import MISUSED


@needs_voice
def test_a_text_is_said_into_a_file(tmp_path: Path) -> None:
    result = run("say", "Good morning. How are you?", "-o", tmp_path / "out.wav")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    pcm, rate_hz = read_wav(tmp_path / "out.wav")
    assert rate_hz == 24_000
    assert 1.0 < len(pcm) / rate_hz < 5.0
    assert np.abs(pcm).max() > 1_000
    assert os.listdir(tmp_path) == ["out.wav"]


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [("wav", b"RIFF"), ("mp3", b"\xff"), ("opus", b"OggS"), ("ogg", b"OggS"), ("aac", b"\xff"), ("flac", b"fLaC")],
)
def test_the_name_of_the_file_decides_its_format(suffix: str, magic: bytes, tmp_path: Path) -> None:
    result = run("say", "Good morning.", "-o", tmp_path / f"out.{suffix}", "--profile", "null")
    assert result.exit_code == 0, result.output
    assert (tmp_path / f"out.{suffix}").read_bytes().startswith(magic)


def test_speed_beyond_what_a_voice_can_do_is_stretched(tmp_path: Path) -> None:
    lengths = []
    for speed in ("1", "4"):
        assert (
            run("say", "Good morning to you all.", "-o", tmp_path / "out.wav", "--profile", "null", "--speed", speed).exit_code
            == 0
        )
        lengths.append(len(read_wav(tmp_path / "out.wav")[0]))
    assert lengths[0] / lengths[1] == pytest.approx(4, rel=0.15)


def test_speech_starts_before_the_text_has_ended() -> None:
    process = subprocess.Popen(
        command("say", "-", "-o", "-", "--format", "pcm", "--profile", "null"),
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"This is the first sentence. And this")
    process.stdin.flush()
    assert len(process.stdout.read(4_800)) == 4_800  # while the text is still open
    process.stdin.write(b" is the second.\n")
    process.stdin.close()
    assert len(process.stdout.read()) > 4_800
    assert process.wait(20) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["hello", "-o", "out.xyz"], "end it in .wav or .mp3, or add --format"),
        (["hello", "-o", "out.wav", "--voice", "aloy"], "did you mean 'alloy'?"),
        (["hello", "-o", "out.wav", "--model", "gpt-realtime"], "is no speech model"),
        (["  ", "-o", "out.wav"], "nothing to say"),
        (["hello", "-o", "/no such folder/out.wav"], "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_misuse_and_named(
    arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("say", *arguments, "--profile", "null")
    assert result.exit_code == MISUSED
    assert reason in the_error(result)
    assert os.listdir(tmp_path) == []


@needs_voice
def test_a_language_nobody_speaks_is_misuse(tmp_path: Path) -> None:
    result = run("say", "nuqneH", "-o", tmp_path / "out.wav", "--language", "tlh")
    assert result.exit_code == MISUSED
    assert "--language 'tlh' is not spoken here" in the_error(result)


def test_a_text_that_says_nothing_leaves_no_file(tmp_path: Path) -> None:
    for text, reason in ((b" \n", b"nothing to say"), (b"\xff\xfe\x00", b"no text in UTF-8")):
        done = piped(text, "say", "-", "-o", tmp_path / "out.wav", "--profile", "null")
        assert done.returncode == MISUSED
        assert reason in done.stderr
        assert os.listdir(tmp_path) == []

"""`vivavoce translate` without a server: text and speech at the times of the original, and misuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_kit import needs_voice, run, srt_texts, the_error

from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.cli.errors import MISUSED
from vivavoce.models.translators import apertium_pairs


@pytest.fixture
def late(speech: Path, tmp_path: Path) -> Path:
    """Three seconds of silence, then "I'd like to check my order status please"."""
    pcm, _ = read_wav(speech / "caller" / "order_status.wav", 16_000)
    write_wav(tmp_path / "late.wav", np.concatenate([np.zeros(48_000, np.int16), pcm]), 16_000)
    return tmp_path / "late.wav"


def test_speech_begins_where_the_original_does_and_the_text_is_written_too(late: Path, tmp_path: Path) -> None:
    result = run("translate", late, "--to", "es", "-o", tmp_path / "es.wav", "-o", tmp_path / "es.srt", "--profile", "null")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    assert srt_texts((tmp_path / "es.srt").read_text("utf-8")) == ["hello"]
    pcm, rate_hz = read_wav(tmp_path / "es.wav")
    first = int(np.flatnonzero(np.abs(pcm) > 100)[0]) / rate_hz
    assert 2.5 < first < 3.5


def test_the_text_goes_to_standard_output_where_no_file_is_named(late: Path, tmp_path: Path) -> None:
    result = run("translate", late, "--to", "es", "--format", "json", "-o", tmp_path / "es.mp3", "--profile", "null")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["task"], answer["text"], answer["language"]) == ("translate", "hello", "spanish")
    assert (tmp_path / "es.mp3").stat().st_size > 1_000


@needs_voice
@pytest.mark.skipif(
    ("en", "es") not in apertium_pairs(), reason="no translator is installed: apt install apertium apertium-eng-spa"
)
def test_english_is_heard_translated_and_spoken_in_spanish(speech: Path, tmp_path: Path) -> None:
    result = run("translate", speech / "caller" / "order_status.wav", "--to", "es-MX", "-o", tmp_path / "es.wav")
    assert result.exit_code == 0, result.output
    assert "comprobar" in result.stdout
    assert len(read_wav(tmp_path / "es.wav")[0]) > 24_000


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--to", "tlh"], "--to 'tlh'"),
        (["--to", "es", "--from", "xx", "--profile", "embedded"], "--from 'xx' is not understood here"),
        (["--to", "es", "-o", "a.wav", "-o", "b.mp3"], "only one -o may be a sound file"),
        (["--to", "es", "-o", "a.wav", "--voice", "aloy"], "did you mean 'alloy'?"),
        (["--to", "es", "--model", "whisper-1"], "is no translation model"),
        (["--to", "es", "--url", "127.0.0.1:1", "--voice", "alloy"], "has a voice of its own"),
    ],
)
def test_what_makes_no_sense_is_misuse_and_named(late: Path, flags: list[str], reason: str) -> None:
    result = run("translate", late, "--profile", "null", *flags)
    assert result.exit_code == MISUSED
    assert reason in the_error(result)


def test_without_a_translator_it_says_how_to_get_one(late: Path, tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text('[defaults]\ntranslator = "none"\n')
    result = run("translate", late, "--to", "es", "--profile", "null", "--config", tmp_path / "none.toml")
    assert result.exit_code == MISUSED
    assert "no translator: set VIVAVOCE_LLM_BASE_URL" in the_error(result)
    assert "apt install apertium" in the_error(result)

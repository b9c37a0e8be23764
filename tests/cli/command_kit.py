"""What the tests of the file commands share: running them as a user does, in this process or in one of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vivavoce.cli.main import app
from vivavoce.engines.tts.available import describe

ENVIRONMENT: Mapping[str, str] = {
    name: value
    for name, value in os.environ.items()
    if name == "VIVAVOCE_FLITE_DIR" or not name.startswith(("VIVAVOCE_", "OPENAI_"))
}

needs_voice = pytest.mark.skipif(
    not any(candidate.usable and "en" in candidate.languages for candidate in describe()),
    reason="no voice is installed: apt install libflite1, or pip install 'vivavoce[espeak]'",
)

_SRT = re.compile(r"(\d+)\n(\d\d:\d\d:\d\d,\d{3}) --> (\d\d:\d\d:\d\d,\d{3})\n(.+?)\n\n", re.S)
_VTT = re.compile(r"(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})\n(.+?)\n\n", re.S)


_UNSET = ("VIVAVOCE_PROFILE", "VIVAVOCE_CONFIG", "VIVAVOCE_LLM_BASE_URL", "VIVAVOCE_API_KEY", "OPENAI_API_KEY")


def run(*arguments: str | Path, **environment: str) -> Result:
    """Run a command in this process."""
    settings = {"COLUMNS": "200", "VIVAVOCE_HOME": "/nonexistent/vivavoce", **dict.fromkeys(_UNSET)}
    return CliRunner().invoke(app, [str(each) for each in arguments], env={**settings, **environment})


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of a command in a process of its own."""
    return [sys.executable, "-m", "vivavoce", *map(str, arguments)]


def piped(data: bytes, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command with this on its standard input."""
    return subprocess.run(command(*arguments), input=data, env=ENVIRONMENT, capture_output=True, timeout=100)


def the_error(result: Result) -> str:
    """Return the one line on standard error that an expected failure consists of."""
    assert "Traceback" not in result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.output
    assert lines[0].startswith("error: ")
    return lines[0]


def srt_texts(subtitles: str) -> list[str]:
    """Return the texts of valid SubRip subtitles: numbered from 1, in order of time, nothing else in them."""
    cues = _SRT.findall(subtitles)
    assert _SRT.sub("", subtitles) == ""
    assert [int(number) for number, *_ in cues] == list(range(1, len(cues) + 1))
    times = [time for _, start, end, _ in cues for time in (start, end)]
    assert times == sorted(times)
    return [text for *_, text in cues]


def vtt_texts(subtitles: str) -> list[str]:
    """Return the texts of valid WebVTT subtitles."""
    heading, _, rest = subtitles.partition("\n\n")
    assert heading == "WEBVTT"
    cues = _VTT.findall(rest)
    assert _VTT.sub("", rest) == ""
    return [text for *_, text in cues]

"""The command line as a whole: help, versions, and how misuse and failure end."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from vivavoce.audio.wav import write_wav
from vivavoce.cli.errors import FAILED, MISUSED
from vivavoce.cli.main import app


def run(*arguments: str, **environment: str | None) -> Result:
    settings = {
        "VIVAVOCE_HOME": "/nonexistent/vivavoce",
        "VIVAVOCE_PROFILE": None,
        "VIVAVOCE_CONFIG": None,
        "VIVAVOCE_PORT": None,
    }
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", **settings, **environment})


def the_error(result: Result) -> str:
    """The one line on standard error that an expected failure consists of."""
    assert "Traceback" not in result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_every_command_is_listed_and_has_help() -> None:
    listed = run("--help").stdout
    for command in ("serve", "demo", "talk", "transcribe", "translate", "say", "doctor", "models", "version"):
        assert f"  {command}" in listed
        assert run(command, "--help").exit_code == 0


def test_version_is_one_line_and_also_a_flag() -> None:
    result = run("version")
    assert result.exit_code == 0
    assert result.stdout.startswith("vivavoce ")
    assert run("--version").stdout == result.stdout


def test_help_and_version_load_no_engines() -> None:
    heavy = "numpy, openai, uvicorn, onnxruntime"
    code = f"import sys; import vivavoce.cli.main; print(*({{*'{heavy}'.split(', ')}} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_numpy_is_told_to_stay_on_one_thread_unless_the_user_decided() -> None:
    code = "import os, sys; sys.argv = ['vivavoce', 'version']\nfrom vivavoce.cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['OMP_NUM_THREADS'])"
    environment = {"OMP_NUM_THREADS": "3", "PYTHONPATH": ":".join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "1 3"


# --- serve ------------------------------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_one_line_with_a_way_out(taken_port: int) -> None:
    result = run("serve", "--profile", "null", "--port", str(taken_port))
    assert result.exit_code == FAILED
    assert f"port {taken_port} on 127.0.0.1 is in use" in the_error(result)
    assert "--port" in the_error(result)


def test_a_public_host_without_keys_is_misuse() -> None:
    result = run("serve", "--profile", "null", "--host", "0.0.0.0", "--port", "0")
    assert result.exit_code == MISUSED
    assert "VIVAVOCE_API_KEYS" in the_error(result)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_misuse(host: str) -> None:
    result = run("serve", "--profile", "null", "--host", host, "--port", "0", "--api-key", "k")
    assert result.exit_code == MISUSED
    assert "server.host" in the_error(result)


def test_an_unknown_engine_is_misuse_and_the_known_ones_are_named(tmp_path: Path) -> None:
    config = tmp_path / "vivavoce.toml"
    config.write_text('[defaults]\nsynthesizer = "flit"\n')
    result = run("serve", "--config", str(config), "--profile", "null", "--port", "0")
    assert result.exit_code == MISUSED
    assert "did you mean 'flite'?" in the_error(result)


def test_a_missing_voice_is_a_failure_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivavoce.engines.tts.available.find_flite", lambda: None)
    monkeypatch.setattr("vivavoce.engines.tts.available.find_espeak", lambda: None)
    config = tmp_path / "vivavoce.toml"
    config.write_text('[defaults]\nsynthesizer = "auto"\n')
    result = run("serve", "--config", str(config), "--profile", "null", "--port", "0")
    assert result.exit_code == FAILED
    assert "no voice is installed: apt install" in the_error(result)


@pytest.mark.parametrize(
    ("flag", "value"), [("--port", "70000"), ("--log-level", "loud"), ("--profile", "embeded"), ("--max-sessions", "0")]
)
def test_a_flag_that_makes_no_sense_is_misuse_and_named(flag: str, value: str) -> None:
    result = run("serve", flag, value)
    assert result.exit_code == MISUSED
    assert f"(from {flag})" in the_error(result)


# --- talk and demo ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}/v1", "127.0.0.1:{}", "ws://127.0.0.1:{}/v1/realtime?model=x"])
def test_talk_without_a_server_says_how_to_start_one(form: str, free_port: int, tmp_path: Path) -> None:
    result = run("talk", "--url", form.format(free_port), "--text", "hello", "--out", str(tmp_path / "reply.wav"))
    assert result.exit_code == FAILED
    assert f"no server answers at http://127.0.0.1:{free_port}/v1: start one with `vivavoce serve`" in the_error(result)


def test_what_is_no_wav_file_is_misuse(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("nothing to hear")
    for arguments in (("talk", "--in"), ("demo", "--out", str(tmp_path), "--caller")):
        result = run(*arguments, str(text))
        assert result.exit_code == MISUSED
        assert "notes.txt cannot be read as a WAV file" in the_error(result)


@pytest.mark.parametrize(
    "arguments",
    [("--in", "{wav}", "--text", "hello"), ("--out", "reply.wav"), ("--url", "ftp://127.0.0.1", "--text", "hello")],
)
def test_talk_refuses_what_makes_no_sense_together(arguments: tuple[str, ...], tmp_path: Path) -> None:
    wav = tmp_path / "in.wav"
    write_wav(wav, np.ones(240, np.int16), 24_000)
    result = run("talk", *(argument.format(wav=wav) for argument in arguments))
    assert result.exit_code == MISUSED
    the_error(result)


def test_talk_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = run("talk")
    assert result.exit_code == FAILED
    assert "pip install 'vivavoce[mic]'" in the_error(result)


def test_the_null_profile_cannot_order_coffee(tmp_path: Path) -> None:
    result = run("demo", "--profile", "null", "--out", str(tmp_path))
    assert result.exit_code == MISUSED
    assert "null profile" in the_error(result)


# --- doctor -----------------------------------------------------------------------------------------------------------------------


def test_doctor_tells_what_is_there_as_json(taken_port: int) -> None:
    result = run("doctor", "--json", "--profile", "null", VIVAVOCE_PORT=str(taken_port))
    report = json.loads(result.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert result.exit_code == 0
    assert report["ok"] is True
    assert {"python", "profile", "voice activity", "recognizer", "brain", "voice flite", "voice espeak-ng", "home"} <= set(checks)
    assert checks["port"]["status"] == "warn"
    assert all(check["way_out"] for check in report["checks"] if check["status"] != "ok")


def test_doctor_fails_when_no_session_could_be_held(free_port: int) -> None:
    endpoint = f"http://127.0.0.1:{free_port}/v1"
    result = run("doctor", "--profile", "null", VIVAVOCE_LLM_BASE_URL=endpoint)
    assert result.exit_code == FAILED
    assert f"{endpoint} does not answer" in result.stdout
    assert "No session can be held here" in result.stdout


def test_doctor_reports_a_broken_setting_instead_of_stopping_at_it() -> None:
    result = run("doctor", "--json", VIVAVOCE_PROFILE="embeded")
    assert result.exit_code == FAILED
    assert json.loads(result.stdout)["checks"][-1]["name"] == "settings"

"""Whole commands against real server processes on loopback: `serve`, `talk` and `demo` as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.cli.child import ServerProcess
from vivavoce.cli.errors import FAILED, Trouble
from vivavoce.cli.main import app
from vivavoce.engines.tts.available import describe

SETTINGS = {name: value for name, value in os.environ.items() if not name.startswith("VIVAVOCE_") or name == "VIVAVOCE_FLITE_DIR"}


@pytest.fixture(scope="module")
def null_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on the null profile, in a process of its own."""
    log = tmp_path_factory.mktemp("null") / "server.log"
    with ServerProcess(["--profile", "null", "--port", "0", "--drain-seconds", "0"], SETTINGS, log) as server:
        yield server.start()


def channels(path: Path) -> list[np.ndarray[tuple[int], np.dtype[np.int16]]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 24_000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return [samples[:, 0], samples[:, 1]]


def test_serve_announces_itself_once_it_is_ready_and_says_how_to_connect(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vivavoce", "serve", "--profile", "null", "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=SETTINGS, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        address = first.split()[3]
        assert first.startswith("Vivavoce listens at http://127.0.0.1:")
        assert httpx.get(address.removesuffix("/v1") + "/readyz").text == "ready\n"
        page, _, *hint = [process.stdout.readline().strip() for _ in range(6)][1:]
        assert page.startswith(f"Open {address.removesuffix('v1')} in a browser")
        assert address in hint[1]
        compile(f"async def f():\n    {hint[0]}\n    {hint[1]}\n    {hint[2]}", "hint", "exec")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_server_that_cannot_start_tells_its_parent_why(tmp_path: Path) -> None:
    with (
        ServerProcess(["--host", "0.0.0.0"], SETTINGS, tmp_path / "log") as server,
        pytest.raises(Trouble, match="VIVAVOCE_API_KEYS"),
    ):
        server.start()


def test_talk_plays_a_file_and_keeps_the_answer(null_server: str, speech: Path, tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"
    source = speech / "caller" / "hello.wav"
    result = CliRunner().invoke(app, ["talk", "--url", null_server, "--in", str(source), "--out", str(reply)])
    assert result.exit_code == 0, result.output
    assert 'heard "hello"' in result.stdout
    assert "I heard you." in result.stdout
    pcm, rate = read_wav(reply)
    assert rate == 24_000
    assert len(pcm) > rate // 2
    assert np.abs(pcm[:240]).max() > 0


def test_a_caller_who_goes_on_speaking_silences_the_answer(null_server: str, speech: Path, tmp_path: Path) -> None:
    hello, _ = read_wav(speech / "caller" / "hello.wav", 24_000)
    source, reply = tmp_path / "twice.wav", tmp_path / "reply.wav"
    write_wav(source, np.concatenate([hello, np.zeros(24_000, np.int16), hello]), 24_000)
    result = CliRunner().invoke(app, ["talk", "--url", null_server, "--in", str(source), "--out", str(reply)])
    assert result.exit_code == 0, result.output
    assert " ms were heard" in result.stdout
    assert "error" not in result.output
    assert result.stdout.count("I heard you.") == 2


def test_talk_answers_a_text_aloud(null_server: str, tmp_path: Path) -> None:
    reply = tmp_path / "reply.wav"
    result = CliRunner().invoke(app, ["talk", "--url", null_server, "--text", "hello", "--out", str(reply)])
    assert result.exit_code == 0, result.output
    assert len(read_wav(reply)[0]) > 12_000


def test_a_model_nobody_serves_is_one_line(null_server: str, tmp_path: Path) -> None:
    arguments = ["talk", "--url", null_server, "--model", "gpt-7", "--text", "hello", "--out", str(tmp_path / "reply.wav")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == FAILED
    assert result.stderr == (
        f"error: the server at {null_server} refuses: The model 'gpt-7' does not exist or you do not have access to it.\n"
    )


@pytest.mark.skipif(
    not any(candidate.usable and "en" in candidate.languages for candidate in describe()),
    reason="no voice is installed: apt install libflite1, or pip install 'vivavoce[espeak]'",
)
def test_the_demo_orders_a_coffee(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vivavoce", "demo", "--no-view", "--no-pull", "--out", str(tmp_path / "out")]
    environment = {**SETTINGS, "VIVAVOCE_HOME": str(tmp_path / "home")}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "The caller is synthesized too" in run.stdout
    assert "orderDrink(" in run.stdout
    assert "speech end → turn closed" in run.stdout

    caller, agent = channels(tmp_path / "out" / "demo.wav")
    for side in (caller, agent):
        assert 1000 < np.abs(side).max() < 32_767
        assert np.abs(side[:12_000]).max() == 0  # both wait before the first word

    lines = [json.loads(line) for line in (tmp_path / "out" / "demo.events.jsonl").read_text("utf-8").splitlines()]
    assert [line["ms"] for line in lines] == sorted(line["ms"] for line in lines)
    types = {(line["from"], line["event"]["type"]) for line in lines}
    assert {("client", "session.update"), ("client", "input_audio_buffer.append"), ("server", "response.done")} <= types
    calls = [line["event"] for line in lines if line["event"]["type"] == "response.function_call_arguments.done"]
    assert len(calls) == 1
    arguments = json.loads(calls[0]["arguments"])
    assert (arguments["coffeeDrink"], arguments["size"]) == ("cappuccino", "large")

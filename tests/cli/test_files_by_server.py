"""`transcribe`, `translate` and `say` with `--url`: a real server process, the official client, and what goes wrong between them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_kit import ENVIRONMENT, run, srt_texts, the_error, vtt_texts
from typer.testing import Result

from vivavoce.audio.wav import read_wav, write_wav
from vivavoce.cli.child import ServerProcess
from vivavoce.cli.errors import FAILED, MISUSED
from vivavoce.cli.files import pieces

KEY = "a key of the server"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on the null profile: it hears "hello" in whatever is said, and says tones."""
    log = tmp_path_factory.mktemp("server") / "log"
    flags = ["--profile", "null", "--port", "0", "--drain-seconds", "0", "--api-key", KEY]
    with ServerProcess(flags, ENVIRONMENT, log) as process:
        yield process.start()


@pytest.fixture(scope="module")
def spoken(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of silence, 'hello', and silence."""
    pcm, _ = read_wav(speech / "caller" / "hello.wav", 16_000)
    path = tmp_path_factory.mktemp("spoken") / "hello.wav"
    write_wav(path, np.concatenate([np.zeros(8_000, np.int16), pcm, np.zeros(16_000, np.int16)]), 16_000)
    return path


def by(server: str, *arguments: str | Path) -> Result:
    return run(*arguments, "--url", server, VIVAVOCE_API_KEY=KEY)


# --- what is asked for ------------------------------------------------------------------------------------------------------------


def test_every_format_comes_from_a_server_too(server: str, spoken: Path) -> None:
    assert by(server, "transcribe", spoken).stdout == "hello\n"
    assert srt_texts(by(server, "transcribe", spoken, "--format", "srt").stdout) == ["hello"]
    assert vtt_texts(by(server, "transcribe", spoken, "--format", "vtt").stdout) == ["hello"]
    answer = json.loads(by(server, "transcribe", spoken, "--format", "json").stdout)
    assert [segment["text"] for segment in answer["segments"]] == [answer["text"]] == ["hello"]
    assert [word["word"] for word in answer["words"]] == ["hello"]


def test_live_captions_come_from_a_realtime_session(server: str, spoken: Path) -> None:
    result = by(server, "transcribe", spoken, "--live")
    assert (result.exit_code, result.stdout) == (0, "hello\n"), result.output
    subtitles = by(server, "transcribe", spoken, "--live", "--format", "srt").stdout
    assert srt_texts(subtitles) == ["hello"]
    assert "00:00:00,5" in subtitles or "00:00:00,6" in subtitles  # where the word is in the file


def test_a_long_recording_goes_in_parts_with_the_times_of_the_whole(
    server: str, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PART_S", 5)
    monkeypatch.setattr(pieces, "_SEARCHED_S", 2)
    pcm, _ = read_wav(speech / "caller" / "hello.wav", 16_000)
    second = np.zeros(40_000, np.int16)
    second[: len(pcm)] = pcm
    write_wav(tmp_path / "long.wav", np.concatenate([second] * 4), 16_000)  # 10 s, a word every 2.5
    result = by(server, "transcribe", tmp_path / "long.wav", "--format", "json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["text"] == "hello hello hello hello"
    starts = [segment["start"] for segment in answer["segments"]]
    assert starts == pytest.approx([0.0, 2.5, 5.0, 7.5], abs=0.5)
    assert by(server, "transcribe", tmp_path / "long.wav").stdout == "hello hello\nhello hello\n"


def test_speech_comes_from_a_server_in_every_length(server: str, tmp_path: Path) -> None:
    lengths = []
    for text in ("One sentence.", "One sentence. " * 400):
        result = by(server, "say", text, "-o", tmp_path / "out.wav")
        assert result.exit_code == 0, result.output
        lengths.append(len(read_wav(tmp_path / "out.wav")[0]))
    assert lengths[1] > 300 * lengths[0]
    assert by(server, "say", "One sentence.", "-o", tmp_path / "out.mp3", "--voice", "marin").exit_code == 0


def test_written_english_comes_from_the_transcriber(server: str, spoken: Path) -> None:
    assert by(server, "translate", spoken, "--to", "en").stdout == "hello\n"


def test_another_language_comes_from_the_interpreter_written_and_spoken(server: str, spoken: Path, tmp_path: Path) -> None:
    result = by(server, "translate", spoken, "--to", "es", "-o", tmp_path / "es.wav", "-o", tmp_path / "es.srt")
    assert result.exit_code == 0, result.output
    assert srt_texts((tmp_path / "es.srt").read_text("utf-8")) == ["hello"]
    pcm, rate_hz = read_wav(tmp_path / "es.wav")
    assert np.flatnonzero(np.abs(pcm) > 100)[0] > rate_hz // 2


# --- what goes wrong --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        (["transcribe", "{}", "--model", "gpt-7"], "The model 'gpt-7' does not exist", MISUSED),
        (["transcribe", "{}", "--live", "--prompt", "x"], "takes neither --prompt nor --keywords", MISUSED),
        (["say", "hello", "-o", "{out}", "--voice", "nobody"], "refuses: Invalid value: 'nobody'", MISUSED),
        (["translate", "{}", "--to", "tlh"], "tlh", MISUSED),
    ],
)
def test_a_refusal_of_the_server_is_one_line(
    arguments: list[str], reason: str, code: int, server: str, spoken: Path, tmp_path: Path
) -> None:
    result = by(server, *(each.format(spoken, out=tmp_path / "out.wav") for each in arguments))
    assert result.exit_code == code
    assert reason in the_error(result)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["transcribe", "{}"], ["transcribe", "{}", "--live"], ["translate", "{}", "--to", "es"]])
def test_a_wrong_key_is_refused_and_the_right_one_may_come_as_a_flag(command: list[str], server: str, spoken: Path) -> None:
    arguments = [each.format(spoken) for each in command]
    refused = run(*arguments, "--url", server, OPENAI_API_KEY="wrong")
    assert refused.exit_code == FAILED
    assert "Incorrect API key provided" in the_error(refused)
    assert run(*arguments, "--url", server, "--key", KEY, OPENAI_API_KEY="wrong").stdout == "hello\n"


@pytest.fixture
def nobody() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/v1"


@pytest.mark.parametrize(
    "command",
    [["transcribe", "{}"], ["transcribe", "{}", "--live"], ["translate", "{}", "--to", "es"], ["say", "hello", "-o", "{out}"]],
)
def test_where_no_server_answers_it_says_how_to_start_one(command: list[str], nobody: str, spoken: Path, tmp_path: Path) -> None:
    result = run(*(each.format(spoken, out=tmp_path / "out.wav") for each in command), "--url", nobody)
    assert result.exit_code == FAILED
    assert f"no server answers at {nobody}: start one with `vivavoce serve`" in the_error(result)
    assert not list(tmp_path.iterdir())


def test_what_is_no_recording_is_misuse(server: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    result = by(server, "transcribe", tmp_path / "notes.txt")
    assert result.exit_code == MISUSED
    assert "the file is not audio" in the_error(result)


@pytest.fixture
def dying() -> Iterator[str]:
    """A server that answers every request with the beginning of an answer, and is gone."""
    heads = {"speech": "audio/pcm", "transcriptions": "text/event-stream"}

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                target = reader.readline().decode().split()[1]
                fields = dict(line.lower().split(b": ", 1) for line in iter(reader.readline, b"\r\n"))
                reader.read(int(fields[b"content-length"]))  # unread, it would cost the answer
                kind = next(kind for name, kind in heads.items() if name in target)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
                body = 'data: {"type":"transcript.text.delta","delta":"hel"}\n\n' if "event" in kind else "0" * 4_800
                connection.sendall(f"{head}{len(body):x}\r\n{body}\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_server_that_dies_half_way_is_no_success_and_what_came_is_kept(dying: str, spoken: Path, tmp_path: Path) -> None:
    said = run("say", "hello", "-o", tmp_path / "out.wav", "--url", dying)
    heard = run("transcribe", spoken, "-o", tmp_path / "out.txt", "--url", dying)
    for result in (said, heard):
        assert result.exit_code == FAILED, result.output
        assert "broke off" in the_error(result) or "no server answers" in the_error(result)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.txt.part", "out.wav.part"]
    assert (tmp_path / "out.txt.part").read_text("utf-8") == "hel\n"
    assert len(read_wav(tmp_path / "out.wav.part")[0]) == 2_400

"""Recordings in chats, on their way into a file: the same audio however they are cut up, and nothing left of them."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

import pytest
from chat_kit import audio_part, post, recording

from kit import serving
from vivavoce.api.chat import hearing
from vivavoce.api.chat.messages import Recording
from vivavoce.protocol.errors import ClientFault


def user(*parts: dict[str, Any]) -> list[Any]:
    """Return a chat of one message with these parts."""
    return [{"role": "user", "content": list(parts)}]


def left(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return list(folder.iterdir())


def _audio(data: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(hearing, "_PIECE_CHARACTERS", piece)
    return b"".join(hearing._pieces(Recording(data, "wav", "messages[0].content[0].input_audio.data")))


@pytest.mark.parametrize("piece", [1, 3, 4, 7, 64, 1_000])
@pytest.mark.parametrize("size", [1, 2, 3, 100, 255])
def test_base64_is_the_same_audio_in_pieces_of_any_size(piece: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = bytes(range(size))
    data = base64.b64encode(audio).decode()
    broken = "\r\n".join(data[start : start + 10] for start in range(0, len(data), 10)) + "\n\n\n"
    assert _audio(data, piece, monkeypatch) == _audio(broken, piece, monkeypatch) == audio


@pytest.mark.parametrize("piece", [1, 4, 6, 8, 1_000])
@pytest.mark.parametrize("data", ["QQ==QUFB", "QUFBQQ==QUFB", "QUFBQ", "QU B", "QUFB\u00fc", "=QUF"])
def test_what_is_no_base64_is_refused_in_pieces_of_any_size(data: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClientFault, match="base64"):
        _audio(data, piece, monkeypatch)


async def test_a_recording_leaves_no_file_however_its_request_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    parts = {"heard": recording(), "no audio": audio_part(b"ID3 nothing", "mp3"), "no base64": audio_part(b"RIFF")}
    parts["no base64"]["input_audio"]["data"] = "!" * 100
    async with serving() as server:
        for name, part in parts.items():
            answer = await post(server, messages=user(part))
            assert answer.status_code == (200 if name == "heard" else 400), answer.text
            assert not left(tmp_path)


async def test_a_full_disk_is_told_and_not_taken_for_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: list[Any]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(hearing, "_written", lambda recording, path: Path("/dev/full").write_bytes(b"x" * 100_000))
    async with serving() as server:
        answer = await post(server, messages=user(recording()))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_is_overloaded")
    assert not left(tmp_path)
    assert "No space left" in log.pop()["cause"], "the operator learns why"

"""What the tests of audio files share: files with speech in them, clients, and recognizers that tell more than words."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from openai import AsyncOpenAI

from kit import PATIENCE_S, Serving, tone
from vivavoce.api.audio.places import Places
from vivavoce.engines.ports import Capabilities, Hypothesis, RecognitionOptions
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer

RATE_HZ = 16_000
TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
Parts = Iterable[tuple[str, str | bytes]]


def hush(ms: int) -> NDArray[np.int16]:
    """Silence at 16 kHz."""
    return np.zeros(ms * RATE_HZ // 1000, np.int16)


def hum(ms: int) -> NDArray[np.int16]:
    """A hum at 16 kHz that `EnergyVad` takes for speech."""
    return tone(ms, RATE_HZ)


def wav(*stretches: NDArray[np.int16], rate_hz: int = RATE_HZ) -> bytes:
    """Return stretches of audio as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(np.concatenate(stretches).astype("<i2").tobytes())
    return file.getvalue()


TWO = wav(hush(500), hum(1_500), hush(1_000), hum(1_000), hush(1_000))
"""Five seconds in which something is said twice."""


def two(*texts: str | Heard) -> ScriptedRecognizer:
    """Return a recognizer for `TWO`, again and again."""
    return ScriptedRecognizer(*(texts or (Heard("hello there", partials=("hello",)), "how are you")), repeat=True)


class KnowingRecognizer(ScriptedRecognizer):
    """A scripted recognizer that also knows languages and speakers.

    Args:
        texts: see `ScriptedRecognizer`.
        languages: what it understands.
        told: the language it tells of each segment, in turn; empty: it does not tell.
        speakers: who says each word, in turn; empty: it cannot tell.
    """

    def __init__(
        self,
        *texts: str | Heard,
        languages: tuple[str, ...] = (),
        told: tuple[str, ...] = (),
        speakers: tuple[str, ...] = (),
    ) -> None:
        super().__init__(*texts, repeat=True)
        self._languages, self._told_languages, self._speakers = languages, told, speakers

    @property
    def capabilities(self) -> Capabilities:
        known = super().capabilities
        return replace(known, languages=self._languages, speakers=bool(self._speakers))

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        number = len(self.segments)
        async for hypothesis in super().recognize(audio, options):
            words = hypothesis.words
            if self._speakers:
                words = tuple(
                    replace(word, speaker=self._speakers[place % len(self._speakers)]) for place, word in enumerate(words)
                )
            language = self._told_languages[number % len(self._told_languages)] if self._told_languages else ""
            yield replace(hypothesis, words=words, language=language)


def places(server: Serving) -> Places:
    """Return the places a server has for files."""
    app: Any = server.server.config.app
    found: Places = app.state.files
    return found


def official(server: Serving, **options: Any) -> AsyncOpenAI:
    """Return the official client of a server; only its address is changed, and it does not try again."""
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key or "sk-unused", max_retries=0, **options)


def form(parts: Parts, file: bytes | None = TWO, filename: str = "audio.wav", boundary: str = "b0undary") -> tuple[bytes, str]:
    """Return a multipart body with its content type, its parts exactly as given, the file last."""
    body = b""
    for name, value in parts:
        text = value if isinstance(value, bytes) else value.encode()
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + text + b"\r\n"
    if file is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        body += head.encode() + b"Content-Type: audio/wav\r\n\r\n" + file + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


async def post(
    server: Serving, parts: Parts, path: str = TRANSCRIPTIONS, *, headers: Mapping[str, str] | None = None, **options: Any
) -> httpx.Response:
    """Post a form as it is."""
    body, content_type = form(parts, **options)
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        return await client.post(path, content=body, headers={"Content-Type": content_type, **(headers or {})})


def error_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """Return the official error of a response with this status."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


@dataclass
class Raw:
    """A connection of which every byte is ours."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int = 0

    @classmethod
    async def to(cls, server: Serving) -> Raw:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    async def head(self, path: str = TRANSCRIPTIONS, **headers: str) -> None:
        """Send a request line and headers."""
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: localhost",
            *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items()),
        ]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        """Send some of the body."""
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON body of the answer."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            return int(head.split(b" ")[1]), json.loads(await self.reader.readexactly(length))

    def hang_up(self) -> None:
        """Break the connection off."""
        self.writer.transport.abort()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder temporary files are made in."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path

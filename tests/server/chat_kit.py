"""What the tests of chat completions share: an official client, requests, and the chunks of a stream."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import openai
from numpy.typing import NDArray
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from kit import Serving

MODEL = "gpt-audio"
ALOUD: dict[str, Any] = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
Json = dict[str, Any]


@asynccontextmanager
async def client_of(server: Serving) -> AsyncGenerator[openai.AsyncOpenAI]:
    """The official client, of which only the base URL is changed."""
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key or "sk-unused", max_retries=0) as client:
        yield client


def said(text: str = "Hello?") -> list[Any]:
    """A chat of one message."""
    return [{"role": "user", "content": text}]


async def post(server: Serving, **fields: Any) -> httpx.Response:
    """Ask without a client."""
    async with httpx.AsyncClient() as http:
        wanted = {"model": MODEL, "messages": said(), **fields}
        return await http.post(f"{server.url}/v1/chat/completions", json=wanted, timeout=30)


async def completion(server: Serving, **fields: Any) -> Json:
    """Return a completion, which the official types accept field by field."""
    answer = await post(server, **fields)
    assert answer.status_code == 200, answer.text
    raw: Json = answer.json()
    ChatCompletion.model_validate(raw)
    return raw


async def chunks(server: Serving, **fields: Any) -> list[Json]:
    """Return the chunks of a streamed completion, each as the official types accept it."""
    answer = await post(server, stream=True, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *lines, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    raw = [json.loads(line.removeprefix("data: ")) for line in lines]
    for chunk in raw:
        ChatCompletionChunk.model_validate(chunk)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in raw}) == 1
    return raw


def deltas(raw: list[Json]) -> list[Json]:
    """Return the deltas of chunks."""
    return [chunk["choices"][0]["delta"] for chunk in raw if chunk["choices"]]


def recording(ms: float = 1_500, level: int = 8_000) -> Json:
    """A part with a recording: a hum that the detector takes for speech, in silence."""
    time = np.arange(round(ms * 16))
    hum = (level * np.sin(2 * np.pi * 220 / 16_000 * time)).astype(np.int16)
    quiet = np.zeros(8_000, np.int16)
    return audio_part(wav_file(np.concatenate([quiet, hum, quiet])))


def audio_part(file: bytes, fmt: str = "wav") -> Json:
    """A part with a recording in a file."""
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(file).decode(), "format": fmt}}


def wav_file(samples: NDArray[np.int16], rate_hz: int = 16_000) -> bytes:
    """Return samples as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()

"""What schemathesis is told of this API: good names for what it cannot invent, and the shape of every error.

A name it makes up leads nowhere, so most of what it tries would be answered with 404 at the door. Here its strings become names of
models, and its files become sound, before they are sent; whatever was wrong with them on purpose stays wrong.
"""

from __future__ import annotations

import io
import math
import struct
import wave
from typing import Any

import schemathesis

RATE_HZ = 16_000
MODELS = {
    "/v1/audio/speech": ("gpt-4o-mini-tts", "tts-1"),
    "/v1/audio/transcriptions": ("whisper-1", "gpt-4o-transcribe", "gpt-transcribe", "gpt-4o-transcribe-diarize"),
    "/v1/audio/translations": ("whisper-1",),
    "/v1/chat/completions": ("gpt-audio", "gpt-5"),
    "/v1/responses": ("gpt-5", "gpt-realtime-2"),
    "/v1/models/{model}": ("gpt-realtime", "whisper-1", "gpt-realtime-translate"),
    "/v1/realtime/client_secrets": ("gpt-realtime", "gpt-realtime-2"),
    "/v1/realtime/translations/client_secrets": ("gpt-realtime-translate",),
    "/v1/realtime/sessions": ("gpt-realtime",),
}
CHAT = "/v1/chat/completions"
LONGEST_NAME = 256
MOST_ITEMS = 64


@schemathesis.hook
def before_load_schema(context: Any, document: dict[str, Any]) -> None:
    """Take out bounds of arrays that nobody reaches but with megabytes: it would send little else."""
    waiting: list[Any] = [document["components"]["schemas"]]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, dict):
            if isinstance(schema.get("maxItems"), int) and schema["maxItems"] > MOST_ITEMS:
                del schema["maxItems"]
            waiting += schema.values()
        elif isinstance(schema, list):
            waiting += schema


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Put good names and a file with sound into a request."""
    path = case.operation.path
    names = MODELS.get(path)
    if names is None:
        return
    body = case.body
    if isinstance(body, dict):
        case.body = body = {**body, **_named(body, names)}
        if path == CHAT and case.meta is not None and case.meta.generation.mode == schemathesis.GenerationMode.POSITIVE:
            case.body = body = _sensible(body)
        if isinstance(body.get("session"), dict):
            body["session"] = {**body["session"], **_named(body["session"], names)}
        if isinstance(body.get("file"), bytes | str):
            body["file"] = _sound()
    if case.path_parameters.get("model") and len(case.path_parameters["model"]) % 2:
        case.path_parameters = {"model": names[len(case.path_parameters["model"]) % len(names)]}


@schemathesis.check
def official_error(context: Any, response: Any, case: Any) -> None:
    """Every refusal has the official body, with something in its message; those that pass say when."""
    if response.status_code < 400 or (case.method.upper() == "HEAD") or case.operation.path in ("/healthz", "/readyz"):
        return
    assert response.headers["content-type"] == ["application/json"], response.headers
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert isinstance(error["message"], str), error
    assert error["message"], error
    assert isinstance(error["type"], str), error
    if response.status_code in (429, 503):
        assert int(response.headers["retry-after"][0]) >= 1
    if response.status_code == 405:
        assert response.headers["allow"][0]


def _named(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    model = body.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= LONGEST_NAME:
        return {}
    return {"model": names[len(model) % len(names)]}


def _sensible(body: dict[str, Any]) -> dict[str, Any]:
    """Return a chat without the fields that exclude each other, and with a question in it."""
    needless = {"max_tokens", "functions", "function_call"}
    if "audio" not in (body.get("modalities") or ()):
        needless.add("audio")
    elif not body.get("audio"):
        needless.add("modalities")
    if not body.get("stream"):
        needless.add("stream_options")
    if not body.get("tools"):
        needless |= {"tools", "tool_choice", "parallel_tool_calls"}
    sensible = {name: value for name, value in body.items() if name not in needless}
    if body.get("stream") and body.get("audio"):
        sensible["audio"] = {**body["audio"], "format": "pcm16"}
    asked = [message for message in body["messages"] if message.get("role") in ("system", "developer", "user")]
    plain = [message for message in asked if isinstance(message.get("content"), str)]
    return {**sensible, "messages": [*plain, {"role": "user", "content": "What is the weather?"}]}


def _sound() -> bytes:
    """Return a second of a hum and one of silence as a WAV file."""
    hum = [int(8_000 * math.sin(2 * math.pi * 220 * place / RATE_HZ)) for place in range(RATE_HZ)]
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(struct.pack(f"<{len(hum)}h", *hum) + bytes(2 * RATE_HZ))
    return file.getvalue()

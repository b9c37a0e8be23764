"""What a chat completion request may hold, field by field.

What a language model behind its port cannot be told is refused by name unless it is the default: nothing is accepted in vain.

Source: wire reference A.5; the request types of the official Python client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vivavoce.api.voice import VOICE
from vivavoce.protocol import errors
from vivavoce.protocol.schema import (
    NEVER,
    Also,
    Anything,
    Choice,
    Either,
    Flag,
    Integer,
    Items,
    Map,
    Nullable,
    Number,
    Record,
    Schema,
    Tagged,
    Text,
)
from vivavoce.protocol.schema_document import any_of, json_schema

MAX_MESSAGES: Final = 5_000
"""Messages of a request: as many as a conversation of a session has."""

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FORMATS: Final = ("wav", "mp3", "aac", "flac", "opus", "pcm16")
"""Formats of spoken answers; only pcm16 can be streamed."""


@dataclass(frozen=True, slots=True)
class _Only:
    """The inner schema, of whose values only the defaults can be followed; null stands for the default."""

    inner: Schema
    default: object
    also: tuple[object, ...] = ()

    def check(self, value: Any, path: str) -> Any:
        if value is None:
            return None
        accepted = self.inner.check(value, path)
        if accepted != self.default and accepted not in self.also:
            raise errors.unsupported_value(path, accepted, self.default)
        return accepted

    def described(self) -> dict[str, Any]:
        return {"enum": [self.default, *self.also, None]}


@dataclass(frozen=True, slots=True)
class _Absent:
    """A parameter that cannot be followed at all; null and what is as good as absent pass."""

    harmless: tuple[object, ...] = ()

    def check(self, value: Any, path: str) -> None:
        if value is not None and value not in self.harmless:
            raise errors.unsupported(path)

    def described(self) -> dict[str, Any]:
        return {"enum": [None, *self.harmless]}


@dataclass(frozen=True, slots=True)
class _Content:
    """A text, or parts of some types."""

    parts: Schema

    def check(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise errors.wrong_type(path, "a string or an array", value)
        return Items(self.parts, 4_096).check(value, path)

    def described(self) -> dict[str, Any]:
        return any_of((json_schema(Text()), json_schema(Items(self.parts, 4_096))))


def _refused(message: str) -> Schema:
    def refuse(value: Any, path: str) -> Any:
        raise errors.refused_value(path, message)

    return Also(Record({}, extra="keep"), refuse, NEVER)


_BREAKPOINT: Final = {"type": Anything(), "prompt_cache_breakpoint": Anything()}
_TEXT: Final = Record({**_BREAKPOINT, "text": Text()}, ("text",))
_REFUSAL: Final = Record({**_BREAKPOINT, "refusal": Text()}, ("refusal",))
_IMAGE: Final = Record(
    {**_BREAKPOINT, "image_url": Record({"url": Text(), "detail": Choice(("auto", "low", "high", "original"))}, ("url",))},
    ("image_url",),
)
_AUDIO: Final = Record(
    {**_BREAKPOINT, "input_audio": Record({"data": Text(1 << 26, 1), "format": Choice(("wav", "mp3"))}, ("data", "format"))},
    ("input_audio",),
)
_FILE: Final = _refused("Files are not supported by this server.")

_NAME: Final = Nullable(Text(64))
_TEXTS: Final = _Content(Tagged({"text": _TEXT}))

_CALL: Final = Tagged(
    {
        "function": Record(
            {
                "id": Text(512, 1),
                "type": Anything(),
                "function": Record({"name": Text(128, 1), "arguments": Text()}, ("name", "arguments")),
            },
            ("id", "function"),
            extra="drop",
        ),
        "custom": _refused("Custom tools are not supported by this server."),
    }
)

MESSAGE: Final = Tagged(
    {
        "system": Record({"role": Anything(), "content": _TEXTS, "name": _NAME}, ("content",)),
        "developer": Record({"role": Anything(), "content": _TEXTS, "name": _NAME}, ("content",)),
        "user": Record(
            {
                "role": Anything(),
                "content": _Content(Tagged({"text": _TEXT, "image_url": _IMAGE, "input_audio": _AUDIO, "file": _FILE})),
                "name": _NAME,
            },
            ("content",),
        ),
        # Clients send answers back as they got them, with all that is in them.
        "assistant": Record(
            {
                "role": Anything(),
                "content": Nullable(_Content(Tagged({"text": _TEXT, "refusal": _REFUSAL}))),
                "refusal": Nullable(Text()),
                "name": _NAME,
                "audio": Nullable(Record({"id": Text(256, 1)}, ("id",), extra="drop")),
                "tool_calls": Nullable(Items(_CALL, 128)),
                "function_call": Nullable(
                    Record({"name": Text(128, 1), "arguments": Text()}, ("name", "arguments"), extra="drop")
                ),
            },
            extra="drop",
        ),
        "tool": Record(
            {"role": Anything(), "content": _TEXTS, "tool_call_id": Text(512, 1), "name": _NAME}, ("content", "tool_call_id")
        ),
        "function": Record(
            {"role": Anything(), "content": Nullable(_TEXTS), "name": Text(128, 1)},
            ("content", "name"),
        ),
    },
    tag="role",
)

_FUNCTION: Final = Record(
    {
        "name": Text(128, 1),
        "description": Nullable(Text()),
        "parameters": Nullable(Record({}, extra="keep")),
        "strict": Nullable(Flag()),
    },
    ("name",),
    extra="keep",
)
_TOOL: Final = Tagged(
    {
        "function": Record({"type": Anything(), "function": _FUNCTION}, ("function",), extra="drop"),
        "custom": _refused("Custom tools are not supported by this server."),
    }
)
_NAMED: Final = Record({"type": Anything(), "function": Record({"name": Text(128, 1)}, ("name",))}, ("function",))
_TOOL_CHOICE: Final = Either(
    "a string or an object",
    text=Choice(("auto", "none", "required")),
    record=Tagged(
        {
            "function": _NAMED,
            "allowed_tools": Record(
                {
                    "type": Anything(),
                    "allowed_tools": Record(
                        {"mode": Choice(("auto", "required")), "tools": Items(Tagged({"function": _NAMED}), 512)},
                        ("mode", "tools"),
                    ),
                },
                ("allowed_tools",),
            ),
            "custom": _refused("Custom tools are not supported by this server."),
        }
    ),
)


def _some(value: Any, path: str) -> Any:
    if not value:
        raise errors.empty_array(path)
    return value


REQUEST: Final = Record(
    {
        "model": Text(256, 1),
        "messages": Also(Items(MESSAGE, MAX_MESSAGES), _some, {"minItems": 1}),
        "modalities": Nullable(Also(Items(Choice(("text", "audio")), 2), _some, {"minItems": 1})),
        "audio": Nullable(Record({"voice": VOICE, "format": Choice(FORMATS)}, ("voice", "format"))),
        "stream": Nullable(Flag()),
        "stream_options": Nullable(Record({"include_usage": Nullable(Flag()), "include_obfuscation": Nullable(Flag())})),
        "max_tokens": Nullable(Integer(1)),
        "max_completion_tokens": Nullable(Integer(1)),
        "tools": Nullable(Items(_TOOL, 512)),
        "tool_choice": Nullable(_TOOL_CHOICE),
        "parallel_tool_calls": Nullable(Flag()),
        "reasoning_effort": Nullable(Choice(EFFORTS)),
        # Followed by naming the request's caches after it.
        "prompt_cache_key": Nullable(Text(1_024)),
        # Agent frameworks send it unasked with some model names. Nothing is promised of it: how long to speak, instructions say.
        "verbosity": Nullable(Choice(("low", "medium", "high"))),
        # They say something about the request, and ask for nothing. A tier that is not served is answered for with the one that is.
        "user": Nullable(Text(1_024)),
        "safety_identifier": Nullable(Text(1_024)),
        "metadata": Nullable(Map()),
        "prompt_cache_retention": Nullable(Choice(("in_memory", "in-memory", "24h"))),
        "prompt_cache_options": Nullable(Record({}, extra="keep")),
        "service_tier": Nullable(Choice(("auto", "default", "flex", "scale", "priority", "fast"))),
        # The default, or refused.
        "n": _Only(Integer(1, 128), 1),
        "temperature": _Only(Number(0, 2), 1),
        "top_p": _Only(Number(0, 1), 1),
        "frequency_penalty": _Only(Number(-2, 2), 0),
        "presence_penalty": _Only(Number(-2, 2), 0),
        "logprobs": _Only(Flag(), False),
        "store": _Only(Flag(), False),
        "response_format": _Only(
            Record({"type": Choice(("text", "json_object", "json_schema"))}, ("type",), extra="keep"), {"type": "text"}
        ),
        "stop": _Absent(([], "")),
        "seed": _Absent(),
        "logit_bias": _Absent(({},)),
        "top_logprobs": _Absent((0,)),
        "prediction": _Absent(),
        "moderation": _Absent(),
        "web_search_options": _Absent(),
        "functions": _Absent(([],)),
        "function_call": _Absent(("auto", "none")),
    },
    ("model", "messages"),
)

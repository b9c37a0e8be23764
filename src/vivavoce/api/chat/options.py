"""What a chat completion request asks for beside its messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.protocol import errors

_STREAMED: Final = "pcm16"


@dataclass(frozen=True, slots=True)
class Options:
    """A request's parameters, checked against each other. `tools` are in realtime form, as brains take them; `voice` is None for text."""

    model: str
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: int | None = None
    effort: str | None = None
    cache_key: str | None = None
    voice: str | None = None
    audio_format: str = _STREAMED
    stream: bool = False
    include_usage: bool = False
    include_obfuscation: bool = True


def read_options(body: Mapping[str, Any]) -> Options:
    """Return the options of a request that has passed its schema.

    Raises:
        ClientFault: two of them do not go together.
    """
    stream = bool(body.get("stream"))
    streaming = body.get("stream_options") or {}
    if streaming and not stream:
        raise errors.only_when_streaming("stream_options")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise errors.refused_value(
            "max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        )
    tools, choice = _tools(body)
    voice, audio_format = _voice(body, stream)
    parallel = body.get("parallel_tool_calls")
    obfuscation = streaming.get("include_obfuscation")
    return Options(
        model=body["model"],
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel is None or parallel,
        max_output_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        effort=body.get("reasoning_effort"),
        cache_key=body.get("prompt_cache_key"),
        voice=voice,
        audio_format=audio_format,
        stream=stream,
        include_usage=bool(streaming.get("include_usage")),
        include_obfuscation=obfuscation is None or obfuscation,
    )


def _tools(body: Mapping[str, Any]) -> tuple[tuple[Mapping[str, Any], ...], str | Mapping[str, Any]]:
    tools = tuple({"type": "function", **tool["function"]} for tool in body.get("tools") or ())
    names = {tool["name"] for tool in tools}
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, str):
        if choice == "required" and not tools:
            raise errors.no_tools("tool_choice")
        return tools, choice
    if choice["type"] == "function":
        name = choice["function"]["name"]
        if name not in names:
            raise errors.no_such_tool("tool_choice.function.name", name)
        return tools, {"type": "function", "name": name}
    allowed = choice["allowed_tools"]
    named = [tool["function"]["name"] for tool in allowed["tools"]]
    for place, name in enumerate(named):
        if name not in names:
            raise errors.no_such_tool(f"tool_choice.allowed_tools.tools[{place}].function.name", name)
    if not named:
        raise errors.empty_array("tool_choice.allowed_tools.tools")
    return tuple(tool for tool in tools if tool["name"] in named), allowed["mode"]


def _voice(body: Mapping[str, Any], stream: bool) -> tuple[str | None, str]:
    audio = body.get("audio")
    if "audio" not in (body.get("modalities") or ()):
        if audio is not None:
            raise errors.refused_value("audio", "The parameter 'audio' is only allowed when 'modalities' has 'audio'.")
        return None, _STREAMED
    if audio is None:
        raise errors.missing("audio")
    if stream and audio["format"] != _STREAMED:
        raise errors.not_streamed("audio.format", audio["format"], _STREAMED)
    return audio["voice"], audio["format"]

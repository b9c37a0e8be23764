"""One request for a response: what the brain is asked, and what the answer repeats of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vivavoce.api.llm import cache_name, check_length
from vivavoce.api.responses.items import messages
from vivavoce.api.responses.schema import BODY
from vivavoce.engines.ports import LlmRequest
from vivavoce.models.catalogue import ModelInfo
from vivavoce.protocol import errors
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.service import VoiceService

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request.

    Attributes:
        info: the model that answers.
        llm: what it is asked.
        stream: whether the answer is sent as it is made.
        obfuscate: whether deltas are padded, so that their sizes do not give the text away.
        repeated: what the response object repeats of the request, defaults filled in.
    """

    info: ModelInfo
    llm: LlmRequest
    stream: bool
    obfuscate: bool
    repeated: Json


def read(body: Mapping[str, Any], service: VoiceService, caller: Caller) -> Asked:
    """Return a request as it is meant.

    Args:
        body: the JSON object; unchecked.
        service: knows the models.
        caller: who asks.

    Raises:
        ClientFault: it asks for what is not here, or cannot be understood.
    """
    asked = {name: value for name, value in BODY.check(body, "").items() if value is not None}
    if "input" not in asked:
        raise errors.missing("input")
    info = _model(service, asked["model"])
    stack = service.stack(info)
    tools = tuple(asked.get("tools", ()))
    choice = asked.get("tool_choice", "auto")
    _check_choice(choice, tools)
    allowed, wanted = _allowed(choice, tools)
    if "stream_options" in asked and not asked.get("stream"):
        raise errors.only_when_streaming("stream_options")
    llm = LlmRequest(
        messages=messages(asked["input"], asked.get("instructions"), images=stack.llm.capabilities.images),
        tools=tuple(_port_tool(tool) for tool in allowed),
        tool_choice=wanted,
        parallel_tool_calls=asked.get("parallel_tool_calls", True),
        max_output_tokens=asked.get("max_output_tokens"),
        effort=asked.get("reasoning", {}).get("effort"),
        spoken=False,
        session=cache_name(caller, asked.get("prompt_cache_key")),
    )
    check_length(llm, "input")
    padded = bool(asked.get("stream_options", {}).get("include_obfuscation"))
    return Asked(info, llm, asked.get("stream", False), padded, _repeated(asked, tools, choice))


def _model(service: VoiceService, name: str) -> ModelInfo:
    """Return a model that answers in text: one of those for chat, or one of those for sessions."""
    info = service.models.get(name)
    return service.model(name, "agent" if info is not None and info.kind == "agent" else "chat")


def _check_choice(choice: str | Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> None:
    if choice == "required" and not tools:
        raise errors.no_tools("tool_choice")
    if isinstance(choice, str):
        return
    known = {tool["name"] for tool in tools}
    named = choice["tools"] if choice["type"] == "allowed_tools" else [choice]
    for tool in named:
        if tool["name"] not in known:
            raise errors.no_such_tool("tool_choice", tool["name"])
    if not named and choice.get("mode") == "required":
        raise errors.no_tools("tool_choice")


def _allowed(
    choice: str | Mapping[str, Any], tools: Sequence[Mapping[str, Any]]
) -> tuple[Sequence[Mapping[str, Any]], str | Mapping[str, Any]]:
    """Return the tools the brain is given, and the choice among them."""
    if isinstance(choice, str) or choice["type"] != "allowed_tools":
        return tools, choice
    names = {tool["name"] for tool in choice["tools"]}
    return [tool for tool in tools if tool["name"] in names], choice["mode"]


def _port_tool(tool: Mapping[str, Any]) -> Json:
    names = ("type", "name", "description", "parameters", "strict")
    return {name: tool[name] for name in names if tool.get(name) is not None}


def _repeated(asked: Mapping[str, Any], tools: Sequence[Json], choice: Any) -> Json:
    reasoning, text = asked.get("reasoning", {}), asked.get("text", {})
    return {
        "background": False,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "max_tool_calls": asked.get("max_tool_calls"),
        "metadata": asked.get("metadata", {}),
        "model": asked["model"],
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "prompt_cache_key": asked.get("prompt_cache_key"),
        "prompt_cache_retention": asked.get("prompt_cache_retention"),
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary") or reasoning.get("generate_summary"),
        },
        "safety_identifier": asked.get("safety_identifier"),
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": text.get("verbosity") or "medium"},
        "tool_choice": choice,
        "tools": [{"description": None, "parameters": None, "strict": None, **tool} for tool in tools],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": asked.get("user"),
    }

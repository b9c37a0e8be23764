"""Write tools and the choice among them, given in realtime form, in the form of Chat Completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_FUNCTION_FIELDS = ("name", "description", "parameters", "strict")


def chat_tools(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Wrap each function tool as `{"type": "function", "function": {...}}`.

    Schemas pass unchanged, sound or not: the backend is the judge of what it can use. Tools already in chat form pass as they
    are; tools of another type than `function` are left out, a chat backend cannot run them.
    """
    return [dict(tool) if "function" in tool else _wrapped(tool) for tool in tools if tool.get("type", "function") == "function"]


def _wrapped(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {name: tool[name] for name in _FUNCTION_FIELDS if name in tool}}


def chat_tool_choice(choice: str | Mapping[str, Any]) -> str | dict[str, Any]:
    """Turn `{"type": "function", "name": n}` into `{"type": "function", "function": {"name": n}}`.

    `auto`, `none` and `required` pass unchanged, so does the chat form. A choice that names no function (an MCP server as a
    whole) becomes `required`: call something.
    """
    if isinstance(choice, str):
        return choice
    if "function" in choice:
        return dict(choice)
    name = choice.get("name")
    return {"type": "function", "function": {"name": name}} if name else "required"

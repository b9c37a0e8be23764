"""What the body of `POST /v1/responses` may hold. What is not done here is refused by name, rather than accepted and ignored.

Source: the types of the `openai` package (`types/responses/response_create_params.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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

LOGPROBS: Final = "message.output_text.logprobs"

_INCLUDABLE: Final = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    LOGPROBS,
)

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SUMMARIES: Final = ("auto", "concise", "detailed")

LEAST_OUTPUT_TOKENS: Final = 16
"""Source: the service's own error for smaller values."""


def _unsupported() -> Schema:
    """Return the schema of a parameter that may be null and nothing else."""

    def refuse(value: Any, path: str) -> Any:
        raise errors.unsupported(path)

    return Nullable(Also(Anything(), refuse, NEVER))


def _only(inner: Schema, value: Any, why: str) -> Schema:
    """Return the schema of a parameter of which a single value is done here."""

    def check(given: Any, path: str) -> Any:
        if given != value:
            raise errors.refused_value(path, why)
        return given

    return Nullable(Also(inner, check, {"const": value}))


def _includes(value: Any, path: str) -> Any:
    if LOGPROBS in value:
        raise errors.refused_value(f"{path}[{value.index(LOGPROBS)}]", "Log probabilities are not supported by this server.")
    return value


def _previous(value: Any, path: str) -> Any:
    raise errors.previous_response_not_found(value)


def _conversation(value: Any, path: str) -> Any:
    raise errors.conversation_not_found(value if isinstance(value, str) else value["id"])


_FUNCTION: Final = Record(
    {
        "type": Anything(),
        "name": Text(128, 1),
        "description": Nullable(Text()),
        "parameters": Nullable(Record({}, extra="keep")),
        "strict": Nullable(Flag()),
        "output_schema": Nullable(Record({}, extra="keep")),
        "allowed_callers": Nullable(Items(Choice(("direct",)), 8)),
        "defer_loading": _only(Flag(), False, "Tools cannot be loaded later: tool search is not supported by this server."),
        "async": _only(Flag(), False, "Asynchronous functions are not supported by this server."),
    },
    ("name",),
)
_NAMED_FUNCTION: Final = Record({"type": Anything(), "name": Text(128, 1)}, ("type", "name"))

TOOL_CHOICE: Final = Either(
    "a string or an object",
    text=Choice(("none", "auto", "required")),
    record=Tagged(
        {
            "function": _NAMED_FUNCTION,
            "allowed_tools": Record(
                {
                    "type": Anything(),
                    "mode": Choice(("auto", "required")),
                    "tools": Items(Tagged({"function": _NAMED_FUNCTION}), 512),
                },
                ("mode", "tools"),
            ),
        }
    ),
)

_TEXT: Final = Record(
    {
        "format": Nullable(Tagged({"text": Record({"type": Anything()})})),
        "verbosity": Nullable(Choice(("low", "medium", "high"))),
    }
)

_REASONING: Final = Record(
    {
        "effort": Nullable(Choice(EFFORTS)),
        "summary": Nullable(Choice(_SUMMARIES)),
        "generate_summary": Nullable(Choice(_SUMMARIES)),
        "context": Nullable(Choice(("auto", "current_turn", "all_turns"))),
        "mode": Nullable(Choice(("standard",))),
    }
)

_FIELDS: Final[Mapping[str, Schema]] = {
    "model": Text(256, 1),
    "input": Anything(),
    "instructions": Nullable(Text()),
    "stream": Nullable(Flag()),
    "stream_options": Nullable(Record({"include_obfuscation": Nullable(Flag())})),
    "tools": Nullable(Items(Tagged({"function": _FUNCTION}), 512)),
    "tool_choice": Nullable(TOOL_CHOICE),
    "parallel_tool_calls": Nullable(Flag()),
    "max_output_tokens": Nullable(Integer(LEAST_OUTPUT_TOKENS)),
    "max_tool_calls": Nullable(Integer(1)),
    "reasoning": Nullable(_REASONING),
    "text": Nullable(_TEXT),
    "metadata": Nullable(Map()),
    "include": Nullable(
        Also(Items(Choice(_INCLUDABLE), 16), _includes, {"items": {"enum": [name for name in _INCLUDABLE if name != LOGPROBS]}})
    ),
    "previous_response_id": Nullable(Also(Text(256), _previous, NEVER)),
    "conversation": Nullable(
        Also(Either("a string or an object", text=Text(256), record=Record({"id": Text(256)}, ("id",))), _conversation, NEVER)
    ),
    "background": _only(Flag(), False, "Responses in the background are not supported by this server."),
    "store": _only(
        Flag(), False, "Responses are not stored by this server: leave 'store' out, or set it to false, and send the whole input."
    ),
    "truncation": _only(
        Choice(("auto", "disabled")), "disabled", "Truncation is not supported by this server: send what fits the model."
    ),
    "temperature": Nullable(Also(Number(0, 2), lambda value, path: _default(value, 1, path), {"const": 1})),
    "top_p": Nullable(Also(Number(0, 1), lambda value, path: _default(value, 1, path), {"const": 1})),
    "top_logprobs": _only(Integer(0, 20), 0, "Log probabilities are not supported by this server."),
    "service_tier": Nullable(Choice(("auto", "default"))),
    "safety_identifier": Nullable(Text(128)),
    "user": Nullable(Text(512)),
    "prompt_cache_key": Nullable(Text(1024)),
    "prompt_cache_retention": Nullable(Choice(("in_memory", "24h"))),
    "prompt_cache_options": Nullable(Record({}, extra="keep")),
    **{name: _unsupported() for name in ("prompt", "context_management", "moderation", "image", "access_programs")},
}

BODY: Final = Record(_FIELDS, ("model", "input"))
"""The body."""


def _default(value: float, default: float, path: str) -> float:
    if value != default:
        raise errors.unsupported(path)
    return value

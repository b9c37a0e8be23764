"""Conversation items as clients may create them."""

from __future__ import annotations

import json
from typing import Any, Final

from vivavoce.protocol import errors
from vivavoce.protocol.schema import Also, Anything, Choice, Nullable, Record, Schema, Tagged, Text

MAX_PARTS: Final = 256
"""Content parts of one item."""

_ID: Final = Nullable(Text(512))
_STATUS: Final = Nullable(Choice(("completed", "incomplete", "in_progress")))
_PHASE: Final = Nullable(Choice(("commentary", "final_answer")))
_COMMON: Final[dict[str, Schema]] = {"id": _ID, "object": Anything(), "status": _STATUS, "type": Anything()}


def _image(value: Any, path: str) -> Any:
    if not value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
        raise errors.refused_value(path, f"Invalid '{path}': expected a data URI of a PNG or JPEG image.")
    return value


_PARTS: Final[dict[str, Schema]] = {
    "input_text": Record({"type": Anything(), "text": Text()}, ("text",), extra="drop"),
    "input_audio": Record({"type": Anything(), "audio": Text(), "transcript": Nullable(Text())}, ("audio",), extra="drop"),
    "input_image": Record(
        {"type": Anything(), "image_url": Also(Text(), _image), "detail": Nullable(Choice(("auto", "low", "high")))},
        ("image_url",),
        extra="drop",
    ),
    # The first word-processor of history is often another SDK, which still says `text` for what the assistant said.
    "output_text": Record({"type": Anything(), "text": Text()}, ("text",), extra="drop"),
    "text": Record({"type": Anything(), "text": Text()}, ("text",), extra="drop"),
}

_ALLOWED: Final = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text", "text"),
}


class _Content:
    """The content array of a message; which parts it may hold depends on the role."""

    def check(self, value: Any, path: str, role: str = "user") -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise errors.wrong_type(path, "an array", value)
        if not value:
            raise errors.too_short(path, 1, 0, "array")
        if len(value) > MAX_PARTS:
            raise errors.too_long(path, MAX_PARTS, len(value), "array")
        parts = Tagged({name: _PARTS[name] for name in _ALLOWED[role]})
        checked = [parts.check(part, f"{path}[{index}]") for index, part in enumerate(value)]
        return [{**part, "type": "output_text"} if part["type"] == "text" else part for part in checked]


def _message(value: Any, path: str) -> Any:
    role = value["role"]
    return {**value, "content": _Content().check(value["content"], f"{path}.content", role)}


def _arguments(value: Any, path: str) -> Any:
    if not value:  # Models call functions without parameters so, and SDKs replay what models did.
        return value
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        raise errors.refused_value(path, f"Invalid '{path}': the arguments must be a JSON text.") from None
    return value


NEW_ITEM: Final = Tagged(
    {
        "message": Also(
            Record(
                {**_COMMON, "role": Choice(("system", "user", "assistant")), "content": Anything(), "phase": _PHASE},
                ("type", "role", "content"),
            ),
            _message,
        ),
        "function_call": Record(
            {**_COMMON, "name": Text(128, 1), "call_id": Text(512, 1), "arguments": Also(Text(), _arguments)},
            ("type", "name", "arguments"),
        ),
        "function_call_output": Record(
            {**_COMMON, "call_id": Text(512, 1), "output": Text()},
            ("type", "call_id", "output"),
        ),
    }
)
"""What `conversation.item.create` accepts: messages, function calls (history) and their outputs."""

ITEM_REFERENCE: Final = Record({"type": Choice(("item_reference",)), "id": Text(512)}, ("type", "id"))

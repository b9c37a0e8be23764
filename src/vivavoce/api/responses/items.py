"""From the input of a response to the messages a brain reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from vivavoce.engines.ports import Message, ToolCall
from vivavoce.protocol import errors
from vivavoce.protocol.schema import Anything, Choice, Either, Items, Nullable, Record, Schema, Tagged, Text

MAX_ITEMS: Final = 5_000
"""Items of one input: as many as a conversation may have."""

_IMAGES: Final = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))

PARTS: Final[Mapping[str, Schema]] = {
    "input_text": Record({"type": Anything(), "text": Text()}, ("text",), extra="drop"),
    "output_text": Record({"type": Anything(), "text": Text()}, ("text",), extra="drop"),
    "refusal": Record({"type": Anything(), "refusal": Text()}, ("refusal",), extra="drop"),
    "input_image": Record(
        {
            "type": Anything(),
            "image_url": Nullable(Text()),
            "file_id": Nullable(Text()),
            "detail": Nullable(Choice(("auto", "low", "high", "original"))),
        },
        extra="drop",
    ),
}
_ALLOWED: Final = {
    "user": ("input_text", "input_image"),
    "assistant": ("output_text", "refusal"),
    "system": ("input_text",),
    "developer": ("input_text",),
    "output": ("input_text",),
}
_TEXT_KEYS: Final = ("text", "refusal")

MESSAGE: Final = Record(
    {"type": Anything(), "role": Choice(("user", "assistant", "system", "developer")), "content": Anything()},
    ("role", "content"),
    extra="drop",
)
_CALL: Final = Record(
    {"type": Anything(), "call_id": Text(512, 1), "name": Text(128, 1), "arguments": Text()},
    ("call_id", "name", "arguments"),
    extra="drop",
)
_OUTPUT: Final = Record({"type": Anything(), "call_id": Text(512, 1), "output": Anything()}, ("call_id", "output"), extra="drop")
ITEM: Final = Tagged(
    {
        "message": MESSAGE,
        "function_call": _CALL,
        "function_call_output": _OUTPUT,
        # What a model thought is its own affair: clients send it back, and it says nothing to another brain.
        "reasoning": Record({"type": Anything()}, extra="drop"),
        "item_reference": Record({"type": Anything(), "id": Text(256)}, ("id",), extra="drop"),
    },
    default="message",
)


def messages(given: Any, instructions: str | None, *, images: bool) -> tuple[Message, ...]:
    """Return the messages of a request: the instructions, then the input.

    Function outputs follow their calls directly, whatever was said in between: chat backends refuse any other order.

    Args:
        given: the `input`: a text, or items.
        instructions: the `instructions`.
        images: whether the brain can be shown images.

    Raises:
        ClientFault: an item is not one, or asks for something that is not here; `param` begins with `input`.
    """
    head = (Message("system", instructions),) if instructions else ()
    if isinstance(given, str):
        return (*head, Message("user", given))
    if not isinstance(given, list):
        raise errors.wrong_type("input", "a string or an array", given)
    if not given:
        raise errors.empty_array("input")
    items = Items(ITEM, MAX_ITEMS).check(given, "input")
    outputs = _outputs(items)
    return (*head, *_messages(items, outputs, images))


def _outputs(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what the functions gave, by call; every call has its output and every output its call."""
    called: set[str] = set()
    outputs: dict[str, str] = {}
    for place, item in enumerate(items):
        if item.get("type") == "function_call":
            called.add(item["call_id"])
        elif item.get("type") == "function_call_output":
            if item["call_id"] not in called:
                raise errors.no_call_of_output(item["call_id"])
            outputs[item["call_id"]] = _content(item["output"], "output", f"input[{place}].output", images=False)[0]
    for item in items:
        if item.get("type") == "function_call" and item["call_id"] not in outputs:
            raise errors.no_output_of_call(item["call_id"])
    return outputs


def _messages(items: Sequence[Mapping[str, Any]], outputs: Mapping[str, str], images: bool) -> Iterator[Message]:
    calls: list[ToolCall] = []
    for place, item in enumerate(items):
        match item.get("type", "message"):
            case "function_call":
                calls.append(ToolCall(item["call_id"], item["name"], item["arguments"]))
            case "message":
                yield from _called(calls, outputs)
                calls.clear()
                yield from _message(item, f"input[{place}].content", images)
            case "item_reference":
                raise errors.input_item_not_found(item["id"])
            case _:
                continue  # an output, which goes with its call, or a thought
    yield from _called(calls, outputs)


def _called(calls: Sequence[ToolCall], outputs: Mapping[str, str]) -> Iterator[Message]:
    if calls:
        yield Message("assistant", tool_calls=tuple(calls))
        yield from (Message("tool", outputs[call.call_id], call_id=call.call_id) for call in calls)


def _message(item: Mapping[str, Any], path: str, images: bool) -> Iterator[Message]:
    given: Literal["user", "assistant", "system", "developer"] = item["role"]
    role: Literal["user", "assistant", "system"] = "system" if given == "developer" else given
    text, shown = _content(item["content"], given, path, images=images)
    # An answer that was cut short before its first word says nothing.
    if text or shown or role == "user":
        yield Message(role, text, shown)


def _content(given: Any, role: str, path: str, *, images: bool) -> tuple[str, tuple[str, ...]]:
    """Return the text and the images of a content, which is a text or a list of parts."""
    if isinstance(given, str):
        return given, ()
    if not isinstance(given, list):
        raise errors.wrong_type(path, "a string or an array", given)
    parts = Items(Tagged({name: PARTS[name] for name in _ALLOWED[role]}), 1_024).check(given, path)
    texts = [part[key] for part in parts for key in _TEXT_KEYS if key in part]
    shown = tuple(_image(part, f"{path}[{place}]", images) for place, part in enumerate(parts) if part["type"] == "input_image")
    return "\n".join(texts), shown


def _image(part: Mapping[str, Any], path: str, images: bool) -> str:
    uri = Either("a string", text=Text()).check(part.get("image_url"), f"{path}.image_url")
    if not isinstance(uri, str) or not uri.startswith(_IMAGES):
        raise errors.bad_image(f"{path}.image_url")
    if not images:
        raise errors.no_images(path)
    return uri

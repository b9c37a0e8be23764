"""Conversation items: `text` and `audio` of the assistant are `output_text` and `output_audio` now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vivavoce.protocol.beta_formats import format_given
from vivavoce.protocol.schema import Choice

Object = dict[str, Any]

_PARTS_TAKEN: Final = {"assistant": {"text": "output_text"}, "user": {"input_text": "input_text", "input_audio": "input_audio"}}
"""Kinds of content by role that a beta client may create, and what each is now. The beta had no images."""

_PARTS_GIVEN: Final = {"output_text": "text", "output_audio": "audio"}


def item_taken(item: Any, param: str) -> Any:
    """Return a client's item as it is spelled now; what is no item at all is left to the schema to refuse.

    Raises:
        ClientFault: a kind of content that the beta does not have.
    """
    if not isinstance(item, dict) or not isinstance(item.get("content"), list):
        return item
    kinds = _PARTS_TAKEN.get(str(item.get("role")))
    if kinds is None:
        return item
    content = [_part_taken(part, kinds, f"{param}.content[{index}]") for index, part in enumerate(item["content"])]
    return {**item, "content": content}


def item_given(item: Mapping[str, Any]) -> Object:
    """Return an item as the beta said it: with its `object`, without a phase."""
    given = {"id": item["id"], "object": "realtime.item", **item}
    given.pop("phase", None)
    if "content" in given:
        given["content"] = [_part_given(part) for part in given["content"]]
    return given


def _part_taken(part: Any, kinds: Mapping[str, str], param: str) -> Any:
    if not isinstance(part, dict) or "type" not in part:
        return part
    return {**part, "type": kinds[Choice(tuple(kinds)).check(part["type"], f"{param}.type")]}


def _part_given(part: Mapping[str, Any]) -> Object:
    given = {**part, "type": _PARTS_GIVEN.get(part["type"], part["type"])}
    if "format" in given:
        given["format"] = format_given(given["format"])
    return given

"""The conversation: items in order, each known by its id, as the model and the client see them.

It is bounded (I10): beyond `MAX_ITEMS` or `MAX_BYTES` its oldest items are forgotten, long after they have left the model's window.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from vivavoce.protocol import errors

ROOT: Final = "root"
"""The `previous_item_id` that means: first."""

MAX_ITEMS: Final = 5_000
"""More than an hour of the quickest talk: an exchange of two items every two seconds."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""Texts and images, two of the largest that fit a frame; the text of a full window takes half a megabyte."""

_ITEM_BYTES: Final = 1_024
"""What an item takes besides its texts: objects, keys, its entry in the order. Source: measured, rounded up."""


_PART_BYTES: Final = 160


@dataclass(slots=True)
class Part:
    """One content part. `text` is the text of text parts and the transcript of audio parts (None until known)."""

    type: str
    text: str | None = None
    image_url: str = ""
    detail: str = "auto"
    heard: str | None = None
    """input_audio: what the recognizer understood, whether or not the client asked for a transcription."""
    audio_ms: float = 0.0

    def wire(self) -> dict[str, Any]:
        """Return the part as items carry it; audio bytes are only added by retrieve."""
        match self.type:
            case "input_audio" | "output_audio":
                return {"type": self.type, "transcript": self.text}
            case "input_image":
                return {"type": self.type, "image_url": self.image_url, "detail": self.detail}
            case _:
                return {"type": self.type, "text": self.text or ""}


@dataclass(slots=True)
class Item:
    """One item. Fields that do not apply to its type are empty and never reach the wire."""

    id: str
    type: str
    status: str = "completed"
    role: str = ""
    parts: list[Part] = field(default_factory=list)
    phase: str | None = None
    name: str = ""
    call_id: str = ""
    text: str = ""
    """function_call: the arguments; function_call_output: the output."""

    @property
    def weight(self) -> int:
        """Return the bytes it takes, about."""
        parts = sum(_PART_BYTES + _bytes(part.text) + _bytes(part.heard) + _bytes(part.image_url) for part in self.parts)
        return _ITEM_BYTES + _bytes(self.text) + parts

    def wire(self) -> dict[str, Any]:
        """Return the item as events carry it, in the recorded key order."""
        if self.type == "function_call_output":
            return {"id": self.id, "type": self.type, "call_id": self.call_id, "output": self.text}
        base = {"id": self.id, "type": self.type, "status": self.status}
        if self.type == "function_call":
            return {**base, "name": self.name, "call_id": self.call_id, "arguments": self.text}
        message = {**base, "role": self.role, "content": [part.wire() for part in self.parts]}
        return message if self.phase is None else {**message, "phase": self.phase}


def _bytes(text: str | None) -> int:
    """Return what a text takes in memory at the most: a single character beyond the Latin ones makes all of them wider."""
    return 0 if not text else len(text) * (1 if text.isascii() else 4)


class Conversation:
    """The items of the default conversation, in order.

    Args:
        id: the conversation's id.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._weights: dict[str, int] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def items(self) -> tuple[Item, ...]:
        """Return the items in order."""
        return tuple(self._items[item_id] for item_id in self._order)

    def get(self, item_id: str) -> Item | None:
        """Return an item, or None."""
        return self._items.get(item_id)

    def before(self, item_id: str) -> str | None:
        """Return the id of the item's predecessor, None for the first."""
        place = self._order.index(item_id)
        return self._order[place - 1] if place else None

    def last(self) -> str | None:
        """Return the id of the last item, None where there is none."""
        return self._order[-1] if self._order else None

    def check_place(self, item_id: str | None, after: str | None) -> None:
        """Check that an item could be added there.

        Raises:
            ClientFault: the id is taken, or `after` names no item.
        """
        if item_id is not None and item_id in self._items:
            raise errors.duplicate_item(item_id)
        if after not in (None, ROOT) and after not in self._items:
            raise errors.previous_not_found(str(after))

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Add an item at the end, first (`root`) or after another; return the id of its predecessor."""
        place = len(self._order) if after is None else 0 if after == ROOT else self._order.index(after) + 1
        self._items[item.id] = item
        self._order.insert(place, item.id)
        self.weigh(item.id)
        return self.before(item.id)

    def weigh(self, item_id: str) -> None:
        """Take the weight of an item that is there, new or changed."""
        weight = self._items[item_id].weight
        self._weight += weight - self._weights.get(item_id, 0)
        self._weights[item_id] = weight

    @property
    def full(self) -> bool:
        """Tell whether it holds more than it may."""
        return len(self._order) > MAX_ITEMS or self._weight > MAX_BYTES

    def oldest(self) -> str | None:
        """Return the id of the oldest item that is not still being made, None where there is none."""
        return next((item_id for item_id in self._order if self._items[item_id].status != "in_progress"), None)

    def remove(self, item_id: str) -> None:
        """Remove an item that is there."""
        del self._items[item_id]
        self._order.remove(item_id)
        self._weight -= self._weights.pop(item_id)

    def clear(self) -> None:
        """Remove every item."""
        self._items.clear()
        self._order.clear()
        self._weights.clear()
        self._weight = 0

    def has_call(self, call_id: str) -> bool:
        """Tell whether some item is the call an output may answer."""
        return any(item.type == "function_call" and item.call_id == call_id for item in self._items.values())

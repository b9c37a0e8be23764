"""The output of one response: items in order, and the events that tell of them.

One item is told at a time, as the service does it: a message is complete when something else begins; function calls come from the brain
piece by piece in any order, so the first is told as it comes and the others when the brain has finished. What is told always adds up:
every item and part that was opened is closed, and what a `.done` says is its deltas together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vivavoce.engines.ports import TextDelta, ToolCallDelta
from vivavoce.protocol.ids import IdSource

Json = dict[str, Any]


@dataclass(slots=True)
class _Item:
    """A message, or a function call: then it has a `name`, and the `number` the brain gave it."""

    id: str
    index: int
    phase: str | None = None
    number: int = -1
    name: str = ""
    call_id: str = ""
    pieces: list[str] = field(default_factory=list)
    opened: bool = False
    status: str = "in_progress"

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def place(self) -> Json:
        return {"item_id": self.id, "output_index": self.index}

    def part(self, text: str) -> Json:
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}

    def wire(self) -> Json:
        if self.name:
            call = {"call_id": self.call_id, "name": self.name, "arguments": self.text if self.opened else ""}
            return {"id": self.id, "type": "function_call", "status": self.status, **call}
        content = [self.part(self.text)] if self.opened else []
        phase = {} if self.phase is None else {"phase": self.phase}
        return {"id": self.id, "type": "message", "status": self.status, "content": content, "role": "assistant", **phase}


class Output:
    """The items of one response.

    Args:
        ids: makes their ids.
        obfuscate: whether deltas are padded.
    """

    def __init__(self, ids: IdSource, *, obfuscate: bool = False) -> None:
        self._ids = ids
        self._obfuscate = obfuscate
        self._items: list[_Item] = []
        self._told = 0  # the item that is being told

    def wire(self) -> list[Json]:
        """Return the items as the response object has them."""
        return [item.wire() for item in self._items if item.opened]

    def text(self, delta: TextDelta) -> Iterator[Json]:
        """Add to the message at the end; a brain that changes phase begins a new one. Yields the events."""
        last = self._items[-1] if self._items else None
        if last is None or last.name or (delta.phase is not None and delta.phase != last.phase):
            if not delta.text.strip():
                return
            last = self._new(_Item(self._ids.message(), len(self._items), phase=delta.phase))
        yield from self._add(last, delta.text)

    def call(self, delta: ToolCallDelta) -> Iterator[Json]:
        """Add to a function call, which is new with its name. Yields the events."""
        call = next((item for item in self._items if item.name and item.number == delta.index), None)
        if call is None:
            call_id = delta.call_id or self._ids.call()
            call = self._new(
                _Item(self._ids.function_call(), len(self._items), number=delta.index, name=delta.name, call_id=call_id)
            )
        yield from self._add(call, delta.arguments)

    def close(self, cut: bool = False) -> Iterator[Json]:
        """Tell what has not been told yet, and close every item. Yields the events.

        Args:
            cut: the answer was cut off: the last item is incomplete.
        """
        for item in self._items[self._told :]:
            last = item is self._items[-1]
            yield from self._open(item)
            yield from self._close(item, "incomplete" if cut and last else "completed")

    def _new(self, item: _Item) -> _Item:
        self._items.append(item)
        return item

    def _add(self, item: _Item, piece: str) -> Iterator[Json]:
        told = self._items[self._told]
        if told is not item and not told.name:
            yield from self._close(told, "completed")
            self._told += 1
            told = self._items[self._told]
        if told is not item:
            item.pieces.append(piece)
            return
        yield from self._open(item)
        if piece:
            item.pieces.append(piece)
            yield self._delta(item, piece)

    def _open(self, item: _Item) -> Iterator[Json]:
        if item.opened:
            return
        held, item.pieces = item.pieces, []
        yield {"type": "response.output_item.added", "output_index": item.index, "item": item.wire()}
        item.opened = True
        if not item.name:
            yield {"type": "response.content_part.added", **item.place(), "content_index": 0, "part": item.part("")}
        if any(held):
            item.pieces = held
            yield self._delta(item, item.text)

    def _delta(self, item: _Item, piece: str) -> Json:
        padding = {"obfuscation": self._ids.padding(piece)} if self._obfuscate else {}
        if item.name:
            return {"type": "response.function_call_arguments.delta", **item.place(), "delta": piece, **padding}
        where = {**item.place(), "content_index": 0}
        return {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": [], **padding}

    def _close(self, item: _Item, status: str) -> Iterator[Json]:
        if item.name and status == "completed":
            if not item.text:  # models call functions without parameters so; clients read JSON
                item.pieces = ["{}"]
                yield self._delta(item, "{}")
            done = {**item.place(), "name": item.name, "arguments": item.text}
            yield {"type": "response.function_call_arguments.done", **done}
        elif not item.name:
            where = {**item.place(), "content_index": 0}
            yield {"type": "response.output_text.done", **where, "text": item.text, "logprobs": []}
            yield {"type": "response.content_part.done", **where, "part": item.part(item.text)}
        item.status = status
        yield {"type": "response.output_item.done", "output_index": item.index, "item": item.wire()}

"""What may be done to the conversation: clients place items, look at them, cut them, delete them; a playout cuts what it did not play."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any, Final

from vivavoce.core.archive import AudioArchive
from vivavoce.core.conversation import Conversation, Item, Part
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.protocol import errors
from vivavoce.protocol.client_events import ItemCreate, ItemTruncate, decode_audio
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.items import ITEM_REFERENCE, NEW_ITEM

OVERSHOOT_MS: Final = 1_000
"""How far a truncation may lie beyond the audio and still mean its end: players round up, and errors silenced some clients."""


class History:
    """The client's hand on the conversation.

    Args:
        conversation: the items.
        ledger: what was said and heard.
        archive: the audio of items.
        images: whether the model can be shown images.
    """

    def __init__(self, conversation: Conversation, ledger: PlaybackLedger, archive: AudioArchive, *, images: bool) -> None:
        self._conversation = conversation
        self._ledger = ledger
        self._archive = archive
        self._images = images

    def check_create(self, event: ItemCreate) -> None:
        """Check that an item may be created where it is asked for.

        Raises:
            ClientFault: its id is taken, its predecessor is not there, or it answers no call.
        """
        item = event.item
        self._conversation.check_place(item.get("id"), event.previous_item_id)
        if item["type"] == "function_call_output" and not self._conversation.has_call(item["call_id"]):
            raise errors.no_such_call(item["call_id"])

    def make(self, wire: dict[str, Any], new_id: str, fmt: AudioFormat) -> tuple[Item, dict[int, bytes]]:
        """Return the item that checked wire data describes, and the bytes of its audio parts by index.

        Raises:
            ClientFault: audio that is not base64 or not whole samples; an image where the model sees none.
        """
        item = Item(wire.get("id") or new_id, wire["type"])
        if item.type == "function_call":
            item.name, item.call_id, item.text = (
                wire["name"],
                wire.get("call_id") or new_id.replace("item_", "call_"),
                wire["arguments"],
            )
            return item, {}
        if item.type == "function_call_output":
            item.call_id, item.text = wire["call_id"], wire["output"]
            return item, {}
        item.role = wire["role"]
        # Clients that replay a history send the phases they were told.
        item.phase = wire.get("phase") if item.role == "assistant" else None
        sounds = {}
        for index, part in enumerate(wire["content"]):
            if part["type"] == "input_audio":
                sounds[index] = _sound(part["audio"], f"item.content[{index}].audio", fmt)
                item.parts.append(Part("input_audio", part.get("transcript"), audio_ms=fmt.ms(len(sounds[index]))))
            elif part["type"] == "input_image":
                if not self._images:
                    raise errors.no_images(f"item.content[{index}]")
                item.parts.append(Part("input_image", image_url=part["image_url"], detail=part.get("detail") or "auto"))
            else:
                item.parts.append(Part(part["type"], part["text"]))
        return item, sounds

    def named_items(
        self, wire: list[Any] | None, new_id: Callable[[], str], fmt: AudioFormat
    ) -> tuple[tuple[Item, ...] | None, list[tuple[Item, dict[int, bytes]]]]:
        """Return the items a response names as its input, and those of them that bring audio; None where it names none.

        Raises:
            ClientFault: one is no item, or refers to none.
        """
        if wire is None:
            return None, []
        items, sounding = [], []
        for index, entry in enumerate(wire):
            path = f"response.input[{index}]"
            if isinstance(entry, dict) and entry.get("type") == "item_reference":
                items.append(self._referenced(ITEM_REFERENCE.check(entry, path)["id"], path))
                continue
            item, sounds = self.make(NEW_ITEM.check(entry, path), new_id(), fmt)
            # It stands in no conversation, where one may have the id the client gave it.
            item.id = new_id()
            items.append(item)
            if sounds:
                sounding.append((item, sounds))
        return tuple(items), sounding

    def retrieve(self, item_id: str) -> dict[str, Any]:
        """Return an item as it stands, with its audio where it is still kept, up to what was heard.

        Raises:
            ClientFault: there is no such item.
        """
        item = self._conversation.get(item_id)
        if item is None:
            raise errors.item_not_found("retrieve", item_id)
        wire = item.wire()
        for index, part in enumerate(wire.get("content", ())):
            if part["type"] in ("input_audio", "output_audio"):
                self._complete(item_id, index, part)
        return wire

    def truncate(self, event: ItemTruncate, spoken: tuple[str, ...]) -> int:
        """Cut an item's audio and text to what was heard; return where, in ms.

        Of the same response nothing was heard that comes after it, and everything that comes before it, if anything of it was.

        Args:
            event: what the client asks.
            spoken: the spoken items of its response, in order.

        Raises:
            ClientFault: there is no such item, it has no audio, or it is shorter already.
        """
        item = self._conversation.get(event.item_id)
        if item is None:
            raise errors.item_not_found("truncate", event.item_id)
        if (
            item.role != "assistant"
            or event.content_index >= len(item.parts)
            or item.parts[event.content_index].type != "output_audio"
        ):
            raise errors.truncate_not_audio()
        generated, told = self._ledger.generated_ms(item.id), self._ledger.told_ms(item.id)
        if told is not None and event.audio_end_ms > told:
            raise errors.already_truncated(told)
        if event.audio_end_ms > generated + OVERSHOOT_MS:
            raise errors.truncate_past_end(generated, event.audio_end_ms)
        at_ms = min(event.audio_end_ms, generated)
        place = spoken.index(item.id) if item.id in spoken else 0
        for item_id, end in [(item.id, at_ms), *((other, 0) for other in spoken[place + 1 :])]:
            self._cut(item_id, end)
        for item_id in spoken[:place] if at_ms > 0 else ():
            self._ledger.lift(item_id)
        return at_ms

    def cut(self, item_id: str, heard_ms: float) -> int | None:
        """Cut an item to what the playout says was heard of it; return where, in whole ms, or None where there is no such item.

        What a client cut shorter stays so.
        """
        if item_id not in self._conversation:
            return None
        told = self._ledger.told_ms(item_id)
        at_ms = int(heard_ms) if told is None else min(int(heard_ms), told)
        self._cut(item_id, at_ms)
        return at_ms

    def delete(self, item_id: str) -> None:
        """Delete an item.

        Raises:
            ClientFault: there is no such item, or it is still being made.
        """
        item = self._conversation.get(item_id)
        if item is None or item.status == "in_progress":
            raise errors.item_not_found("delete", item_id)
        self._forget(item_id)

    def trim(self) -> tuple[str, ...]:
        """Forget the oldest items until the conversation is within its bounds; return which."""
        gone = []
        while self._conversation.full and (oldest := self._conversation.oldest()) is not None:
            self._forget(oldest)
            gone.append(oldest)
        return tuple(gone)

    def _cut(self, item_id: str, at_ms: int) -> None:
        self._ledger.cut(item_id, at_ms, exact=True)
        self._archive.cut(item_id, 0, at_ms)

    def _forget(self, item_id: str) -> None:
        self._conversation.remove(item_id)
        self._ledger.forget(item_id)
        self._archive.forget(item_id)

    def _referenced(self, item_id: str, path: str) -> Item:
        item = self._conversation.get(item_id)
        if item is None:
            raise errors.item_reference_not_found(f"{path}.id", item_id)
        return item

    def _complete(self, item_id: str, index: int, part: dict[str, Any]) -> None:
        if part["type"] == "output_audio":
            part["transcript"] = self._ledger.heard_text(item_id, part["transcript"] or "")
        heard_ms = self._ledger.heard_ms(item_id)
        kept = self._archive.get(item_id, index)
        if kept is not None:
            audio, fmt = kept
            if heard_ms is not None:
                audio = audio[: heard_ms * fmt.bytes_per_ms]
            part["audio"] = binascii.b2a_base64(audio, newline=False).decode()
            part["format"] = fmt.wire()


def _sound(text: str, path: str, fmt: AudioFormat) -> bytes:
    audio = decode_audio(text, path)
    if len(audio) % fmt.width:
        raise errors.odd_audio(path, fmt.width)
    return audio

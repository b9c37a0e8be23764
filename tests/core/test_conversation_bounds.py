"""I10: a conversation is bounded, whatever a client puts into it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from vivavoce.core import conversation
from vivavoce.core.conversation import MAX_BYTES, MAX_ITEMS, Conversation, Item, Part
from vivavoce.core.transcribing import MAX_RECOGNITIONS
from vivavoce.testing.simulator import Simulator


def create(item_id: str, text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"id": item_id, "type": "message", "role": "user", "content": content}}


def test_the_oldest_items_are_forgotten_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_ITEMS", 10)
    session = Simulator()
    for place in range(25):
        session.client(create(f"i{place}", "hello"))
    session.client({"type": "response.create"})
    session.settle()
    assert [item.id for item in session.contexts[0].context.items] == [f"i{place}" for place in range(15, 25)]
    session.client({"type": "conversation.item.retrieve", "item_id": "i3"})
    assert session.events[-1]["error"]["code"] == "item_retrieve_invalid_item_id"
    assert not session.of("error")[:-1]


def test_large_items_are_forgotten_by_their_size() -> None:
    session = Simulator()
    for place in range(6):
        session.client(create(f"i{place}", "x" * (MAX_BYTES // 5)))
    for place, there in enumerate((False, False, True, True, True, True)):
        session.client({"type": "conversation.item.retrieve", "item_id": f"i{place}"})
        assert (session.events[-1]["type"] == "conversation.item.retrieved") is there


def test_a_weight_follows_what_an_item_has_become() -> None:
    talk = Conversation("conv_x")
    item = Item("a", "message", "in_progress", "assistant", [Part("output_text", "")])
    talk.add(item)
    item.parts[0].text = "x" * (MAX_BYTES + 1)
    assert not talk.full
    talk.weigh("a")
    assert talk.full
    talk.remove("a")
    assert not talk.full and MAX_ITEMS > 1


def test_an_item_that_is_still_being_made_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_ITEMS", 3)
    session = Simulator()
    session.client({"type": "response.create"})
    session.run(150)
    (made,) = session.of("response.output_item.added")
    for place in range(9):
        session.client(create(f"i{place}", "hello"))
    session.settle()
    assert session.of("response.output_item.done")[0]["item"]["id"] == made["item"]["id"]
    assert session.of("response.done")[0]["response"]["status"] == "completed"
    assert not session.of("error")


def test_wide_characters_and_many_parts_weigh_what_they_take() -> None:
    plain, wide = (Item("a", "message", parts=[Part("input_text", text)]).weight for text in ("a" * 1_000, "é" * 1_000))
    assert wide - plain == 3_000
    many = Item("a", "message", parts=[Part("input_text", "") for _ in range(256)])
    assert many.weight > 256 * 100


def test_an_item_of_very_many_parts_is_refused() -> None:
    session = Simulator()
    content = [{"type": "input_text", "text": ""}] * 257
    session.client({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}})
    assert (session.events[-1]["error"]["code"], session.events[-1]["error"]["param"]) == (
        "array_above_max_length",
        "item.content",
    )


def test_recordings_beyond_those_that_may_be_recognized_at_once_are_refused() -> None:
    session = Simulator()
    sound = {"type": "input_audio", "audio": base64.b64encode(bytes(48 * 200)).decode()}
    for place in range(MAX_RECOGNITIONS + 1):
        session.client({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [sound]}})
        assert (session.events[-1]["type"] == "error") is (place == MAX_RECOGNITIONS)
    assert session.events[-1]["error"]["code"] == "rate_limit_exceeded"
    session.settle()
    session.client({"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [sound]}})
    assert session.events[-1]["type"] == "conversation.item.done"

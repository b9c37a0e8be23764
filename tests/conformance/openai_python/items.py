"""Scenarios: items of the conversation."""

from __future__ import annotations

import base64
from typing import Any

from scenarios import contexts, expect, silence, speech
from talk import talk, text_of


async def items_are_placed_retrieved_and_deleted() -> None:
    """Items go where they are put, come back as they are, and go away."""
    async with talk() as talking:
        create, item = talking.connection.conversation.item.create, talking.connection.conversation.item
        for number, (name, place) in enumerate(
            [("item_b", None), ("item_a", "root"), ("item_c", "item_b"), ("item_x", "item_a")]
        ):
            wanted = _message(f"Text {number}.", name)
            await (create(item=wanted, previous_item_id=place) if place else create(item=wanted))
            added = await talking.until("conversation.item.added")
            expect(
                added.previous_item_id == {"item_b": None, "item_a": None}.get(name, place),
                f"it is after {added.previous_item_id}",
            )
            expect((await talking.until("conversation.item.done")).item.id == name, "another item is done")
        await item.retrieve(item_id="item_c")
        retrieved = (await talking.until("conversation.item.retrieved")).item
        expect(retrieved.id == "item_c" and retrieved.content[0].text == "Text 2.", f"it is {retrieved}")
        await item.delete(item_id="item_x")
        expect((await talking.until("conversation.item.deleted")).item_id == "item_x", "another item is deleted")
        await item.retrieve(item_id="item_x", event_id="evt_gone")
        await talking.refused("evt_gone", "item_retrieve_invalid_item_id")


async def spoken_audio_is_retrieved() -> None:
    """What the user said comes back as audio and text."""
    async with talk() as talking:
        await talking.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        spoken = silence(200) + speech("hello")
        await talking.append(spoken)
        await talking.connection.input_audio_buffer.commit()
        committed = await talking.until("input_audio_buffer.committed")
        heard = await talking.until("conversation.item.input_audio_transcription.completed")
        await talking.connection.conversation.item.retrieve(item_id=committed.item_id)
        part = (await talking.until("conversation.item.retrieved")).item.content[0]
        expect(base64.b64decode(part.audio or "") == spoken, f"{len(part.audio or '') * 3 // 4} bytes of {len(spoken)}")
        expect(part.transcript == heard.transcript, f"the transcript is {part.transcript!r}, not {heard.transcript!r}")


async def what_was_not_heard_is_forgotten() -> None:
    """After a truncation neither retrieve nor the language model's next context has what was not played."""
    async with talk() as talking:
        response = await talking.ask("forbidden")
        said = response.output[0]
        await talking.connection.conversation.item.truncate(item_id=said.id, content_index=0, audio_end_ms=700)
        await talking.until("conversation.item.truncated")
        await talking.connection.conversation.item.retrieve(item_id=said.id)
        part = (await talking.until("conversation.item.retrieved")).item.content[0]
        expect("music" in text_of(response) and "music" not in (part.transcript or ""), f"it still says {part.transcript!r}")
        await talking.update(output_modalities=["text"])
        await talking.ask("And then, dear conformance?")
        context = contexts("dear conformance")[-1]
        expect("music" not in context and "secret" in context, f"the context is {context}")


async def history_is_brought_along() -> None:
    """A conversation from elsewhere is put in place: system, user, assistant, a call and its output."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"])
        history: list[Any] = [
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
            _message("What is the weather?", "item_q"),
            {"type": "function_call", "name": "get_weather", "call_id": "call_old", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_old", "output": "rain"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It rains."}]},
        ]
        for item in history:
            await talking.connection.conversation.item.create(item=item)
            done = (await talking.until("conversation.item.done")).item
            expect(done.type == item["type"], f"it has become {done}")
        expect("Hello!" in text_of(await talking.ask("hello, dear history")), "another answer")
        context = contexts("dear history")[-1]
        expect(all(words in context for words in ("Be kind.", "It rains.", "call_old", "rain")), f"the context is {context}")


def _message(text: str, item_id: str) -> Any:
    return {"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}

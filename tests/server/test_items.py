"""Conversation items: created, placed, retrieved, truncated, deleted, and what the brain gets to see of them."""

from __future__ import annotations

import base64

import pytest

from kit import TURN, Client, Event, create, respond, scripted, serving, silence, speech, text, truncate, user
from vivavoce.audio import g711
from vivavoce.engines.ports import UNCLEAR_AUDIO
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Hang, Say

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def sound(ms: float = 500, fmt: str = "audio/pcm", **fields: object) -> Event:
    return {"type": "input_audio", "audio": base64.b64encode(speech(ms, fmt)).decode(), **fields}


async def retrieve(client: Client, item: str) -> Event:
    await client.send("conversation.item.retrieve", item_id=item)
    found: Event = (await client.until("conversation.item.retrieved"))["item"]
    return found


async def test_items_are_placed_where_the_client_says() -> None:
    brain = ScriptedBrain("ok.", repeat=True)
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.say("b")
        second = await client.say("d")
        first = await client.say("a", previous_item_id="root")
        between = await client.create(
            user(text("c"), id="mine"), previous_item_id=client.of("conversation.item.done")[0]["item"]["id"]
        )
        last = await client.say("e", previous_item_id=None)
        assert between == "mine"
        placed = [
            (event["item"]["content"][0]["text"], event["previous_item_id"]) for event in client.of("conversation.item.added")
        ]
        b = client.events[1]["item"]["id"]
        assert placed == [("b", None), ("d", b), ("a", None), ("c", b), ("e", second)]
        await client.respond(output_modalities=["text"])
        assert [message.text for message in brain.requests[0].messages[1:]] == ["a", "b", "c", "d", "e"]
        assert {first, last} <= {event["item"]["id"] for event in client.of("conversation.item.done")}


async def test_added_and_done_come_back_to_back_with_the_same_item() -> None:
    async with serving() as server, server.connect() as client:
        for item in (
            user(text("hello")),
            {**user(text("Be kind.")), "role": "system"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Old spelling."}]},
            {"type": "function_call", "name": "f", "call_id": "call_1", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "1"},
            user({"type": "input_image", "image_url": PIXEL}, text("what is this?")),
        ):
            start = len(client.events)
            await client.frame(create(item))
            await client.until("conversation.item.done")
            added, done = client.events[start:]
            assert added["type"] == "conversation.item.added"
            assert added["item"] == done["item"]
            assert added["previous_item_id"] == done["previous_item_id"]
        kinds = [(event["item"].get("role"), event["item"].get("status")) for event in client.of("conversation.item.done")]
    assert kinds[-2] == (None, None), "an output is echoed without a status, as recorded"
    assert client.of("conversation.item.done")[3]["item"]["content"][0]["type"] == "output_text"


async def test_the_brain_sees_history_as_it_was_written() -> None:
    brain = ScriptedBrain("ok.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.create({**user(text("Be kind.")), "role": "system"})
        await client.create(user(text("Look:"), {"type": "input_image", "image_url": PIXEL}))
        await client.create({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A pixel."}]})
        await client.create({"type": "function_call", "name": "f", "call_id": "call_1", "arguments": '{"a": 1}'})
        await client.create({"type": "function_call_output", "call_id": "call_1", "output": "2"})
        response = await client.respond()
    messages = brain.requests[0].messages[1:]
    assert [(message.role, message.text) for message in messages] == [
        ("system", "Be kind."),
        ("user", "Look:"),
        ("assistant", "A pixel."),
        ("assistant", ""),
        ("tool", "2"),
    ]
    assert messages[1].images == (PIXEL,)
    assert (messages[3].tool_calls[0].name, messages[3].tool_calls[0].arguments) == ("f", '{"a": 1}')
    assert response["usage"]["input_token_details"]["image_tokens"] > 0


@pytest.mark.parametrize("transcribed", [True, False])
async def test_audio_the_client_places_is_recognized_before_it_is_answered(transcribed: bool) -> None:
    brain = ScriptedBrain("ok.")
    recognizer = ScriptedRecognizer(Heard("from the past", delay_s=0.05))
    async with serving(scripted(brain, recognizer)) as server, server.connect() as client:
        if transcribed:
            await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
        item = await client.create(user(text("Listen:"), sound(700)))
        assert client.events[-1]["item"]["content"][1] == {"type": "input_audio", "transcript": None}
        await client.respond()
        assert brain.requests[0].messages[1].text == "Listen:\nfrom the past"
        assert recognizer.segments[0].duration_ms == pytest.approx(700, abs=5)
        completed = client.of("conversation.item.input_audio_transcription.completed")
        assert [(event["item_id"], event["content_index"], event["transcript"]) for event in completed] == (
            [(item, 1, "from the past")] if transcribed else []
        )
        part = (await retrieve(client, item))["content"][1]
        assert part["transcript"] == ("from the past" if transcribed else None)


async def test_audio_nobody_understood_is_asked_for_again() -> None:
    brain = ScriptedBrain("Pardon?")
    async with serving(scripted(brain, ScriptedRecognizer(""))) as server, server.connect() as client:
        await client.append(TURN)
        await client.done()
    assert brain.requests[0].messages[-1].text == UNCLEAR_AUDIO


async def test_a_turn_is_retrieved_with_its_audio_and_its_format() -> None:
    async with serving() as server, server.connect() as client:
        await client.append(TURN)
        await client.done()
        started, stopped = client.of("input_audio_buffer.speech_started")[0], client.of("input_audio_buffer.speech_stopped")[0]
        part = (await retrieve(client, started["item_id"]))["content"][0]
    audio = base64.b64decode(part["audio"])
    assert part["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert audio == TURN[started["audio_start_ms"] * 48 : stopped["audio_end_ms"] * 48], "the very samples, by the very offsets"


async def test_an_answer_is_retrieved_with_its_audio_up_to_what_was_heard() -> None:
    async with serving(scripted(ScriptedBrain("one two three four."))) as server, server.connect() as client:
        response = await client.respond()
        item = response["output"][0]["id"]
        whole = (await retrieve(client, item))["content"][0]
        assert base64.b64decode(whole["audio"]) == client.audio(response["id"])
        await client.frame(truncate(item, end=700))
        await client.until("conversation.item.truncated")
        part = (await retrieve(client, item))["content"][0]
    assert base64.b64decode(part["audio"]) == client.audio(response["id"])[: 700 * 48]
    assert part["transcript"] == "one two"


async def test_an_item_in_the_making_is_retrieved_as_it_stands() -> None:
    async with serving(scripted(ScriptedBrain([Say("one two. three"), Hang()]))) as server, server.connect() as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        item = await retrieve(client, client.of("response.output_item.added")[0]["item"]["id"])
        assert item["status"] == "in_progress"
        await client.send("response.cancel")
        await client.done()


async def test_truncation_is_clamped_where_a_player_rounds_up() -> None:
    async with serving(scripted(ScriptedBrain("one two."))) as server, server.connect() as client:
        item = (await client.respond())["output"][0]["id"]
        await client.frame(truncate(item, end=600 + 400))
        assert (await client.until("conversation.item.truncated"))["audio_end_ms"] == 600


async def test_truncating_again_shorter_is_fine() -> None:
    brain = ScriptedBrain("one two three.", "ok.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        item = (await client.respond())["output"][0]["id"]
        for end in (650, 300, 300):
            await client.frame(truncate(item, end=end))
            assert (await client.until("conversation.item.truncated"))["audio_end_ms"] == end
        await client.respond()
    assert [message.text for message in brain.requests[1].messages[1:]] == ["one"]


async def test_truncating_to_nothing_leaves_nothing_in_the_history() -> None:
    brain = ScriptedBrain("one two three.", "ok.")
    async with serving(scripted(brain)) as server, server.connect() as client:
        item = (await client.respond())["output"][0]["id"]
        await client.frame(truncate(item, end=0))
        await client.until("conversation.item.truncated")
        await client.respond()
    assert len(brain.requests[1].messages) == 1


async def test_a_deleted_item_is_gone() -> None:
    brain = ScriptedBrain("ok.", repeat=True)
    async with serving(scripted(brain)) as server, server.connect() as client:
        first, second = await client.say("a"), await client.say("b")
        await client.send("conversation.item.delete", item_id=first)
        assert (await client.until("conversation.item.deleted"))["item_id"] == first
        await client.respond()
        assert [message.text for message in brain.requests[0].messages[1:]] == ["b"]
        error = await client.refused({"type": "conversation.item.retrieve", "item_id": first})
        assert error["code"] == "item_retrieve_invalid_item_id"
        assert await client.create(user(text("again"), id=first), previous_item_id=second) == first, "its id is free again"


async def test_deleting_audio_that_is_being_recognized_lets_the_answer_go_on() -> None:
    recognizer = ScriptedRecognizer(Heard("never", delay_s=60))
    brain = ScriptedBrain("ok.")
    async with serving(scripted(brain, recognizer)) as server, server.connect() as client:
        await client.say("hello")
        item = await client.create(user(sound()))
        await client.send("response.create")
        await client.until("response.created")
        await client.send("conversation.item.delete", item_id=item)
        assert (await client.done())["status"] == "completed"
    assert [message.text for message in brain.requests[0].messages[1:]] == ["hello"]


async def test_the_whole_history_can_be_rebuilt_with_the_clients_ids() -> None:
    async with serving() as server, server.connect() as client:
        await client.respond()
        await client.say("x")
        ids = [event["item"]["id"] for event in client.of("conversation.item.added")]
        for item in ids:
            await client.send("conversation.item.delete", item_id=item)
            await client.until("conversation.item.deleted")
        for item in ids:
            await client.create({"type": "message", "role": "user", "content": [text(item)], "id": item})
        assert client.of("conversation.item.done")[-1]["previous_item_id"] == ids[0]


async def test_an_item_that_takes_the_id_of_the_turn_under_way_is_refused() -> None:
    async with serving() as server, server.connect() as client:
        await client.append(silence(200) + speech(600))
        turn = (await client.until("input_audio_buffer.speech_started"))["item_id"]
        error = await client.refused(create(user(text("mine"), id=turn)))
        assert error["code"] == "item_create_duplicate_item_id"
        await client.append(silence(1_000))
        assert (await client.done())["status"] == "completed"
        await client.send("conversation.item.delete", item_id=turn)
        await client.until("conversation.item.deleted")
        assert (await client.respond())["status"] == "completed"


async def test_an_output_placed_before_its_call_does_not_harm_the_session() -> None:
    brain = ScriptedBrain("ok.", repeat=True)
    async with serving(scripted(brain)) as server, server.connect() as client:
        await client.create({"type": "function_call", "name": "f", "call_id": "call_1", "arguments": "{}"})
        await client.create({"type": "function_call_output", "call_id": "call_1", "output": "1"}, previous_item_id="root")
        assert (await client.respond())["status"] == "completed"
    assert [message.role for message in brain.requests[0].messages] == ["system"]


async def test_items_of_a_response_may_have_ids_that_the_conversation_has_too() -> None:
    brain = ScriptedBrain("ok.", repeat=True)
    recognizer = ScriptedRecognizer("spoken", repeat=True)
    async with serving(scripted(brain, recognizer)) as server, server.connect() as client:
        await client.create(user(text("in the conversation"), id="mine"))
        for band in ("none", "auto"):
            await client.frame(respond(conversation=band, input=[user(text("by the response"), sound(), id="mine")] * 2))
            assert (await client.done())["status"] == "completed"
            assert [message.text for message in brain.requests[-1].messages[1:]] == ["by the response\nspoken"] * 2
        assert (await retrieve(client, "mine"))["content"] == [text("in the conversation")]


async def test_an_image_in_telephone_audio_company() -> None:
    """The format of an item's audio is the session's input format."""
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
        item = await client.create(user(sound(400, "audio/pcmu"), {"type": "input_image", "image_url": PIXEL, "detail": "low"}))
        await client.respond()
        part, image = (await retrieve(client, item))["content"]
    assert part["format"] == {"type": "audio/pcmu"}
    assert len(g711.decode_mulaw(base64.b64decode(part["audio"]))) == 400 * 8
    assert image["detail"] == "low"

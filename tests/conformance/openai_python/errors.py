"""Scenarios: what clients get wrong."""

from __future__ import annotations

import base64
from typing import Any

from scenarios import expect
from talk import Talk, talk, text_of


async def errors_keep_the_session() -> None:
    """Each mistake is answered with one error that names it, and the session goes on."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"], audio={"input": {"turn_detection": None}})
        connection, item = talking.connection, talking.connection.conversation.item
        mistakes: list[tuple[Any, str | None]] = [
            (lambda i: _send(talking, {"type": "no.such.event", "event_id": i}), "invalid_value"),
            (lambda i: _send(talking, {"type": "conversation.item.delete", "event_id": i}), "missing_required_parameter"),
            (lambda i: connection.input_audio_buffer.append(audio="%%%", event_id=i), "invalid_value"),
            (lambda i: connection.input_audio_buffer.commit(event_id=i), "input_audio_buffer_commit_empty"),
            (lambda i: connection.output_audio_buffer.clear(event_id=i), "invalid_value"),
            (lambda i: connection.response.cancel(event_id=i), "response_cancel_not_active"),
            (lambda i: item.delete(item_id="item_none", event_id=i), "item_delete_invalid_item_id"),
            (
                lambda i: item.truncate(item_id="item_none", content_index=0, audio_end_ms=0, event_id=i),
                "item_truncate_invalid_item_id",
            ),
            (lambda i: item.create(item=_output("call_none"), event_id=i), "invalid_value"),
        ]
        for number, (make, code) in enumerate(mistakes):
            await make(f"evt_{number}")
            await talking.refused(f"evt_{number}", code)
        await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(480)).decode())
        await connection.input_audio_buffer.commit(event_id="evt_short")
        await talking.refused("evt_short", "input_audio_buffer_commit_empty")
        await talking.say("Please count.")
        await connection.response.create()
        await talking.until("response.created")
        await connection.response.create(event_id="evt_second")
        await talking.refused("evt_second", "conversation_already_has_active_response")
        await connection.response.cancel()
        await talking.answer("cancelled")
        expect("Hello!" in text_of(await talking.ask("hello")), "no answer after the errors")


async def a_bad_update_changes_nothing() -> None:
    """An update with one bad field is refused as a whole; a voice that has been heard stays."""
    async with talk() as talking:
        session: Any = {"type": "realtime", "instructions": "New.", "audio": {"output": {"speed": 9}}}
        await talking.connection.session.update(session=session, event_id="evt_speed")
        error = await talking.refused("evt_speed", "decimal_above_max_value")
        expect(error.param == "session.audio.output.speed", f"the parameter is {error.param}")
        expect((await talking.update()).instructions != "New.", "half of the update was made")
        await talking.ask("hello")
        await talking.connection.session.update(
            session={"type": "realtime", "audio": {"output": {"voice": "verse"}}}, event_id="evt_voice"
        )
        await talking.refused("evt_voice", "cannot_update_voice")


async def _send(talking: Talk, event: Any) -> None:
    """Send what no resource of the client would."""
    await talking.connection.send(event)


def _output(call_id: str) -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": "none"}

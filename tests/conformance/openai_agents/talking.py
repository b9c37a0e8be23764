"""Scenarios: talking and being interrupted."""

from __future__ import annotations

from typing import Any

from agents.realtime import RealtimeAgent, RealtimePlaybackTracker
from agents.realtime.model_inputs import RealtimeModelRawClientMessage, RealtimeModelSendRawMessage
from call import Call, call
from scenarios import expect, silence, speech

STEP_BYTES = 4_800
GUIDE: RealtimeAgent[Any] = RealtimeAgent(name="guide", instructions="You help people.")
SPOKEN = silence(500) + speech("hello") + silence(1_500)


async def a_text_is_answered_aloud() -> None:
    """A message is answered with audio, its end and its turn."""
    async with call(GUIDE) as calling:
        await calling.session.send_message("hello")
        response = await calling.said("Hello! How can I help you?")
        await calling.event("audio_end")
        await calling.raw("turn_ended")
        audio = sum(len(event.audio.data) for event in calling.of("audio"))
        expect(audio > 24_000, f"only {audio // 48} ms of audio")
        usage = await calling.raw("usage")
        expect(usage.usage.total_tokens == response["usage"]["total_tokens"], f"the usage is {usage.usage}")


async def the_default_settings_work() -> None:
    """What the client sends when nothing is configured is accepted: semantic_vad, the voice ash, tracing."""
    async with call(GUIDE, audio={}) as calling:
        await calling.session.send_message("hello")
        await calling.said("Hello!")
        updates = [await calling.server("session.updated")]
        expect(updates[0]["session"]["audio"]["output"]["voice"] == "ash", f"the voice is {updates[0]['session']['audio']}")
        expect(updates[0]["session"]["audio"]["input"]["turn_detection"]["type"] == "semantic_vad", "another turn detection")


async def answers_in_text() -> None:
    """The same without sound."""
    async with call(GUIDE, output_modalities=["text"]) as calling:
        await calling.session.send_message("hello")
        delta = await calling.raw("output_text_delta")
        expect(delta.delta.startswith("Hello"), f"it says {delta.delta!r}")
        await calling.said("Hello! How can I help you?")
        expect(not calling.of("audio"), "audio in a text session")


async def a_spoken_turn() -> None:
    """Speech is transcribed into the history and answered."""
    async with call(GUIDE) as calling:
        await _speak(calling, SPOKEN)
        heard = await calling.raw("input_audio_transcription_completed")
        expect("hello" in heard.transcript.lower(), f"heard {heard.transcript!r}")
        await calling.said("Hello! How can I help you?")
        await calling.event("audio_end")


async def a_committed_turn() -> None:
    """Without turn detection the application commits, and asks for the answer."""
    async with call(GUIDE, turn_detection=None, audio={"input": {"turn_detection": None}}) as calling:
        await _speak(calling, SPOKEN[:-4_800])
        await calling.session.send_audio(SPOKEN[-4_800:], commit=True)
        await calling.server("input_audio_buffer.committed")
        await _raw(calling, "response.create")
        await calling.raw("turn_ended")
        expect(not calling.of("error"), "an error")


async def an_interruption_by_the_application() -> None:
    """`interrupt` stops the audio, truncates the item, and cancels where the server does not do so by itself."""
    detection = {"type": "server_vad", "interrupt_response": False}
    async with call(GUIDE, audio={"input": {"turn_detection": detection}}) as calling:
        await calling.session.send_message("Please count.")
        await calling.event("audio")
        await calling.session.interrupt()
        await calling.event("audio_interrupted")
        await calling.server("conversation.item.truncated")
        done = await calling.server("response.done")
        expect(done["response"]["status"] == "cancelled", f"the response is {done['response']['status']}")
        start = len(calling.events)
        await calling.session.send_message("hello")
        await calling.said("Hello!", start)


async def a_barge_in() -> None:
    """Speech over the answer interrupts it, and is answered."""
    async with call(GUIDE) as calling:
        calling.forgiven = ("response_cancel_not_active",)
        await calling.session.send_message("Please count.")
        await calling.event("audio")
        await _speak(calling, SPOKEN)
        await calling.server("input_audio_buffer.speech_started")
        await calling.event("audio_interrupted")
        done = await calling.server("response.done")
        expect(done["response"]["status"] == "cancelled", f"the response is {done['response']['status']}")
        await calling.server("conversation.item.truncated")
        await calling.said("Hello! How can I help you?")


async def a_playback_tracker_says_what_was_heard() -> None:
    """With a tracker the item is truncated at exactly what was played."""
    tracker = RealtimePlaybackTracker()
    async with call(GUIDE, tracker=tracker) as calling:
        await calling.session.send_message("Please count.")
        audio = await calling.event("audio")
        tracker.on_play_ms(audio.item_id, audio.content_index, 120)
        await _speak(calling, SPOKEN)
        truncated = await calling.server("conversation.item.truncated")
        expect(truncated["audio_end_ms"] == 120, f"truncated at {truncated['audio_end_ms']} ms")
        await calling.said("Hello! How can I help you?")


async def the_history_is_kept_up_to_date() -> None:
    """What was said on both sides is in the history, retrieved items and all."""
    async with call(GUIDE) as calling:
        await _speak(calling, SPOKEN)
        await calling.said("Hello! How can I help you?")
        await calling.raw("turn_ended")

        def complete(event: Any) -> bool:
            texts = _texts(event.history) if event.type == "history_updated" else []
            return any("hello" in text.lower() for text in texts) and "Hello! How can I help you?" in texts

        await calling.until("the whole history", complete)
        last = calling.of("history_updated")[-1].history
        expect([item.role for item in last] == ["user", "assistant"], f"the history is {last}")
        await _raw(calling, "conversation.item.delete", item_id=last[0].item_id)
        await calling.raw("item_deleted")


async def the_agent_is_replaced() -> None:
    """`update_agent` gives the running session other instructions and tools."""
    async with call(GUIDE, output_modalities=["text"]) as calling:
        start = len(calling.events)
        await calling.session.update_agent(RealtimeAgent(name="other", instructions="You are somebody else."))
        await calling.until(
            "the new instructions",
            lambda e: (
                e.type == "raw_model_event"
                and e.data.type == "raw_server_event"
                and e.data.data.get("session", {}).get("instructions") == "You are somebody else."
            ),
            start,
        )
        await calling.session.send_message("hello")
        await calling.said("Hello!")


async def an_error_is_an_event() -> None:
    """A mistake reaches the application as an event; the session goes on."""
    async with call(GUIDE, output_modalities=["text"]) as calling:
        calling.forgiven = ("item_delete_invalid_item_id",)
        await _raw(calling, "conversation.item.delete", item_id="item_none")
        error = (await calling.event("error")).error
        expect(error.code == "item_delete_invalid_item_id", f"the error is {error}")
        await calling.session.send_message("hello")
        await calling.said("Hello!")


async def _raw(calling: Call, kind: str, **other: Any) -> None:
    message: RealtimeModelRawClientMessage = {"type": kind, "other_data": other}
    await calling.session.model.send_event(RealtimeModelSendRawMessage(message=message))


async def _speak(calling: Call, audio: bytes) -> None:
    for start in range(0, len(audio), STEP_BYTES):
        await calling.session.send_audio(audio[start : start + STEP_BYTES])


def _texts(history: list[Any]) -> list[str]:
    parts = [part for item in history if item.type == "message" for part in item.content]
    return [getattr(part, "transcript", None) or getattr(part, "text", None) or "" for part in parts]

"""Scenarios: spoken turns."""

from __future__ import annotations

import asyncio
import struct

from scenarios import expect, silence, speech
from talk import Talk, talk, text_of

TRANSCRIBED = {"model": "gpt-4o-mini-transcribe", "prompt": "Hello there. What is the weather in Oslo? Stop please."}
PAUSE_MS = 1_500


async def a_spoken_turn_with_transcription() -> None:
    """Speech is found, committed, transcribed and answered; all of it under one item."""
    async with talk() as talking:
        await talking.update(audio={"input": {"transcription": TRANSCRIBED}})
        await talking.append(silence(500) + speech("hello") + silence(PAUSE_MS))
        started = await talking.until("input_audio_buffer.speech_started")
        stopped = await talking.until("input_audio_buffer.speech_stopped")
        committed = await talking.until("input_audio_buffer.committed")
        added = await talking.until("conversation.item.added")
        expect({started.item_id, stopped.item_id, committed.item_id, added.item.id} == {started.item_id}, "several items")
        expect(100 <= started.audio_start_ms < stopped.audio_end_ms, f"{started.audio_start_ms} to {stopped.audio_end_ms} ms")
        response = await talking.answer()
        heard = talking.of("conversation.item.input_audio_transcription.completed")
        heard = heard or [await talking.until("conversation.item.input_audio_transcription.completed")]
        expect(heard[0].item_id == started.item_id and "hello" in heard[0].transcript.lower(), f"heard {heard[0].transcript!r}")
        pieces = talking.of("conversation.item.input_audio_transcription.delta")
        expect("".join(piece.delta for piece in pieces) == heard[0].transcript, f"the pieces are {pieces}")
        expect(text_of(response) == "Hello! How can I help you?", f"the answer is {text_of(response)!r}")
        expect(len(talking.audio_of(response.id)) > 24_000, "hardly any audio")


async def a_spoken_turn_with_semantic_vad() -> None:
    """The other way of turn detection ends a turn as well."""
    async with talk() as talking:
        detection = {"type": "semantic_vad", "eagerness": "high"}
        session = await talking.update(audio={"input": {"transcription": TRANSCRIBED, "turn_detection": detection}})
        expect(session.audio.input.turn_detection.type == "semantic_vad", "another turn detection")
        await talking.append(silence(500) + speech("hello") + silence(4_000))
        await talking.until("input_audio_buffer.committed")
        expect("Hello!" in text_of(await talking.answer()), "another answer")


async def a_manual_turn() -> None:
    """Without turn detection the client clears, commits and asks."""
    async with talk() as talking:
        await talking.update(output_modalities=["text"], audio={"input": {"transcription": TRANSCRIBED, "turn_detection": None}})
        await talking.append(speech("stop"))
        await talking.connection.input_audio_buffer.clear()
        await talking.until("input_audio_buffer.cleared")
        await talking.append(silence(200) + speech("hello") + silence(200))
        await talking.connection.input_audio_buffer.commit()
        committed = await talking.until("input_audio_buffer.committed")
        added = await talking.until("conversation.item.added")
        expect(added.item.id == committed.item_id and added.item.content[0].type == "input_audio", f"the item is {added.item}")
        heard = await talking.until("conversation.item.input_audio_transcription.completed")
        expect("hello" in heard.transcript.lower() and "stop" not in heard.transcript.lower(), f"heard {heard.transcript!r}")
        expect(not talking.of("response.created"), "a response nobody asked for")
        await talking.connection.response.create()
        expect(text_of(await talking.answer()) == "Hello! How can I help you?", "another answer")


async def a_barge_in() -> None:
    """Speech cuts the answer off; the client says how much of it was played."""
    async with talk() as talking:
        await talking.update(audio={"input": {"transcription": TRANSCRIBED}})
        await talking.say("Please count.")
        await talking.connection.response.create()
        delta = await talking.until("response.output_audio.delta")
        await talking.append(silence(200) + speech("hello") + silence(PAUSE_MS))
        await talking.until("input_audio_buffer.speech_started")
        response = await talking.answer("cancelled")
        expect(response.status_details.reason == "turn_detected", f"the details are {response.status_details}")
        await talking.connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=300)
        truncated = await talking.until("conversation.item.truncated")
        expect((truncated.item_id, truncated.audio_end_ms) == (delta.item_id, 300), f"it is {truncated}")
        answer = await talking.answer()
        late = [e for e in talking.of("response.output_audio.delta") if e.response_id == response.id]
        ends = [i for i, e in enumerate(talking.events) if e.type == "response.done" and e.response.id == response.id]
        expect(all(talking.events.index(e) < ends[0] for e in late), "audio after the end of its response")
        expect("Hello!" in text_of(answer), f"the answer is {text_of(answer)!r}")


async def g711_both_ways() -> None:
    """The telephone's format, in and out."""
    async with talk() as talking:
        pcmu = {"type": "audio/pcmu"}
        await talking.update(audio={"input": {"format": pcmu, "transcription": TRANSCRIBED}, "output": {"format": pcmu}})
        await talking.append(_mu_law(silence(500, 8_000) + speech("hello_8k") + silence(PAUSE_MS, 8_000)))
        response = await talking.answer()
        expect("Hello!" in text_of(response), f"the answer is {text_of(response)!r}")
        audio = talking.audio_of(response.id)
        expect(4_000 < len(audio) < 80_000, f"{len(audio)} bytes of audio")
        session = await talking.update(audio={"output": {"format": {"type": "audio/pcma"}}})
        expect(session.audio.output.format.type == "audio/pcma", "another format")
        other = await talking.ask("hello")
        expect(abs(len(talking.audio_of(other.id)) - len(audio)) < 4_000, "A-law lasts longer or shorter than mu-law")


async def an_idle_time_out() -> None:
    """Nobody speaks after an answer: the server says so, and answers the silence."""
    async with talk() as talking:
        detection = {"type": "server_vad", "idle_timeout_ms": 5_000}
        await talking.update(output_modalities=["text"], audio={"input": {"turn_detection": detection}})
        await talking.ask("hello")
        feeding = asyncio.create_task(_silence(talking))
        try:
            event = await talking.until("input_audio_buffer.timeout_triggered")
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        committed = await talking.until("input_audio_buffer.committed")
        expect(committed.item_id == event.item_id, "another item")
        expect(event.audio_start_ms < event.audio_end_ms, f"{event.audio_start_ms} to {event.audio_end_ms} ms")
        await talking.answer()


async def _silence(talking: Talk) -> None:
    while True:
        await talking.append(silence(200))
        await asyncio.sleep(0.2)


def _mu_law(pcm: bytes) -> bytes:
    """Return 16-bit samples as mu-law. Source: ITU-T G.711, table 2a, as segment and step."""
    coded = bytearray()
    for (sample,) in struct.iter_unpack("<h", pcm):
        size = min(abs(sample), 32_635) + 132
        segment = size.bit_length() - 8
        coded.append(~((0x80 if sample < 0 else 0) | segment << 4 | size >> (segment + 3) & 0x0F) & 0xFF)
    return bytes(coded)

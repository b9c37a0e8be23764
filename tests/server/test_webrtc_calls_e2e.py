"""Whole conversations over WebRTC with a peer connection and a person's recorded voice: orders that end in a tool call, and an agent
that hears itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import webrtc_echo
from bench.guest import MOST_YESES, order_tool
from bench.kit import running_server
from bench.speech import Samples
from bench.webrtc_phone import Phone, open_phone
from call_kit import calling, ended

from kit import eventually, scripted, serving, silence
from vivavoce.audio.wav import read_wav
from vivavoce.cli.coffee_bar import INSTRUCTIONS
from vivavoce.engines.tts.available import describe
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.invariants import check_stream
from vivavoce.testing.official import validate_event
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Answer, CallTool, Say

ORDER = "orders/0075d273-51bb-47cb-b323-4437bd0de029.wav"
RATE_HZ = 24_000
LISTENING = {"audio": {"input": {"transcription": {"model": "gpt-realtime-whisper", "language": "en"}}}}
BAR: dict[str, Any] = {"instructions": INSTRUCTIONS, "tools": [order_tool()], **LISTENING}
THANKS = "Thank you. Order 4711 will be ready in 5 minutes."
SHORT = "Thank you for calling the coffee bar in the old station. We have a mild roast today."
LOUD = 1_000.0
ANSWER_WITHIN_S = 30.0

usable = [candidate for candidate in describe() if candidate.usable]
needs_a_voice = pytest.mark.skipif(
    not usable, reason="no voice is installed: apt install libflite1, or pip install 'vivavoce[espeak]'"
)


def recorded(speech: Path, file: str) -> Samples:
    """Return a recording, its loudest sample at half of full scale."""
    samples, _ = read_wav(speech / file, RATE_HZ)
    louder: Samples = (samples * (16_000 / np.abs(samples.astype(np.int32)).max())).astype(np.int16)
    return louder


@pytest.mark.speech
async def test_a_spoken_order_calls_the_tool_and_what_it_returned_is_heard(speech: Path) -> None:
    brain = ScriptedBrain(
        Answer([Say("One coffee."), CallTool("orderDrink", {"coffeeDrink": "coffee", "size": "small"}, pieces=3)], when="coffee"),
        Answer([Say(THANKS)], when="order_number"),
    )
    async with serving(scripted(brain, ScriptedRecognizer(Heard("a coffee please")))) as server, calling(server) as call:
        client = call.client
        await client.update(**BAR)
        call.peer.microphone.say(np.concatenate([np.frombuffer(silence(300), np.int16), recorded(speech, ORDER)]))
        called = await client.until("response.function_call_arguments.done")
        await client.until("output_audio_buffer.stopped")
        output = {"type": "function_call_output", "call_id": called["call_id"], "output": '{"order_number": 4711}'}
        await client.create(output)
        await client.send("response.create")
        await client.until("output_audio_buffer.started")
        await eventually(lambda: call.peer.loudness() > LOUD)
        await client.until("output_audio_buffer.stopped")
        transcripts = [event["transcript"] for event in client.of("response.output_audio_transcript.done")]
        await call.peer.close()
        await ended(server)
    assert (called["name"], json.loads(called["arguments"])) == ("orderDrink", {"coffeeDrink": "coffee", "size": "small"})
    assert transcripts == ["One coffee.", THANKS]
    assert not client.of("response.output_audio.delta"), "voices go over the track"


@pytest.mark.speech
@needs_a_voice
async def test_a_guest_orders_from_the_embedded_engines(speech: Path) -> None:
    """The order of a stranger, a yes to whatever is read back, the tool, and the number of the order aloud."""
    server = running_server("embedded")
    running = await asyncio.to_thread(server.__enter__)
    try:
        async with open_phone(running.http_url, BAR, seed=1) as phone:
            called = await _order(phone, recorded(speech, ORDER), recorded(speech, "caller/yes.wav"))
            output = {
                "type": "function_call_output",
                "call_id": called["call_id"],
                "output": '{"order_number": 47, "minutes": 5}',
            }
            await phone.send({"type": "conversation.item.create", "item": output})
            asked_s = phone.events[-1].at_s
            await phone.send({"type": "response.create"})
            assert await phone.until(lambda: bool(phone.all("output_audio_buffer.stopped", asked_s)), ANSWER_WITHIN_S)
            last = phone.all("response.output_audio_transcript.done")[-1].body["transcript"]
            assert phone.connection.audible(asked_s), "the answer is heard"
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
    assert called["name"] == "orderDrink"
    assert "coffee" in json.loads(called["arguments"])["coffeeDrink"]
    assert "47" in last
    bodies = [event.body for event in phone.events]
    for body in bodies:
        validate_event(body)
    check_stream(bodies)


async def _order(phone: Phone, order: Samples, yes: Samples) -> dict[str, Any]:
    """Order, and say yes to what is read back until the tool is called; return the call."""
    said = order
    for _ in range(1 + MOST_YESES):
        _, end = phone.microphone.say(said, after_s=0.5)
        end_s = phone.microphone.moment(end)
        answered = await phone.until(
            lambda end_s=end_s: bool(  # type: ignore[misc]
                phone.all("output_audio_buffer.stopped", end_s) or phone.all("response.function_call_arguments.done", end_s)
            ),
            ANSWER_WITHIN_S,
        )
        assert answered, [event.type for event in phone.events][-8:]
        if calls := phone.all("response.function_call_arguments.done"):
            return calls[0].body
        said = yes
    raise AssertionError("the guest left without a drink")


@needs_a_voice
@pytest.mark.parametrize(
    ("answers", "said", "seconds"),
    [
        pytest.param(2, SHORT, 3, id="short"),
        pytest.param(10, webrtc_echo.ANSWER, 7, marks=[pytest.mark.long, pytest.mark.timeout(600)], id="long"),
    ],
)
async def test_an_agent_that_hears_itself_talks_on_and_does_not_answer(answers: int, said: str, seconds: float) -> None:
    """Its voice comes back into the microphone at -15 dB after 180 ms, as from a phone on a table."""
    found = await webrtc_echo.measure_embedded(answers, said)
    assert found.seconds > seconds * answers, "it has been heard"
    assert found.interruptions <= webrtc_echo.SELF_INTERRUPTIONS
    assert found.replies == 0

"""A client may go at any moment, politely or not: nothing of its session stays behind, and nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kit import MODEL, REASONING_MODEL, TURN, Client, Serving, eventually, scripted, serving
from vivavoce.models.stack import Stack
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import CallTool, Say, Step
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.vad import EnergyVad

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
POINTS = (
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "conversation.item.input_audio_transcription.delta",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "conversation.item.input_audio_transcription.completed",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.function_call_arguments.delta",
    "response.output_audio.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.function_call_arguments.done",
    "response.done",
)


def slow_stack() -> Stack:
    """Engines that take their time, so that every point of a turn is a point at which something is under way."""
    answer: list[Step | str] = [
        Say("one two three. four five six. seven", delay_s=0.004),
        CallTool("look", {"a": 1}, pieces=3, delay_s=0.004),
    ]
    return scripted(
        ScriptedBrain(answer, repeat=True),
        ScriptedRecognizer(Heard("hello there", partials=("hello",), delay_s=0.02), repeat=True),
        ScriptedSynthesizer(delay_s=0.01),
        EnergyVad(),
    )


async def turn_until(client: Client, point: str) -> None:
    """Take a turn until an event of this type has been read."""
    if point == "session.created":
        return
    await client.update(tools=[TOOL], audio={"input": {"transcription": {"model": "gpt-realtime-whisper"}}})
    if point == "session.updated":
        return
    await client.append(TURN)
    await client.until(point)


@pytest.mark.parametrize("polite", [True, False], ids=["close", "abort"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_client_that_goes_leaves_nothing_behind(point: str, polite: bool) -> None:
    stack, theirs = slow_stack(), slow_stack()
    async with serving({MODEL: stack, "": theirs}) as server, server.connect(REASONING_MODEL) as neighbour:
        await neighbour.update(tools=[TOOL])
        before = asyncio.all_tasks()
        async with server.connect(MODEL) as client:
            await neighbour.append(TURN)
            await turn_until(client, point)
            if not polite:
                client.socket.transport.abort()
        assert (await neighbour.done())["status"] == "completed"
        await _alone_again(server, before, sessions=1)

        assert _unfinished(stack) == []
        assert len(neighbour.of("response.done")) == 1
        await neighbour.append(TURN)
        assert (await neighbour.done())["status"] == "completed"


async def test_clients_that_come_and_go_in_a_crowd_leave_nothing_behind() -> None:
    stack = slow_stack()
    async with serving(stack) as server:
        before = asyncio.all_tasks()

        async def visit(number: int) -> None:
            async with server.connect() as client:
                await turn_until(client, POINTS[number % len(POINTS)])
                if number % 2:
                    client.socket.transport.abort()

        await asyncio.gather(*(visit(number) for number in range(40)))
        await _alone_again(server, before)
    assert _unfinished(stack) == []


async def test_a_client_that_aborts_the_handshake_is_not_counted() -> None:
    async with serving(max_sessions=1) as server:
        before = asyncio.all_tasks()
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(
                b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await writer.drain()
            writer.transport.abort()
            del reader
        await asyncio.sleep(0.02)
        await _alone_again(server, before)
        async with server.connect() as client:
            assert (await client.respond())["status"] == "completed"


async def _alone_again(server: Serving, before: set[Any], sessions: int = 0) -> None:
    """Wait until only the tasks that were there before are left, and the session is not counted any more."""
    here = asyncio.current_task()
    await eventually(lambda: len(server.service.hub) == sessions and asyncio.all_tasks() - before <= {here})


def _unfinished(stack: Stack) -> list[str]:
    """Name the engines that still work for somebody."""
    brain, voice, recognizer, vad = stack.llm, stack.synthesizer, stack.recognizer, stack.vad
    assert isinstance(brain, ScriptedBrain) and isinstance(voice, ScriptedSynthesizer)
    assert isinstance(recognizer, ScriptedRecognizer) and isinstance(vad, EnergyVad)
    unfinished = []
    if brain.finished + brain.cancelled < len(brain.requests):
        unfinished.append("brain")
    if voice.finished + voice.cancelled < len(voice.styles):
        unfinished.append("voice")
    if vad.open_streams:
        unfinished.append("detector")
    return unfinished

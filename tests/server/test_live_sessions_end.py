"""Transcription and translation sessions end at any point and leave nothing behind; what breaks inside one does not stop it."""

from __future__ import annotations

import asyncio
import base64
import gc
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from translation_kit import PAIRS, TRANSCRIBED, Listener, audio_of, interpreters, listening, talk

from kit import TURN, Client, Serving, eventually, scripted, serving, silence, speech
from vivavoce.engines.ports import EngineFault, Hypothesis, RecognitionOptions
from vivavoce.sessions.runner import SessionRunner
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Sleep
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.translator import ScriptedTranslator
from vivavoce.testing.vad import EnergyVad

TRANSCRIPTION = "conversation.item.input_audio_transcription"
POINTS = (
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    f"{TRANSCRIPTION}.delta",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.done",
    f"{TRANSCRIPTION}.completed",
    "input_audio_buffer.cleared",
)
SPOKEN = talk("good morning everybody.", "this is a test.")


class Counted(ScriptedRecognizer):
    """Knows how many of its recognitions are at work."""

    def __init__(self, *texts: str | Heard, repeat: bool = False, sleep: Sleep = asyncio.sleep) -> None:
        super().__init__(*texts, repeat=repeat, sleep=sleep)
        self.working = 0

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        self.working += 1
        try:
            async for hypothesis in super().recognize(audio, options):
                yield hypothesis
        finally:
            self.working -= 1


def opened(server: Serving, query: str = "model=gpt-realtime-whisper") -> Any:
    """Open a transcription session and read its `session.created`."""
    return server.open(server.realtime(query))


async def transcribe_until(client: Client, point: str, *, by_hand: bool) -> None:
    """Live through a turn until an event of this type has been read."""
    if point == "session.created":
        return
    detection = None if by_hand else {"type": "server_vad"}
    heard = {"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": detection}
    await client.send("session.update", session={"type": "transcription", "audio": {"input": heard}})
    await client.until("session.updated")
    if point == "session.updated":
        return
    await client.append(TURN)
    if by_hand:
        await client.send("input_audio_buffer.commit")
    if point == "input_audio_buffer.cleared":
        await client.append(TURN)
        await client.send("input_audio_buffer.clear")
    await client.until(point)


async def alone_again(server: Serving, before: set[Any]) -> None:
    """Wait until only the tasks that were there before are left."""
    here = asyncio.current_task()
    await eventually(lambda: not len(server.service.hub) and asyncio.all_tasks() - before <= {here})


@pytest.mark.parametrize("polite", [True, False], ids=["close", "abort"])
@pytest.mark.parametrize(
    ("point", "by_hand"),
    [(point, by_hand) for point in POINTS for by_hand in (True, False) if not (by_hand and "speech_" in point)],
)
async def test_a_transcription_session_that_ends_leaves_nothing_behind(point: str, by_hand: bool, polite: bool) -> None:
    recognizer, vad = Counted(Heard("hello there", partials=("hello",), delay_s=0.02), repeat=True), EnergyVad()
    async with serving(scripted(recognizer=recognizer, vad=vad)) as server:
        before = asyncio.all_tasks()
        async with opened(server) as client:
            await transcribe_until(client, point, by_hand=by_hand)
            if not polite:
                client.socket.transport.abort()
        await alone_again(server, before)
        assert (recognizer.working, vad.open_streams) == (0, 0)


@pytest.mark.parametrize("polite", [True, False], ids=["close", "abort"])
@pytest.mark.parametrize(
    "point",
    ["created", "updated", "input_transcript.delta", "output_transcript.delta", "output_audio.delta", "session.close", "closed"],
)
async def test_a_translation_session_that_ends_leaves_nothing_behind(point: str, polite: bool) -> None:
    voice = ScriptedSynthesizer(delay_s=0.01)
    stack = interpreters(SPOKEN, ScriptedTranslator(pairs=PAIRS, delay_s=0.01), voice, delay_s=0.01)
    vad = stack.vad
    assert isinstance(vad, EnergyVad)
    async with serving(stack) as server:
        before = asyncio.all_tasks()
        async with listening(server) as client:
            await translate_until(client, point)
            if not polite:
                client.socket.transport.abort()
        await alone_again(server, before)
        assert vad.open_streams == 0
        assert voice.finished + voice.cancelled == len(voice.styles)


async def translate_until(client: Listener, point: str) -> None:
    """Live through a session until an event of this type has been read, or `session.close` has been sent."""
    if point == "created":
        return
    await client.change(**TRANSCRIBED)
    if point == "updated":
        return
    await client.append(audio_of(SPOKEN))
    if point in ("session.close", "closed"):
        await client.send("session.close")
    if point != "session.close":
        await client.until(f"session.{point}")


# --- a detector that dies -------------------------------------------------------------------------------------------------------


async def past_errors(client: Client, kind: str) -> dict[str, Any]:
    """Read on until an event of this type, whatever errors come before."""
    while (event := await client.read())["type"] != kind:
        assert event["type"] != "error" or event["error"]["type"] == "server_error", event
    return event


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_session_whose_detector_dies_while_a_minute_waits_for_it_goes_on(by_hand: bool) -> None:
    vad = EnergyVad(fault_after=30)
    stack = scripted(recognizer=ScriptedRecognizer("heard again", repeat=True), vad=vad)
    async with serving(stack) as server, opened(server, "intent=transcription") as client:
        await transcribe_until(client, "session.updated", by_hand=by_hand)
        await client.send("input_audio_buffer.append", audio=base64.b64encode(silence(60_000)).decode())
        await client.until("error")
        await client.send("input_audio_buffer.clear")
        await past_errors(client, "input_audio_buffer.cleared")
        vad._fault_after = None
        await transcribe_until(client, "session.updated", by_hand=by_hand)
        await client.append(TURN)
        if by_hand:
            await client.send("input_audio_buffer.commit")
        assert (await client.until(f"{TRANSCRIPTION}.completed"))["transcript"] == "heard again"


async def test_what_a_dead_detector_did_not_hear_is_never_said_to_have_been_silence() -> None:
    vad = EnergyVad(fault_after=30)
    stack = scripted(recognizer=ScriptedRecognizer("heard again", repeat=True), vad=vad)
    async with serving(stack) as server, opened(server) as client:
        for _ in range(3):
            await client.append(speech(2_000))
            await past_errors(client, "error")
            await client.send("input_audio_buffer.commit")
            await client.until(f"{TRANSCRIPTION}.failed")
        vad._fault_after = None
        await client.append(speech(2_000))
        await client.send("input_audio_buffer.commit")
        assert (await client.until(f"{TRANSCRIPTION}.completed"))["transcript"] == "heard again"


# --- a recognition that ends early ----------------------------------------------------------------------------------------------


class Impatient(ScriptedRecognizer):
    """Breaks at the first chunk of each segment."""

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        async for _ in audio:
            raise EngineFault("the worker died")
        yield Hypothesis("", final=True)


async def test_a_recognition_that_breaks_before_its_audio_ends_keeps_none_of_it() -> None:
    async with serving(scripted(recognizer=Impatient())) as server, opened(server) as client:
        for _ in range(20):
            await client.append(speech(500))
            await asyncio.sleep(0)
        await client.send("input_audio_buffer.commit")
        await client.until(f"{TRANSCRIPTION}.failed")
        (runner,) = _runners()
        assert not runner._listener._ear._feeds
        assert not runner._listener._feeds


def _runners() -> list[Any]:
    return [each for each in gc.get_objects() if isinstance(each, SessionRunner)]

"""Whatever an engine does, its response fails in the official shape, the session goes on, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kit import MODEL, REASONING_MODEL, TURN, Client, Event, Serving, eventually, scripted, serving, silence, speech
from vivavoce.core.agent import AgentCore
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleLlm
from vivavoce.engines.ports import (
    EngineFault,
    Hypothesis,
    LlmDelta,
    LlmRequest,
    RecognitionOptions,
    SpeechSpan,
    TextDelta,
    VoiceStyle,
)
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.endpointer import ScriptedEndpointer
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import AnswerLike, Cut, Fail, Finish, Garbage, Hang, Say
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.vad import EnergyVad

Log = list[MutableMapping[str, Any]]
TRANSCRIBED = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}


@asynccontextmanager
async def beside_a_neighbour(stack: Any) -> AsyncGenerator[tuple[Serving, Client]]:
    """A session on a stack that will break, and on the same server one on another stack, talking all the time."""
    async with serving({"": scripted(), MODEL: stack}) as server, server.connect(REASONING_MODEL) as neighbour:

        async def talk() -> None:
            while True:
                await neighbour.append(TURN)
                assert (await neighbour.done())["status"] == "completed"

        talking = asyncio.create_task(talk())
        try:
            async with server.connect(MODEL) as client:
                yield server, client
        finally:
            turns = len(neighbour.of("response.done"))
            await eventually(lambda: talking.done() or len(neighbour.of("response.done")) > turns)
            failed = talking.done()
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            assert not failed, "the neighbour was disturbed"


async def failed(client: Client) -> Event:
    """Return the next response, which must have failed, saying why and counting what it used."""
    response = await client.done()
    assert response["status"] == "failed"
    assert response["status_details"]["type"] == "failed"
    error = response["status_details"]["error"]
    assert error["type"] and error["code"] and error["message"]
    assert response["usage"]["total_tokens"] >= 0
    found: Event = error
    return found


async def still_talks(client: Client) -> None:
    """Check that the session answers a spoken turn."""
    await client.append(TURN)
    assert (await client.done())["status"] == "completed"


# --- the language model ---------------------------------------------------------------------------------------------------------

BACKENDS: list[tuple[str, list[AnswerLike]]] = [
    ("never answers", [Hang()]),
    ("stalls in mid-sentence", [[Say("Well, let me"), Hang()]]),
    ("refuses", [Fail("no capacity", status=503)]),
    ("breaks in mid-sentence", [[Say("Well, let me see. I"), Fail("the GPU is on fire")]]),
    ("sends garbage", [Garbage()]),
    ("sends garbage in mid-sentence", [[Say("Well, let me see. I"), Garbage()]]),
    ("hangs up twice", [Cut(), Cut()]),
    ("hangs up in mid-sentence", [[Say("Well, let me see. I"), Cut()]]),
    ("stops without a finish", [[Say("Well."), Cut(politely=True)]]),
]


@pytest.mark.parametrize("answers", [row[1] for row in BACKENDS], ids=[row[0] for row in BACKENDS])
async def test_a_backend_that_breaks_fails_the_response_and_answers_the_next_turn(answers: list[AnswerLike]) -> None:
    async with ChatServer(*answers, "I am back.") as backend:
        brain = OpenAICompatibleLlm(backend.base_url, "m", first_token_timeout_s=1, stall_timeout_s=1)
        async with beside_a_neighbour(scripted(brain)) as (_, client):
            await client.append(TURN)
            await failed(client)
            await still_talks(client)
            assert client.events[-1]["response"]["output"][0]["content"] == [{"type": "output_audio", "transcript": "I am back."}]


async def test_a_backend_that_went_away_fails_turn_after_turn_and_the_session_stays() -> None:
    async with ChatServer("ok.") as backend:
        brain = OpenAICompatibleLlm(backend.base_url, "m", "sk-backend-key")
        await brain.warm()
    brain.warm = _ready  # type: ignore[method-assign]
    async with beside_a_neighbour(scripted(brain)) as (_, client):
        for _turn in range(2):
            await client.append(TURN)
            assert "sk-backend-key" not in (await failed(client))["message"]


async def _ready() -> None:
    return


class Crashing(ScriptedBrain):
    """A brain with a bug."""

    async def generate(self, request: LlmRequest) -> AsyncGenerator[LlmDelta, None]:
        self.requests.append(request)
        if len(self.requests) == 1:
            yield TextDelta("Well, let me see. I")
            raise ZeroDivisionError("secret detail")
        yield TextDelta("ok.")
        async for delta in super().generate(request):
            yield delta


async def test_a_bug_in_an_engine_fails_the_response_and_shows_nothing_of_the_inside(log: Log) -> None:
    async with beside_a_neighbour(scripted(Crashing("ok."))) as (_, client):
        await client.append(TURN)
        error = await failed(client)
        assert "secret detail" not in error["message"]
        await still_talks(client)
    assert [line["event"] for line in log if line["level"] == "error"] == ["engine crashed"]
    log.clear()


async def test_cancelling_an_answer_lets_go_of_the_backend() -> None:
    async with ChatServer([Say("Well, let me see. I"), Hang()], "ok.") as backend:
        stack = scripted(OpenAICompatibleLlm(backend.base_url, "m"))
        async with serving(stack) as server, server.connect() as client:
            await client.send("response.create")
            await client.until("response.output_audio.delta")
            await client.send("response.cancel")
            await client.done()
            async with asyncio.timeout(5):
                await backend.client_left.wait()


# --- the recognizer -------------------------------------------------------------------------------------------------------------


class BrokenRecognizer(ScriptedRecognizer):
    """A recognizer whose first segment breaks as the test says."""

    def __init__(self, how: Callable[[], AsyncIterator[Hypothesis]]) -> None:
        super().__init__("hello", repeat=True)
        self._breaks = [how]

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        hypotheses = self._breaks.pop()() if self._breaks else super().recognize(audio, options)
        async for hypothesis in hypotheses:
            yield hypothesis


async def at_once() -> AsyncGenerator[Hypothesis]:
    """No worker was free, long before the user has finished."""
    raise EngineFault("no recognizer is free")
    yield Hypothesis("")  # type: ignore[unreachable]


async def midway() -> AsyncGenerator[Hypothesis]:
    """The worker was killed in the middle of the utterance."""
    yield Hypothesis("a large")
    raise EngineFault("the recognizer died")


async def with_a_bug() -> AsyncGenerator[Hypothesis]:
    yield Hypothesis("a large")
    raise KeyError("secret detail")


async def without_a_final() -> AsyncGenerator[Hypothesis]:
    yield Hypothesis("a large")


@pytest.mark.parametrize("how", [at_once, midway, with_a_bug, without_a_final], ids=lambda how: how.__name__)
async def test_a_recognizer_that_breaks_while_the_user_speaks(how: Any, log: Log) -> None:
    async with beside_a_neighbour(scripted(recognizer=BrokenRecognizer(how))) as (_, client):
        await client.update(audio=TRANSCRIBED)
        await client.append(silence(400) + speech(900))
        await client.until("input_audio_buffer.speech_started")
        await asyncio.sleep(0.02)
        await client.append(silence(1_000))
        error = await failed(client)
        assert "secret detail" not in error["message"]
        told = client.of("conversation.item.input_audio_transcription.failed")
        assert [event["item_id"] for event in told] == [client.of("input_audio_buffer.committed")[0]["item_id"]]
        assert told[0]["error"]["type"] == "transcription_error" and told[0]["error"]["message"]
        await still_talks(client)
    log.clear()


async def test_a_recognizer_that_breaks_at_the_end_fails_the_response_that_waits_for_it() -> None:
    fault = EngineFault("the decoder died")
    recognizer = ScriptedRecognizer(Heard("", fault=fault, delay_s=0.05), "hello")
    brain = ScriptedBrain("ok.")
    async with beside_a_neighbour(scripted(brain, recognizer)) as (_, client):
        await client.append(TURN)
        assert (await failed(client))["message"] == "the decoder died"
        await still_talks(client)
    assert len(brain.requests) == 1, "nobody is asked about what was not understood"


async def test_a_recognizer_that_is_done_before_the_turn_is_heard_all_the_same() -> None:
    async def early() -> AsyncGenerator[Hypothesis]:
        yield Hypothesis("over already", final=True)

    brain = ScriptedBrain("ok.", repeat=True)
    async with serving(scripted(brain, BrokenRecognizer(early))) as server, server.connect() as client:
        await client.update(audio=TRANSCRIBED)
        await still_talks(client)
        assert brain.requests[0].messages[-1].text == "over already"
        completed = client.of("conversation.item.input_audio_transcription.completed")
        assert [event["transcript"] for event in completed] == ["over already"]


async def test_a_recognizer_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivavoce.sessions.recognition.FINAL_WITHIN_S", 0.2)
    recognizer = ScriptedRecognizer(Heard("never", delay_s=600), "hello")
    async with beside_a_neighbour(scripted(recognizer=recognizer)) as (_, client):
        await client.append(TURN)
        assert "in time" in (await failed(client))["message"]
        await still_talks(client)


async def test_a_recognizer_that_breaks_in_a_manual_turn_says_so_and_the_next_turn_works() -> None:
    recognizer = ScriptedRecognizer(Heard("", fault=EngineFault("the decoder died")), "hello")
    async with serving(scripted(recognizer=recognizer)) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        for end in ("failed", "completed"):
            await client.append(speech(500))
            await client.send("input_audio_buffer.commit")
            await client.until(f"conversation.item.input_audio_transcription.{end}")
        assert (await client.respond())["status"] == "completed"


# --- the voice ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clause", [0, 1], ids=["at once", "in mid-answer"])
async def test_a_voice_that_breaks(clause: int) -> None:
    voice = ScriptedSynthesizer(fault=EngineFault("the voice is hoarse"), fault_at=clause)
    brain = ScriptedBrain([Say("one two three. four five six. seven", delay_s=0.005), Hang()], "ok.", "ok.")
    async with beside_a_neighbour(scripted(brain, synthesizer=voice)) as (_, client):
        await client.append(TURN)
        assert (await failed(client))["message"] == "the voice is hoarse"
        spoken = client.audio(client.events[-1]["response"]["id"])
        assert len(spoken) == clause * 3 * 300 * 48
        await still_talks(client)
    assert brain.cancelled == 1, "nobody goes on writing what nobody will say"
    heard = [message.text for message in brain.requests[1].messages if message.role == "assistant"]
    assert all("four" not in text for text in heard)


async def test_a_voice_that_hangs_can_be_cancelled_and_interrupted() -> None:
    voice = ScriptedSynthesizer(hang_at=0)
    async with beside_a_neighbour(scripted(ScriptedBrain("one. two.", repeat=True), synthesizer=voice)) as (_, client):
        await client.send("response.create")
        await client.until("response.output_audio_transcript.delta")
        await client.send("response.cancel")
        assert (await client.done())["status"] == "cancelled"
        await still_talks(client)
    assert voice.cancelled == 1


async def test_a_voice_with_a_bug(log: Log) -> None:
    class Bug(ScriptedSynthesizer):
        async def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncGenerator[SpeechSpan, None]:
            if not self.styles:
                self.styles.append(style)
                raise ZeroDivisionError("secret detail")
            async for span in super().synthesize(clauses, style):
                yield span

    async with beside_a_neighbour(scripted(synthesizer=Bug())) as (_, client):
        await client.append(TURN)
        assert "secret detail" not in (await failed(client))["message"]
        await still_talks(client)
    log.clear()


# --- the detector and the endpointer --------------------------------------------------------------------------------------------


async def test_a_detector_that_dies_is_reported_once_and_manual_turns_still_work() -> None:
    async with beside_a_neighbour(scripted(vad=EnergyVad(fault_after=20))) as (_, client):
        await client.append(silence(2_000))
        error = (await client.until("error"))["error"]
        assert (error["type"], error["event_id"]) == ("server_error", None)
        assert error["message"] == "the voice activity detector died"
        await client.append(speech(600))
        assert not await client.settled()
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
        assert (await client.respond())["status"] == "completed"


async def test_a_detector_that_dies_in_the_middle_of_a_turn_leaves_the_audio_to_the_client() -> None:
    recognizer = ScriptedRecognizer("hello", repeat=True)
    async with serving(scripted(recognizer=recognizer, vad=EnergyVad(fault_after=30))) as server, server.connect() as client:
        await client.append(silence(400) + speech(1_000))
        await client.until("input_audio_buffer.speech_started")
        await client.until("error")
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
        assert (await client.respond())["status"] == "completed"


async def test_a_detector_that_cannot_be_opened_any_more_can_be_asked_for_again() -> None:
    class Refusing(EnergyVad):
        refuses = True

        def open(self, on_probability: Any, on_fault: Any = None) -> Any:
            if self.refuses:
                raise EngineFault("no detector here")
            return super().open(on_probability, on_fault)

    vad = Refusing()
    async with serving(scripted(vad=vad)) as server, server.connect() as client:
        assert (await client.until("error"))["error"]["message"] == "no detector here"
        vad.refuses = False
        await client.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
        await still_talks(client)


async def test_an_endpointer_that_fails_leaves_the_turn_to_its_longest_wait() -> None:
    endpointer = ScriptedEndpointer(EngineFault("no verdict"))
    async with serving(scripted(endpointer=endpointer)) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}})
        await client.append(silence(400) + speech(600) + silence(2_500))
        assert (await client.done())["status"] == "completed"
        stopped = client.of("input_audio_buffer.speech_stopped")[0]["audio_end_ms"]
        assert abs(stopped - (1_000 + 2_000)) <= 32
    assert len(endpointer.calls) == 1


# --- ourselves ------------------------------------------------------------------------------------------------------------------


async def test_a_crash_of_ours_ends_that_session_with_an_error_and_1011_and_no_other(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = AgentCore.handle

    def crash(self: AgentCore, event: Any, now_ms: float) -> Any:
        if getattr(getattr(event, "event", None), "event_id", None) == "crash":
            raise ZeroDivisionError("secret detail")
        return handle(self, event, now_ms)

    monkeypatch.setattr(AgentCore, "handle", crash)
    async with beside_a_neighbour(scripted()) as (server, client):
        await client.send("input_audio_buffer.clear", event_id="crash")
        end = await client.closed()
        error = client.events[-1]["error"]
        assert (error["type"], error["message"]) == ("server_error", "The server had an error while processing your request.")
        assert end.rcvd is not None and end.rcvd.code == 1011
        async with server.connect(MODEL) as again:
            await still_talks(again)
    assert [line["event"] for line in log if line["level"] == "error"] == ["session crashed"]
    log.clear()


async def test_an_empty_answer_is_an_answer() -> None:
    async with serving(scripted(ScriptedBrain([Finish("stop")], "ok."))) as server, server.connect() as client:
        response = await client.respond()
        assert (response["status"], response["output"]) == ("completed", [])
        assert (await client.respond())["status"] == "completed"

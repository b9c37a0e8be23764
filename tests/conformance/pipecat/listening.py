"""What is said to the bot: turns the server takes, turns pipecat takes, and words into a running answer."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from driver import Bot, pipecat
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregatorParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
    TurnDetection,
)
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from scenarios import expect


def hearing(turns: TurnDetection | SemanticTurnDetection | bool | None = None, prompt: str | None = None) -> SessionProperties:
    """Return the properties of a session that transcribes and takes turns so."""
    transcription = InputAudioTranscription(prompt=prompt, model="gpt-4o-transcribe") if prompt else InputAudioTranscription()
    return SessionProperties(audio=AudioConfiguration(input=AudioInput(transcription=transcription, turn_detection=turns)))


async def a_spoken_turn() -> str:
    async with pipecat("Say something.", properties=hearing()) as bot:
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        bot.say("hello")
        await bot.frame(UserStartedSpeakingFrame)
        await bot.frame(UserStoppedSpeakingFrame)
        heard = await bot.frame(TranscriptionFrame)
        await bot.frame(TTSStoppedFrame, 2)
        expect("hello" in heard.text.lower(), f"heard {heard.text!r}")
        expect(bot.frames(InterimTranscriptionFrame), "no words came while they were said")
        expect(bot.spoken() == "I see.Hello! How can I help you?", f"said {bot.spoken()!r}")
        expect(len([event for event in bot.wire.sent if event["type"] == "response.create"]) == 1, "pipecat asked for the answer")
        wanted = [
            ("user", "Say something."),
            ("assistant", "I see."),
            ("user", heard.text),
            ("assistant", "Hello! How can I help you?"),
        ]
        await bot.until(lambda: _told(bot) == wanted or None, f"{wanted}, but there is {_told(bot)}")
        return f"heard {heard.text!r}"


async def a_spoken_turn_by_meaning() -> str:
    async with pipecat(properties=hearing(SemanticTurnDetection(eagerness="high", interrupt_response=True))) as bot:
        session = (await bot.server("session.updated"))["session"]
        expect(session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad", f"input is {session['audio']['input']}")
        bot.say("hello")
        await bot.hears("Hello! How can I help you?")
        heard = await bot.frame(TranscriptionFrame)
        return f"heard {heard.text!r}"


async def speak_into_a_running_answer() -> str:
    async with pipecat("please count", properties=hearing(TurnDetection())) as bot:
        await bot.run()
        await bot.frame(BotStartedSpeakingFrame)
        bot.say("stop")
        await bot.frame(InterruptionFrame)
        done = (await bot.server("response.done"))["response"]
        expect((done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected"), f"the response is {done}")
        asked = await bot.client("conversation.item.truncate")
        await bot.server("conversation.item.truncated", item_id=asked["item_id"], audio_end_ms=asked["audio_end_ms"])
        await bot.hears("I see.")
        bot.say("hello")
        await bot.hears("Hello! How can I help you?")
        return f"cut at {asked['audio_end_ms']} ms"


async def speak_while_the_last_words_are_played() -> str:
    async with pipecat("hello", properties=hearing(TurnDetection())) as bot:
        await bot.run()
        done = (await bot.server("response.done"))["response"]
        expect(done["status"] == "completed", f"the response is {done['status']}")
        await bot.frame(BotStartedSpeakingFrame)
        await asyncio.sleep(0.5)
        bot.say("stop")
        asked = await bot.client("conversation.item.truncate")
        await bot.server("conversation.item.truncated", item_id=asked["item_id"])
        await bot.hears("I see.")
        item = await bot.service.retrieve_conversation_item(asked["item_id"])
        said = item.content[0].transcript or ""
        expect("Hello! How can I help you?".startswith(said.rstrip(" .!?")), f"the server remembers {said!r}")
        expect(said != "Hello! How can I help you?", "the server remembers what was not heard")
        return f"cut at {asked['audio_end_ms']} ms, {said!r} remembered"


async def turns_taken_by_pipecat() -> str:
    async with _local_turns("Say something.") as bot:
        session = (await bot.server("session.updated"))["session"]
        expect(session["audio"]["input"]["turn_detection"] is None, f"input is {session['audio']['input']}")
        await bot.run()
        await bot.frame(TTSStoppedFrame)
        bot.say("hello")
        await bot.client("input_audio_buffer.clear")
        await bot.client("input_audio_buffer.commit")
        error = (await bot.server("error"))["error"]
        expect(error["code"] == "response_cancel_not_active", f"the error is {error}")
        await bot.hears("Hello! How can I help you?")
        heard = await bot.frame(TranscriptionFrame)
        expect("input_audio_buffer.speech_started" not in bot.types(), "the server took the turn")
        return f"heard {heard.text!r}"


async def speak_into_a_running_answer_with_manual_turns() -> str:
    async with _local_turns("please count") as bot:
        await bot.run()
        await bot.frame(BotStartedSpeakingFrame)
        bot.say("stop")
        done = (await bot.server("response.done"))["response"]
        expect((done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled"), f"the response is {done}")
        asked = await bot.client("conversation.item.truncate")
        await bot.server("conversation.item.truncated", item_id=asked["item_id"], audio_end_ms=asked["audio_end_ms"])
        await bot.hears("I see.")
        return f"cut at {asked['audio_end_ms']} ms"


def _local_turns(message: str) -> AbstractAsyncContextManager[Bot]:
    """Run a bot whose turns pipecat takes, by its own detector of speech."""
    turns = LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(),
        user_turn_strategies=UserTurnStrategies(
            start=[VADUserTurnStartStrategy()],
            stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3, wait_for_transcript=False)],
        ),
    )
    # With a shorter pre-roll, what the detector takes to be sure would be missing from the turn.
    return pipecat(
        message, properties=hearing(False), turns=turns, expects=["is not emitting turn frames"], user_audio_preroll_secs=1.0
    )


def _told(bot: Bot) -> list[tuple[str, str]]:
    messages: list[Any] = bot.context.get_messages()
    return [(message["role"], message["content"]) for message in messages]


SCENARIOS = (
    a_spoken_turn,
    a_spoken_turn_by_meaning,
    speak_into_a_running_answer,
    speak_while_the_last_words_are_played,
    turns_taken_by_pipecat,
    speak_into_a_running_answer_with_manual_turns,
)

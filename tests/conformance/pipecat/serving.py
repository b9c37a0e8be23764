"""A bot of separate services: speech to text, a language model, text to speech, each over an endpoint of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from driver import MICROPHONE_HZ, PATIENCE_S, RATE_HZ, AnyFrame, Loudspeaker, Memory, Microphone, at_microphone, running
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    ErrorFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.responses.llm import OpenAIResponsesHttpLLMService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService, OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from scenarios import API_KEY, URL, Found, expect, until

PROMPT = "Hello there. What is the weather in Oslo? Stop please."
TEXT_MODEL = "gpt-5.6-luna"
ANSWER = "Hello! How can I help you?"
HERE: Any = {"api_key": API_KEY, "base_url": URL}
SOCKET = URL.replace("http", "ws", 1) + "/realtime"


class Cascade:
    """A running pipeline of three services."""

    def __init__(self, stt: FrameProcessor, llm: FrameProcessor, turns: LLMUserAggregatorParams | None, *before: FrameProcessor):
        self._news = asyncio.Event()
        self.memory = Memory(self._news.set)
        self.context = LLMContext()
        self._microphone = Microphone()
        tts = OpenAITTSService(**HERE, settings=OpenAITTSService.Settings(voice="coral"))
        aggregators = LLMContextAggregatorPair(self.context, user_params=turns)
        parts = [self._microphone, *before, stt, aggregators.user(), llm, tts, Loudspeaker(), aggregators.assistant()]
        self.worker = PipelineWorker(
            Pipeline(parts),
            params=PipelineParams(audio_in_sample_rate=MICROPHONE_HZ, audio_out_sample_rate=RATE_HZ),
            observers=[self.memory],
            enable_rtvi=False,
            idle_timeout_secs=None,
        )

    def say(self, name: str) -> None:
        """Have the microphone hear a recording of the suite next."""
        self._microphone.speech += at_microphone(name)

    async def frame(self, kind: type[AnyFrame]) -> AnyFrame:
        """Wait for the first frame of a class."""
        return await self.until(lambda: next(iter(self.memory.of(kind)), None), kind.__name__)

    async def until(self, find: Callable[[], Found | None], what: str) -> Found:
        """Wait until `find` finds something."""

        def vain() -> str:
            return f"{what}; spoken: {self.spoken()!r}; errors: {[frame.error for frame in self.memory.of(ErrorFrame)][:3]}"

        return await until(find, self._news, vain, PATIENCE_S)

    async def answered(self) -> str:
        """Wait for the answer to be spoken; return what was heard."""
        heard = await self.frame(TranscriptionFrame)
        await self.until(lambda: ANSWER in self.spoken() or None, f"{ANSWER!r} to be spoken")
        audio = sum(len(frame.audio) for frame in self.memory.of(TTSAudioRawFrame))
        expect(audio > 2 * RATE_HZ, f"{audio} bytes of audio")
        return f"heard {heard.text!r}"

    def spoken(self) -> str:
        """Return the text that was spoken, all of it."""
        return " ".join(frame.text.strip() for frame in self.memory.of(TTSTextFrame))


@asynccontextmanager
async def cascade(
    stt: FrameProcessor, llm: FrameProcessor, *, local: bool, expects: Iterable[str] = ()
) -> AsyncIterator[Cascade]:
    """Run a bot until the block ends.

    Args:
        stt: hears.
        llm: answers.
        local: whether pipecat finds the turns, by its own detector of speech.
        expects: see `running`.
    """
    strategies = UserTurnStrategies(
        start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.3)]
    )
    turns = LLMUserAggregatorParams(user_turn_strategies=strategies) if local else None
    before = [VADProcessor(vad_analyzer=SileroVADAnalyzer())] if local else []
    bot = Cascade(stt, llm, turns, *before)
    async with running(bot.worker, bot.memory, expects):
        yield bot


async def a_cascade_over_http() -> str:
    """Recordings to transcriptions, chat completions, speech."""
    stt = OpenAISTTService(**HERE, settings=OpenAISTTService.Settings(prompt=PROMPT, keywords=["hello"]))
    llm = OpenAILLMService(**HERE, settings=OpenAILLMService.Settings(model=TEXT_MODEL))
    async with cascade(stt, llm, local=True) as bot:
        bot.say("hello")
        return await bot.answered()


async def a_cascade_whose_turns_are_committed() -> str:
    """A transcription session without turn detection, as the service has it by itself; responses; speech."""
    stt = OpenAIRealtimeSTTService(api_key=API_KEY, base_url=SOCKET)
    llm = OpenAIResponsesHttpLLMService(**HERE, settings=OpenAIResponsesHttpLLMService.Settings(model=TEXT_MODEL))
    async with cascade(stt, llm, local=True) as bot:
        bot.say("hello")
        heard = await bot.answered()
        expect(bot.memory.of(InterimTranscriptionFrame), "no words came while they were said")
        return heard


async def a_cascade_whose_turns_the_server_takes() -> str:
    """A transcription session with server_vad: pipecat's turns follow the server's."""
    settings = OpenAIRealtimeSTTService.Settings(model="gpt-4o-transcribe", prompt=PROMPT)
    stt = OpenAIRealtimeSTTService(api_key=API_KEY, base_url=SOCKET, turn_detection={"type": "server_vad"}, settings=settings)
    llm = OpenAIResponsesHttpLLMService(**HERE, settings=OpenAIResponsesHttpLLMService.Settings(model=TEXT_MODEL))
    async with cascade(stt, llm, local=False) as bot:
        bot.say("hello")
        await bot.frame(UserStartedSpeakingFrame)
        await bot.frame(UserStoppedSpeakingFrame)
        return await bot.answered()


SCENARIOS = (
    a_cascade_over_http,
    a_cascade_whose_turns_are_committed,
    a_cascade_whose_turns_the_server_takes,
)

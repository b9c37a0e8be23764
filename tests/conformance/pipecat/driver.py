"""A pipecat pipeline around `OpenAIRealtimeLLMService`, with a microphone, a loudspeaker, and a memory for every frame.

The pipeline is the one of pipecat's own examples: input, user aggregator, service, output, assistant aggregator. Whatever pipecat logs as a
warning or worse, and every `ErrorFrame`, makes a scenario red unless the scenario said that it would come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
import soxr
from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMMessagesAppendFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.events import SessionProperties
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner
from scenarios import API_KEY, MODEL, Found, expect, silence, speech, until
from tap import Tap, tap

PATIENCE_S = 15.0
"""How long to wait for any one thing, in seconds."""

FRAME_MS = 20
RATE_HZ = 24_000
"""The rate of the bot's voice."""

MICROPHONE_HZ = 16_000
"""The rate of the microphone: pipecat's default, which the service converts."""

AnyFrame = TypeVar("AnyFrame", bound=Frame)


class Microphone(FrameProcessor):
    """Pushes what is said, else silence, in real time, once the pipeline has started."""

    def __init__(self) -> None:
        super().__init__()
        self.speech = b""
        self._task: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Start with the pipeline, end with it, and pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame):
            await self._stop()
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._task = self.create_task(self._listen())

    async def cleanup(self) -> None:
        """End with the pipeline, however it ends."""
        await self._stop()
        await super().cleanup()

    async def _stop(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            await self.cancel_task(task)

    async def _listen(self) -> None:
        size = 2 * MICROPHONE_HZ * FRAME_MS // 1000
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk, self.speech = self.speech[:size], self.speech[size:]
            audio = chunk + bytes(size - len(chunk)) if chunk else silence(FRAME_MS, MICROPHONE_HZ)
            await self.push_frame(InputAudioRawFrame(audio=audio, sample_rate=MICROPHONE_HZ, num_channels=1))
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))


class Loudspeaker(BaseOutputTransport):
    """Plays audio to nobody, as fast as a loudspeaker would: it is what makes the bot's speech start, last and stop."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=RATE_HZ))

    async def start(self, frame: StartFrame) -> None:
        """Start with the pipeline."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Play a frame."""
        await asyncio.sleep(len(frame.audio) / (2 * RATE_HZ))
        return True


class Memory(BaseObserver):
    """Remembers every frame once."""

    def __init__(self, on_frame: Callable[[], None]) -> None:
        super().__init__(observe_every_push=False)
        self.frames: list[Frame] = []
        self._on_frame = on_frame

    async def on_push_frame(self, data: FramePushed) -> None:
        """Keep a frame."""
        self.frames.append(data.frame)
        self._on_frame()

    def of(self, kind: type[AnyFrame]) -> list[AnyFrame]:
        """Return the frames of a class, in order."""
        return [frame for frame in self.frames if isinstance(frame, kind)]


class Bot:
    """A running pipeline and what is known of it."""

    def __init__(
        self,
        wire: Tap,
        properties: SessionProperties | None,
        context: LLMContext,
        turns: LLMUserAggregatorParams | None,
        **options: Any,
    ) -> None:
        self._news = asyncio.Event()
        self.wire = wire
        wire.on_event = self._news.set
        self.context = context
        settings = OpenAIRealtimeLLMService.Settings(model=MODEL, session_properties=properties or SessionProperties())
        self.service = OpenAIRealtimeLLMService(api_key=API_KEY, base_url=wire.url, settings=settings, **options)
        self.memory = Memory(self._news.set)
        self._microphone = Microphone()
        aggregators = LLMContextAggregatorPair(context, user_params=turns)
        parts = [self._microphone, aggregators.user(), self.service, Loudspeaker(), aggregators.assistant()]
        self.worker = PipelineWorker(
            Pipeline(parts),
            params=PipelineParams(audio_in_sample_rate=MICROPHONE_HZ, enable_metrics=True, enable_usage_metrics=True),
            observers=[self.memory],
            enable_rtvi=False,
            idle_timeout_secs=None,
        )

    # --- what came ---------------------------------------------------------------------------------------------------------------

    async def server(self, kind: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """Wait for the `count`-th event of the server of that type whose fields have these values."""
        found: dict[str, Any] = await self.until(
            lambda: _nth(self.wire.received, kind, count, fields), f"{kind} ({count}) {fields or ''}"
        )
        return found

    async def client(self, kind: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """Wait for the `count`-th event of the client of that type whose fields have these values."""
        found: dict[str, Any] = await self.until(
            lambda: _nth(self.wire.sent, kind, count, fields), f"its {kind} ({count}) {fields or ''}"
        )
        return found

    async def frame(self, kind: type[AnyFrame], count: int = 1) -> AnyFrame:
        """Wait for the `count`-th frame of that class."""

        def find() -> AnyFrame | None:
            frames = self.frames(kind)
            return frames[count - 1] if len(frames) >= count else None

        return await self.until(find, f"{kind.__name__} ({count})")

    async def until(self, find: Callable[[], Found | None], what: str) -> Found:
        """Wait until `find` finds something."""

        def vain() -> str:
            last = ", ".join(event["type"] for event in self.wire.received[-6:])
            errors = [frame.error for frame in self.frames(ErrorFrame)][:3]
            return f"{what}; spoken: {self.spoken()!r}; last events: {last}; errors: {errors}"

        return await until(find, self._news, vain, PATIENCE_S)

    def frames(self, kind: type[AnyFrame]) -> list[AnyFrame]:
        """Return the frames of that class, in order."""
        return self.memory.of(kind)

    def spoken(self) -> str:
        """Return the text that was spoken, all of it."""
        return "".join(frame.text for frame in self.frames(TTSTextFrame))

    def audio_ms(self) -> int:
        """Return how much speech the service gave out, in ms."""
        return sum(len(frame.audio) for frame in self.frames(TTSAudioRawFrame)) * 1000 // (2 * RATE_HZ)

    def types(self) -> list[str]:
        """Return the types of the server's events."""
        return [event["type"] for event in self.wire.received]

    # --- what is asked -----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Have the model answer the context."""
        await self.worker.queue_frame(LLMRunFrame())

    async def append(self, text: str) -> None:
        """Append a message for the model to take in and answer; pipecat sends it as a system message."""
        await self.service.queue_frame(LLMMessagesAppendFrame(messages=[{"role": "user", "content": text}], run_llm=True))

    async def hears(self, text: str) -> None:
        """Wait until that has been spoken."""
        await self.until(lambda: text in self.spoken() or None, f"{text!r} to be spoken")

    def say(self, name: str) -> None:
        """Have the microphone hear a recording of the suite next."""
        self._microphone.speech += at_microphone(name)


@asynccontextmanager
async def pipecat(
    *messages: str,
    properties: SessionProperties | None = None,
    tools: list[Any] | None = None,
    turns: LLMUserAggregatorParams | None = None,
    expects: Iterable[str] = (),
    **options: Any,
) -> AsyncIterator[Bot]:
    """Run a bot until the block ends, end it in good order, and find fault with anything pipecat complained about.

    Args:
        messages: what the user has said before it began.
        properties: of the session.
        tools: functions the model may call, as pipecat takes them.
        turns: how pipecat itself takes turns, where it does.
        expects: parts of the log lines and errors that are meant to come; each must.
        options: of the service.
    """
    told: list[Any] = [{"role": "user", "content": message} for message in messages]
    context = LLMContext(told, tools=tools) if tools else LLMContext(told)
    async with tap() as wire:
        bot = Bot(wire, properties, context, turns, **options)
        async with running(bot.worker, bot.memory, expects):
            yield bot


@asynccontextmanager
async def running(worker: PipelineWorker, memory: Memory, expects: Iterable[str] = ()) -> AsyncIterator[None]:
    """Run a pipeline until the block ends, end it in good order, and find fault with anything pipecat complained about.

    Args:
        worker: the pipeline.
        memory: of its frames.
        expects: parts of the log lines and errors that are meant to come; each must.
    """
    complaints: list[str] = []
    logger.remove()
    logger.add(lambda line: complaints.append(str(line).strip()), level="WARNING", format="{level} {message} {exception}")
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    going = asyncio.create_task(runner.run())
    try:
        yield
        await worker.queue_frame(EndFrame())
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.shield(going)
    finally:
        if not going.done():
            await worker.cancel()
            await going
    complaints += [f"ErrorFrame {frame.error}" for frame in memory.of(ErrorFrame)]
    wanted = tuple(expects)
    unexpected = [complaint for complaint in complaints if not any(part in complaint for part in wanted)]
    expect(not unexpected, f"pipecat complained: {unexpected[:3]}")
    missing = [part for part in wanted if not any(part in complaint for complaint in complaints)]
    expect(not missing, f"pipecat did not complain about {missing}")


def at_microphone(name: str) -> bytes:
    """Return a recording of the suite at the microphone's rate."""
    return soxr.resample(np.frombuffer(speech(name), np.int16), RATE_HZ, MICROPHONE_HZ).tobytes()


def _nth(events: list[dict[str, Any]], kind: str, count: int, fields: dict[str, Any]) -> dict[str, Any] | None:
    found = [event for event in events if event["type"] == kind and all(event.get(key) == value for key, value in fields.items())]
    return found[count - 1] if len(found) >= count else None

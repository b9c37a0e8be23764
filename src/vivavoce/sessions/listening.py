"""The listening half of a session's runner: detector, recognitions, endpointer.

Continuous listening may fall behind its client, who may send an hour at once; it then reads no further (`room`) until the recognizer
has caught up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Final

import numpy as np
import structlog

from vivavoce.audio.codec import decode, to_float, to_int16
from vivavoce.audio.resample import to_speech_rate
from vivavoce.core import effects, inputs
from vivavoce.core.inputs import Input
from vivavoce.engines.ports import SPEECH_RATE_HZ, EngineFault, NoiseFilter, RecognitionOptions, Recognizer
from vivavoce.models.stack import Stack
from vivavoce.protocol.listening import ListeningConfig
from vivavoce.protocol.noise import NoiseReduction
from vivavoce.sessions import recognition
from vivavoce.sessions.ear import Ear
from vivavoce.sessions.feed import Feed

AHEAD_MS: Final = 10_000
"""How much audio may wait for the detector or a recognizer before no more is read, where the listener is held to it."""

Put = Callable[[Input], None]
Start = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Listener:
    """Listening for one session.

    Args:
        session_id: the session's id: recognizers adapt to its speaker under it.
        stack: its engines.
        at_once: how many recognitions may run at once; those beyond wait, and so does whoever asks for `room`. None: no bound here,
            because the core has one.
        recognizers: the recognizer of a transcription model by name, where sessions may choose; the stack's otherwise.
        options: how to recognize, by configuration and whether the audio is narrow-band, where that is not up to the configuration.
        prepares: whether the language model gets ready too.
    """

    def __init__(
        self,
        session_id: str,
        stack: Stack,
        *,
        at_once: int | None = None,
        recognizers: Callable[[str], Recognizer] | None = None,
        options: Callable[[ListeningConfig, bool], RecognitionOptions] | None = None,
        prepares: bool = False,
    ) -> None:
        self._options = options or (lambda config, narrow: recognition.options(config, session_id, narrow_band=narrow))
        self._stack = stack
        self._recognizers = recognizers
        self._prepares = prepares
        self._bounded = at_once is not None
        self._turns = nullcontext() if at_once is None else asyncio.Semaphore(at_once)
        self._log = structlog.get_logger("vivavoce.listening").bind(session=session_id)
        self._put: Put
        self._start: Start
        self._ear: Ear
        self._feeds: set[Feed] = set()
        self._progress = asyncio.Event()
        self._recognitions: dict[int, asyncio.Task[None]] = {}
        self._preparing: asyncio.Task[None] | None = None
        self._noise: NoiseReduction | None = None
        self.performers: dict[type, Callable[[Any], None]] = {
            effects.StartListening: self._start_listening,
            effects.ReduceNoise: self._reduce_noise,
            effects.StopListening: lambda e: self.stop(),
            effects.Listen: lambda e: self._ear.hear(e.audio),
            effects.OpenRecognition: self._open_recognition,
            effects.EndRecognition: lambda e: self._ear.end(e.job, e.to_tick),
            effects.RecognizeAudio: self._recognize_audio,
            effects.AbortRecognition: self._abort_recognition,
            effects.JudgeTurn: self._judge_turn,
            effects.Prepare: self._prepare,
        }

    def attach(self, put: Put, start: Start) -> None:
        """Learn where inputs go, and who starts jobs."""
        self._put = put
        self._start = start
        self._ear = Ear(
            self._stack.vad,
            lambda epoch, probability: put(inputs.VadFrame(epoch, probability)),
            lambda epoch, message: put(inputs.ListeningFailed(epoch, message)),
            judged=self._stack.endpointer is not None,
            denoise=lambda: self._filter(self._noise),
        )

    def handled(self, epoch: int) -> None:
        """Note that the core has handled one more frame of an epoch."""
        self._ear.handled(epoch)
        self._progress.set()

    async def room(self) -> None:
        """Wait until less than `AHEAD_MS` of audio waits, where the listener is held to it."""
        while self._bounded and self.waiting_ms > AHEAD_MS:
            self._progress.clear()
            await self._progress.wait()

    def stop(self) -> None:
        """Stop listening."""
        self._ear.stop()
        self._progress.set()

    @property
    def waiting_ms(self) -> float:
        """How much audio waits for the detector and for recognizers."""
        samples = self._ear.unheard + sum(feed.unread for feed in self._feeds)
        return samples * 1000 / SPEECH_RATE_HZ

    # --- performing -------------------------------------------------------------------------------------------------------------

    def _start_listening(self, effect: effects.StartListening) -> None:
        self._ear.start(effect.epoch, effect.format, effect.keep_ms)
        self._progress.set()

    def _reduce_noise(self, effect: effects.ReduceNoise) -> None:
        self._noise = effect.noise
        self._ear.change_filter()

    def _filter(self, noise: NoiseReduction | None) -> NoiseFilter | None:
        if noise is None or self._stack.noise is None:
            return None
        return self._stack.noise.open(noise.field, noise.strength)

    def _open_recognition(self, effect: effects.OpenRecognition) -> None:
        feed = self._ear.open(effect.job, effect.from_tick)
        self._recognize(effect.job, feed, effect.config, narrow_band=self._ear.narrow_band)

    def _recognize_audio(self, effect: effects.RecognizeAudio) -> None:
        feed = Feed()
        resampler = to_speech_rate(effect.format.rate_hz)
        speech = resampler.feed(to_float(decode(effect.audio, effect.format.type)))
        noise = self._filter(effect.config.noise)
        if noise is not None:
            speech = np.concatenate([noise.feed(speech), noise.finish()])
        feed.write(to_int16(speech).tobytes())
        feed.end()
        self._recognize(effect.job, feed, effect.config, narrow_band=effect.format.rate_hz < SPEECH_RATE_HZ)

    def _recognize(self, job: int, feed: Feed, config: ListeningConfig, *, narrow_band: bool) -> None:
        wanted = self._options(config, narrow_band)
        task = self._start(self._run(job, self._recognizer(config), feed, wanted))
        self._recognitions[job] = task
        self._feeds.add(feed)
        feed.on_read = self._progress.set

        def over(_: object) -> None:
            self._recognitions.pop(job, None)
            self._feeds.discard(feed)
            self._ear.end(job)  # a recognition may be over before its audio is
            self._progress.set()

        task.add_done_callback(over)

    async def _run(self, job: int, recognizer: Recognizer, feed: Feed, wanted: RecognitionOptions) -> None:
        async with self._turns:
            await recognition.recognize(job, recognizer, feed, wanted, self._put)

    def _recognizer(self, config: ListeningConfig) -> Recognizer:
        if self._recognizers is None or config.transcription is None:
            return self._stack.recognizer
        return self._recognizers(config.transcription.model)

    def _abort_recognition(self, effect: effects.AbortRecognition) -> None:
        self._ear.end(effect.job)
        task = self._recognitions.get(effect.job)
        if task is not None:
            task.cancel()

    def _judge_turn(self, effect: effects.JudgeTurn) -> None:
        self._start(self._judge(effect))

    async def _judge(self, effect: effects.JudgeTurn) -> None:
        if self._stack.endpointer is None:
            return
        try:
            probability = await self._stack.endpointer.complete_probability(self._ear.recent(effect.to_tick))
        except EngineFault as fault:
            # Without a verdict the turn ends by its longest wait.
            self._log.warning("endpointer failed", cause=fault.message)
            return
        self._put(inputs.TurnJudged(effect.job, probability))

    def _prepare(self, effect: effects.Prepare) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
        self._preparing = self._start(self._prepare_engines(effect.config))

    async def _prepare_engines(self, config: ListeningConfig) -> None:
        try:
            if self._prepares:
                await self._stack.llm.prepare(config.instructions, config.tools)
            await self._recognizer(config).prepare(recognition.vocabulary(config))
        except EngineFault as fault:
            self._log.warning("preparation failed", cause=fault.message)

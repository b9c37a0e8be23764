"""The runner of an agent session: one loop takes an input, has the core handle it, and performs the effects, in order.

Nothing else touches the core. Engine jobs are tasks that put inputs into the inbox under the number they were started with; when the
session ends they are cancelled and waited for, so that nothing of a session outlives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from vivavoce.audio.codec import decode, to_float, to_int16
from vivavoce.audio.resample import to_speech_rate
from vivavoce.core import effects, inputs
from vivavoce.core.agent import AgentCore
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Input
from vivavoce.dialogue.request import build_request
from vivavoce.engines.ports import SPEECH_RATE_HZ, EngineFault, RecognitionOptions
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol.client_events import ClientEvent, Refused, type_of
from vivavoce.sessions import recognition
from vivavoce.sessions.answer import Answer
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.ear import Ear
from vivavoce.sessions.feed import Feed
from vivavoce.sessions.inbox import Inbox
from vivavoce.sessions.meter import SessionMeter
from vivavoce.sessions.outlet import Outlet
from vivavoce.sessions.records import SessionRecord
from vivavoce.sessions.voice import Voice

INTERNAL_ERROR: Final = 1011


class AgentRunner:
    """One agent session from `session.created` to the end of its socket.

    Args:
        session_id: the session's id.
        core: its state machine.
        stack: its engines.
        outlet: the way to the client.
        meter: counts and times what happens.
        caller: who it is for: a response that the caller's limits do not allow fails, and each is charged to them.
        record: the session's books.
    """

    def __init__(
        self,
        session_id: str,
        core: AgentCore,
        stack: Stack,
        outlet: Outlet,
        meter: SessionMeter,
        caller: Caller,
        record: SessionRecord,
    ) -> None:
        self.inbox = Inbox()
        self._id = session_id
        self._core = core
        self._stack = stack
        self._outlet = outlet
        self._meter = meter
        self._caller = caller
        self._record = record
        self._log = structlog.get_logger("vivavoce.session").bind(session=session_id, **caller.names())
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        put = self.inbox.put
        self._ear = Ear(
            stack.vad,
            lambda epoch, probability: put(inputs.VadFrame(epoch, probability)),
            lambda epoch, message: put(inputs.ListeningFailed(epoch, message)),
            judged=stack.endpointer is not None,
        )
        self._recognitions: dict[int, asyncio.Task[None]] = {}
        self._answers: dict[int, tuple[Answer, asyncio.Task[None]]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._preparing: asyncio.Task[None] | None = None
        self._performers: dict[type, Callable[[Any], None]] = {
            effects.Send: self._send,
            effects.StartListening: lambda e: self._ear.start(e.epoch, e.format, e.keep_ms),
            effects.StopListening: lambda e: self._ear.stop(),
            effects.Listen: lambda e: self._ear.hear(e.audio),
            effects.OpenRecognition: self._open_recognition,
            effects.EndRecognition: lambda e: self._ear.end(e.job, e.to_tick),
            effects.RecognizeAudio: self._recognize_audio,
            effects.AbortRecognition: self._abort_recognition,
            effects.JudgeTurn: self._judge_turn,
            effects.Prepare: self._prepare,
            effects.Generate: self._generate,
            effects.Speak: self._speak,
            effects.EndSpeech: self._end_speech,
            effects.StopGeneration: self._stop_generation,
            effects.Used: self._used,
            effects.Transcribed: self._transcribed,
            effects.SetTimer: self._set_timer,
            effects.Close: self._close,
            effects.Note: self._note,
        }

    async def receive(self, event: ClientEvent) -> None:
        """Take a client event, and return once it has been handled: its answers are queued then."""
        refused = event.fault.code if isinstance(event, Refused) else None
        self._log.debug("received", type=type_of(event), event_id=event.event_id, refused=refused)
        self.inbox.put(inputs.Received(event))
        await self.inbox.handled()

    async def run(self) -> None:
        """Run until cancelled: the transport cancels it when the client is gone."""
        try:
            self._perform(self._core.start(self._caller.session))
            while True:
                event = await self.inbox.get()
                self._handle(event)
                if isinstance(event, inputs.VadFrame):
                    self._ear.handled(event.epoch)
        except Exception:  # noqa: BLE001 - the last boundary: a fault of ours ends this session, says so, and leaves the others alone
            self._log.exception("session crashed")
            self._outlet.send(events.stamp(events.error(errors.internal().wire(None)), "event_internal"))
            self._outlet.close(INTERNAL_ERROR, "internal error")
        finally:
            self.inbox.release()
            await self._end()

    async def _end(self) -> None:
        self._ear.stop()
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._core.release()
        self._meter.ended()
        self._record.ended()

    def _handle(self, event: Input) -> None:
        self._perform(self._core.handle(event, (self._loop.time() - self._began) * 1000))

    def _perform(self, wanted: list[Effect]) -> None:
        for effect in wanted:
            self._performers[type(effect)](effect)

    def _start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- performing: listening --------------------------------------------------------------------------------------------------

    def _open_recognition(self, effect: effects.OpenRecognition) -> None:
        feed = self._ear.open(effect.job, effect.from_tick)
        wanted = recognition.options(effect.config, self._id, narrow_band=self._ear.narrow_band)
        self._run_recognition(effect.job, feed, wanted)

    def _recognize_audio(self, effect: effects.RecognizeAudio) -> None:
        feed = Feed()
        resampler = to_speech_rate(effect.format.rate_hz)
        feed.write(to_int16(resampler.feed(to_float(decode(effect.audio, effect.format.type)))).tobytes())
        feed.end()
        narrow = effect.format.rate_hz < SPEECH_RATE_HZ
        self._run_recognition(effect.job, feed, recognition.options(effect.config, self._id, narrow_band=narrow))

    def _run_recognition(self, job: int, feed: Feed, wanted: RecognitionOptions) -> None:
        task = self._start(recognition.recognize(job, self._stack.recognizer, feed, wanted, self.inbox.put))
        self._recognitions[job] = task
        task.add_done_callback(lambda _: self._recognitions.pop(job, None))

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
        self.inbox.put(inputs.TurnJudged(effect.job, probability))

    def _prepare(self, effect: effects.Prepare) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
        self._preparing = self._start(self._prepare_engines(effect))

    async def _prepare_engines(self, effect: effects.Prepare) -> None:
        try:
            await self._stack.llm.prepare(effect.config.instructions, effect.config.tools)
            await self._stack.recognizer.prepare(recognition.vocabulary(effect.config))
        except EngineFault as fault:
            self._log.warning("preparation failed", cause=fault.message)

    # --- performing: answering --------------------------------------------------------------------------------------------------

    def _generate(self, effect: effects.Generate) -> None:
        refusal = self._caller.limiter.request()
        if refusal is not None:
            code = refusal.code or errors.SERVER_ERROR
            self.inbox.put(inputs.GenerationFailed(effect.generation, code, refusal.message, refusal.type, asked=False))
            return
        request = build_request(effect.context, effect.config, self._id)
        voice = None
        if effect.config.modality == "audio":
            voice = Voice(effect.generation, self._stack.synthesizer, effect.config, self.inbox.put, self._room)
        answer = Answer(effect.generation, self._stack.llm, request, voice, self.inbox.put, self._room)
        self._answers[effect.generation] = (answer, self._start(answer.run()))

    async def _room(self) -> None:
        await self.inbox.room()
        await self._outlet.room()

    def _speak(self, effect: effects.Speak) -> None:
        answer = self._answers.get(effect.generation)
        if answer is not None and answer[0].voice is not None:
            answer[0].voice.say(effect.output_index, effect.text)

    def _end_speech(self, effect: effects.EndSpeech) -> None:
        answer = self._answers.get(effect.generation)
        if answer is not None and answer[0].voice is not None:
            answer[0].voice.end(effect.output_index)

    def _stop_generation(self, effect: effects.StopGeneration) -> None:
        answer = self._answers.pop(effect.generation, None)
        if answer is not None:
            answer[1].cancel()

    def _transcribed(self, effect: effects.Transcribed) -> None:
        self._meter.paid(self._record.transcribed(effect.model, effect.seconds))

    def _used(self, effect: effects.Used) -> None:
        cost = self._record.used(effect.response_id, effect.status, effect.usage)
        self._meter.used(effect.usage, cost)
        fields = {"response": effect.response_id, "status": effect.status, "tokens": effect.usage.total}
        self._log.info("response", **fields, cost_usd=round(cost, 6))
        self._caller.limiter.use(effect.usage.total)
        limits = self._caller.limiter.state()
        if limits:  # told at once: nothing comes between a response's end and what it left
            self._handle(inputs.RateLimits(limits))

    # --- performing: the rest ---------------------------------------------------------------------------------------------------

    def _send(self, effect: effects.Send) -> None:
        self._meter.sent(effect.event, self._loop.time())
        self._log.debug("sent", type=effect.event["type"], event_id=effect.event["event_id"])
        self._outlet.send(effect.event)

    def _set_timer(self, effect: effects.SetTimer) -> None:
        running = self._timers.pop(effect.name, None)
        if running is not None:
            running.cancel()
        fired = inputs.TimerFired(effect.name, effect.token)
        self._timers[effect.name] = self._loop.call_later(effect.delay_ms / 1000, self.inbox.put, fired)

    def _close(self, effect: effects.Close) -> None:
        fatal = effect.fatal
        if fatal.error is not None:
            self._outlet.send(events.stamp(events.error(fatal.error.wire(None)), f"event_{self._id}_end"))
        self._outlet.close(fatal.close_code, fatal.reason)

    def _note(self, effect: effects.Note) -> None:
        self._log.warning(effect.what, **effect.fields)
        self._meter.noted(effect.what)

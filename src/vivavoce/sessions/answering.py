"""The answering half of an agent session's runner: brain and voice, and what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from vivavoce.core import effects, inputs
from vivavoce.dialogue.request import build_request
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.sessions.answer import Answer
from vivavoce.sessions.runner import SessionRunner
from vivavoce.sessions.voice import Voice


class Answering:
    """The responses of one session. A response that the caller's limits do not allow fails, and each is charged to them.

    Args:
        session_id: the session's id: brains keep prefixes under it.
        stack: its engines.
        runner: runs the session.
    """

    def __init__(self, session_id: str, stack: Stack, runner: SessionRunner) -> None:
        self._id = session_id
        self._stack = stack
        self._runner = runner
        self._answers: dict[int, tuple[Answer, asyncio.Task[None]]] = {}
        self.performers: dict[type, Callable[[Any], None]] = {
            effects.Generate: self._generate,
            effects.Speak: self._speak,
            effects.EndSpeech: self._end_speech,
            effects.StopGeneration: self._stop_generation,
            effects.Used: self._used,
        }

    def _generate(self, effect: effects.Generate) -> None:
        put = self._runner.inbox.put
        refusal = self._runner.caller.limiter.request()
        if refusal is not None:
            code = refusal.code or errors.SERVER_ERROR
            put(inputs.GenerationFailed(effect.generation, code, refusal.message, refusal.type, asked=False))
            return
        request = build_request(effect.context, effect.config, self._id)
        voice = None
        if effect.config.modality == "audio":
            voice = Voice(effect.generation, self._stack.synthesizer, effect.config, put, self._runner.room)
        answer = Answer(effect.generation, self._stack.llm, request, voice, put, self._runner.room)
        self._answers[effect.generation] = (answer, self._runner.start(answer.run()))

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

    def _used(self, effect: effects.Used) -> None:
        cost = self._runner.record.used(effect.response_id, effect.status, effect.usage)
        self._runner.meter.used(effect.usage, cost)
        fields = {"response": effect.response_id, "status": effect.status, "tokens": effect.usage.total}
        self._runner.log.info("response", **fields, cost_usd=round(cost, 6))
        self._runner.caller.limiter.use(effect.usage.total)
        limits = self._runner.caller.limiter.state()
        if limits:  # told at once: nothing comes between a response's end and what it left
            self._runner.handle(inputs.RateLimits(limits))

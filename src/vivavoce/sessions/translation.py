"""The translating half of a translation session's runner: translator and voice, and what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import asdict
from typing import Any, Final

import structlog

from vivavoce.audio.codec import convert, encode
from vivavoce.core import effects, inputs
from vivavoce.core.inputs import Input
from vivavoce.engines.ports import EngineFault, SpeechSpan, TranslationRequest, Translator, VoiceStyle
from vivavoce.models.stack import Stack
from vivavoce.protocol.formats import PCM
from vivavoce.sessions.closing import closing
from vivavoce.sessions.runner import SessionRunner

_log = structlog.get_logger("vivavoce.translation")

WITHIN_S: Final = 30.0
"""How long a translator may take for a clause, or a voice from one stretch of a phrase to the next, before it counts as hung."""

AT_ONCE: Final = 1
"""Recognitions of one session that run at once. A recognizer adapts to the speaker from segment to segment: if the next began before the one
before it had ended, what is heard would depend on who was faster."""

VOICE: Final = "alloy"
"""The voice of translations: their protocol has no field for one."""


class Translating:
    """Translator and voice of one session.

    Args:
        session_id: the session's id: translators keep prefixes under it.
        stack: its engines.
        translator: the one of them that translates.
        runner: runs the session.
    """

    def __init__(self, session_id: str, stack: Stack, translator: Translator, runner: SessionRunner) -> None:
        self._id = session_id
        self._stack = stack
        self._translator = translator
        self._runner = runner
        self._reading = asyncio.Event()
        self._reading.set()
        self.performers: dict[type, Callable[[Any], None]] = {
            effects.Translate: self._translate,
            effects.Voice: self._voice,
            effects.Interpreted: self._interpreted,
            effects.Lagged: self._lagged,
            effects.Hold: self._hold,
        }

    async def room(self) -> None:
        """Wait until the session can take more from its client."""
        await self._reading.wait()

    # --- performing -------------------------------------------------------------------------------------------------------------

    def _translate(self, effect: effects.Translate) -> None:
        asked = effect.request
        request = TranslationRequest(asked.text, asked.source, asked.target, asked.context, asked.open, self._id)

        def failed(code: str, message: str) -> Input:
            return inputs.TranslationFailed(asked.job, code, message)

        put = self._runner.inbox.put
        self._runner.start(_guarded(lambda: self._translated(asked.job, request), "translator", failed, put))

    async def _translated(self, job: int, request: TranslationRequest) -> None:
        async with asyncio.timeout(WITHIN_S), closing(self._translator.translate(request)) as pieces:
            text = "".join([piece async for piece in pieces])
        self._runner.inbox.put(inputs.Translated(job, text))

    def _voice(self, effect: effects.Voice) -> None:
        def failed(code: str, message: str) -> Input:
            return inputs.VoiceFailed(effect.job, code, message)

        put = self._runner.inbox.put
        self._runner.start(_guarded(lambda: _say(effect, self._stack, put, self._runner.room), "voice", failed, put))

    def _interpreted(self, effect: effects.Interpreted) -> None:
        self._runner.meter.paid(self._runner.record.interpreted(effect.seconds))

    def _lagged(self, effect: effects.Lagged) -> None:
        self._runner.meter.lagged(effect.clause_ms)
        self._runner.record.lag = {name: _tenth(value) for name, value in asdict(effect.lag).items()}

    def _hold(self, effect: effects.Hold) -> None:
        if effect.held:
            self._reading.clear()
        else:
            self._reading.set()


async def _say(effect: effects.Voice, stack: Stack, put: Callable[[Input], None], room: Callable[[], Awaitable[None]]) -> None:
    style = VoiceStyle(VOICE, effect.speed, effect.language)
    clauses = _one(effect.text)
    async with closing(clauses), closing(stack.synthesizer.synthesize(clauses, style)) as spans:
        while True:
            async with asyncio.timeout(WITHIN_S):
                span = await anext(spans, None)
            if span is None:
                break
            put(_voiced(effect.job, span))
            await room()
    put(inputs.VoiceFinished(effect.job))


async def _one(text: str) -> AsyncIterator[str]:
    yield text


def _voiced(job: int, span: SpeechSpan) -> inputs.Voiced:
    audio = encode(convert(span.pcm, span.rate_hz, PCM.rate_hz), PCM.type)
    return inputs.Voiced(job, audio, tuple(inputs.Word(word.text, word.start_ms, word.end_ms) for word in span.words))


async def _guarded(
    work: Callable[[], Coroutine[Any, Any, None]], what: str, failed: Callable[[str, str], Input], put: Callable[[Input], None]
) -> None:
    """Do an engine's work; put what comes of a failure into the inbox in its place."""
    try:
        await work()
    except EngineFault as fault:
        put(failed(fault.code, fault.message))
    except TimeoutError:
        put(failed("server_error", f"The {what} did not answer in time."))
    except Exception:  # noqa: BLE001 - the boundary of an engine: whatever breaks costs this clause and nothing else
        _log.exception("engine crashed", engine=what)
        put(failed("server_error", f"The {what} had an error."))


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 2)

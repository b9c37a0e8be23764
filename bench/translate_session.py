"""A translation session under measurement: the real core and runner, a client that notes what it is told."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from vivavoce.core import effects
from vivavoce.core.translation import TranslationCore
from vivavoce.models.languages import working_pairs
from vivavoce.models.prices import PriceTable
from vivavoce.models.stack import Stack
from vivavoce.protocol.client_events import SessionClose, TranslationAppend
from vivavoce.protocol.formats import PCM
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.translation_session import TranslationDefaults
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.listening import Listener
from vivavoce.sessions.meter import Metrics
from vivavoce.sessions.records import SessionRecord
from vivavoce.sessions.runner import SessionRunner
from vivavoce.sessions.translation import AT_ONCE, Translating

MODEL: Final = "gpt-realtime-translate"


@dataclass(slots=True)
class Figures:
    """What one session was like. Times in seconds since it began, lags in ms."""

    heard: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    first_audio_s: float | None = None
    lags: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Per clause: when it had been said, average lag, clause lag, speed."""
    errors: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return all that was said."""
        return "".join(self.said)

    def between(self, start_s: float, end_s: float, which: int) -> float:
        """Return the mean of a column of `lags` over the clauses of a stretch of time; NaN where there is none."""
        values = [row[which] for row in self.lags if start_s <= row[0] < end_s]
        return statistics.fmean(values) if values else float("nan")


class _Client:
    """An outlet that notes what it is told."""

    def __init__(self, figures: Figures, began: float) -> None:
        self.closed = asyncio.Event()
        self._figures = figures
        self._loop = asyncio.get_running_loop()
        self._began = began

    def send(self, event: dict[str, Any], to: int | None = None) -> None:
        figures = self._figures
        match event["type"]:
            case "session.input_transcript.delta":
                figures.heard.append(event["delta"])
            case "session.output_transcript.delta":
                figures.said.append(event["delta"])
            case "session.output_audio.delta" if figures.first_audio_s is None:
                figures.first_audio_s = self._loop.time() - self._began
            case "error":
                figures.errors.append(event["error"]["message"])

    async def room(self) -> None:
        return

    def close(self, code: int, reason: str) -> None:
        self.closed.set()


async def interpret(stack: Stack, audio: bytes, target: str, chunk_ms: int) -> Figures:
    """Interpret audio that is sent at the pace it was spoken, in pieces of one length; each is sent when it is over.

    Raises:
        ValueError: the stack has no translator.
    """
    if stack.translator is None:
        raise ValueError("the stack has no translator")
    loop, figures = asyncio.get_running_loop(), Figures()
    began = loop.time()
    client = _Client(figures, began)
    session_id = IdSource().session()  # its own: recognizers adapt to a session's speaker
    languages = stack.recognizer.capabilities.languages
    core = TranslationCore(session_id, TranslationDefaults(MODEL, working_pairs(stack)), IdSource(1), languages=languages)
    wanted = {"audio": {"input": {"transcription": {"model": "gpt-realtime-whisper"}}, "output": {"language": target}}}
    record = SessionRecord(session_id, "translation", MODEL, "open", None, 0, PriceTable({}))
    meter = Metrics().session("translation", MODEL)
    listener = Listener(session_id, stack, at_once=AT_ONCE)
    runner = SessionRunner(session_id, core, listener, client, meter, Caller(session=wanted), record)
    translating = Translating(session_id, stack, stack.translator, runner)
    runner.add(translating.performers, translating.room)

    def lagged(effect: effects.Lagged) -> None:
        figures.lags.append((loop.time() - began, effect.average_ms, effect.clause_ms, effect.lag.speed))

    runner.add({effects.Lagged: lagged})
    running = asyncio.create_task(runner.run())
    size = chunk_ms * PCM.bytes_per_ms
    for start in range(0, len(audio), size):
        await asyncio.sleep(max(0.0, began + (start + size) / PCM.bytes_per_ms / 1000 - loop.time()))
        await runner.receive(TranslationAppend(None, audio[start : start + size]))
    await runner.receive(SessionClose(None))
    await client.closed.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return figures


def apart(one: str, other: str) -> int:
    """Return how many words two texts differ by: those deleted or inserted, the larger of both where words are replaced."""
    left, right = one.split(), other.split()
    changes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for tag, a, b, c, d in changes if tag != "equal")

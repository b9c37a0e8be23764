"""Dictation of a whole recording: audio in as fast as it can be recognized, what is said out, in constant memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from vivavoce.core import inputs
from vivavoce.core.dictation import PAUSES, Dictation, Missed, PassageOver, Told
from vivavoce.core.dictation import Said as Heard
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import HeardWord, Input
from vivavoce.engines.ports import EngineFault, RecognitionOptions, RecognizedWord
from vivavoce.models.stack import Stack
from vivavoce.protocol import client_events as client
from vivavoce.protocol.formats import SPEECH
from vivavoce.protocol.listening import ListeningConfig, TurnDetection
from vivavoce.sessions.closing import closing
from vivavoce.sessions.inbox import Inbox
from vivavoce.sessions.listening import Listener

_PIECE_BYTES: Final = 32_000
"""A second: what is handed over before it is looked at whether anybody waits."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech between pauses; times in ms from the start of the audio, those of its words too.

    `confidence` is the mean over its words in [0, 1], 1 where the engine has none; `language` is empty where nobody can tell.
    """

    start_ms: int
    end_ms: int
    text: str
    words: tuple[RecognizedWord, ...]
    confidence: float
    language: str


@dataclass(frozen=True, slots=True)
class Said:
    """More of what is said, append-only: the texts concatenate to the transcript, white space included.

    The last piece of an utterance brings the whole of it.
    """

    text: str
    start_ms: int
    end_ms: int
    utterance: Utterance | None = None


async def dictate(
    audio: AsyncIterator[bytes], stack: Stack, options: RecognitionOptions, pauses: TurnDetection | None = None
) -> AsyncGenerator[Said, None]:
    """Recognize a recording of any length.

    Args:
        audio: 16 kHz s16le mono chunks; read no faster than they are recognized.
        stack: whose detector and recognizer hear.
        options: how to recognize; with `partials` what is stable is told before an utterance ends. `speaker` may be empty.
        pauses: what separates utterances: its threshold, prefix padding and silence count.

    Yields:
        What is said, in order.

    Raises:
        EngineFault: the detector or the recognizer failed.
    """
    work = _Dictating(stack, options, pauses or PAUSES)
    async with closing(audio):
        try:
            reading = work.start(work.read(audio))
            running = work.start(work.run())
            while (said := await work.next(reading, running)) is not None:
                yield said
        finally:
            await work.end()  # first, so that nobody reads the audio any more when it is closed


class _Dictating:
    """One recording at work: a loop, its dictation, and the task that reads."""

    def __init__(self, stack: Stack, options: RecognitionOptions, pauses: TurnDetection) -> None:
        speaker = options.speaker or f"dictation-{uuid.uuid4().hex}"
        self._options = RecognitionOptions(
            options.language, options.vocabulary, options.partials, options.delay, options.narrow_band, speaker
        )
        self._out: list[Effect] = []
        self._inbox = Inbox()
        self._told: asyncio.Queue[Said | EngineFault | None] = asyncio.Queue()
        self._dictation = Dictation(self._out, self._tell, pauses=pauses)
        # Recognizers that take one segment at a time adapt to the speaker from one to the next: in parallel, what is heard would
        # depend on which ends first.
        at_once = max(1, stack.recognizer.capabilities.max_batch)
        self._listener = Listener(speaker, stack, at_once=at_once, options=lambda config, narrow: self._options)
        self._listener.attach(self._inbox.put, self.start)
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[type, Callable[[Any], None]] = {
            inputs.Received: self._received,
            inputs.VadFrame: self._frame,
            inputs.ListeningFailed: self._listening_failed,
            inputs.Heard: self._dictation.heard,
            inputs.Recognized: self._dictation.recognized,
            inputs.RecognitionFailed: self._dictation.recognized,
        }

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def read(self, audio: AsyncIterator[bytes]) -> None:
        odd = b""
        async for chunk in audio:
            pcm = odd + chunk
            whole = len(pcm) - len(pcm) % SPEECH.width
            odd = pcm[whole:]
            for place in range(0, whole, _PIECE_BYTES):
                self._inbox.put(inputs.Received(client.AudioAppend(None, pcm[place : min(whole, place + _PIECE_BYTES)])))
                await self._inbox.handled()
                await self._listener.room()
        self._inbox.put(inputs.Received(client.AudioCommit(None)))

    async def run(self) -> None:
        self._dictation.configure(ListeningConfig(input_format=SPEECH, transcription=None, turn_detection=None))
        self._perform()
        while True:
            event = await self._inbox.get()
            self._handle(event)
            if isinstance(event, inputs.VadFrame):
                self._listener.handled(event.epoch)

    async def next(self, *working: asyncio.Task[None]) -> Said | None:
        """Return what was said next, None at the end.

        Raises:
            EngineFault: an engine failed. What reading or handling raises is raised too.
        """
        waiting = asyncio.create_task(self._told.get())
        try:
            busy = {task for task in working if not task.done()}
            while not waiting.done():
                await asyncio.wait({waiting, *busy}, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in busy if task.done()]:
                    busy.discard(task)
                    task.result()
        finally:
            waiting.cancel()
        told = waiting.result()
        if isinstance(told, EngineFault):
            raise told
        return told

    async def end(self) -> None:
        self._inbox.release()
        self._listener.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _handle(self, event: Input) -> None:
        self._handlers[type(event)](event)
        self._perform()

    def _perform(self) -> None:
        for effect in self._out:
            self._listener.performers[type(effect)](effect)
        self._out.clear()

    def _received(self, received: inputs.Received) -> None:
        if isinstance(received.event, client.AudioAppend):
            self._dictation.append(received.event.audio)
        else:
            self._dictation.mark()

    def _frame(self, frame: inputs.VadFrame) -> None:
        self._dictation.frame(frame.epoch, frame.probability)

    def _listening_failed(self, failed: inputs.ListeningFailed) -> None:
        self._dictation.failed(failed.epoch, failed.message)

    def _tell(self, told: Told) -> None:
        match told:
            case Heard():
                self._told.put_nowait(_said(told))
            case Missed():
                self._told.put_nowait(EngineFault(told.message, code=told.code))
            case PassageOver():
                self._told.put_nowait(None)


def _said(heard: Heard) -> Said:
    whole = heard.utterance
    if whole is None:
        return Said(heard.text, heard.start_ms, heard.end_ms)
    words = tuple(_word(word) for word in whole.words)
    confidence = sum(word.confidence for word in words) / len(words) if words else 1.0
    utterance = Utterance(whole.start_ms, whole.end_ms, whole.text, words, confidence, whole.language)
    return Said(heard.text, heard.start_ms, heard.end_ms, utterance)


def _word(word: HeardWord) -> RecognizedWord:
    return RecognizedWord(word.text, word.start_ms, word.end_ms, word.confidence, word.speaker)

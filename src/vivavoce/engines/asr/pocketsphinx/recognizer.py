"""The `Recognizer` port on pocketsphinx: English, offline, from the wheel's own model."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator

from vivavoce.engines.asr.pocketsphinx.library import Library
from vivavoce.engines.asr.pocketsphinx.link import WorkerLink, WorkerLost
from vivavoce.engines.asr.pocketsphinx.nursery import Nursery
from vivavoce.engines.asr.pocketsphinx.pool import WorkerPool
from vivavoce.engines.asr.pocketsphinx.protocol import Abort, Audio, Fault, Final, Finish, Partial, Reply, Start, Word
from vivavoce.engines.asr.pocketsphinx.topic import Topic
from vivavoce.engines.ports import Capabilities, EngineFault, Hypothesis, RecognitionOptions, RecognizedWord, Vocabulary

KEPT_SPEAKERS = 4_096
"""Cepstral means kept (about 200 bytes each); the longest unused goes first."""
ANSWER_TIMEOUT_S = 60.0
"""How long after the end of a segment its final may take. The slowest honest one is a long segment heard twice on a busy machine."""
_PIECE_BYTES = 64 * 1024

_CAPABILITIES = Capabilities(
    name="pocketsphinx",
    licence="BSD-2-Clause",
    languages=("en",),
    streaming=True,
    word_times=True,
    quality="demo",
    notes="English only. Good at what the session's tools, keywords and prompt suggest; free dictation is rough (34-36 % WER).",
)


class PocketsphinxRecognizer:
    """Satisfies `engines.ports.Recognizer`.

    Args:
        workers: segments heard at once; each costs a process with about 26 MB of its own.
        lease_timeout_s: how long a segment waits for a free worker before it is refused as `server_is_overloaded`.
    """

    def __init__(self, workers: int, lease_timeout_s: float = 2.0) -> None:
        self._nursery = Nursery()
        self._pool = WorkerPool(self._nursery, workers, lease_timeout_s)
        self._library = Library(self._nursery)
        self._means: OrderedDict[str, str] = OrderedDict()

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return _CAPABILITIES

    async def warm(self) -> None:
        """Load the model and fork the workers.

        Raises:
            EngineFault: no worker can be started here.
        """
        await self._pool.warm()

    async def close(self) -> None:
        """End every process and remove the models built. Idempotent."""
        await self._pool.close()
        await self._library.close()
        await self._nursery.close()

    async def prepare(self, vocabulary: Vocabulary) -> None:
        """Build the vocabulary's model unless it is there.

        Raises:
            EngineFault: it could not be built.
        """
        await self._library.model(_topic(vocabulary))

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        """Recognize one segment; see the port.

        Raises:
            EngineFault: the worker died, or none was free in time (`server_is_overloaded`).
        """
        model = await self._library.model(_topic(options.vocabulary))
        final: Final | None = None
        async with self._pool.lease(model) as worker:
            segment = worker.next_segment()
            start = Start(segment, model, self._means.get(options.speaker, ""), options.partials, options.delay)
            feeding = asyncio.create_task(_feed(worker, start, audio))
            try:
                while final is None:
                    match await _answer(worker, feeding):
                        case Partial(_, words):
                            yield _hypothesis(words)
                        case Final() as final:
                            pass
                        case Fault(_, reason):
                            raise EngineFault(f"the recognizer failed: {reason}")
                        case _:
                            raise EngineFault("the recognizer gave an answer to another question")
            except WorkerLost as error:
                worker.kill()
                raise EngineFault("the recognizer process ended in the middle of the segment") from error
            finally:
                if final is None:
                    worker.send_now(Abort(segment))
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
        if final.words:
            self._remember(options.speaker, final.mean)
        yield _hypothesis(final.words, final=True, confidence=final.confidence)

    def _remember(self, speaker: str, mean: str) -> None:
        """Keep the speaker's mean for the next segment."""
        if not speaker or not mean:
            return
        self._means[speaker] = mean
        self._means.move_to_end(speaker)
        if len(self._means) > KEPT_SPEAKERS:
            self._means.popitem(last=False)


def _topic(vocabulary: Vocabulary) -> Topic:
    tools = tuple(dict(tool) for tool in vocabulary.tools)
    return Topic(vocabulary.instructions, tools, vocabulary.keywords, vocabulary.prompt)


def _hypothesis(heard: tuple[Word, ...], *, final: bool = False, confidence: float = 1.0) -> Hypothesis:
    words = tuple(RecognizedWord(word.text, word.start_ms, word.end_ms, word.confidence) for word in heard)
    return Hypothesis(" ".join(word.text for word in words), final, words, confidence)


async def _feed(worker: WorkerLink, start: Start, audio: AsyncIterator[bytes]) -> None:
    """Send the whole segment; a sample split between two chunks is put together, half a sample at the end is dropped."""
    await worker.send(start)
    odd = b""
    async for chunk in audio:
        pcm = odd + chunk
        whole = len(pcm) // 2 * 2
        odd = pcm[whole:]
        for place in range(0, whole, _PIECE_BYTES):
            await worker.send(Audio(start.segment, pcm[place : min(whole, place + _PIECE_BYTES)]))
    await worker.send(Finish(start.segment))


async def _answer(worker: WorkerLink, feeding: asyncio.Task[None]) -> Reply:
    """Return the worker's next answer.

    Raises:
        WorkerLost: it died, or did not answer in time once it had everything.
        EngineFault: the audio could not be read to its end (whatever the source raised is raised).
    """
    receiving = asyncio.create_task(worker.receive())
    try:
        if not feeding.done():
            await asyncio.wait((receiving, feeding), return_when=asyncio.FIRST_COMPLETED)
        if feeding.done() and not receiving.done():
            feeding.result()
            await asyncio.wait((receiving,), timeout=ANSWER_TIMEOUT_S)
            if not receiving.done():
                raise WorkerLost(f"no answer within {ANSWER_TIMEOUT_S:.0f} s")
        return await receiving
    finally:
        if not receiving.done():
            receiving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiving

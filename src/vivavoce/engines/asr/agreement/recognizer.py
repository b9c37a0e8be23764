"""Local agreement: a recognizer of whole segments made to stream.

The audio heard so far, the window, is decoded again whenever a little more has come. Words that several hypotheses in a row agree
on are shown, and never taken back. The window is cut behind words that were shown, where the speaker pauses.

**What it costs.** A window is never longer than `longest_s` when it is decoded, and each decoding ends at least one chunk
(`Pace.chunk_ms`) after the one before. So every second of audio is decoded at most `longest_s / chunk + 3` times: the steps while
it is in the window, one that the end of the audio interrupts, the final, and, for recognizers without word times, one of the part
that is cut off, alone. While words are shown and speakers pause, the window stays near `trim_s`, and so does the cost near
`trim_s / chunk`. Decodings follow one another and never queue: a recognizer slower than its chunks gets longer ones, for whatever
has come in the meantime is decoded in one step.

Source: Liu, Spanakis, Niehues 2020, "Low-latency sequence-to-sequence speech recognition and translation by partial hypothesis
selection"; Machacek, Dabre, Bojar 2023, "Turning Whisper into real-time transcription system" (word-level agreement over a growing
buffer that is cut behind confirmed words).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from typing import Final

from vivavoce.engines.asr.agreement.intake import Intake
from vivavoce.engines.asr.agreement.pace import PACES, Pace
from vivavoce.engines.asr.agreement.segment import Bounds, Segment
from vivavoce.engines.asr.agreement.window import Window
from vivavoce.engines.ports import (
    SPEECH_RATE_HZ,
    Capabilities,
    Delay,
    EngineFault,
    Hypothesis,
    RecognitionOptions,
    Recognizer,
    Vocabulary,
)

TRIM_S: Final = 6.0
LONGEST_S: Final = 12.0
_AHEAD: Final = 2
"""Windows of audio that are read ahead before the source has to wait."""
_PIECE_BYTES: Final = SPEECH_RATE_HZ * 2
"""The recognizer gets its window in pieces of one second."""


class LocalAgreement:
    """Satisfies `engines.ports.Recognizer` and streams, whatever the recognizer within does.

    What has been shown is not given to the recognizer as its prompt: the port's prompt says what a session is about, engines build
    models of it and keep them, and a prompt that changes with every word would have one built for every word.

    Args:
        recognizer: hears whole segments. It gets the session's options, without `partials`.
        trim_s: from this length on the window is cut where that does no harm.
        longest_s: no window is longer when it is decoded; at least twice the longest chunk.
        paces: what each `delay` means.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        trim_s: float = TRIM_S,
        longest_s: float = LONGEST_S,
        paces: Mapping[Delay, Pace] = PACES,
    ) -> None:
        if longest_s * 1000 < 2 * max(pace.chunk_ms for pace in paces.values()) or not 0 < trim_s <= longest_s:
            raise ValueError("the longest window must hold two chunks, and be trimmed before it is full")
        self._inner = recognizer
        self._bounds = Bounds(int(trim_s * 1000), int(longest_s * 1000))
        self._paces = paces

    @property
    def capabilities(self) -> Capabilities:
        """What the recognizer within can do, and streaming."""
        return replace(self._inner.capabilities, streaming=True)

    async def warm(self) -> None:
        """Warm the recognizer within.

        Raises:
            EngineFault: it cannot run here.
        """
        await self._inner.warm()

    async def close(self) -> None:
        """Close the recognizer within. Idempotent."""
        await self._inner.close()

    async def prepare(self, vocabulary: Vocabulary) -> None:
        """Prepare the recognizer within."""
        await self._inner.prepare(vocabulary)

    async def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncGenerator[Hypothesis, None]:
        """Recognize one segment; see the port. Without partials the recognizer within hears it once, as it is.

        A step that fails for the time being is left out; the final has to succeed.

        Raises:
            EngineFault: the recognizer within failed.
        """
        if not options.partials:
            stream = self._inner.recognize(audio, options)
            try:
                async for hypothesis in stream:
                    yield hypothesis
            finally:
                await _close(stream)
            return
        pace, window = self._paces[options.delay], Window()
        hearing = _Hearing(self._inner, replace(options, partials=False), window, self._bounds)
        timed = self._inner.capabilities.word_times
        segment = Segment(window, pace, self._bounds, timed=timed)
        next_ms = pace.chunk_ms
        async with Intake(audio, window, _AHEAD * self._bounds.longest_ms) as intake:
            while True:
                await intake.until(next_ms)
                end_ms = min(window.end_ms, window.start_ms + self._bounds.longest_ms)
                if intake.ended.is_set() and end_ms == window.end_ms:
                    break
                next_ms = end_ms + pace.chunk_ms
                full = segment.full(end_ms)
                newest = await hearing.step(end_ms, intake, needed=full)
                if newest is None:
                    continue
                if segment.take(newest, end_ms):
                    yield segment.partial
                cut_ms = segment.place_to_cut()
                if cut_ms is None:
                    continue
                alone = None if timed else await hearing.step(cut_ms, intake, needed=full)
                if alone is None and not timed:
                    continue
                if segment.cut(cut_ms, alone):
                    yield segment.partial
                intake.made_room()
            rest = None if segment.heard_ms == window.end_ms else await hearing.whole(window.end_ms)
        yield segment.final(rest)


class _Hearing:
    """Decodes the window, one decoding at a time."""

    def __init__(self, recognizer: Recognizer, options: RecognitionOptions, window: Window, bounds: Bounds) -> None:
        self._recognizer = recognizer
        self._options = options
        self._window = window
        self._bounds = bounds

    async def step(self, end_ms: int, intake: Intake, *, needed: bool) -> Hypothesis | None:
        """Return a hypothesis about the window up to `end_ms`.

        None if the audio has ended meanwhile and the rest can be heard at once, for then the final is what everybody waits for; or
        if it failed for the time being and is not needed, for there will be another.

        Raises:
            EngineFault: the recognizer failed.
        """
        work = asyncio.create_task(self.whole(end_ms))
        ended = asyncio.create_task(intake.ended.wait())
        try:
            await asyncio.wait((work, ended), return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and (end_ms == self._window.end_ms or self._window.length_ms > self._bounds.longest_ms):
                await asyncio.wait((work,))
            return work.result() if work.done() else None
        except EngineFault as fault:
            if needed or not fault.temporary:
                raise
            return None
        finally:
            for task in (work, ended):
                task.cancel()
            await asyncio.gather(work, ended, return_exceptions=True)

    async def whole(self, end_ms: int) -> Hypothesis:
        """Return a hypothesis about the window up to `end_ms`, however long that takes.

        Raises:
            EngineFault: the recognizer failed, or gave no final.
        """
        stream = self._recognizer.recognize(_pieces(self._window.until(end_ms)), self._options)
        try:
            async for hypothesis in stream:
                if hypothesis.final:
                    return hypothesis
        finally:
            await _close(stream)
        raise EngineFault("the speech recognizer gave no result")


async def _pieces(pcm: bytes) -> AsyncGenerator[bytes, None]:
    for place in range(0, len(pcm), _PIECE_BYTES):
        yield pcm[place : place + _PIECE_BYTES]


async def _close(stream: AsyncIterator[Hypothesis]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()

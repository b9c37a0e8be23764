"""One recognition at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from vivavoce.core import inputs
from vivavoce.core.inputs import Input
from vivavoce.engines.ports import SPEECH_RATE_HZ, EngineFault, RecognitionOptions, Recognizer, Vocabulary
from vivavoce.protocol.listening import DEFAULT_DELAY, ListeningConfig
from vivavoce.sessions.closing import closing
from vivavoce.sessions.feed import Feed

_log = structlog.get_logger("vivavoce.recognition")

FINAL_WITHIN_S: Final = 30.0
"""How long a recognizer may take from the end of a segment to its final before it counts as hung, besides the segment's own length: of
a recording it may not have heard any of it yet."""


def options(config: ListeningConfig, speaker: str, *, narrow_band: bool) -> RecognitionOptions:
    """Return how a session's speech is to be recognized."""
    wanted = config.transcription
    return RecognitionOptions(
        language=wanted.language if wanted else "",
        vocabulary=vocabulary(config),
        partials=wanted is not None and wanted.streaming,
        delay=wanted.delay if wanted else DEFAULT_DELAY,
        narrow_band=narrow_band,
        speaker=speaker,
    )


def vocabulary(config: ListeningConfig) -> Vocabulary:
    """Return what a session is about."""
    wanted = config.transcription
    return Vocabulary(
        instructions=config.instructions,
        tools=config.tools,
        keywords=wanted.keywords if wanted else (),
        prompt=wanted.prompt if wanted else "",
    )


async def recognize(
    job: int, recognizer: Recognizer, feed: Feed, wanted: RecognitionOptions, put: Callable[[Input], None]
) -> None:
    """Recognize a feed and put what is understood, or that it failed, into the inbox."""
    watchdog = asyncio.create_task(_hung_after(feed))
    work = asyncio.create_task(_recognize(job, recognizer, feed, wanted, put))
    try:
        await asyncio.wait((work, watchdog), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            put(inputs.RecognitionFailed(job, "server_error", "The speech recognizer did not answer in time."))
    finally:
        watchdog.cancel()
        work.cancel()
        await asyncio.gather(work, watchdog, return_exceptions=True)


async def _hung_after(feed: Feed) -> None:
    await feed.ended.wait()
    await asyncio.sleep(FINAL_WITHIN_S + feed.written / SPEECH_RATE_HZ)


async def _recognize(
    job: int, recognizer: Recognizer, feed: Feed, wanted: RecognitionOptions, put: Callable[[Input], None]
) -> None:
    try:
        audio = aiter(feed)
        async with closing(audio), closing(recognizer.recognize(audio, wanted)) as hypotheses:
            async for hypothesis in hypotheses:
                words = tuple(
                    inputs.HeardWord(word.text, word.start_ms, word.end_ms, word.confidence, word.speaker)
                    for word in hypothesis.words
                )
                if hypothesis.final:
                    put(inputs.Recognized(job, hypothesis.text, words, hypothesis.language))
                    return
                put(inputs.Heard(job, hypothesis.text, words, hypothesis.language))
        put(inputs.RecognitionFailed(job, "server_error", "The speech recognizer gave no result."))
    except EngineFault as fault:
        put(inputs.RecognitionFailed(job, fault.code, fault.message))
    except Exception:  # noqa: BLE001 - the boundary of an engine: whatever breaks fails this recognition and nothing else
        _log.exception("recognizer crashed", job=job)
        put(inputs.RecognitionFailed(job, "server_error", "The speech recognizer had an error."))

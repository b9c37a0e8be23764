"""One recording streamed to a recognizer in real time, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench.asr_orders import found_in, wanted
from bench.speech import manifest, speech_folder
from bench.wer import Errors, errors, same_words
from vivavoce.audio.wav import read_wav
from vivavoce.cli.coffee_bar import ORDER_DRINK
from vivavoce.core.transcripts import Job
from vivavoce.engines.ports import SPEECH_RATE_HZ, Delay, Hypothesis, RecognitionOptions, Recognizer, Vocabulary

CHUNK_MS: Final = 40
_BYTES_PER_MS: Final = SPEECH_RATE_HZ // 1000 * 2

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "dictation": ("read", "read-book-22k", "speech", "read-book", "harvard"),
    "telephone": ("telephone-8k",),
    "digits": ("digit-8k", "digits"),
    "orders": ("order",),
}
ORDER_VOCABULARY: Final = Vocabulary(
    keywords=tuple(dict.fromkeys(v for schema in ORDER_DRINK["parameters"]["properties"].values() for v in schema["enum"]))
)
"""What the labelled slots can hold, as a transcription session would name it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it is said: 16 kHz s16le, from its first to its last sample."""

    name: str
    group: str
    pcm: bytes
    text: str
    """What is said; empty for orders."""
    slots: Mapping[str, str]
    """What an order names."""
    options: RecognitionOptions

    @property
    def length_ms(self) -> float:
        """Return how long it is."""
        return len(self.pcm) / _BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a client was told of one recording. Times in ms."""

    recording: Recording
    delay: Delay
    transcript: str
    delays: tuple[float, ...]
    """Of each word that the whole-segment hypothesis has too: from its end there to the delta that told it."""
    completed: float
    """From the last sample to the final."""
    revisions: int
    """Hypotheses that took back what had been told."""

    @property
    def errors(self) -> Errors:
        """Return the transcript's errors."""
        return errors(self.recording.text, self.transcript)


def recordings(group: str, limit: int | None = None) -> list[Recording]:
    """Return the English recordings of a group that are labelled, at most `limit`, evenly spread over them.

    Raises:
        BenchError: the recordings are not there.
    """
    entries = [entry for kind in KINDS[group] for entry in manifest(kind) if entry["language"] == "en"]
    entries = [entry for entry in entries if entry.get("text") or entry.get("slots")]
    step = 1 if limit is None else max(1, len(entries) // limit)
    return [_recording(group, entry) for entry in entries[::step][:limit]]


def _recording(group: str, entry: Mapping[str, Any]) -> Recording:
    pcm = read_wav(speech_folder() / entry["file"], SPEECH_RATE_HZ)[0].astype("<i2").tobytes()
    slots = wanted(entry["slots"]["slots"]) if group == "orders" else {}
    options = RecognitionOptions(
        language="en",
        vocabulary=ORDER_VOCABULARY if slots else Vocabulary(),
        narrow_band=group == "telephone",
        speaker=_person(entry["file"]),
    )
    return Recording(entry["file"], group, pcm, "" if slots else entry["text"], slots, options)


def _person(file: str) -> str:
    """Return who speaks, where the file's name tells (`fsdd_7_theo.wav`), or nothing."""
    _, is_named, rest = Path(file).stem.partition("fsdd_")
    return rest.partition("_")[2] if is_named else ""


def slots_right(recording: Recording, text: str) -> int:
    """Return how many slots of an order a text names rightly."""
    found = found_in(text)
    return sum(found.get(slot) == value for slot, value in recording.slots.items())


async def whole(recognizer: Recognizer, recording: Recording) -> Hypothesis:
    """Return what the recognizer makes of the whole recording, without partials, as fast as it can."""

    async def audio() -> AsyncGenerator[bytes, None]:
        yield recording.pcm

    options = replace(recording.options, speaker=_session(recording, "whole"))
    async for hypothesis in recognizer.recognize(audio(), options):
        if hypothesis.final:
            return hypothesis
    raise RuntimeError("the recognizer gave no final")


async def streamed(recognizer: Recognizer, recording: Recording, delay: Delay, reference: Hypothesis) -> Streamed:
    """Say a recording in real time and note when each word is told.

    A chunk is handed over when its last sample has happened. What is told is put together as a session does it (`core.transcripts`).

    Args:
        recognizer: any that streams.
        recording: what is said.
        delay: the session's.
        reference: the whole-segment hypothesis; its word times say when a word ended.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()

    def now_ms() -> float:
        return (loop.time() - began) * 1000

    job, revisions = Job("item", 0, 0.0), 0
    told: list[float] = []
    transcript = ""
    options = replace(recording.options, partials=True, delay=delay, speaker=_session(recording, delay))
    async for hypothesis in recognizer.recognize(_in_real_time(recording, began), options):
        if hypothesis.final:
            _, transcript = job.complete(hypothesis.text)
        else:
            revisions += not hypothesis.text.startswith(job.emitted)
            job.extend(hypothesis.text)
            transcript = job.emitted
        told += [now_ms()] * (len(transcript.split()) - len(told))
    completed = now_ms() - recording.length_ms
    words = [word.text for word in reference.words]
    delays = tuple(told[ours] - reference.words[theirs].end_ms for ours, theirs in same_words(transcript.split(), words))
    return Streamed(recording, delay, transcript, delays, completed, revisions)


def _session(recording: Recording, name: str) -> str:
    """Return the name a person goes by in one of the sessions: what is learnt in one is not known in another."""
    return f"{name}/{recording.options.speaker}" if recording.options.speaker else ""


async def _in_real_time(recording: Recording, began: float) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    size = CHUNK_MS * _BYTES_PER_MS
    for place in range(0, len(recording.pcm), size):
        chunk = recording.pcm[place : place + size]
        happened = began + (place + len(chunk)) / _BYTES_PER_MS / 1000
        await asyncio.sleep(max(0.0, happened - loop.time()))
        yield chunk

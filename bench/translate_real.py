"""Real speech through the real recognizer, translator and voice: what a listener gets, how far behind the speaker, and whether the text
depends on how the audio is sent. It is sent at the pace it was spoken: a minute for each length of the pieces.

How good the text is depends on engines that are not ours, and how late it comes on the machine: neither can pass or fail.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from bench.kit import BenchError
from bench.report import Report
from bench.speech import speech_folder
from bench.translate_session import MODEL, Figures, apart, interpret
from vivavoce.audio.wav import read_wav
from vivavoce.config import load_settings
from vivavoce.engines.ports import EngineFault
from vivavoce.models.languages import way_out
from vivavoce.models.shelf import EngineShelf
from vivavoce.protocol.formats import PCM

READ: Final = ("LJ001-0001", "LJ001-0002", "LJ001-0005", "LJ001-0007", "LJ001-0008", "jfk", "newhome", "ls_1688_1")
"""Read English sentences: a minute."""

TARGET: Final = "es"
PAUSE_MS: Final = 600
CHUNKS_MS: Final = (200, 5_000)


def measure(told: Report) -> None:
    """Interpret the recordings with the engines a server would have here, and tell what came of it; or why there are none."""
    try:
        folder = speech_folder() / "dictation"
    except BenchError as error:
        told.say(f"Real engines: {error}")
        return
    files = [file for name in READ if (file := folder / f"{name}.wav").is_file()]
    pause = bytes(PAUSE_MS * PCM.bytes_per_ms)
    audio = pause + b"".join(read_wav(file, PCM.rate_hz)[0].astype("<i2").tobytes() + pause for file in files)
    try:
        names, runs = asyncio.run(_interpret(audio))
    except EngineFault as fault:
        told.say(f"Real engines: {fault.message}.")
        return
    reference = runs[CHUNKS_MS[0]]
    told.table(
        f"{len(files)} recordings, {len(audio) / PCM.bytes_per_ms / 1000:.0f} s, into {TARGET}",
        ("pieces of", "average lag (ms)", "clause lag (ms)", "speed", "first audio (ms)", "clauses", "errors", "words apart"),
        [(f"{chunk_ms} ms", *_row(run), str(apart(reference.text, run.text))) for chunk_ms, run in runs.items()],
        notes=names,
    )
    told.say(f"heard: {''.join(reference.heard)}\nsaid:  {reference.text}")
    told.add(
        "real", {str(chunk_ms): {"average_lag_ms": run.between(0, 1e9, 1), "said": run.text} for chunk_ms, run in runs.items()}
    )


def _row(run: Figures) -> tuple[str, ...]:
    lags = [f"{run.between(0, 1e9, column):.0f}" for column in (1, 2)]
    first_ms = (run.first_audio_s or 0.0) * 1000 - PAUSE_MS
    return (*lags, f"{run.between(0, 1e9, 3):.2f}", f"{first_ms:.0f}", str(len(run.lags)), str(len(run.errors)))


async def _interpret(audio: bytes) -> tuple[str, dict[int, Figures]]:
    engines = EngineShelf(load_settings(os.environ)).stack(MODEL)
    missing = way_out(engines, TARGET)
    if missing:
        raise EngineFault(missing)
    await asyncio.gather(*(engine.warm() for engine in engines.engines()))
    try:
        names = ", ".join(engine.capabilities.name for engine in engines.engines())
        return names, {chunk_ms: await interpret(engines, audio, TARGET, chunk_ms) for chunk_ms in CHUNKS_MS}
    finally:
        await asyncio.gather(*(engine.close() for engine in engines.engines()), return_exceptions=True)

"""Recordings of people, cut to where their speech begins and ends.

Beginning and end come from the recording's energy: the first and the last 10 ms within `RANGE_DB` of its 95th percentile, provided
they belong to at least `RUN_FRAMES` such frames in a row, so that a click is no speech. Recordings whose background comes within
`CLEARANCE_DB` of that line are left out: there the criterion cannot tell speech from noise.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.kit import ROOT, BenchError
from vivavoce.audio.wav import read_wav

RATE_HZ: Final = 24_000
"""The API's rate: what clients send unless they say otherwise."""

RANGE_DB: Final = 35.0
RUN_FRAMES: Final = 3
CLEARANCE_DB: Final = 6.0
EDGE_CRITERION: Final = (
    f"speech runs from the first to the last 10 ms within {RANGE_DB:.0f} dB of the clip's 95th percentile level "
    f"(in runs of at least {RUN_FRAMES} such frames)"
)

_FRAME = RATE_HZ // 100

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording at 24 kHz; `begin` and `end` are the samples between which there is speech."""

    name: str
    samples: Samples
    begin: int
    end: int

    @property
    def speech(self) -> Samples:
        """Return the speech alone."""
        return self.samples[self.begin : self.end]

    @property
    def speech_s(self) -> float:
        """Return how long the speech lasts."""
        return (self.end - self.begin) / RATE_HZ


def speech_folder() -> Path:
    """Return the folder of recordings: `$VIVAVOCE_SHARED/speech`, by default `../shared/speech` beside the repository.

    Raises:
        BenchError: it is not there.
    """
    folder = Path(os.environ.get("VIVAVOCE_SHARED", ROOT.parent / "shared")) / "speech"
    if not (folder / "manifest.jsonl").is_file():
        raise BenchError(f"skipped: no recordings at {folder}; set VIVAVOCE_SHARED to the folder that holds speech/")
    return folder


def manifest(kind: str) -> list[dict[str, Any]]:
    """Return the entries of one kind: `caller`, `order`, `dictation`, …

    Raises:
        BenchError: the recordings are not there.
    """
    lines = (speech_folder() / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]


def load(file: str) -> Samples:
    """Read a recording, named as in the manifest, at 24 kHz."""
    return read_wav(speech_folder() / file, RATE_HZ)[0]


def edges(samples: Samples) -> tuple[int, int] | None:
    """Return the samples where speech begins and ends, or None where noise hides them."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    frames -= frames.mean(axis=1, keepdims=True)
    level_db = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-3)
    line_db = np.percentile(level_db, 95) - RANGE_DB
    if np.percentile(level_db, 5) > line_db - CLEARANCE_DB:
        return None
    loud = level_db >= line_db
    runs = np.convolve(loud, np.ones(RUN_FRAMES), "valid") == RUN_FRAMES
    starts = np.flatnonzero(runs)
    if not len(starts):
        return None
    return int(starts[0]) * _FRAME, (int(starts[-1]) + RUN_FRAMES) * _FRAME


def clips(kind: str) -> Iterator[Clip]:
    """Yield the recordings of a kind whose speech has clear edges.

    Raises:
        BenchError: the recordings are not there.
    """
    for entry in manifest(kind):
        samples = load(entry["file"])
        found = edges(samples)
        if found is not None:
            yield Clip(Path(entry["file"]).stem, samples, *found)

"""How well the embedded recognizer hears orders, with a vocabulary made of nothing but the demo's tool and instructions.

Each clip is cut as a session would cut it (from 300 ms before the detector hears speech to 300 ms after) and heard by a fresh
speaker's decoder in 100 ms steps. The words are searched for slot values, the longest match first, and compared with the labels. Then
recordings of people saying anything else are heard with the same vocabulary: they should be moved to the general model.

    python -m bench.asr_orders                  # the table
    python -m bench.asr_orders --set wip=0.5    # with another setting of the small models' decoder
    python -m bench.asr_orders --verbose        # every mistake
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.detector import FRAME_MS, THRESHOLD, probabilities, voiced_runs
from bench.report import Report, arguments
from bench.speech import load, manifest, speech_folder
from bench.stats import DISTRIBUTION_COLUMNS, Distribution
from vivavoce.audio.wav import read_wav
from vivavoce.cli.coffee_bar import INSTRUCTIONS, ORDER_DRINK
from vivavoce.engines.asr.pocketsphinx.decoder import Recognition, SpeechDecoder
from vivavoce.engines.asr.pocketsphinx.small_models import SETTINGS
from vivavoce.engines.asr.pocketsphinx.topic import Topic
from vivavoce.engines.asr.pocketsphinx.vocabulary import build
from vivavoce.engines.ports import SPEECH_RATE_HZ

PROGRAM: Final = "bench.asr_orders"
STEP_BYTES: Final = SPEECH_RATE_HZ // 10 * 2
MARGIN_MS: Final = 300
ELSEWHERE: Final = ("command", "read", "read-book", "read-book-22k", "harvard", "speech", "telephone-8k")
"""The kinds of recording that have nothing to do with coffee."""

Slots = dict[str, str]
Values = Sequence[tuple[tuple[str, ...], str]]

_PROPERTIES: Final[Mapping[str, Any]] = ORDER_DRINK["parameters"]["properties"]
_LABELS: Final = {"milkAmount": "milk", "sugarAmount": "sweetener"}
"""Labels that hold a thing and how much of it, and the slot of the thing."""


def _values(amounts: bool) -> Values:
    """Return the tool's values with their slots, longest first: those of amounts, or all others."""
    found = [
        (tuple(value.split()), name)
        for name, schema in _PROPERTIES.items()
        for value in schema["enum"]
        if name.endswith("Amount") == amounts
    ]
    return sorted(found, key=lambda entry: -len(entry[0]))


_THINGS: Final = _values(amounts=False)
_AMOUNTS: Final = tuple(dict.fromkeys(words for words, _ in _values(amounts=True)))


def wanted(labels: Mapping[str, str]) -> Slots:
    """Return a clip's labels as the tool's slots: "a little bit of cream" is milk "cream" and milkAmount "a little bit"."""
    slots: Slots = {}
    for name, label in labels.items():
        thing = _LABELS.get(name)
        if thing is None:
            slots[name] = label.strip()
            continue
        words = label.split()
        kind = next(value for value, slot in _THINGS if slot == thing and tuple(words[-len(value) :]) == value)
        slots[thing] = " ".join(kind)
        amount = [word for word in words[: -len(kind)] if word != "of"]
        if amount:
            slots[f"{thing}Amount"] = " ".join(amount)
    return slots


def found_in(text: str) -> Slots:
    """Return the slots named in a text; the first value of a slot counts, an amount belongs to the thing right after it."""
    words = tuple(text.split())
    slots: Slots = {}
    amount, amount_end = "", -1
    at = 0
    while at < len(words):
        here = next((value for value in _AMOUNTS if words[at : at + len(value)] == value), None)
        if here is not None:
            at += len(here)
            amount, amount_end = " ".join(here), at
            continue
        thing = next(((value, slot) for value, slot in _THINGS if words[at : at + len(value)] == value), None)
        if thing is None:
            at += 1
            continue
        value, slot = thing
        if slot not in slots:
            slots[slot] = " ".join(value)
            if amount and at - amount_end <= 1 and f"{slot}Amount" in _PROPERTIES:
                slots[f"{slot}Amount"] = amount
        at += len(value)
        amount = ""
    return slots


@dataclass(frozen=True, slots=True)
class Heard:
    """One clip, what was heard, and how long after its last sample that was known."""

    entry: Mapping[str, Any]
    recognition: Recognition
    final_ms: float
    cpu_share: float
    """CPU seconds per second of audio."""


class Listener:
    """A decoder with the demo's vocabulary."""

    def __init__(self, settings: dict[str, float | bool], folder: Path) -> None:
        self._decoder = SpeechDecoder(settings)
        self._decoder.background()
        self._model = folder / "orders.lm"
        began = time.perf_counter()
        build(Topic(INSTRUCTIONS, (ORDER_DRINK,)), self._model, self._decoder.lookup, self._decoder.background())
        self.build_s = time.perf_counter() - began

    def hear(self, entry: Mapping[str, Any]) -> Heard:
        """Hear one recording as the first segment of an unknown speaker."""
        pcm = _segment(entry["file"]).astype("<i2").tobytes()
        cpu = time.process_time()
        self._decoder.start(str(self._model))
        for at in range(0, len(pcm), STEP_BYTES):
            self._decoder.feed(pcm[at : at + STEP_BYTES])
        began = time.perf_counter()
        recognition = self._decoder.finish()
        final_ms = (time.perf_counter() - began) * 1000
        cpu = time.process_time() - cpu
        return Heard(entry, recognition, final_ms, cpu / (len(pcm) / 2 / SPEECH_RATE_HZ))


def _segment(file: str) -> NDArray[np.int16]:
    """Return the part of a recording a session would send to recognition, at 16 kHz."""
    samples, _ = read_wav(speech_folder() / file, SPEECH_RATE_HZ)
    runs = voiced_runs(probabilities(load(file)), THRESHOLD)
    if not runs:
        return samples
    begin, end = (
        int(ms * SPEECH_RATE_HZ / 1000) for ms in (runs[0].begin_ms - MARGIN_MS, runs[-1].end_ms + MARGIN_MS + FRAME_MS)
    )
    return samples[max(0, begin) : end]


def _elsewhere() -> Iterator[Mapping[str, Any]]:
    for kind in ELSEWHERE:
        yield from manifest(kind)


def tell_orders(out: Report, heard: Sequence[Heard], *, verbose: bool) -> None:
    """Report slots, whole orders and times."""
    right = said = whole = extra = 0
    for clip in heard:
        truth, text = wanted(clip.entry["slots"]["slots"]), clip.recognition.text
        got = found_in(text)
        matches = sum(got.get(slot) == value for slot, value in truth.items())
        unasked = len(got.keys() - truth.keys())
        right, said, extra = right + matches, said + len(truth), extra + unasked
        whole += matches == len(truth) and not unasked
        if verbose and (matches < len(truth) or unasked):
            out.say(f"  {truth}\n    {text!r}")
    moved = sum(clip.recognition.general for clip in heard)
    rows = [
        ("slots right", f"{right} of {said}", f"{right / said:.1%}"),
        ("slots nobody named", str(extra), ""),
        ("whole orders right", f"{whole} of {len(heard)}", f"{whole / len(heard):.1%}"),
        ("orders moved to the general model", f"{moved} of {len(heard)}", f"{moved / len(heard):.1%}"),
    ]
    out.table("Orders", ("", "count", "share"), rows)
    out.add("orders", {"slots": right / said, "extra": extra, "whole": whole / len(heard), "moved": moved, "clips": len(heard)})


def tell_elsewhere(out: Report, heard: Sequence[Heard], *, verbose: bool) -> None:
    """Report how much of what has nothing to do with orders was recognized as such."""
    kept = [clip for clip in heard if not clip.recognition.general]
    rows = [("speech about anything else", str(len(heard)), str(len(heard) - len(kept)), str(len(kept)))]
    out.table("Fit", ("", "clips", "moved to the general model", "kept as orders"), rows)
    out.add("elsewhere", {"clips": len(heard), "kept": len(kept)})
    for clip in kept if verbose else ():
        out.say(f"  {clip.entry['text']}\n    {clip.recognition.text!r}")


def tell_times(out: Report, groups: Mapping[str, Sequence[Heard]]) -> None:
    """Report times and load."""
    finals = {name: Distribution.of([clip.final_ms for clip in heard]) for name, heard in groups.items()}
    out.table("Final text after the last sample, ms", ("", *DISTRIBUTION_COLUMNS), [(n, *d.cells()) for n, d in finals.items()])
    shares = {name: Distribution.of([clip.cpu_share for clip in heard]) for name, heard in groups.items()}
    out.table("CPU seconds per second", ("", *DISTRIBUTION_COLUMNS), [(n, *d.cells(3)) for n, d in shares.items()])
    out.add("final_ms", {name: [figure.p50, figure.p95] for name, figure in finals.items()})


def main() -> None:
    """Hear everything and report."""
    parser = arguments(__doc__, PROGRAM)
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=NUMBER", help="a setting of the small models' decoder"
    )
    parser.add_argument("--limit", type=int, default=None, help="clips of each group")
    parser.add_argument("--verbose", action="store_true", help="show what was misheard")
    chosen = parser.parse_args()
    settings = dict(SETTINGS)
    for setting in chosen.set:
        name, _, number = setting.partition("=")
        settings[name] = float(number)
    out = Report("Orders heard by the embedded recognizer", PROGRAM, chosen.json)
    with tempfile.TemporaryDirectory() as folder:
        listener = Listener(settings, Path(folder))
        out.say(f"vocabulary built in {listener.build_s:.2f} s")
        orders = [listener.hear(entry) for entry in manifest("order")[: chosen.limit]]
        tell_orders(out, orders, verbose=chosen.verbose)
        elsewhere = [listener.hear(entry) for entry in list(_elsewhere())[: chosen.limit]]
    tell_elsewhere(out, elsewhere, verbose=chosen.verbose)
    tell_times(out, {"orders": orders, "anything else": elsewhere})
    out.finish()


if __name__ == "__main__":
    main()

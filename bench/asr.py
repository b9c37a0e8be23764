"""Streaming recognition: what showing words early costs in errors, and how early they are shown, for each `delay`.

Recordings of people are streamed in real time, a few at once; what a session would tell its client is compared with what was said,
and with what the same recognizer makes of the whole segment when no partials are asked for. Two recognizers: the embedded one,
which streams by itself, and local agreement over the embedded one used as if it could not.

    python -m bench.asr                 # the tables and the bars; exit status 1 if one is missed
    python -m bench.asr --all           # every recording, not a part of the larger sets
    python -m bench.asr --set telephone --delay low xhigh
"""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from bench.asr_streams import CHUNK_MS, KINDS, ORDER_VOCABULARY, Recording, Streamed, recordings, slots_right, streamed, whole
from bench.kit import BenchError, machine_busy_s
from bench.report import Report, arguments
from bench.stats import Distribution
from bench.wer import NORMALIZED, Errors, errors
from vivavoce.engines.asr.agreement.recognizer import LocalAgreement
from vivavoce.engines.asr.pocketsphinx.recognizer import PocketsphinxRecognizer
from vivavoce.engines.ports import Delay, Hypothesis, Recognizer

PROGRAM: Final = "bench.asr"
DELAYS: Final[tuple[Delay, ...]] = get_args(Delay)
LIMITS: Final[Mapping[str, int | None]] = {"dictation": None, "telephone": 15, "digits": None, "orders": 8}
"""Recordings of each set, unless all are wanted: so that the whole takes a quarter of an hour."""
AGREEMENT_LIMIT: Final = 8
AGREEMENT_LONGEST_MS: Final = 9_000

WORSE_POINTS: Final = 3.0
NOISE_POINTS: Final = 0.5
SHORT_MS: Final = 5_000
COMPLETED_MS: Final = 300

Whole = Mapping[str, Hypothesis]
"""What was made of each recording as a whole, by its name."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that has to hold, and whether it does."""

    text: str
    met: bool


async def stream_all(
    recognizer: Recognizer, said: Sequence[Recording], delays: Sequence[Delay], references: Whole, width: int
) -> list[Streamed]:
    """Stream every recording with every delay, `width` at once; the delays take turns, so that noise meets them alike.

    What one person says is one session with each delay, a turn after the other.
    """
    places = asyncio.Semaphore(width)

    async def session(turns: Sequence[Recording], delay: Delay) -> list[Streamed]:
        told = []
        for recording in turns:
            async with places:
                told.append(await streamed(recognizer, recording, delay, references[recording.name]))
        return told

    people: dict[str, list[Recording]] = {}
    for recording in said:
        people.setdefault(recording.options.speaker or recording.name, []).append(recording)
    sessions = await asyncio.gather(*(session(turns, delay) for turns in people.values() for delay in delays))
    return list(itertools.chain.from_iterable(sessions))


def tell(out: Report, name: str, results: Sequence[Streamed], references: Whole) -> None:
    """Print a recognizer's table."""
    rows: list[tuple[str, ...]] = []
    for group in (*KINDS, "all"):
        chosen = [r for r in results if group in (r.recording.group, "all")]
        if group == "all" and len({r.recording.group for r in results}) == 1:
            continue
        for delay, told in _by_delay(chosen):
            rows.append((f"{group}, {delay}", *_figures(told, references)))
    out.table(
        f"{name}: what a client is told",
        ("set, delay", "n", "WER %", "whole %", "slots", "whole", "word p50", "p95", "completed p50", "p95", "revisions"),
        rows,
        notes="word: ms from a word's end to the delta that tells it; completed: ms from the last sample to the final",
    )
    out.add(name, [{"of": row[0], "figures": row[1:]} for row in rows])


def _figures(told: Sequence[Streamed], references: Whole) -> tuple[str, ...]:
    spoken = [r for r in told if r.recording.text]
    orders = [r for r in told if r.recording.slots]
    delay, completed = _delay(told), Distribution.of([r.completed for r in told])
    named = sum(len(r.recording.slots) for r in orders)
    return (
        str(len(told)),
        f"{_errors(spoken).percent:.1f}" if spoken else "",
        f"{_whole_errors(spoken, references).percent:.1f}" if spoken else "",
        f"{sum(slots_right(r.recording, r.transcript) for r in orders)}/{named}" if orders else "",
        f"{sum(slots_right(r.recording, references[r.recording.name].text) for r in orders)}/{named}" if orders else "",
        *(f"{value:.0f}" for value in (delay.p50, delay.p95, completed.p50, completed.p95)),
        str(sum(r.revisions for r in told)),
    )


def bars(name: str, results: Sequence[Streamed], references: Whole, *, quick: bool) -> list[Bar]:
    """Return what has to hold of a recognizer.

    Args:
        name: whose they are.
        results: all that was streamed.
        references: of the same recordings.
        quick: whether finals are promised within a time; local agreement hears its window once more, which takes the recognizer's
            time for a few seconds of audio.
    """
    found = [Bar(f"{name}: nothing told is taken back, in {len(results)} streams", not any(r.revisions for r in results))]
    medians = [_delay(told).p50 for _, told in _by_delay(results)]
    found.append(Bar(f"{name}: later delays tell words later (ms: {_listed(medians, 0)})", medians == sorted(medians)))
    spoken = _by_delay(r for r in results if r.recording.text)
    if spoken:
        found += _trade(name, spoken, references)
    if quick:
        short = Distribution.of([r.completed for r in results if r.recording.length_ms <= SHORT_MS])
        if not short.count:
            return found
        text = (
            f"{name}: final within {COMPLETED_MS} ms (p95 of {short.count} turns of ≤ {SHORT_MS // 1000} s: {short.p95:.0f} ms)"
        )
        found.append(Bar(text, short.p95 <= COMPLETED_MS))
    return found


def _trade(name: str, spoken: Sequence[tuple[Delay, list[Streamed]]], references: Whole) -> list[Bar]:
    """Return what has to hold of errors, from the earliest delay to the latest."""
    rates = [_errors(told).percent for _, told in spoken]
    latest, told = spoken[-1]
    noises = [_noise(before, after) for (_, before), (_, after) in itertools.pairwise(spoken)]
    steps = zip(itertools.pairwise(rates), noises, strict=True)
    worse = rates[-1] - _whole_errors(told, references).percent
    found = [
        Bar(
            f"{name}: later delays err less (%: {_listed(rates, 1)}; noise of each step, in points: {_listed(noises, 1)})",
            all(after <= before + noise for (before, after), noise in steps),
        ),
    ]
    if latest == DELAYS[-1]:
        text = f"{name}: at {latest} {worse:+.1f} points against the whole segment, at most {WORSE_POINTS}"
        found.append(Bar(text, worse <= WORSE_POINTS))
    return found


def _noise(before: Sequence[Streamed], after: Sequence[Streamed]) -> float:
    """Return how many points two delays may differ by chance: two standard errors of the paired difference, by recording."""
    first = {r.recording.name: r.errors.errors for r in before}
    squares = sum((r.errors.errors - first[r.recording.name]) ** 2 for r in after)
    return max(NOISE_POINTS, 200 * math.sqrt(squares) / _errors(after).words)


def _by_delay(results: Iterable[Streamed]) -> list[tuple[Delay, list[Streamed]]]:
    listed = list(results)
    return [(delay, told) for delay in DELAYS if (told := [r for r in listed if r.delay == delay])]


def _delay(told: Iterable[Streamed]) -> Distribution:
    return Distribution.of([delay for r in told for delay in r.delays])


def _errors(told: Iterable[Streamed]) -> Errors:
    return sum((r.errors for r in told), Errors())


def _whole_errors(told: Iterable[Streamed], references: Whole) -> Errors:
    return sum((errors(r.recording.text, references[r.recording.name].text) for r in told), Errors())


def _listed(values: Iterable[float], digits: int) -> str:
    return " ".join(f"{value:.{digits}f}" for value in values)


async def _measure(out: Report, chosen: Any) -> list[Bar]:
    said = [r for group in chosen.set for r in recordings(group, None if chosen.all else LIMITS[group])]
    some = [r for r in said if r.group == "dictation" and r.length_ms <= AGREEMENT_LONGEST_MS][:AGREEMENT_LIMIT]
    native = PocketsphinxRecognizer(workers=max(chosen.parallel, 2), lease_timeout_s=60.0)
    try:
        await native.warm()
        await native.prepare(ORDER_VOCABULARY)
        references = {recording.name: await whole(native, recording) for recording in said}
        results = await stream_all(native, said, chosen.delay, references, chosen.parallel)
        tell(out, "pocketsphinx", results, references)
        found = bars("pocketsphinx", results, references, quick=True)
        if some:
            agreeing = LocalAgreement(native)
            results = await stream_all(agreeing, some, chosen.delay, references, chosen.agreement_parallel)
            tell(out, "local agreement", results, references)
            found += bars("local agreement", results, references, quick=False)
        return found
    finally:
        await native.close()


def main() -> None:
    """Stream everything and report."""
    parser = arguments(__doc__, PROGRAM)
    parser.add_argument("--set", nargs="+", choices=[*KINDS], default=[*KINDS], help="sets of recordings")
    parser.add_argument("--delay", nargs="+", choices=DELAYS, default=[*DELAYS], help="delays to compare")
    parser.add_argument("--all", action="store_true", help="every recording of the sets")
    parser.add_argument(
        "--parallel", type=int, default=2, help="streams at once; more than cores measures how they wait for each other"
    )
    parser.add_argument("--agreement-parallel", type=int, default=1, help="streams at once with local agreement")
    chosen = parser.parse_args()
    out = Report("Streaming recognition", PROGRAM, chosen.json)
    out.say(
        f"in real time, {CHUNK_MS} ms chunks, {chosen.parallel} streams at once ({chosen.agreement_parallel} with local agreement); "
        f"the digits are of six people, every other recording is of a new one\n"
        f"words: {NORMALIZED}; a word's end is where the whole-segment hypothesis has it"
    )
    began, busy_s = time.monotonic(), machine_busy_s()
    try:
        found = asyncio.run(_measure(out, chosen))
    except BenchError as error:
        sys.exit(str(error))
    busy = (machine_busy_s() - busy_s) / (time.monotonic() - began)
    out.say(f"all processes of the machine together used {busy:.2f} cores; alone this takes about half a one")
    out.add("busy_cores", busy)
    for bar in found:
        out.say(f"{'PASS' if bar.met else 'FAIL'}  {bar.text}")
    out.add("bars", [{"bar": bar.text, "met": bar.met} for bar in found])
    out.finish()
    sys.exit(0 if all(bar.met for bar in found) else 1)


if __name__ == "__main__":
    main()

"""Measure how well spoken orders become function calls: 60 recordings by many speakers, in real time, through the official client.

What counts as the recognized order, and what the guest does, is said in guest.py and in the output; how it is scored, in scoring.py.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from openai import AsyncOpenAI

from bench import report
from bench.guest import DEFINITION, Visit, visit
from bench.kit import BenchError, running_server
from bench.scoring import Mistake, Score, score
from bench.speech import load, manifest
from bench.stats import DISTRIBUTION_COLUMNS, Distribution

YES = "caller/yes.wav"


@dataclass(frozen=True, slots=True)
class Result:
    """One order: what was labelled, what came of it, and the score."""

    clip: str
    labels: dict[str, str]
    visit: Visit
    score: Score


async def measure(url: str, limit: int, width: int, speaking: int, detection: str) -> list[Result]:
    """Have so many guests at once order until all orders have been spoken; no more than `speaking` of them speak at a time."""
    gate, floor = asyncio.Semaphore(width), asyncio.Semaphore(speaking)
    yes = load(YES)
    client = AsyncOpenAI(base_url=url, api_key="none")

    async def order(seed: int, file: str, labels: dict[str, str]) -> Result:
        async with gate:
            made = await visit(client, load(file), yes, seed, floor, detection)
        return Result(Path(file).stem, labels, made, score(labels, made.arguments, made.transcript))

    entries = manifest("order")[:limit]
    return await asyncio.gather(*(order(n, entry["file"], entry["slots"]["slots"]) for n, entry in enumerate(entries)))


def tell(out: report.Report, results: Sequence[Result]) -> None:
    slots, right = sum(r.score.slots for r in results), sum(r.score.slots_right for r in results)
    whole = sum(r.score.right for r in results)
    out.table(
        "orders understood",
        ["", "right", "of", "share"],
        [
            ["slots", str(right), str(slots), f"{right / max(1, slots):.1%}"],
            ["whole orders", str(whole), str(len(results)), f"{whole / max(1, len(results)):.1%}"],
        ],
    )
    mistakes = [mistake for result in results for mistake in result.score.mistakes]
    causes: Counter[tuple[str, str]] = Counter((_kind(mistake), mistake.cause) for mistake in mistakes)
    columns = ["heard wrong", "filled wrong", "no call"]
    kinds = sorted({kind for kind, _ in causes})
    out.table("mistakes by cause", ["", *columns], [[kind, *(str(causes[kind, cause]) for cause in columns)] for kind in kinds])
    out.table(
        "wrong orders, with what was understood",
        ["order", "transcript", "mistakes"],
        [[r.clip[:8], r.visit.transcript, "; ".join(map(_mistake, r.score.mistakes))] for r in results if not r.score.right],
    )
    latencies = [value for result in results for value in result.visit.recognition_ms]
    out.table(
        "recognition latency, ms",
        ["", *DISTRIBUTION_COLUMNS],
        [["speech_stopped → transcription completed", *Distribution.of(latencies).cells()]],
    )
    split = sum(r.visit.turns > 1 for r in results)
    again = sum(r.visit.yeses > 1 for r in results)
    failed = sum(r.visit.failures for r in results)
    out.say(
        f"{split} recordings were taken for more than one turn; {again} guests had to say yes more than once; "
        f"{failed} responses failed"
    )
    out.add("orders", [asdict(result) for result in results])
    out.add("slots", {"right": right, "of": slots})
    out.add("whole", {"right": whole, "of": len(results)})


def _kind(mistake: Mistake) -> str:
    return mistake.slot if mistake.expected else "not ordered"


def _mistake(mistake: Mistake) -> str:
    wanted, got = (" + ".join(parts.values()) for parts in (mistake.expected, mistake.got))
    return f"{mistake.slot}: {wanted or 'nothing'} → {got or 'nothing'} ({mistake.cause})"


def main() -> None:
    parser = report.arguments(__doc__, "bench.orders")
    parser.add_argument("--limit", type=int, default=60, help="orders")
    parser.add_argument("--parallel", type=int, default=4, help="guests at once")
    parser.add_argument("--speaking", type=int, default=max(2, len(os.sched_getaffinity(0))), help="of them speaking at once")
    parser.add_argument("--profile", default="embedded")
    parser.add_argument("--turn-detection", default="server_vad", choices=["server_vad", "semantic_vad"])
    options = parser.parse_args()
    try:
        manifest("order")
        out = report.Report(f"Spoken orders on the {options.profile} profile", "bench.orders", options.json)
        out.say(
            f"{DEFINITION} Turn detection: {options.turn_detection}; {options.parallel} guests at once, {options.speaking} speaking."
        )
        with running_server(options.profile) as server:
            measuring = measure(server.http_url, options.limit, options.parallel, options.speaking, options.turn_detection)
            tell(out, asyncio.run(measuring))
        out.finish()
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""Measure calls over WebRTC: mouth to ear against the WebSocket, barge-in on the track, bad networks, echo, calls on one server.

Recordings of people are said by a peer connection in real time; what counts is the sound at the listener, packet by packet. A server with
null engines and real voice activity detection serves most parts; interruptions want a brain that goes on talking, the echo wants a voice.
Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Final, TypeVar

import numpy as np

from bench import webrtc_echo
from bench.crowd import script_of
from bench.kit import BenchError, ServerProcess, machine_busy_s, process_cpu_s, running_server
from bench.report import Report, arguments
from bench.sessions import PAUSE_S, PHRASES
from bench.speech import Clip, clips
from bench.stats import DISTRIBUTION_COLUMNS, Distribution
from bench.turn import session
from bench.webrtc_crowd import Callers, edge_cpu_s, own_cpu_s, ready_payloads
from bench.webrtc_media import Path, ours, theirs
from bench.webrtc_networks import GOOD, GROWTH_MS, LATE_MS, NETWORKS, Outcome, measure_network
from bench.webrtc_turns import SILENCE_MS, Interrupted, Pair, measure_interruption, measure_pair
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.script import Say

PARTS: Final = ("media", "turns", "barge-in", "networks", "crowd", "echo")
STEPS: Final = (1, 4, 8, 14, 20, 26, 32)
LIMIT_MS: Final = 60.0
MORE_MS: Final = 60.0
SILENT_MS: Final = 300.0
LONGEST_S: Final = 2.5
BURSTS: Final = 25
TURNS_PER_NETWORK: Final = 6
AT_ONCE: Final = 3
"""Bad networks at a time: the calls of one batch share the machine."""
SETTLE_S: Final = 3.0

_WORDS: Final = "Internationalization, characteristically, " * 60
"""Words of many syllables are long tones: what stops within one stops because it was stopped."""
_TOKEN_S: Final = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """What was measured with so many calls; times in ms, CPU in shares of one core."""

    calls: int
    turns: int
    added: Distribution
    started: Distribution
    gap_p95: float
    """Between packets at the listener, 95th and 99th percentile."""
    gap_p99: float
    client_lateness: float
    edge_cpu: float
    server_cpu: float
    client_cpu: float
    others_cpu: float
    lost: int
    errors: int

    @property
    def per_call(self) -> float:
        """The CPU of one call, in shares of a core."""
        return (self.edge_cpu + self.server_cpu) / self.calls


# --- measuring ------------------------------------------------------------------------------------------------------------------


async def _in_turn(jobs: Sequence[Callable[[], Awaitable[T]]], width: int) -> list[T]:
    """Do the jobs, so many at a time."""
    gate = asyncio.Semaphore(width)

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await job()

    return list(await asyncio.gather(*(run(job) for job in jobs)))


@asynccontextmanager
async def _serving(profile: str, brain: ChatServer | None = None) -> AsyncIterator[ServerProcess]:
    extra = {} if brain is None else {"VIVAVOCE_LLM_BASE_URL": brain.base_url, "VIVAVOCE_LLM_MODEL": "scripted"}
    server = running_server(profile, extra)
    running = await asyncio.to_thread(server.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


async def _turns(server: ServerProcess, chosen: Sequence[Clip], width: int) -> list[Pair]:
    await measure_pair(server, chosen[0], 0)  # the first call starts the media process
    jobs = [lambda n=n, clip=clip: measure_pair(server, clip, n) for n, clip in enumerate(chosen)]
    return await _in_turn(jobs, width)


async def _interruptions(chosen: Sequence[Clip], width: int) -> list[Interrupted]:
    async with ChatServer(Say(_WORDS, delay_s=_TOKEN_S), repeat=True) as brain, _serving("null", brain) as server:
        await measure_interruption(server, chosen[0], 0)
        jobs = [lambda n=n, clip=clip: measure_interruption(server, clip, n) for n, clip in enumerate(chosen)]
        return await _in_turn(jobs, width)


async def _networks(server: ServerProcess) -> list[Outcome]:
    spoken = {clip.name: clip for clip in clips("caller")}
    said = [spoken[PHRASES[n % len(PHRASES)]] for n in range(TURNS_PER_NETWORK)]
    jobs = [lambda n=n, network=network: measure_network(server, network, said, n) for n, network in enumerate(NETWORKS)]
    return await _in_turn(jobs, AT_ONCE)


async def _crowd(server: ServerProcess, steps: Sequence[int], seconds: float) -> list[Step]:
    """Measure step after step until one is too slow."""
    spoken = {clip.name: clip.samples for clip in clips("caller")}
    payloads = ready_payloads(script_of([spoken[name] for name in PHRASES], PAUSE_S))
    callers = Callers(server.http_url, payloads, {"type": "realtime", **session(SILENCE_MS)})
    measured: list[Step] = []
    try:
        for size in steps:
            await callers.grow(size)
            await asyncio.sleep(SETTLE_S)
            measured.append(await _step(server, callers, size, seconds))
            if size > 1 and measured[-1].added.p95 > LIMIT_MS:
                break
    finally:
        await callers.leave()
    return measured


async def _step(server: ServerProcess, callers: Callers, size: int, seconds: float) -> Step:
    def clocks() -> tuple[float, ...]:
        return time.perf_counter(), edge_cpu_s(server), own_cpu_s(server), process_cpu_s(), server.cpu_s(), machine_busy_s()

    callers.clear()
    before = clocks()
    await asyncio.sleep(seconds)
    wall, edge, own, client, whole, busy = (after - start for after, start in zip(clocks(), before, strict=True))
    tally = callers.tally
    gaps = Distribution.of(tally.gaps)
    return Step(
        size,
        sum(map(len, tally.delays.values())),
        Distribution.of(tally.added()),
        Distribution.of(tally.started),
        gaps.p95,
        float(np.percentile(tally.gaps, 99)) if tally.gaps else float("nan"),
        Distribution.of(tally.lateness).p95,
        edge / wall,
        own / wall,
        client / wall,
        max(0.0, busy - whole - client) / wall,
        tally.lost,
        tally.errors,
    )


# --- telling --------------------------------------------------------------------------------------------------------------------


def _row(what: str, values: Sequence[float | None], bar: str = "") -> list[str]:
    return [what, *Distribution.of([value for value in values if value is not None]).cells(), bar]


def _p50(values: Sequence[float | None]) -> float:
    return Distribution.of([value for value in values if value is not None]).p50


def tell_media(out: Report, paths: Sequence[Path]) -> list[str]:
    out.table(
        "a sound said and played back at once, ms from mouth to ear, nothing but packets, codecs and clocks between",
        ["other side", *DISTRIBUTION_COLUMNS, "lost", "CPU"],
        [[path.name, *Distribution.of(path.trips).cells(), str(path.lost), f"{path.cpu:.1%}"] for path in paths],
        notes="CPU: of the other side for one call, in shares of a core; aiortc keeps four frames back, this server none",
    )
    out.add("media", [asdict(path) for path in paths])
    return []


def tell_turns(out: Report, pairs: Sequence[Pair]) -> list[str]:
    more = [pair.more for pair in pairs]
    rows = []
    for name, spoken in (("WebSocket", [pair.websocket for pair in pairs]), ("WebRTC", [pair.webrtc for pair in pairs])):
        rows.append(_row(f"{name}: true end of speech → first audible answer", [turn.heard for turn in spoken]))
        rows.append(_row("  true end of speech → speech_stopped", [turn.stopped for turn in spoken]))
        rows.append(_row("  speech_stopped → first audible answer", [turn.think for turn in spoken]))
    rows.append(_row("added by WebRTC, mouth to ear, the same words", more, f"p50 ≤ {MORE_MS:.0f}"))
    title = f"mouth to ear, ms beyond the {SILENCE_MS} ms of silence; each clip over both at the same time"
    out.table(title, ["", *DISTRIBUTION_COLUMNS, "bar"], rows)
    unheard = [pair.clip for pair in pairs if pair.more is None]
    out.say(f"{len(pairs)} pairs; not answered over one of both: {', '.join(unheard) or 'none'}")
    out.add("turns", [asdict(pair) for pair in pairs])
    missed = [] if _p50(more) <= MORE_MS else [f"WebRTC adds {_p50(more):.0f} ms, mouth to ear"]
    return missed + ([f"{len(unheard)} turns were not answered"] if unheard else [])


def tell_interruptions(out: Report, found: Sequence[Interrupted]) -> list[str]:
    silent = [one.silent for one in found]
    out.table(
        "barge-in, ms from the true onset of the user's speech",
        ["", *DISTRIBUTION_COLUMNS, "bar"],
        [
            _row("→ speech_started", [one.started for one in found]),
            _row("→ last audible sample on the track", silent, f"p95 ≤ {SILENT_MS:.0f}"),
            _row("→ output_audio_buffer.cleared", [one.cleared for one in found]),
        ],
    )
    failed = [one.clip for one in found if one.silent is None]
    out.say(f"{len(found)} interruptions; not interrupted: {', '.join(failed) or 'none'}")
    out.add("interruptions", [asdict(one) for one in found])
    p95 = Distribution.of([value for value in silent if value is not None]).p95
    missed = [] if p95 <= SILENT_MS else [f"the track falls silent {p95:.0f} ms (p95) after a voice"]
    return missed + ([f"{len(failed)} voices did not interrupt"] if failed else [])


def tell_networks(out: Report, outcomes: Sequence[Outcome]) -> list[str]:
    out.table(
        "calls over bad networks, datagrams lost and delayed both ways, connecting and hanging up included",
        ["network", "turns answered", "answer p50 ms", "max", "growth", "speech kept", "packets received", "hang-up seen"],
        [
            [
                one.network,
                f"{one.answered}/{one.said}",
                f"{_p50(one.heard):.0f}",
                f"{max(one.heard, default=float('nan')):.0f}",
                f"{one.growth:+.0f}",
                f"{one.kept:.1%}",
                f"{one.received:.1%}",
                "yes" if one.ended else "no",
            ]
            for one in outcomes
        ],
        notes=(
            "answer: true end of speech to the first audible sample, beyond the silence; growth: last third of the call against the first\n"
            "speech kept: 20 ms frames of speech that the server heard within 10 dB of how they were said\n"
            f"bars: everything answered, hang-ups seen, p50 ≤ good + {LATE_MS:.0f}, growth ≤ good + {GROWTH_MS:.0f}"
        ),
    )
    out.add("networks", [asdict(one) for one in outcomes])
    good = next(one for one in outcomes if one.network == GOOD.name)
    said = [f"{one.network}: {one.said - one.answered} turns not answered" for one in outcomes if one.answered < one.said]
    said += [f"{one.network}: the server did not see the hang-up" for one in outcomes if not one.ended]
    said += [f"{one.network}: answers come late" for one in outcomes if _p50(one.heard) > _p50(good.heard) + LATE_MS]
    growth = max(0.0, good.growth) + GROWTH_MS
    return said + [f"{one.network}: answers come later and later" for one in outcomes if one.growth > growth]


def tell_crowd(out: Report, steps: Sequence[Step]) -> list[str]:
    columns = ["calls", "turns", "added p50", "p95", "max", "answer begun p95", "packet gap p95", "p99"]
    columns += ["media CPU", "server CPU", "per call", "client CPU", "others", "client late p95", "lost/errors"]
    rows = [
        [
            str(step.calls),
            str(step.turns),
            *(f"{value:.1f}" for value in (step.added.p50, step.added.p95, step.added.largest)),
            *(f"{value:.1f}" for value in (step.started.p95, step.gap_p95, step.gap_p99)),
            *(f"{share:.0%}" for share in (step.edge_cpu, step.server_cpu)),
            f"{step.per_call:.1%}",
            *(f"{share:.0%}" for share in (step.client_cpu, step.others_cpu)),
            f"{step.client_lateness:.1f}",
            f"{step.lost}/{step.errors}",
        ]
        for step in steps
    ]
    out.table("calls on one server and one media process, both ways talking; times in ms, CPU of one core", columns, rows)
    good = [step for step in steps if step.added.p95 <= LIMIT_MS]
    beyond = [step.calls for step in steps if step.added.p95 > LIMIT_MS]
    knee = f"between {good[-1].calls} and {beyond[0]}" if good and beyond else f"beyond {good[-1].calls}" if good else "at once"
    share = f"; by CPU a core carries {1 / good[-1].per_call:.0f} calls, media and server together" if good else ""
    cores = os.cpu_count()
    out.say(f"the p95 passes {LIMIT_MS:.0f} ms {knee} calls, the client on the same {cores} cores{share}")
    out.add("crowd", [asdict(step) for step in steps])
    lost = sum(step.lost for step in steps[:1])
    return [f"{lost} calls were lost"] if lost else []


def _choose(count: int) -> list[Clip]:
    usable = [clip for kind in ("caller", "order") for clip in clips(kind) if clip.speech_s <= LONGEST_S]
    return [usable[index % len(usable)] for index in range(count)]


async def measure(
    out: Report, parts: Sequence[str], turns: int, width: int, steps: Sequence[int], seconds: float, answers: int
) -> list[str]:
    """Measure and tell the parts; return the bars that were missed."""
    missed: list[str] = []
    if "media" in parts:
        missed += tell_media(out, [await ours(BURSTS), await theirs(BURSTS)])
        _tell_load(out)
    if {"turns", "networks", "crowd"} & set(parts):
        async with _serving("null") as server:
            if "turns" in parts:
                missed += tell_turns(out, await _turns(server, _choose(turns), width))
                _tell_load(out)
            if "networks" in parts:
                missed += tell_networks(out, await _networks(server))
                _tell_load(out)
            if "crowd" in parts:
                missed += tell_crowd(out, await _crowd(server, steps, seconds))
    if "barge-in" in parts:
        missed += tell_interruptions(out, await _interruptions(_choose(turns), width))
        _tell_load(out)
    if "echo" in parts:
        found = await webrtc_echo.measure_embedded(answers)
        webrtc_echo.tell(out, found)
        _tell_load(out)
        missed += webrtc_echo.missed(found)
    return missed


def _tell_load(out: Report) -> None:
    """Say how busy the machine was meanwhile: beside other work it is that work which is measured."""
    out.say(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores over the last minute\n")


def main() -> None:
    parser = arguments(__doc__, "bench.webrtc")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--turns", type=int, default=24, help="pairs of turns, and as many interruptions")
    parser.add_argument("--parallel", type=int, default=2, help="of those at once")
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS), metavar="N", help="numbers of calls, growing")
    parser.add_argument("--seconds", type=float, default=8.0, help="of measurement per step")
    parser.add_argument("--answers", type=int, default=10, help="to the echo")
    options = parser.parse_args()
    out = Report("Calls over WebRTC", "bench.webrtc", options.json)
    try:
        missed = asyncio.run(
            measure(out, options.parts, options.turns, options.parallel, options.steps, options.seconds, options.answers)
        )
    except BenchError as error:
        raise SystemExit(str(error)) from error
    out.finish()
    if missed:
        raise SystemExit("bars missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()

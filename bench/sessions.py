"""Measure how many sessions one server process carries: full duplex, real voice activity detection, null engines.

Each caller streams 20 ms frames in real time, in a loop of short human phrases and pauses, so that every few seconds a turn ends
and an answer is spoken. The crowd grows step by step until the 95th percentile of what a session pays for the company exceeds 60 ms:
the time from sending the chunk that completes the deciding detector frame to the arrival of `speech_stopped`.

Client and server share the machine. The client is no official one: it writes ready-made WebSocket frames (see crowd.py), its own CPU
and lateness are reported, and where it is late the figures are its own fault.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import uvloop

from bench import report
from bench.crowd import Crowd, Tally, ready_frames, script_of
from bench.kit import BenchError, ServerProcess, machine_busy_s, process_cpu_s, running_server
from bench.speech import clips
from bench.stats import Distribution
from bench.turn import session

STEPS: Final = (1, 20, 40, 60, 80, 100, 140, 180)
LIMIT_MS: Final = 60.0
PHRASES: Final = ("order_status", "hi_how_are_you", "help_me", "thank_you")
PAUSE_S: Final = 1.0
SILENCE_MS: Final = 500
SETTLE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """What was measured with so many sessions; latencies in ms, CPU as a share of one core, memory in MB."""

    sessions: int
    turns: int
    added: Distribution
    first_audio: Distribution
    client_lateness: Distribution
    server_cpu: float
    client_cpu: float
    others_cpu: float
    """What the rest of the machine was busy with meanwhile."""
    resident_mb: float
    opened_mb: float
    """Growth of the server's resident memory per session, from the empty server to after this step's measurement."""
    lost: int
    errors: int


async def measure_step(crowd: Crowd, server: ServerProcess, size: int, seconds: float, empty_bytes: int) -> Step:
    """Let the crowd grow to a size and measure for a while."""
    await crowd.grow(size)
    await asyncio.sleep(SETTLE_S)
    crowd.clear()
    before = _clocks(server)
    await asyncio.sleep(seconds)
    wall, server_cpu, client_cpu, busy = (after - start for after, start in zip(_clocks(server), before, strict=True))
    resident = server.resident_bytes()
    tally: Tally = crowd.tally
    return Step(
        size,
        len(tally.added),
        Distribution.of(tally.added),
        Distribution.of(tally.first_audio),
        Distribution.of(tally.lateness),
        server_cpu / wall,
        client_cpu / wall,
        max(0.0, busy - server_cpu - client_cpu) / wall,
        resident / 1e6,
        (resident - empty_bytes) / 1e6 / size,
        tally.lost,
        tally.errors,
    )


def _clocks(server: ServerProcess) -> tuple[float, float, float, float]:
    return time.perf_counter(), server.cpu_s(), process_cpu_s(), machine_busy_s()


async def measure(server: ServerProcess, steps: Sequence[int], seconds: float) -> list[Step]:
    """Measure step after step until one is too slow, the client included."""
    spoken = {clip.name: clip.samples for clip in clips("caller")}
    frames = ready_frames(script_of([spoken[name] for name in PHRASES], PAUSE_S))
    crowd = Crowd(server.realtime_url, frames, {"type": "realtime", **session(SILENCE_MS)})
    # The first session pays for what all share: code, models, arenas.
    first = Crowd(server.realtime_url, frames, {"type": "realtime", **session(SILENCE_MS)})
    await first.grow(1)
    await asyncio.sleep(5.0)
    await first.leave()
    empty_bytes = server.resident_bytes()
    measured: list[Step] = []
    for size in steps:
        measured.append(await measure_step(crowd, server, size, seconds, empty_bytes))
        if measured[-1].added.p95 > LIMIT_MS:
            break
    await crowd.leave()
    return measured


def tell(out: report.Report, steps: Sequence[Step]) -> None:
    rows = [
        [
            str(step.sessions),
            str(step.turns),
            *(f"{value:.1f}" for value in (step.added.p50, step.added.p95, step.added.largest)),
            f"{step.first_audio.p95:.1f}",
            f"{step.server_cpu:.0%}",
            f"{step.client_cpu:.0%}",
            f"{step.others_cpu:.0%}",
            f"{step.client_lateness.p95:.1f}",
            f"{step.resident_mb:.0f}",
            f"{step.opened_mb:.2f}",
            f"{step.lost}/{step.errors}",
        ]
        for step in steps
    ]
    columns = ["sessions", "turns", "added p50", "p95", "max", "1st audio p95", "server CPU", "client CPU", "others"]
    columns += ["client late p95", "server MB", "MB/session", "lost/errors"]
    out.table("latencies in ms; CPU in cores of one hundred percent", columns, rows)
    good = [step.sessions for step in steps if step.added.p95 <= LIMIT_MS]
    beyond = [step.sessions for step in steps if step.added.p95 > LIMIT_MS]
    knee = f"between {good[-1]} and {beyond[0]}" if good and beyond else f"beyond {good[-1]}" if good else "below the first step"
    out.say(f"the p95 passes {LIMIT_MS:.0f} ms {knee} sessions; bar, idle machine: at 60 or more, ≤ 3 MB each")
    out.add("steps", [asdict(step) for step in steps])


def main() -> None:
    parser = report.arguments(__doc__, "bench.sessions")
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS), metavar="N", help="numbers of sessions, growing")
    parser.add_argument("--seconds", type=float, default=12.0, help="of measurement per step")
    parser.add_argument("--profile", default="null")
    options = parser.parse_args()
    try:
        out = report.Report("Sessions on one server process", "bench.sessions", options.json)
        with running_server(options.profile) as server:
            tell(out, uvloop.run(measure(server, options.steps, options.seconds)))
        out.finish()
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

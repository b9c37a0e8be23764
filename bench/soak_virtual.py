"""Soak the whole server in virtual time: two hours of one eventful session, and of others that come and go, in a minute or two.

The app runs on an event loop whose clock jumps (see vivavoce.testing.clock): its handshake, the WebSocket transport with its queues and
time-outs, the runner, timers, tasks, the core; the party is the same that soaks the real server (life.py). Not covered: uvicorn, the
socket and the kernel's buffers, the real engines, threads. In return every task, every timer and every byte of the heap can be counted:
tracemalloc tells how much is held, and a walk through the session's objects tells by whom.

What is kept on purpose is told apart from the rest: the items of the conversation, what was heard of them and the audio of the last ones,
for the client may retrieve them all, and the books of ended sessions; each has a bound of its own. It passes if the heap without them
ends within 10 % of what it was at minute five, and nothing is left once the party has hung up. The resident memory is told, but it
holds what tracemalloc itself writes down: with `--untraced` nothing is traced, and what is compared is the resident memory of the whole
process, history and all.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.types import Message

from bench import report
from bench.life import ANSWERS, EXPECTED_ERRORS, live
from bench.party import RATE_HZ, Party, Repertoire
from bench.soak import GROWTH, REFERENCE_MINUTE, verdict
from bench.watch import look
from vivavoce.api.app import create_app
from vivavoce.config import Settings, load_settings
from vivavoce.logs import configure_logs
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.sessions.runner import SessionRunner
from vivavoce.sessions.service import VoiceService
from vivavoce.testing.brain import ScriptedBrain
from vivavoce.testing.clock import VirtualClockLoop
from vivavoce.testing.recognizer import Heard, ScriptedRecognizer
from vivavoce.testing.script import Script
from vivavoce.testing.synthesizer import ScriptedSynthesizer
from vivavoce.testing.vad import EnergyVad

Between = Callable[[], Awaitable[None]] | None

STEP_MS: Final = 100
EVERY_MINUTES: Final = REFERENCE_MINUTE
"""The first look is the reference."""


class Bench:
    """A server without a socket, its engines and their notes."""

    def __init__(self) -> None:
        self.brain = ScriptedBrain(script=Script(*ANSWERS, repeat=True))
        self.recognizer = ScriptedRecognizer(
            Heard("hello there", partials=("hello",), delay_s=0.2), Heard("what now", delay_s=0.05), repeat=True
        )
        self.synthesizer = ScriptedSynthesizer(word_ms=250, delay_s=0.03)
        settings = _settings()
        self.service = VoiceService(settings, _Shelf(settings, Stack(EnergyVad(), self.recognizer, self.brain, self.synthesizer)))
        self.app: Starlette = create_app(self.service, warm=False)

    def forget(self) -> None:
        """Throw away what the scripted engines note for tests."""
        self.brain.requests.clear()
        self.recognizer.segments.clear()
        self.recognizer.vocabularies.clear()
        self.synthesizer.clauses.clear()
        self.synthesizer.styles.clear()


class _Shelf(EngineShelf):
    def __init__(self, settings: Settings, stack: Stack) -> None:
        super().__init__(settings)
        self._stack = stack

    def stack(self, model: str) -> Stack:
        return self._stack


def _settings() -> Settings:
    base = load_settings({"HOME": str(Path.home())})
    return replace(base, server=replace(base.server, max_session_minutes=100_000.0), profile="null")


async def attend(bench: Bench, repertoire: Repertoire, seed: int, until_s: float, total: Total, between: Between = None) -> None:
    """Hold one session until the loop's clock says it is time; every other one leaves in the middle of something."""
    inbox: asyncio.Queue[Message] = asyncio.Queue(16)
    await inbox.put({"type": "websocket.connect"})
    party = Party(lambda frame: inbox.put({"type": "websocket.receive", "text": frame}), repertoire, seed)
    total.parties.append(party)

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            await party.reading.wait()
            party.take(message["text"])
        elif message["type"] == "websocket.close" and asyncio.get_running_loop().time() < until_s:
            total.lost.append(f"session {seed}: {message}")

    served = asyncio.create_task(bench.app(_scope(), inbox.get, send))
    await party.until(lambda: party.counts["session.created"] > 0, "session.created")
    life = asyncio.create_task(live(party, until_s, total.acts, between))
    talking = asyncio.create_task(party.talk())
    if seed % 2:
        await asyncio.wait((life, served), timeout=until_s - asyncio.get_running_loop().time())
    else:
        await asyncio.wait((life, served), return_when=asyncio.FIRST_COMPLETED)
    for task in (life, talking):
        task.cancel()
    for outcome in await asyncio.gather(life, talking, return_exceptions=True):
        if isinstance(outcome, Exception):
            total.lost.append(f"session {seed}: {outcome!r}")
    await inbox.put({"type": "websocket.disconnect", "code": 1000})
    await served


def _scope() -> dict[str, Any]:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/v1/realtime",
        "raw_path": b"/v1/realtime",
        "root_path": "",
        "query_string": b"model=gpt-realtime",
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8_000),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


@dataclass(frozen=True, slots=True)
class Moment:
    """What was there at a moment of virtual time; memory in KB."""

    minute: float
    resident: float
    heap: float
    session: float
    kept: float
    """What is kept on purpose: items, what was heard of them, audio, and the books of ended sessions."""
    tasks: int
    timers: int
    descriptors: int
    files: Mapping[str, int]
    """What the code of each file has allocated and holds, in bytes."""


class Total:
    """What all parties did."""

    def __init__(self) -> None:
        self.parties: list[Party] = []
        self.acts: Counter[str] = Counter()
        self.lost: list[str] = []

    def sum(self, what: str) -> Counter[str]:
        """Return the sum of one of the parties' counters."""
        return sum((getattr(party, what) for party in self.parties), Counter[str]())


async def moment(loop: VirtualClockLoop, bench: Bench) -> tuple[Moment, dict[str, int]]:
    """Look now: at the process, and into the oldest session."""
    bench.forget()
    # Generators that only the collector finds are closed by the loop afterwards, and let go of what they hold.
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(1.0)
    here, tasks = look(os.getpid()), len(asyncio.all_tasks(loop))
    timers = len(getattr(loop, "_scheduled", ()))
    if not tracemalloc.is_tracing():
        # Walking through all objects takes memory for every one of them, which would be part of what is compared.
        return Moment(loop.time() / 60, here.own_mb * 1e3, 0.0, 0.0, 0.0, tasks, timers, here.open, {}), {}
    runners = sessions()
    parts = sizes(runners[0]) if runners else {}
    heap = tracemalloc.get_traced_memory()[0] / 1e3
    stats = tracemalloc.take_snapshot().statistics("filename")
    files = {"/".join(Path(stat.traceback[0].filename).parts[-3:]): stat.size for stat in stats}
    books = _weigh(bench.service.records, set())
    kept = (books + sum(parts.get(f"core.replies.{name}", 0) for name in _KEPT)) / 1e3
    session = sum(parts.values()) / 1e3
    return Moment(loop.time() / 60, here.own_mb * 1e3, heap, session, kept, tasks, timers, here.open, files), parts


def sessions() -> list[SessionRunner]:
    """Return the runners there are, oldest first."""
    return sorted((each for each in gc.get_objects() if isinstance(each, SessionRunner)), key=lambda runner: runner._began)


_KEPT: Final = ("conversation", "ledger", "archive", "window")
"""Parts of a session that hold something for every item, within their bounds."""

_SHARED: Final = (type, ModuleType, FunctionType, MethodType, asyncio.AbstractEventLoop)


def sizes(runner: SessionRunner) -> dict[str, int]:
    """Return the bytes that a session's parts hold, each object counted once: `core.ledger`, `core.conversation`, …

    What all sessions share (engines, the service, the loop, code) is not walked into.
    """
    core = runner._core
    seen = {
        id(runner),
        id(core),
        *(
            id(shared)
            for shared in (
                runner._listener._stack,
                runner._listener._log,
                runner.meter,
                runner.caller,
                runner.log,
                getattr(runner._outlet, "_socket", None),
            )
        ),
    }
    parts: dict[str, int] = {}
    for prefix, owner, inner in (("core", core, ("_replies", "_hearing")), ("runner", runner, ())):
        for name, value in vars(owner).items():
            if name in inner:
                seen.add(id(value))
                for part, content in vars(value).items():
                    parts[f"{prefix}.{name[1:]}.{part.strip('_')}"] = _weigh(content, seen)
        for name, value in vars(owner).items():
            if name not in inner:
                parts[f"{prefix}.{name.strip('_')}"] = _weigh(value, seen)
    return parts


def _weigh(root: object, seen: set[int]) -> int:
    total, waiting = 0, [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _SHARED):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        waiting += gc.get_referents(each)
    return total


async def soak(bench: Bench, repertoire: Repertoire, minutes: float, total: Total) -> tuple[list[Moment], list[dict[str, int]]]:
    """Live through the session; return what was seen every few minutes, and after the end."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    await bench.service.start()
    baseline = replace((await moment(loop, bench))[0], files={})
    until_s = loop.time() + minutes * 60
    seen: list[Moment] = [baseline]
    parts: list[dict[str, int]] = []
    alone = asyncio.Lock()

    async def between() -> None:
        """Look when it is time, with nothing under way and nobody else there."""
        if loop.time() < len(seen) * EVERY_MINUTES * 60:
            return
        async with alone:
            await asyncio.sleep(5.0)
            now, weights = await moment(loop, bench)
        if len(seen) > 2:
            # What is compared in the end is the reference and the last; to keep more would be a leak of our own.
            seen[-1] = replace(seen[-1], files={})
        seen.append(now)
        parts[1:] = [weights]
        print(f"minute {now.minute:.0f}: {now.heap:.0f} KB", file=sys.stderr, flush=True)

    async def others() -> None:
        for number in itertools.count(1):
            async with alone:
                await attend(bench, repertoire, number, min(until_s, loop.time() + 20 + number % 5 * 40), total)
            if len(total.parties) > 2:
                total.parties[1:] = [_summed(total.parties[1:])]
            await asyncio.sleep(1.0)

    beside = asyncio.create_task(others())
    await attend(bench, repertoire, 0, until_s, total, between)
    async with alone:
        beside.cancel()
    await asyncio.gather(beside, return_exceptions=True)
    await asyncio.sleep(60)
    seen.append((await moment(loop, bench))[0])
    return seen, parts


def _summed(parties: Iterable[Party]) -> Party:
    """Return one party that stands for all: their counters, and nothing else of them."""
    first, *rest = parties
    for party in rest:
        for name in ("counts", "statuses", "errors", "missed"):
            getattr(first, name).update(getattr(party, name))
    return first


def clips() -> dict[str, NDArray[np.int16]]:
    """Return hums that a detector of energy takes for speech: no recordings are needed."""

    def hum(ms: int) -> NDArray[np.int16]:
        time = np.arange(RATE_HZ * ms // 1000) / RATE_HZ
        return (8_000 * np.sin(2 * np.pi * 220 * time)).astype(np.int16)

    return {f"{ms} ms": hum(ms) for ms in (400, 900, 2_100)}


def judge(seen: list[Moment], total: Total) -> list[str]:
    """Return what is wrong with what was seen."""
    wrong = list(total.lost)
    baseline, *during, after = seen
    then = during[0]
    now = during[-1]
    traced = then.heap > 0
    before, end = (each.heap - each.kept if traced else each.resident for each in (then, now))
    if abs(end / before - 1) > GROWTH:
        what = "heap without what is kept" if traced else "resident memory"
        wrong.append(f"{what}: {before:.0f} KB at minute {then.minute:.0f}, {end:.0f} KB at the end: {end / before - 1:+.1%}")
    if after.tasks > baseline.tasks or after.timers > baseline.timers:
        wrong.append(f"left behind: {after.tasks - baseline.tasks} tasks, {after.timers - baseline.timers} timers")
    if after.descriptors > baseline.descriptors:
        wrong.append(f"left behind: {after.descriptors - baseline.descriptors} descriptors")
    if sessions():
        wrong.append(f"left behind: {len(sessions())} sessions in memory")
    unexpected = set(total.sum("errors")) - EXPECTED_ERRORS - {"None"}
    if unexpected:
        wrong.append(f"errors nobody asked for: {sorted(unexpected)}")
    if total.sum("missed"):
        wrong.append(f"missed: {dict(total.sum('missed'))}")
    return wrong


COLUMNS: Final = ("minute", "resident KB", "heap KB", "long session KB", "kept on purpose", "tasks", "timers", "descriptors")


def tell(out: report.Report, seen: list[Moment], parts: list[dict[str, int]], total: Total) -> None:
    rows = [
        [
            name,
            *(f"{size:.0f}" for size in (each.resident, each.heap, each.session, each.kept)),
            *map(str, (each.tasks, each.timers, each.descriptors)),
        ]
        for each, name in zip(seen, ["before", *(f"{each.minute:.0f}" for each in seen[1:-1]), "after"], strict=True)
    ]
    out.table("virtual minutes", COLUMNS, rows)
    since = f"from minute {seen[1].minute:.0f} on, in bytes"
    out.table(f"what grew in the long session {since}", GROWN, _grown(parts[0], parts[-1]))
    out.table(f"whose code holds more in the whole process {since}", GROWN, _grown(seen[1].files, seen[-2].files))
    counts, statuses = total.sum("counts"), total.sum("statuses")
    out.say(f"turns {counts['input_audio_buffer.committed']}, responses {json.dumps(dict(statuses))}")
    out.say(f"acts {total.acts.total()}: {json.dumps(dict(total.acts.most_common()))}")
    out.say(f"errors {json.dumps(dict(total.sum('errors')))}; missed {json.dumps(dict(total.sum('missed')))}")
    out.add("moments", rows)
    out.add("parts", parts)


GROWN: Final = ("part", "then", "at the end")


def _grown(then: Mapping[str, int], now: Mapping[str, int]) -> list[list[str]]:
    """Return what holds at least 10 KB more or less than it did, the most first."""
    more = sorted(((now.get(name, 0) - then.get(name, 0), name) for name in {*then, *now}), reverse=True)
    return [[name, str(then.get(name, 0)), str(now.get(name, 0))] for by, name in more if abs(by) > 10_000][:14]


def main() -> None:
    parser = report.arguments(__doc__, "bench.soak_virtual")
    parser.add_argument("--minutes", type=float, default=120.0, help="of virtual time")
    parser.add_argument("--untraced", action="store_true", help="compare the resident memory instead of the heap")
    options = parser.parse_args()
    out = report.Report("Soak: a long session in virtual time", "bench.soak_virtual", options.json)
    total = Total()
    configure_logs("critical")
    if not options.untraced:
        tracemalloc.start()
    with VirtualClockLoop() as loop:
        repertoire = Repertoire.of(clips(), STEP_MS)
        seen, parts = loop.run(_run(repertoire, options.minutes, total))
    tell(out, seen, parts, total)
    verdict(out, judge(seen, total))


async def _run(repertoire: Repertoire, minutes: float, total: Total) -> tuple[list[Moment], list[dict[str, int]]]:
    return await soak(Bench(), repertoire, minutes, total)


if __name__ == "__main__":
    main()

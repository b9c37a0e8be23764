"""Soak a server: several long, eventful sessions of every kind at once for half an hour, and nothing may be left behind.

A real `vivavoce serve` process, with the null engines and a scripted brain over HTTP, holds several parties (see life.py), one more on
the embedded engines, one that comes and goes, and listeners (see listeners.py): two transcribers, one of them on the embedded
recognizer, and two interpreters, one of whom comes and goes. Every minute the process is looked at from outside. It passes if its
memory at the end is within 10 % of that at minute five, everything was answered, and once the parties have hung up no session, socket,
file or child is left that was not there before they came.

Needs Linux (`/proc`) and the recordings.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bench import report
from bench.kit import BenchError, ServerProcess, descendants, running_server
from bench.life import ANSWERS, CONFIGURATION, EXPECTED_ERRORS, SPECIALS, TOOL, live, manners, speak
from bench.listeners import interpreter, transcriber
from bench.party import Party, Repertoire
from bench.speech import clips
from bench.watch import Look, alive, look, open_kinds
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.script import Script

PHRASES: Final = ("order_status", "hi_how_are_you", "help_me", "thank_you")
STEP_MS: Final = 40
REFERENCE_MINUTE: Final = 5
GROWTH: Final = 0.10
"""How far the memory at the end may be from that at the reference minute, as a share."""

MISSED: Final = 0.03
"""Share of the acts whose answer may fail to come in time: the machine is real, and so is what the detector makes of a phrase."""

_SPEAKERS_PER_CORE: Final = 4
"""As many as the embedded recognizer has workers."""

_LEFT_WITHIN_S: Final = 20.0
_NULL, _EMBEDDED = "gpt-realtime", "gpt-realtime-2.1"
_WRITER, _EMBEDDED_WRITER, _INTERPRETER = "gpt-realtime-whisper", "gpt-live-transcribe", "gpt-realtime-translate"

_CONFIG: Final = f"""
[server]
max_session_minutes = 10000
drain_seconds = 1

[llm.default]
base_url = "%s"
model = "scripted"

[models."{_EMBEDDED}"]
recognizer = "pocketsphinx"
llm = "frames"
synthesizer = "auto"

[models."{_EMBEDDED_WRITER}"]
recognizer = "pocketsphinx"
"""


@dataclass(slots=True)
class Tally:
    """What all parties together did and met."""

    acts: Counter[str] = field(default_factory=Counter)
    parties: list[Party] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    calls: int = 0

    def sum(self, what: str) -> Counter[str]:
        """Return the sum of one of the parties' counters."""
        return sum((getattr(party, what) for party in self.parties), Counter[str]())


Life = Callable[[Party, float, Counter[str]], Coroutine[Any, Any, None]]


async def attend(
    url: str,
    repertoire: Repertoire,
    seed: int,
    until_s: float,
    tally: Tally,
    life_of: Life = live,
    kind: str = "realtime",
    **options: Any,
) -> None:
    """Hold one session until the loop's clock says it is time, then hang up."""
    async with connect(url, max_size=None, max_queue=4, **{"compression": None, **options}) as socket:
        party = Party(socket.send, repertoire, seed, kind)
        tally.parties.append(party)
        tally.calls += 1

        async def listen() -> None:
            async for frame in socket:
                await party.reading.wait()
                party.take(frame)

        life = asyncio.create_task(life_of(party, until_s, tally.acts))
        others = [asyncio.create_task(listen()), asyncio.create_task(party.talk())]
        try:
            await asyncio.wait([life, *others], return_when=asyncio.FIRST_COMPLETED)
            if not life.done() and not party.counts["session.closed"]:
                tally.lost.append(f"session {seed}: {socket.close_code} {socket.close_reason}")
        finally:
            for task in (life, *others):
                task.cancel()
            for outcome in await asyncio.gather(life, *others, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionClosed):
                    tally.lost.append(f"session {seed}: {outcome!r}")


async def learn(party: Party, until_s: float, done: Counter[str]) -> None:
    """Speak with no vocabulary, for a recognizer dictates where its own does not fit, and with every one there will be."""
    for instructions, tools in (("", []), *((manners(special), [TOOL]) for special in SPECIALS)):
        await party.update(**CONFIGURATION | {"instructions": instructions, "tools": tools})
        await speak(party)
        await party.free()


async def warm(null_url: str, embedded_url: str, repertoire: Repertoire) -> None:
    """Have every engine do once what it will do: a recognizer takes its memory when it first hears, and there are some per core."""
    speakers = _SPEAKERS_PER_CORE * (os.cpu_count() or 1)
    soon = asyncio.get_running_loop().time() + 20
    await asyncio.gather(
        attend(null_url, repertoire, 7, soon, Tally()),
        *(attend(embedded_url, repertoire, 7, soon, Tally(), learn) for _ in range(speakers)),
    )
    await asyncio.sleep(8.0)


async def come_and_go(url: str, repertoire: Repertoire, until_s: float, tally: Tally) -> None:
    """Hold short sessions one after the other: every other one breaks off without a word."""
    loop, number = asyncio.get_running_loop(), 1000
    while loop.time() < until_s:
        number += 1
        stay_s = min(loop.time() + 5 + number % 4 * 10, until_s)
        if number % 2:
            await attend(url, repertoire, number, stay_s, tally, compression="deflate")
        else:
            await break_off(url, repertoire, number, stay_s, tally)


async def interpret_and_go(url: str, repertoire: Repertoire, until_s: float, tally: Tally) -> None:
    """Hold short translation sessions one after the other: every other one is not closed, but broken off."""
    loop, number = asyncio.get_running_loop(), 2000
    while loop.time() < until_s:
        number += 1
        stay_s = min(loop.time() + 5 + number % 4 * 10, until_s)
        if number % 2:
            await attend(url, repertoire, number, stay_s, tally, interpreter, "translation")
        else:
            await break_off(url, repertoire, number, stay_s, tally, "translation")


async def break_off(url: str, repertoire: Repertoire, number: int, until_s: float, tally: Tally, kind: str = "realtime") -> None:
    """Speak, and be gone without a word."""
    with suppress(TimeoutError, ConnectionClosed):
        async with asyncio.timeout_at(until_s), connect(url, max_size=None, compression=None) as socket:
            party = Party(socket.send, repertoire, number, kind)
            tally.calls += 1
            talking = asyncio.create_task(party.talk())
            try:
                party.say()
                async for frame in socket:
                    party.take(frame)
            finally:
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)
                socket.transport.abort()


def gauge(server: ServerProcess) -> int:
    """Return how many sessions the server says are open."""
    page = httpx.get(server.http_url.removesuffix("/v1") + "/metrics", timeout=10).text
    lines = [line for line in page.splitlines() if line.startswith("vivavoce_sessions{")]
    return round(sum(float(line.rpartition(" ")[2]) for line in lines))


async def left_over(server: ServerProcess, pid: int, before: Look) -> tuple[int, Look]:
    """Wait until a server whose parties have left is as it was before they came, or it is clear that it will not be."""
    deadline = time.monotonic() + _LEFT_WITHIN_S
    while True:
        await asyncio.sleep(1.0)
        now, open_sessions = look(pid), gauge(server)
        settled = not open_sessions and now.open <= before.open and now.children <= before.children
        if settled or time.monotonic() > deadline:
            return open_sessions, now


COLUMNS: Final = (
    "minute",
    "sessions",
    "turns",
    "responses",
    "server MB",
    "children MB",
    "sockets",
    "files",
    "threads",
    "children",
)


def row(minute: str, sessions: int, tally: Tally, seen: Look) -> list[str]:
    counts = tally.sum("counts")
    figures = (seen.sockets, seen.files, seen.threads, seen.children)
    return [
        minute,
        str(sessions),
        str(counts["input_audio_buffer.committed"]),
        str(counts["response.done"]),
        f"{seen.own_mb:.1f}",
        f"{seen.children_mb:.1f}",
        *map(str, figures),
    ]


async def soak(
    out: report.Report, server: ServerProcess, brain: ChatServer, minutes: float, sessions: int
) -> tuple[list[str], set[int]]:
    """Soak a running server; return what is wrong with it, and every process that it started."""
    pid = server.pid
    loop = asyncio.get_running_loop()
    repertoire = Repertoire.of({clip.name: clip.samples for clip in clips("caller") if clip.name in PHRASES}, STEP_MS)
    base = server.realtime_url.partition("?")[0]
    names = (_NULL, _EMBEDDED, _WRITER, _EMBEDDED_WRITER)
    null_url, embedded_url, writer_url, embedded_writer_url = (f"{base}?model={name}" for name in names)
    interpreter_url = f"{base}/translations?model={_INTERPRETER}"
    await warm(null_url, embedded_url, repertoire)
    await asyncio.gather(
        *(
            attend(url, repertoire, 7, loop.time() + 15, Tally(), transcriber, "transcription")
            for url in (writer_url, embedded_writer_url)
        ),
        attend(interpreter_url, repertoire, 7, loop.time() + 15, Tally(), interpreter, "translation"),
    )
    before = look(pid)
    family = {pid, *descendants(pid)}
    tally = Tally()
    rows = [row("before", gauge(server), tally, before)]
    print(" | ".join(COLUMNS), file=sys.stderr)
    until_s = loop.time() + minutes * 60
    parties = [
        asyncio.create_task(attend(null_url, repertoire, seed, until_s, tally, compression="deflate" if seed == 0 else None))
        for seed in range(sessions)
    ]
    parties.append(asyncio.create_task(attend(embedded_url, repertoire, 100, until_s, tally)))
    parties.append(asyncio.create_task(come_and_go(null_url, repertoire, until_s, tally)))
    for seed, url in ((201, writer_url), (202, embedded_writer_url)):
        parties.append(asyncio.create_task(attend(url, repertoire, seed, until_s, tally, transcriber, "transcription")))
    parties.append(asyncio.create_task(attend(interpreter_url, repertoire, 203, until_s, tally, interpreter, "translation")))
    parties.append(asyncio.create_task(interpret_and_go(interpreter_url, repertoire, until_s, tally)))
    seen: list[Look] = []
    whole = max(1, round(minutes))
    for minute in range(1, whole + 1):
        await asyncio.sleep(until_s - minutes * 60 * (1 - minute / whole) - loop.time() - (1.0 if minute == whole else 0.0))
        brain.requests.clear()
        brain.headers.clear()
        seen.append(look(pid))
        rows.append(row(str(minute), gauge(server), tally, seen[-1]))
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    await asyncio.gather(*parties)
    # As before they came: a client of HTTP throws out connections that have been idle for long when it opens the next.
    await asyncio.sleep(8.0)
    await attend(null_url, repertoire, 7, loop.time() + 10, Tally())
    open_sessions, after = await left_over(server, pid, before)
    rows.append(row("after", open_sessions, tally, after))
    family |= {*descendants(pid)}
    out.table("what the process held: resident memory, the children's by their share of what they have in common", COLUMNS, rows)
    out.add("looks", [asdict(each) for each in seen])
    tell(out, tally)
    wrong = judge(seen, tally)
    if open_sessions:
        wrong.append(f"{open_sessions} sessions are still open")
    if after.open > before.open:
        wrong.append(f"{after.open - before.open} descriptors more than before: {dict(open_kinds(pid))}")
    if after.children > before.children:
        wrong.append(f"{after.children - before.children} children more than before")
    return wrong, family


def judge(seen: list[Look], tally: Tally) -> list[str]:
    """Return what is wrong with what was seen."""
    wrong = list(tally.lost)
    at = min(REFERENCE_MINUTE, max(1, len(seen) // 2)) - 1
    for what, then, now in (
        ("the server's", seen[at].own_mb, seen[-1].own_mb),
        ("the children's", seen[at].children_mb, seen[-1].children_mb),
    ):
        if then and abs(now / then - 1) > GROWTH:
            wrong.append(f"{what} memory went from {then:.1f} MB at minute {at + 1} to {now:.1f} MB: {now / then - 1:+.1%}")
    unexpected = set(tally.sum("errors")) - EXPECTED_ERRORS - {"None"}
    if unexpected:
        wrong.append(f"errors nobody asked for: {sorted(unexpected)}")
    missed = tally.sum("missed")
    if missed.total() > MISSED * max(1, tally.acts.total()):
        wrong.append(f"missed: {dict(missed)}")
    return wrong


def tell(out: report.Report, tally: Tally) -> None:
    def listed(counts: Counter[str]) -> str:
        return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"

    out.say(f"sessions {tally.calls}; acts {tally.acts.total()}: {listed(tally.acts)}")
    out.say(f"responses: {listed(tally.sum('statuses'))}")
    out.say(f"errors: {listed(tally.sum('errors'))}; missed: {listed(tally.sum('missed'))}; lost: {len(tally.lost)}")
    for name in ("acts", "statuses", "errors", "missed"):
        out.add(name, dict(tally.acts if name == "acts" else tally.sum(name)))


def verdict(out: report.Report, wrong: list[str]) -> None:
    """Say how it went; leave with status 1 where it did not go well."""
    for complaint in wrong:
        out.say(f"[red]✗[/red] {complaint}")
    out.say("[red]FAILED[/red]" if wrong else "[green]PASSED[/green]")
    out.add("wrong", wrong)
    out.finish()
    if wrong:
        sys.exit(1)


async def run(out: report.Report, minutes: float, sessions: int) -> list[str]:
    async with ChatServer(script=Script(*ANSWERS, repeat=True)) as brain:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "soak.toml"
            config.write_text(_CONFIG % brain.base_url)
            environ = {name: "" for name in os.environ if name.startswith("VIVAVOCE_LLM")}
            environ |= {"VIVAVOCE_CONFIG": str(config), "VIVAVOCE_LOG_LEVEL": "error"}
            with ExitStack() as stack:
                # In a thread: the server asks the brain, which lives in this loop, before it is ready.
                server = await asyncio.to_thread(stack.enter_context, running_server("null", environ))
                wrong, family = await soak(out, server, brain, minutes, sessions)
    orphans = sum(alive(pid) for pid in family)
    return [*wrong, *([f"{orphans} processes outlived the server"] if orphans else [])]


def main() -> None:
    parser = report.arguments(__doc__, "bench.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--sessions",
        type=int,
        default=5,
        help="conversations on null engines, beside the embedded one, the one that comes and goes, and the listeners",
    )
    options = parser.parse_args()
    # The brain breaks off on purpose, and its server says so every time.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    try:
        out = report.Report("Soak: long conversations in real time", "bench.soak", options.json)
        verdict(out, asyncio.run(run(out, options.minutes, options.sessions)))
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

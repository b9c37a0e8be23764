"""Transcription sessions in real time, through the official client: how soon after a commit its transcript is complete, for each `delay`.

Short recordings are said into an open microphone, one after the other; the client commits when the last chunk of one has been sent, as a
push-to-talk button does, or leaves it to voice activity detection. Two people speak at once, each in a session of their own.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from bench import report
from bench.client import CHUNK, Microphone
from bench.kit import BenchError, running_server
from bench.speech import Clip, clips
from bench.stats import DISTRIBUTION_COLUMNS, Distribution

KINDS: Final = ("caller", "command", "digits", "order")
LONGEST_S: Final = 5.0
SPEAKERS: Final = 2
PAUSE_S: Final = 0.4
WITHIN_S: Final = 20.0
BAR_MS: Final = 300.0
"""Commit to completed, 95th percentile. Source: the feeling that a button has answered; Nielsen's second, less what a network takes."""

DELAYS: Final = ("minimal", "low", "medium", "high", "xhigh")
STREAMING: Final = "gpt-realtime-whisper"
WHOLE: Final = "gpt-4o-transcribe"


@dataclass(slots=True)
class Figures:
    """What the turns of one configuration were like; times in ms."""

    completed_ms: list[float] = field(default_factory=list)
    """From the commit, or from `speech_stopped`, to `completed`."""
    first_ms: list[float] = field(default_factory=list)
    """From the beginning of speech to the first delta."""
    early: int = 0
    """Words told before the commit."""
    words: int = 0
    revisions: int = 0
    """Transcripts that are not what their deltas said."""
    failed: int = 0
    lateness_ms: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Turn:
    """One item, as it is told."""

    deltas: list[tuple[float, str]] = field(default_factory=list)
    ended_s: float = 0.0
    """When its audio was ended, by whoever ends it."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Speaker:
    """Somebody in a session, saying one recording after the other.

    Args:
        connection: an open session of the official client.
        figures: where the measurements go.
        seed: of where within a chunk speech begins.
    """

    def __init__(self, connection: AsyncRealtimeConnection, figures: Figures, seed: int) -> None:
        self._connection = connection
        self._figures = figures
        self._microphone = Microphone(self._append, seed)
        self._items: dict[str, _Turn] = {}
        self._ended: asyncio.Queue[str] = asyncio.Queue()
        self._committed_s = 0.0

    async def speak(self, turns: Iterator[Clip], listening: dict[str, Any]) -> None:
        """Configure the session and say the recordings."""
        hearing = asyncio.create_task(self._listen())
        await self._connection.session.update(session={"type": "transcription", "audio": {"input": listening}})
        speaking = asyncio.create_task(self._microphone.run())
        await asyncio.sleep(0.1)
        try:
            for clip in turns:
                await self._take_turn(clip, by_hand=listening["turn_detection"] is None)
        finally:
            for task in (hearing, speaking):
                task.cancel()
            await asyncio.gather(hearing, speaking, return_exceptions=True)
        self._figures.lateness_ms += self._microphone.lateness_ms

    async def _take_turn(self, clip: Clip, *, by_hand: bool) -> None:
        begin, end = self._microphone.say(clip.speech, after_s=PAUSE_S)
        sent_s = self._microphone.moment(-(-end // CHUNK) * CHUNK) + 0.002
        await asyncio.sleep(max(0.0, sent_s - time.perf_counter()))
        if by_hand:
            self._committed_s = time.perf_counter()
            await self._connection.input_audio_buffer.commit()
        try:
            async with asyncio.timeout(WITHIN_S):
                turn = self._items[await self._ended.get()]
                await turn.done.wait()
        except TimeoutError:
            self._figures.failed += 1
            return
        self._note(turn, self._microphone.moment(begin))

    def _note(self, turn: _Turn, began_s: float) -> None:
        figures = self._figures
        if turn.deltas:
            figures.first_ms.append((turn.deltas[0][0] - began_s) * 1000)
        figures.early += sum(len(text.split()) for at, text in turn.deltas if at <= turn.ended_s)
        figures.words += len("".join(text for _, text in turn.deltas).split())

    async def _append(self, audio: str) -> None:
        await self._connection.input_audio_buffer.append(audio=audio)

    async def _listen(self) -> None:
        async for event in self._connection:
            self._take(event, time.perf_counter())

    def _take(self, event: Any, now: float) -> None:
        kind = event.type.removeprefix("conversation.item.input_audio_transcription.")
        match kind:
            case "delta":
                self._items.setdefault(event.item_id, _Turn()).deltas.append((now, event.delta))
            case "input_audio_buffer.speech_stopped":
                self._items.setdefault(event.item_id, _Turn()).ended_s = now
            case "input_audio_buffer.committed":
                turn = self._items.setdefault(event.item_id, _Turn())
                turn.ended_s = turn.ended_s or self._committed_s
                self._ended.put_nowait(event.item_id)
            case "completed":
                turn = self._items[event.item_id]
                said = "".join(text for _, text in turn.deltas)
                self._figures.revisions += said != event.transcript
                self._figures.completed_ms.append((now - turn.ended_s) * 1000)
                turn.done.set()
            case "failed" | "error":
                self._figures.failed += 1
                print(event.error.message, file=sys.stderr)
                if kind == "failed":
                    self._items[event.item_id].done.set()


async def measure(base_url: str, listening: dict[str, Any], chosen: list[Clip], turns: int) -> Figures:
    """Have two people take so many turns together."""
    figures = Figures()
    said = itertools.islice(itertools.cycle(chosen), turns)
    async with AsyncOpenAI(base_url=base_url, api_key="unused") as client:

        async def somebody(seed: int) -> None:
            async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
                await Speaker(connection, figures, seed).speak(said, listening)

        await asyncio.gather(*(somebody(seed) for seed in range(SPEAKERS)))
    return figures


def configurations(delays: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return what is measured: each delay by hand, and voice activity detection with a model that streams and one that does not."""
    by_hand = {
        f"{delay}, committed": {"transcription": {"model": STREAMING, "delay": delay}, "turn_detection": None} for delay in delays
    }
    detected = {
        f"{model}, server_vad": {"transcription": {"model": model}, "turn_detection": {"type": "server_vad"}}
        for model in (STREAMING, WHOLE)
    }
    return by_hand | detected


def main() -> None:
    parser = report.arguments(__doc__, "bench.transcribe")
    parser.add_argument("--turns", type=int, default=64, help="of each configuration")
    parser.add_argument("--delay", action="append", choices=DELAYS, help="only these; all by default")
    options = parser.parse_args()
    try:
        chosen = [clip for kind in KINDS for clip in clips(kind) if clip.speech_s <= LONGEST_S]
        out = report.Report("Transcription sessions in real time", "bench.transcribe", options.json)
        rows, wrong = [], []
        with running_server("embedded") as server:
            for name, listening in configurations(tuple(options.delay or DELAYS)).items():
                figures = asyncio.run(measure(server.http_url, listening, chosen, options.turns))
                spread = Distribution.of(figures.completed_ms)
                first = Distribution.of(figures.first_ms)
                early = f"{figures.early / max(1, figures.words):.0%}"
                rows.append([name, *spread.cells(), f"{first.p50:.0f}", early, str(figures.revisions), str(figures.failed)])
                print(" ".join(rows[-1]), file=sys.stderr, flush=True)
                if "committed" in name and spread.p95 > BAR_MS:
                    wrong.append(f"{name}: completed {spread.p95:.0f} ms after the commit (p95), more than {BAR_MS:.0f} ms")
                if figures.revisions or figures.failed:
                    wrong.append(f"{name}: {figures.revisions} revised, {figures.failed} failed")
                out.add(name, {"completed_ms": figures.completed_ms, "first_ms": figures.first_ms})
    except BenchError as error:
        sys.exit(str(error))
    columns = ("configuration", *DISTRIBUTION_COLUMNS, "first delta p50", "told early", "revised", "failed")
    notes = "ms from the commit (or speech_stopped) to completed; first delta: from the beginning of speech; told early: words before the end"
    out.table("how soon a transcript is complete", columns, rows, notes=notes)
    for complaint in wrong:
        out.say(f"[red]✗[/red] {complaint}")
    out.finish()
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()

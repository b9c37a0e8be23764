"""Measure a turn: from the end of speech to the end of the turn, to the first audio, and from barging in to silence.

Recordings of people are cut to their speech and said into an otherwise quiet microphone, one session per turn, in real time. Every
latency is measured in the client, from the moment the sound happened to the arrival of the event.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

from bench import report
from bench.client import Line, open_line
from bench.detector import THRESHOLD, nearest, probabilities, voiced_runs
from bench.kit import BenchError, running_server
from bench.speech import EDGE_CRITERION, RATE_HZ, Clip, clips
from bench.stats import DISTRIBUTION_COLUMNS, Distribution
from vivavoce.testing.chat_server import ChatServer
from vivavoce.testing.script import Say

LEAD_S: Final = 0.5
"""Quiet before the speech, so that the detector knows the room."""

LONGEST_S: Final = 3.0
"""Longest clip used: many turns in little time."""

PREFIX_MS: Final = 300
_LONG_ANSWER: Final = "This is a very long answer. It goes on and on. " * 200
_TOKEN_S: Final = 0.015
"""Pace of the scripted answer in the barge-in test: a clause every 80 ms or so, for longer than anybody listens."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, in ms. What depends on an event that never came is None."""

    clip: str
    stops: int
    """Times the turn was taken to be over; more than one: a pause within the clip was longer than the silence waited for."""
    added: float | None
    """True end of speech to `speech_stopped`, less the configured silence."""
    tail: float | None
    """Of that, the detector's: true end to the end of its last voiced frame."""
    grid: float | None
    """Of that, the wait's: silence waited for less silence configured."""
    delivery: float | None
    """Of that, what remains: end of the deciding frame to the event's arrival, the wait for the end of the chunk included."""
    answer: float | None
    """True end of speech to the first audio, less the configured silence."""
    think: float | None
    """`speech_stopped` to the first audio."""
    start_error: float | None
    """`audio_start_ms` + prefix against the true beginning."""
    start_frame_error: float | None
    """The same against the detector's first voiced frame."""
    end_error: float | None
    """`audio_end_ms` - silence against the true end."""
    end_frame_error: float | None
    """The same against the end of the detector's last voiced frame."""

    @property
    def platform(self) -> float | None:
        """Detector's end of speech to `speech_stopped`, less the configured silence: what is ours, and not the detector's."""
        return None if self.grid is None or self.delivery is None else self.grid + self.delivery


@dataclass(frozen=True, slots=True)
class BargeIn:
    """One interruption, in ms from the true onset of the user's speech; None where it did not happen."""

    clip: str
    started: float | None
    """To `speech_started`, at which a client stops its loudspeaker."""
    last_audio: float | None
    """To the last audio that still arrived."""
    done: float | None
    """To `response.done`."""


def session(silence_ms: int, **further: Any) -> dict[str, Any]:
    """Return the configuration of a session that waits for so much silence."""
    detection = {
        "type": "server_vad",
        "threshold": THRESHOLD,
        "prefix_padding_ms": PREFIX_MS,
        "silence_duration_ms": silence_ms,
    }
    return {"audio": {"input": {"turn_detection": detection, "transcription": {"model": "whisper-1"}}}, **further}


# --- measuring ------------------------------------------------------------------------------------------------------------------


async def measure_turn(url: str, clip: Clip, silence_ms: int, seed: int) -> Turn:
    """Say a clip in a session of its own."""
    async with open_line(url, session(silence_ms), seed) as line:
        microphone = line.microphone
        begin, end = microphone.say(clip.speech, after_s=LEAD_S)
        end_s = microphone.moment(end)
        await asyncio.sleep(LEAD_S + clip.speech_s)

        def over() -> bool:
            starts, stops = line.all("input_audio_buffer.speech_started"), line.all("input_audio_buffer.speech_stopped")
            return len(starts) == len(stops) > 0 and bool(stops[-1].at_s > end_s + (silence_ms - 400) / 1000)

        if await line.until(over, silence_ms / 1000 + 3.0):
            stopped_s = line.all("input_audio_buffer.speech_stopped")[-1].at_s
            await line.until(lambda: bool(line.all("response.output_audio.delta", stopped_s)), 5.0)
    return _judge(line, clip, begin, end, silence_ms)


def _judge(line: Line, clip: Clip, begin: int, end: int, silence_ms: int) -> Turn:
    runs = voiced_runs(probabilities(line.microphone.sent))
    starts, stops = line.all("input_audio_buffer.speech_started"), line.all("input_audio_buffer.speech_stopped")
    nothing = None
    if not stops or not starts:
        return Turn(clip.name, len(stops), *(nothing,) * 10)
    stop = stops[-1]
    begin_ms, end_ms = begin * 1000 / RATE_HZ, end * 1000 / RATE_HZ
    decided_ms = float(stop.body["audio_end_ms"])
    onset_ms = float(starts[0].body["audio_start_ms"]) + PREFIX_MS
    voiced_ms = max((run.end_ms for run in runs if run.end_ms <= decided_ms), default=float("nan"))
    audio = line.all("response.output_audio.delta", stop.at_s)
    first_s = audio[0].at_s if audio else None
    due_s = line.microphone.moment(end) + silence_ms / 1000
    return Turn(
        clip.name,
        len(stops),
        added=(stop.at_s - due_s) * 1000,
        tail=voiced_ms - end_ms,
        grid=decided_ms - voiced_ms - silence_ms,
        delivery=(stop.at_s - line.microphone.moment(decided_ms * RATE_HZ / 1000)) * 1000,
        answer=None if first_s is None else (first_s - due_s) * 1000,
        think=None if first_s is None else (first_s - stop.at_s) * 1000,
        start_error=onset_ms - begin_ms,
        start_frame_error=nearest([run.begin_ms for run in runs], onset_ms),
        end_error=decided_ms - silence_ms - end_ms,
        end_frame_error=decided_ms - silence_ms - voiced_ms,
    )


async def measure_barge_in(url: str, opening: Clip, clip: Clip, silence_ms: int, seed: int) -> BargeIn:
    """Have the agent talk, and talk over it while it still generates."""
    async with open_line(url, session(silence_ms), seed) as line:
        microphone = line.microphone
        microphone.say(opening.speech, after_s=LEAD_S)
        if not await line.until(lambda: bool(line.all("response.output_audio.delta")), 10.0):
            raise BenchError("the agent did not answer in the barge-in test")
        begin, _ = microphone.say(clip.speech, after_s=0.8)
        onset_s = microphone.moment(begin)
        await line.until(lambda: bool(line.all("response.done", onset_s)), 0.8 + clip.speech_s + 3.0)
    started = line.all("input_audio_buffer.speech_started", onset_s)
    done = line.all("response.done", onset_s)
    heard = [event for event in line.all("response.output_audio.delta", onset_s) if done and event.at_s < done[0].at_s]

    def since_onset(at_s: float) -> float:
        return (at_s - onset_s) * 1000

    return BargeIn(
        clip.name,
        started=since_onset(started[0].at_s) if started else None,
        last_audio=since_onset(heard[-1].at_s) if heard else None,
        done=since_onset(done[0].at_s) if done else None,
    )


async def _in_parallel(jobs: Sequence[Callable[[], Awaitable[T]]], width: int) -> list[T]:
    gate = asyncio.Semaphore(width)

    async def run(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await job()

    return list(await asyncio.gather(*(run(job) for job in jobs)))


# --- telling --------------------------------------------------------------------------------------------------------------------


def _row(what: str, values: Sequence[float | None], bar: str) -> list[str]:
    return [what, *Distribution.of([value for value in values if value is not None]).cells(), bar]


def tell_turns(out: report.Report, turns: Sequence[Turn], silence_ms: int, profile: str) -> None:
    whole = [turn for turn in turns if turn.stops == 1]
    added_bar = "p50 ≤ 20, p95 ≤ 60" if profile == "null" else ""
    answer_bar = "p50 ≤ 200" if profile == "embedded" else ""
    out.table(
        f"after the end of speech, ms beyond the {silence_ms} ms of silence",
        ["", *DISTRIBUTION_COLUMNS, "bar, idle machine"],
        [
            _row(
                "detector's end of speech → speech_stopped (added by the platform)", [turn.platform for turn in turns], added_bar
            ),
            _row("  waited beyond the silence (frame grid, less a frame of tail)", [turn.grid for turn in turns], ""),
            _row("  deciding frame → event (chunk, transport, work)", [turn.delivery for turn in turns], ""),
            _row("the detector's tail after the true end", [turn.tail for turn in turns], ""),
            _row("true end of speech → speech_stopped", [turn.added for turn in turns], ""),
            _row("true end of speech → first audio", [turn.answer for turn in turns], answer_bar),
            _row("speech_stopped → first audio", [turn.think for turn in turns], ""),
        ],
    )
    out.table(
        "offsets on the wire, ms, of clips that made one turn",
        ["", *DISTRIBUTION_COLUMNS, "bar"],
        [
            _row("audio_start_ms + prefix - true beginning", [turn.start_error for turn in whole], ""),
            _row("audio_start_ms + prefix - detector's first frame", [turn.start_frame_error for turn in whole], "± 32"),
            _row("audio_end_ms - silence - true end", [turn.end_error for turn in whole], "± 80"),
            _row("audio_end_ms - silence - detector's last frame", [turn.end_frame_error for turn in whole], "± 32"),
        ],
    )
    split, lost = sum(turn.stops > 1 for turn in turns), [turn.clip for turn in turns if not turn.stops]
    early = sum(turn.added is not None and turn.added < -silence_ms for turn in turns)
    out.say(
        f"{len(turns)} turns; {split} clips were taken for more than one turn; {early} were cut off before their end; "
        f"not heard: {', '.join(lost) or 'none'}"
    )
    out.add("turns", [asdict(turn) for turn in turns])


def tell_barge_ins(out: report.Report, barges: Sequence[BargeIn]) -> None:
    out.table(
        "barge-in, ms from the true onset of the user's speech (the agent's audio is still being generated)",
        ["", *DISTRIBUTION_COLUMNS, "bar, idle machine"],
        [
            _row("→ speech_started (the client falls silent)", [barge.started for barge in barges], ""),
            _row("→ last audio received", [barge.last_audio for barge in barges], "p95 ≤ 300"),
            _row("→ response.done", [barge.done for barge in barges], ""),
        ],
    )
    out.add("barge_ins", [asdict(barge) for barge in barges])


def _choose(count: int) -> list[Clip]:
    usable = [clip for kind in ("caller", "order", "dictation") for clip in clips(kind) if clip.speech_s <= LONGEST_S]
    return [usable[index % len(usable)] for index in range(count)]


async def _turns(url: str, chosen: Sequence[Clip], silence_ms: int, width: int) -> list[Turn]:
    jobs = [lambda n=n, clip=clip: measure_turn(url, clip, silence_ms, n) for n, clip in enumerate(chosen)]
    return await _in_parallel(jobs, width)


async def _barge_ins(profile: str, chosen: Sequence[Clip], silence_ms: int, width: int) -> list[BargeIn]:
    opening = min(chosen, key=lambda clip: clip.speech_s)
    async with ChatServer(Say(_LONG_ANSWER, delay_s=_TOKEN_S), repeat=True) as brain:
        server = running_server(profile, {"VIVAVOCE_LLM_BASE_URL": brain.base_url, "VIVAVOCE_LLM_MODEL": "scripted"})
        running = await asyncio.to_thread(server.__enter__)
        try:
            url = running.realtime_url
            jobs = [lambda n=n, clip=clip: measure_barge_in(url, opening, clip, silence_ms, n) for n, clip in enumerate(chosen)]
            return await _in_parallel(jobs, width)
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


def main() -> None:
    parser = report.arguments(__doc__, "bench.turn")
    parser.add_argument("--profile", default="null", help="null or embedded")
    parser.add_argument("--turns", type=int, default=40, help="turns, and as many interruptions")
    parser.add_argument("--silence", type=int, default=500, metavar="MS", help="silence_duration_ms")
    parser.add_argument("--parallel", type=int, default=2, help="callers at once")
    options = parser.parse_args()
    try:
        chosen = _choose(options.turns)
        out = report.Report(f"A turn on the {options.profile} profile", "bench.turn", options.json)
        out.say(f"{EDGE_CRITERION}; {len({clip.name for clip in chosen})} clips of people, {options.parallel} callers at once")
        with running_server(options.profile) as server:
            turns = asyncio.run(_turns(server.realtime_url, chosen, options.silence, options.parallel))
        tell_turns(out, turns, options.silence, options.profile)
        tell_barge_ins(out, asyncio.run(_barge_ins(options.profile, chosen, options.silence, options.parallel)))
        out.finish()
    except BenchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

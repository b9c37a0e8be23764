"""The echo canceller: what it leaves of an agent's own voice, and whether a caller who talks over it is heard.

Run: `python -m bench.echo [--answers N]`. Recorded voices, synthetic rooms; Silero and the session's own turn-taking judge what is left.
Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from bench.detector import THRESHOLD, probabilities
from bench.echo_room import BLOCK, LEVEL_DBFS, Call, Path, Turn, call, cancelled, echo, level_db, loud, microphone, turns
from bench.kit import BenchError
from bench.report import Report, arguments
from bench.speech import RATE_HZ, Samples, clips
from vivavoce.audio.echo import EchoCanceller

SELF_INTERRUPTIONS: Final = 1
"""The most there may be in ten answers, on every path."""

PLAIN: Final = "-15 dB, 180 ms"
ROOM: Final = "-15 dB, room"
LOUD: Final = "-6 dB, room, loudspeaker"
NONE: Final = "headset: no echo"

PATHS: Final = (
    Path(PLAIN, -15),
    Path("-6 dB, 180 ms", -6),
    Path(ROOM, -15, room_ms=150),
    Path(LOUD, -6, room_ms=150, loudspeaker=True),
    Path("0 dB, lively room, loudspeaker", 0, 40, room_ms=150, reverberation_ms=400, direct_db=-3, loudspeaker=True),
    Path("-25 dB, 480 ms, room", -25, 480, room_ms=150),
    Path("-40 dB, 300 ms, room", -40, 300, room_ms=150, noise_dbfs=-75),
    Path("-10 dB, room, noise at -42 dBFS", -10, 150, room_ms=150, noise_dbfs=-42),
    Path("-8 dB, hall of 0.7 s, loudspeaker", -8, 150, room_ms=500, reverberation_ms=700, direct_db=-3, loudspeaker=True),
    Path("-12 dB, room, telephone", -12, 220, room_ms=150, loudspeaker=True, telephone=True),
    Path("-12 dB, room, clocks 20 ppm apart", -12, room_ms=150, loudspeaker=True, drift_ppm=20),
    Path("-10 dB, room changes", -10, 100, room_ms=150, loudspeaker=True, moved=True),
)
TALKED_OVER: Final = (Path(NONE, None), *(path for path in PATHS if path.name in (PLAIN, ROOM, LOUD)))

BEGINS_S: Final = 3.0
"""When the caller begins to talk, from the beginning of the answer."""

LATER_MS: Final = 64.0
"""How much later than without echo and canceller a caller may be noticed, at the median: two frames of the detector."""

BLOCK_BUDGET_MS: Final = 1.0
LEVELS_DBFS: Final = (-23.0, -30.0)
"""How loud callers are."""

_LEAST_S: Final = 0.5
_EACH: Final = 3
_FRAME: Final = 768


@dataclass(frozen=True, slots=True)
class Alone:
    """Echo alone on one path."""

    path: str
    first_db: float
    """How much of the echo is gone in the first answer, and in the later ones."""
    later_db: float
    alarms_before: float
    """Seconds per minute of answers in which the detector hears speech, without canceller and with it."""
    alarms: float
    interruptions_before: int
    interruptions: int
    delay_ms: int | None
    block_ms: float
    block_p99_ms: float


@dataclass(frozen=True, slots=True)
class Over:
    """A caller who talks over the answers on one path."""

    path: str
    level_dbfs: float
    callers: int
    heard: int
    later_ms: float
    """Median, against the same callers without echo and canceller."""
    latest_ms: float
    distortion_before_db: float
    """Mean difference of spectra from the caller's alone, without canceller and with it."""
    distortion_db: float
    interruptions: int
    """Turns that began where nobody talked."""


def alone(call: Call, path: Path) -> Alone:
    """Measure echo alone."""
    near = microphone(echo(call, path), path.noise_dbfs)
    canceller = EchoCanceller(RATE_HZ)
    spent_ms: list[float] = []
    left = _timed(near, call.far, canceller, spent_ms)
    minutes = sum(end - begin for begin, end in call.answers) / RATE_HZ / 60
    first, later = call.answers[:1], call.answers[1:] or call.answers
    return Alone(
        path=path.name,
        first_db=level_db(near, first) - level_db(left, first),
        later_db=level_db(near, later) - level_db(left, later),
        alarms_before=_speech_s(near) / minutes,
        alarms=_speech_s(left) / minutes,
        interruptions_before=len(turns(near)),
        interruptions=len(turns(left)),
        delay_ms=canceller.delay_ms,
        block_ms=float(np.median(spent_ms)),
        block_p99_ms=float(np.percentile(spent_ms, 99)),
    )


def talked_over(call: Call, path: Path, voices: Sequence[Samples], level_dbfs: float) -> Over:
    """Measure callers who talk over answers."""
    near = np.zeros(len(call.far))
    spans = []
    for voice, (begin, _) in zip(voices, call.answers, strict=False):
        start = begin + round(BEGINS_S * RATE_HZ)
        said = loud(voice, level_dbfs)[: len(near) - start]
        near[start : start + len(said)] += said
        spans.append((start, start + len(said)))
    quiet = microphone(near, path.noise_dbfs)
    mixed = microphone(near + echo(call, path), path.noise_dbfs)
    left = cancelled(mixed, call.far)
    alone, found = turns(quiet), turns(left)
    noticed = [_noticed(found, span) for span in spans]
    expected = [_noticed(alone, span) for span in spans]
    later = [1000 * (now - then) for now, then in zip(noticed, expected, strict=True) if now is not None and then is not None]
    return Over(
        path=path.name,
        level_dbfs=level_dbfs,
        callers=sum(then is not None for then in expected),
        heard=len(later),
        later_ms=float(np.median(later)) if later else float("nan"),
        latest_ms=max(later, default=float("nan")),
        distortion_before_db=_distortion(quiet, mixed, spans),
        distortion_db=_distortion(quiet, left, spans),
        interruptions=sum(
            not any(begin - 0.1 * RATE_HZ <= turn.onset_s * RATE_HZ < end + 0.3 * RATE_HZ for begin, end in spans)
            for turn in found
        ),
    )


def _timed(near: Samples, far: Samples, canceller: EchoCanceller, spent_ms: list[float]) -> Samples:
    out = []
    for at in range(0, len(near) // BLOCK * BLOCK, BLOCK):
        began = time.thread_time()
        out.append(canceller.process(near[at : at + BLOCK], far[at : at + BLOCK]))
        spent_ms.append(1000 * (time.thread_time() - began))
    return np.concatenate(out)


def _speech_s(samples: Samples) -> float:
    return 0.032 * float((probabilities(samples) >= THRESHOLD).sum())


def _noticed(found: Sequence[Turn], span: tuple[int, int]) -> float | None:
    """Return when a caller was noticed, in seconds; None where he was not."""
    begin, end = (sample / RATE_HZ for sample in span)
    return next((turn.told_s for turn in found if begin - 0.1 <= turn.onset_s < end), None)


def _distortion(clean: Samples, other: Samples, spans: Sequence[tuple[int, int]]) -> float:
    """Return the mean difference of two signals' spectra in dB, where the clean one has speech (within 30 dB of its loudest)."""
    window = np.hanning(_FRAME)
    band = slice(200 * _FRAME // RATE_HZ, 4_000 * _FRAME // RATE_HZ)
    differences = []
    for begin, end in spans:
        places = range(begin, min(end, len(other)) - _FRAME, _FRAME // 2)
        ours = np.array([np.abs(np.fft.rfft(window * clean[at : at + _FRAME]))[band] for at in places]) + 1
        theirs = np.array([np.abs(np.fft.rfft(window * other[at : at + _FRAME]))[band] for at in places]) + 1
        differences.append(np.abs(20 * np.log10(theirs / ours))[ours > ours.max() / 10**1.5])
    return float(np.concatenate(differences).mean())


def missed(alone: Sequence[Alone], over: Sequence[Over], answers: int) -> list[str]:
    """Return the bars that were missed, as sentences."""
    allowed = {path.name: SELF_INTERRUPTIONS * answers / 10 + len(range(2, answers, 3)) * path.moved for path in PATHS}
    said = [
        f"{row.path}: {row.interruptions} self-interruptions in {answers} answers"
        for row in alone
        if row.interruptions > allowed[row.path]
    ]
    said += [f"{row.path}: a block takes {row.block_ms:.2f} ms" for row in alone if row.block_ms > BLOCK_BUDGET_MS]
    said += [
        f"{row.path}, {row.level_dbfs:.0f} dBFS: {row.callers - row.heard} of {row.callers} callers not noticed"
        for row in over
        if row.heard < row.callers
    ]
    said += [
        f"{row.path}, {row.level_dbfs:.0f} dBFS: callers noticed {row.later_ms:.0f} ms later"
        for row in over
        if row.later_ms > LATER_MS
    ]
    return said


def main() -> None:
    parser = arguments(__doc__, "bench.echo")
    parser.add_argument("--answers", type=int, default=10, help="answers of eight seconds per path")
    options = parser.parse_args()
    report = Report("Echo canceller", "bench.echo", options.json)
    try:
        conversation = call(options.answers)
        voices = [clip.speech for kind in ("caller", "order") for clip in clips(kind) if clip.speech_s >= _LEAST_S][::_EACH][
            : options.answers
        ]
    except BenchError as error:
        raise SystemExit(str(error)) from error
    echoes = [alone(conversation, path) for path in PATHS]
    report.table(
        f"Echo alone: {options.answers} answers of 8 s, nobody else talks",
        ("path", "first dB", "later dB", "speech s/min", "left", "interruptions", "left", "delay ms", "ms/block", "p99"),
        [
            (
                row.path,
                f"{row.first_db:.0f}",
                f"{row.later_db:.0f}",
                f"{row.alarms_before:.1f}",
                f"{row.alarms:.1f}",
                str(row.interruptions_before),
                str(row.interruptions),
                "none" if row.delay_ms is None else str(row.delay_ms),
                f"{row.block_ms:.2f}",
                f"{row.block_p99_ms:.2f}",
            )
            for row in echoes
        ],
        notes="first, later: how far the echo is turned down in the first answer of the call and after it (no further than to the noise)",
    )
    callers = [talked_over(conversation, path, voices, level) for path in TALKED_OVER for level in LEVELS_DBFS]
    report.table(
        f"Callers who talk over an answer that goes on; answers at {LEVEL_DBFS:.0f} dBFS",
        ("path", "caller dBFS", "noticed", "later ms", "latest", "distortion dB", "left", "false turns"),
        [
            (
                row.path,
                f"{row.level_dbfs:.0f}",
                f"{row.heard}/{row.callers}",
                f"{row.later_ms:+.0f}",
                f"{row.latest_ms:+.0f}",
                f"{row.distortion_before_db:.1f}",
                f"{row.distortion_db:.1f}",
                str(row.interruptions),
            )
            for row in callers
        ],
        notes="later: when the turn begins, against the same caller without echo and canceller; the first caller talks into the first answer",
    )
    report.add("alone", [asdict(row) for row in echoes])
    report.add("talked_over", [asdict(row) for row in callers])
    report.finish()
    if sentences := missed(echoes, callers, options.answers):
        raise SystemExit("bars missed: " + "; ".join(sentences))


if __name__ == "__main__":
    main()

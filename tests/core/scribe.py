"""A transcription session in virtual time whose audio can be read: every millisecond holds its own number, wherever it ends up.

The detector and the recognizer go by the audio they are given and by nothing else. A recognition says one word for every tenth of a second
of speech in it (`w17` for 1.7 s), so that transcripts tell which audio was heard, how often, and in which item.
"""

from __future__ import annotations

import base64
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import numpy as np

from vivavoce.core import effects, inputs
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Input
from vivavoce.core.transcription import TranscriptionCore
from vivavoce.core.turns import FRAME_TICKS
from vivavoce.protocol.client_events import parse_transcription
from vivavoce.protocol.formats import PCM, TICKS_PER_MS, AudioFormat
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.transcription_session import TranscriptionDefaults

Event = dict[str, Any]

WORD_MS = 100
LONGEST_MS = 65_000
"""A number has 16 bits."""

STREAMING, WHOLE = "gpt-realtime-whisper", "gpt-4o-transcribe"
MODELS = {STREAMING: (), WHOLE: (), "whisper-1": (), "gpt-4o-transcribe-diarize": ()}


def numbered(start_ms: int, end_ms: int, fmt: AudioFormat) -> bytes:
    """Return audio in which each millisecond holds its number."""
    return np.repeat(np.arange(start_ms, end_ms).astype("<u2"), fmt.bytes_per_ms // 2).tobytes()


@dataclass(slots=True)
class Recognition:
    """One recognition: where it lies in its epoch's audio, and what has become of it."""

    start: int = 0
    told: int = 0
    """Words told in partials."""
    ended: bool = False
    """Whether its audio has come to its end."""
    over: bool = False
    """Whether it has answered or nobody wants it."""
    due_ms: float = 0.0


@dataclass(slots=True)
class Scribe:
    """Drives one `TranscriptionCore`.

    Args:
        lag_ms: how long the detector takes.
        took_ms: how long the recognizer takes for each thing it says.
        partials: whether it says anything before the end.
        breaks: whether the next recognition breaks at its end.
        judged: whether there is an endpointer, which always says yes.
    """

    lag_ms: Callable[[], float] = field(default=lambda: 1.0)
    took_ms: Callable[[], float] = field(default=lambda: 50.0)
    partials: bool = True
    breaks: Callable[[], bool] = field(default=lambda: False)
    judged: bool = False
    model: str = WHOLE
    now_ms: float = 0.0
    sent_ms: int = 0
    """How much audio was appended."""
    events: list[Event] = field(default_factory=list)
    seconds: int = 0
    """What was charged."""
    spoken: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(LONGEST_MS + 5_000, dtype=bool))
    """Which milliseconds are speech."""
    jobs: dict[int, Recognition] = field(default_factory=dict)
    queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    core: TranscriptionCore = field(init=False)
    format: AudioFormat = PCM
    _order: Any = field(default_factory=itertools.count)
    _tape: bytearray = field(default_factory=bytearray)
    _epoch: int = 0
    _keep: int = 0
    _framed: int = 0
    _judged: int = 0
    _judged_ms: float = 0.0

    def __post_init__(self) -> None:
        self.core = TranscriptionCore("sess_test", TranscriptionDefaults(self.model, MODELS), IdSource(1), judged=self.judged)
        self._perform(self.core.start())

    # --- the client's side ------------------------------------------------------------------------------------------------------

    def client(self, frame: Event | str) -> None:
        """Send a client event now."""
        raw = frame if isinstance(frame, str) else msgspec.json.encode(frame)
        self.give(inputs.Received(parse_transcription(raw)))

    def update(self, **listening: Any) -> None:
        """Send `session.update` of the input."""
        session = {"type": "transcription", "audio": {"input": listening}}
        self.client({"type": "session.update", "event_id": "update", "session": session})

    def append(self, ms: int, *, speech: bool) -> None:
        """Append so much audio at once."""
        start, self.sent_ms = self.sent_ms, self.sent_ms + ms
        self.spoken[start : self.sent_ms] = speech
        audio = base64.b64encode(numbered(start, self.sent_ms, self.format)).decode()
        self.client({"type": "input_audio_buffer.append", "audio": audio})

    # --- time -------------------------------------------------------------------------------------------------------------------

    def give(self, event: Input) -> None:
        """Give the core an input now."""
        self._perform(self.core.handle(event, self.now_ms))

    def later(self, at_ms: float, what: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self.queue, (at_ms, next(self._order), what))

    def run(self, ms: float) -> None:
        """Let time pass."""
        until = self.now_ms + ms
        while self.queue and self.queue[0][0] <= until:
            at, _, what = heapq.heappop(self.queue)
            self.now_ms = max(self.now_ms, at)
            what()
        self.now_ms = until

    def settle(self) -> None:
        """Let time pass until no engine has anything to do."""
        while self.queue:
            self.run(self.queue[0][0] - self.now_ms)

    def of(self, kind: str) -> list[Event]:
        """Return the events of a type, or of an ending of one."""
        return [event for event in self.events if event["type"] == kind or event["type"].endswith("_transcription." + kind)]

    # --- engines ----------------------------------------------------------------------------------------------------------------

    def die(self) -> None:
        """Let the detector die."""
        self.give(inputs.ListeningFailed(self._epoch, "The detector died."))

    def break_off(self, job: int, *, fault: bool) -> None:
        """Let a recognition end before its audio has."""
        said = self._words(self.jobs[job].start, self._judged)
        self.jobs[job].over = True
        self.give(inputs.RecognitionFailed(job, "server_error", "It broke.") if fault else inputs.Recognized(job, *said))

    @property
    def open_jobs(self) -> list[int]:
        """Return the recognitions whose audio has not come to its end, and that wait for it."""
        return [job for job, recognition in self.jobs.items() if not (recognition.ended or recognition.over)]

    @property
    def heard_ms(self) -> int:
        """Return where in the audio the detector is; the end of what was sent where it has judged nothing of this epoch."""
        numbers = self._numbers(max(0, self._judged - FRAME_TICKS), self._judged)
        return int(numbers[-1]) + 1 if len(numbers) else self.sent_ms

    def _numbers(self, start: int, end: int) -> np.ndarray[Any, Any]:
        """Return the numbers of the milliseconds between two ticks of the epoch."""
        size = self.format.bytes_per_ms
        low, high = -(-start // TICKS_PER_MS) * size, end // TICKS_PER_MS * size
        return np.frombuffer(bytes(self._tape[low:high]), "<u2")[:: size // 2]

    def _words(self, start: int, end: int) -> tuple[str, tuple[inputs.HeardWord, ...]]:
        """Return what is said between two ticks: the words whose middle lies there."""
        numbers = self._numbers(start, end)
        return self._read(numbers)

    def _read(self, numbers: np.ndarray[Any, Any]) -> tuple[str, tuple[inputs.HeardWord, ...]]:
        places = [place for place in np.flatnonzero(numbers % WORD_MS == WORD_MS // 2) if self.spoken[numbers[place]]]
        names = [f"w{numbers[place] // WORD_MS}" for place in places]
        half = WORD_MS // 2
        words = [
            inputs.HeardWord(name, max(0, int(place) - half), int(place) + half, 0.5, "A")
            for name, place in zip(names, places, strict=True)
        ]
        return " ".join(names), tuple(words)

    def _frame(self, epoch: int, end: int) -> None:
        probability = 0.0
        if epoch == self._epoch:
            probability = 0.9 if self.spoken[self._numbers(end - FRAME_TICKS, end)].mean() > 0.5 else 0.0
        self.give(inputs.VadFrame(epoch, probability))
        if epoch == self._epoch:
            self._judged = max(self._judged, end)
            for job in self.open_jobs if self.partials else ():
                self._hypothesize(job)

    def _hypothesize(self, job: int) -> None:
        recognition = self.jobs[job]
        text, words = self._words(recognition.start, self._judged)
        if len(words) > recognition.told:
            recognition.told = len(words)
            self._answer(job, inputs.Heard(job, text, words))

    def _answer(self, job: int, what: Input) -> None:
        recognition = self.jobs[job]
        recognition.due_ms = max(recognition.due_ms, self.now_ms + self.took_ms())
        self.later(recognition.due_ms, partial(self._deliver, job, what))

    def _deliver(self, job: int, what: Input) -> None:
        """Say it, whether anybody still wants it or not (I6), but nothing after the end."""
        if isinstance(what, inputs.Heard):
            self.give(what)
        elif not self.jobs[job].over:
            self.jobs[job].over = True
            self.give(what)

    def _end(self, job: int, numbers: np.ndarray[Any, Any]) -> None:
        self.jobs[job].ended = True
        if self.breaks():
            self._answer(job, inputs.RecognitionFailed(job, "server_error", "It broke."))
        else:
            self._answer(job, inputs.Recognized(job, *self._read(numbers)))

    # --- performing -------------------------------------------------------------------------------------------------------------

    def _perform(self, wanted: list[Effect]) -> None:
        for effect in wanted:
            getattr(self, "_do_" + type(effect).__name__.lower(), lambda effect: None)(effect)

    def _do_send(self, effect: effects.Send) -> None:
        self.events.append(effect.event)

    def _do_transcribed(self, effect: effects.Transcribed) -> None:
        self.seconds += effect.seconds

    def _do_startlistening(self, effect: effects.StartListening) -> None:
        self._do_stoplistening(effects.StopListening())
        self._epoch, self.format, self._keep = effect.epoch, effect.format, effect.keep_ms * TICKS_PER_MS

    def _do_stoplistening(self, effect: effects.StopListening) -> None:
        assert not self.open_jobs, "every recognition is brought to its end before its audio is forgotten"
        self._tape.clear()
        self._framed = self._judged = 0
        self._epoch = 0

    def _do_listen(self, effect: effects.Listen) -> None:
        self._tape += effect.audio
        ticks = self.format.ticks(len(self._tape))
        while (self._framed + 1) * FRAME_TICKS <= ticks:
            self._framed += 1
            self._judged_ms = max(self._judged_ms, self.now_ms + self.lag_ms())
            self.later(self._judged_ms, partial(self._frame, self._epoch, self._framed * FRAME_TICKS))

    def _do_openrecognition(self, effect: effects.OpenRecognition) -> None:
        assert self._judged - self._keep <= effect.from_tick <= self.format.ticks(len(self._tape)), "its audio is there"
        assert effect.job not in self.jobs
        self.jobs[effect.job] = Recognition(max(0, effect.from_tick))

    def _do_endrecognition(self, effect: effects.EndRecognition) -> None:
        recognition = self.jobs[effect.job]
        assert not recognition.ended and recognition.start <= effect.to_tick <= self.format.ticks(len(self._tape))
        if recognition.over:
            recognition.ended = True
        else:
            self._end(effect.job, self._numbers(recognition.start, effect.to_tick))

    def _do_recognizeaudio(self, effect: effects.RecognizeAudio) -> None:
        self.jobs[effect.job] = Recognition()
        self._end(effect.job, np.frombuffer(effect.audio, "<u2")[:: effect.format.bytes_per_ms // 2])

    def _do_abortrecognition(self, effect: effects.AbortRecognition) -> None:
        recognition = self.jobs[effect.job]
        recognition.ended = recognition.over = True

    def _do_judgeturn(self, effect: effects.JudgeTurn) -> None:
        self.later(self.now_ms + 25, lambda: self.give(inputs.TurnJudged(effect.job, 1.0)))

"""A session core in virtual time: inputs scheduled by the millisecond, effects performed by scripted engines, events collected.

No event loop, no sockets, no threads: a ten-minute call takes about a second, and the same script gives the same events.
"""

from __future__ import annotations

import binascii
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from vivavoce.core import effects, inputs
from vivavoce.core.agent import AgentCore
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Input
from vivavoce.core.server_clock import ServerClock
from vivavoce.core.turns import FRAME_TICKS
from vivavoce.protocol.client_events import parse
from vivavoce.protocol.formats import TICKS_PER_MS
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.session import SessionDefaults
from vivavoce.protocol.usage import RateLimit
from vivavoce.testing.playout import PlayoutModel


@dataclass(frozen=True, slots=True)
class Say:
    """The brain says something, word by word. `phase` as a reasoning model would give it."""

    text: str
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The brain calls a function."""

    name: str
    arguments: str = "{}"
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """The brain breaks."""

    message: str = "The backend broke."


Reply = tuple[Say | Call | Break, ...]


@dataclass(slots=True)
class Timings:
    """How slow the scripted engines are, in ms."""

    recognition: int = 50
    first_token: int = 100
    token: int = 10
    synthesis: int = 10
    """From a message's text to each of its spans."""
    speech_per_word: int = 300
    """How long a word's audio lasts."""


@dataclass(slots=True)
class Simulator:
    """Drives one `AgentCore`.

    Args:
        replies: what the brain does, response by response; the last one is repeated.
        transcripts: what the recognizer understands, segment by segment, or that it breaks; the last one is repeated.
        timings: how slow the engines are.
        defaults: the model's defaults.
        judged: whether there is an endpointer; its verdict is `verdict`.
        jitter: turns the time an engine would take into the time it takes, in ms; by default they are the same.
        partials: whether the recognizer says the first half of a transcript before the whole.
        in_turn: whether the voice says one item after the other, as real ones do, or all at once.
        link_ms: how long a message takes to the playout of a call or back, one by one; None: the client owns the playout clock.
        limits: what the caller's limits leave after each response.
    """

    replies: list[Reply] = field(default_factory=lambda: [(Say("Hello there."),)])
    transcripts: list[str | Break] = field(default_factory=lambda: ["hello"])
    timings: Timings = field(default_factory=Timings)
    defaults: SessionDefaults = field(default_factory=lambda: SessionDefaults("gpt-realtime", "alloy", 500, reasoning=False))
    judged: bool = False
    verdict: float = 1.0
    jitter: Callable[[float], float] = field(default=lambda ms: ms)
    partials: bool = False
    in_turn: bool = False
    link_ms: Callable[[], float] | None = None
    limits: tuple[RateLimit, ...] = ()
    now_ms: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each of `events` was sent."""
    recipients: list[int | None] = field(default_factory=list)
    """To whom: a client by its number, or everybody."""
    contexts: list[effects.Generate] = field(default_factory=list)
    """What the brain was asked, request by request."""
    stopped: set[int] = field(default_factory=set)
    """Generations nobody wants any more."""
    recognized: set[int] = field(default_factory=set)
    """Recognition jobs that are over: answered, failed or aborted."""
    closed: effects.Close | None = None
    core: AgentCore = field(init=False)
    playout: PlayoutModel | None = None
    """The playout of the call, if this is one."""
    plays: list[effects.Play | effects.EndPlay | effects.FlushPlayback] = field(default_factory=list)
    """What it was told to do."""
    loudness: Callable[[float], float] = field(default=lambda ms: 0.0)
    """The detector's probability for the frame that ends at this ms of the audio appended."""
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)
    _speech: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    _voices: dict[int, float] = field(default_factory=dict)
    """When the voice of a generation has said what it has, where it says one item after the other."""
    _timers: dict[str, int] = field(default_factory=dict)
    _replied: int = 0
    _understood: int = 0
    _epoch: int = 0
    _heard_ticks: int = 0
    _epoch_ticks: int = 0
    _framed: int = 0
    _ticks_per_byte: float = 0.5

    def __post_init__(self) -> None:
        clock = None
        if self.link_ms is not None:
            clock = ServerClock()
            self.playout = PlayoutModel(lambda: self.now_ms, self.later, self.give, self.link_ms)
        self.core = AgentCore("sess_test", self.defaults, IdSource(1), judged=self.judged, playout=clock)
        self._perform(self.core.start())

    # --- the client's side ------------------------------------------------------------------------------------------------------

    def client(self, frame: dict[str, Any] | str | bytes, sender: int = 0) -> None:
        """Send a client event now; `sender` is which client does."""
        raw = frame if isinstance(frame, str | bytes) else msgspec.json.encode(frame)
        self.give(inputs.Received(parse(raw), sender))

    def update(self, **session: Any) -> None:
        """Send `session.update`."""
        self.client({"type": "session.update", "session": {"type": "realtime", **session}})

    def append(self, ms: int, byte: bytes = b"\0") -> None:
        """Append this much 24 kHz audio at once, or let it come over the media track where there is one."""
        audio = byte * (ms * 48)
        if self.playout is not None:
            self.give(inputs.TrackAudio(audio))
            return
        self.client({"type": "input_audio_buffer.append", "audio": binascii.b2a_base64(audio, newline=False).decode()})

    def stream(self, ms: int, step_ms: int = 20) -> None:
        """Append audio in real time, running everything else that happens meanwhile."""
        for _ in range(ms // step_ms):
            self.append(step_ms)
            self.run(step_ms)

    # --- time -------------------------------------------------------------------------------------------------------------------

    def give(self, event: Input) -> None:
        """Give the core an input now."""
        self._perform(self.core.handle(event, self.now_ms))

    def later(self, delay_ms: float, what: Callable[[], None]) -> None:
        """Do something after a while."""
        heapq.heappush(self._queue, (self.now_ms + delay_ms, next(self._order), what))

    def run(self, ms: float) -> None:
        """Let time pass."""
        until = self.now_ms + ms
        while self._queue and self._queue[0][0] <= until:
            at, _, what = heapq.heappop(self._queue)
            self.now_ms = max(self.now_ms, at)
            what()
        self.now_ms = until

    def settle(self, limit_ms: float = 60_000) -> None:
        """Let time pass until no engine has anything to do (timers aside)."""
        until = self.now_ms + limit_ms
        while self._queue and self._queue[0][0] <= until:
            at, _, what = heapq.heappop(self._queue)
            self.now_ms = max(self.now_ms, at)
            what()

    # --- looking ----------------------------------------------------------------------------------------------------------------

    def types(self, start: int = 0) -> list[str]:
        """Return the types of the events sent, from one on."""
        return [event["type"] for event in self.events[start:]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one type."""
        return [event for event in self.events if event["type"] == kind]

    # --- performing -------------------------------------------------------------------------------------------------------------

    def _perform(self, wanted: list[Effect]) -> None:
        for effect in wanted:
            getattr(self, "_do_" + type(effect).__name__.lower(), self._nothing)(effect)

    def _nothing(self, effect: Effect) -> None:
        return

    def _do_send(self, effect: effects.Send) -> None:
        self.events.append(effect.event)
        self.times.append(self.now_ms)
        self.recipients.append(effect.to)

    def _do_close(self, effect: effects.Close) -> None:
        self.closed = effect

    def _do_used(self, effect: effects.Used) -> None:
        if self.limits:
            self.give(inputs.RateLimits(self.limits))

    def _do_play(self, effect: effects.Play) -> None:
        self._to_playout(effect)

    def _do_endplay(self, effect: effects.EndPlay) -> None:
        self._to_playout(effect)

    def _do_flushplayback(self, effect: effects.FlushPlayback) -> None:
        self._to_playout(effect)

    def _to_playout(self, effect: effects.Play | effects.EndPlay | effects.FlushPlayback) -> None:
        self.plays.append(effect)
        if self.playout is not None:
            self.playout.take(effect)

    def _do_startlistening(self, effect: effects.StartListening) -> None:
        self._epoch, self._epoch_ticks, self._framed = effect.epoch, 0, 0
        self._ticks_per_byte = effect.format.ticks_per_sample / effect.format.width

    def _do_listen(self, effect: effects.Listen) -> None:
        ticks = int(len(effect.audio) * self._ticks_per_byte)
        self._epoch_ticks += ticks
        self._heard_ticks += ticks
        began = self._heard_ticks - self._epoch_ticks
        epoch = self._epoch
        while self._epoch == epoch and (self._framed + 1) * FRAME_TICKS <= self._epoch_ticks:
            self._framed += 1
            at_ms = (began + self._framed * FRAME_TICKS) / TICKS_PER_MS
            self.later(1, partial(self.give, inputs.VadFrame(epoch, self.loudness(at_ms))))

    def _do_endrecognition(self, effect: effects.EndRecognition) -> None:
        self._recognize(effect.job)

    def _do_recognizeaudio(self, effect: effects.RecognizeAudio) -> None:
        self._recognize(effect.job)

    def _do_abortrecognition(self, effect: effects.AbortRecognition) -> None:
        self.recognized.add(effect.job)

    def _recognize(self, job: int) -> None:
        heard = self.transcripts[min(self._understood, len(self.transcripts) - 1)]
        self._understood += 1
        delay = self.jitter(self.timings.recognition)
        if isinstance(heard, Break):
            failed = inputs.RecognitionFailed(job, "server_error", heard.message)
            self.later(delay, partial(self._answer, job, failed))
            return
        if self.partials:
            self.later(delay / 2, partial(self.give, inputs.Heard(job, heard[: len(heard) // 2])))
        self.later(delay, partial(self._answer, job, inputs.Recognized(job, heard)))

    def _answer(self, job: int, result: Input) -> None:
        self.recognized.add(job)
        self.give(result)

    def _do_judgeturn(self, effect: effects.JudgeTurn) -> None:
        self.later(self.jitter(25), lambda: self.give(inputs.TurnJudged(effect.job, self.verdict)))

    def _do_settimer(self, effect: effects.SetTimer) -> None:
        self._timers[effect.name] = effect.token
        fired = inputs.TimerFired(effect.name, effect.token)
        if effect.name != "expiry":
            self.later(effect.delay_ms, lambda: self.give(fired))

    def _do_stopgeneration(self, effect: effects.StopGeneration) -> None:
        # Not performed on purpose: engines are slow to obey, and what was under way may still arrive (I6).
        self.stopped.add(effect.generation)

    def _do_generate(self, effect: effects.Generate) -> None:
        self.contexts.append(effect)
        reply = self.replies[min(self._replied, len(self.replies) - 1)]
        self._replied += 1
        delay = self.jitter(self.timings.first_token)
        for event in self._brain(effect.generation, reply):
            self.later(delay, partial(self.give, event))
            delay += self.jitter(self.timings.token)

    def _brain(self, generation: int, reply: Reply) -> list[Input]:
        said: list[Input] = []
        for index, act in enumerate(reply):
            match act:
                case Say(text, phase):
                    words = [word if place == 0 else " " + word for place, word in enumerate(text.split(" "))]
                    said += [inputs.BrainText(generation, word, phase) for word in words]
                case Call(name, arguments, call_id):
                    half = len(arguments) // 2
                    said.append(inputs.BrainCall(generation, index, name, call_id, arguments[:half]))
                    said.append(inputs.BrainCall(generation, index, "", "", arguments[half:]))
                case Break(message):
                    return [*said, inputs.GenerationFailed(generation, "server_error", message)]
        return [*said, inputs.BrainFinished(generation, "stop")]

    def _do_speak(self, effect: effects.Speak) -> None:
        self._speech.setdefault((effect.generation, effect.output_index), []).append(effect.text)

    def _do_endspeech(self, effect: effects.EndSpeech) -> None:
        words = self._speech.pop((effect.generation, effect.output_index), [])
        delay = max(0.0, self._voices.get(effect.generation, 0.0) - self.now_ms) + self.jitter(self.timings.synthesis)
        length = self.timings.speech_per_word
        for word in words:
            bare = word.strip()
            times = (inputs.Word(bare, 0, length),) if bare else ()
            spoken = inputs.Spoken(effect.generation, effect.output_index, b"\1\0" * (length * 24), word, times)
            self.later(delay, partial(self.give, spoken))
            delay += self.jitter(self.timings.synthesis)
        if self.in_turn:
            self._voices[effect.generation] = self.now_ms + delay
        finished = inputs.SpeechFinished(effect.generation, effect.output_index)
        self.later(delay, partial(self.give, finished))

"""A translation session in virtual time: a script is spoken, scripted engines answer when they like, and what the client is told is kept.

The detector and the recognizer go by the script and the position in the audio; how long each engine takes is `delay_ms`, drawn anew for
every answer where a test wants chance.
"""

from __future__ import annotations

import base64
import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from vivavoce.core import effects, inputs
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Input
from vivavoce.core.interpreting.interpreter import Request
from vivavoce.core.translation import TranslationCore
from vivavoce.core.turns import FRAME_TICKS
from vivavoce.protocol.formats import TICKS_PER_MS
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.translation_events import parse
from vivavoce.protocol.translation_session import TranslationDefaults
from vivavoce.testing.legible import LegibleWord

PAIRS = (("en", "es"), ("en", "fr"), ("es", "en"), ("en", "ja"))
VOICED_WORD_MS = 300
STABLE_MS = 500
"""Audio after a word before it is told in a partial."""

Answer = str | Exception


def shouted(request: Request) -> Answer:
    """Translate by shouting; of an open clause the last word is a guess that will change."""
    words = request.text.upper().split()
    return " ".join([*words[:-1], words[-1] + "?"] if request.open else words)


@dataclass
class Booth:
    """Drives one `TranslationCore`.

    Args:
        words: what is spoken, and when in the audio.
        languages: those the recognizer knows.
        translate: what the translator says; an exception is a failure.
        delay_ms: how long an engine takes: `vad`, `recognizer`, `translator` or `voice`.
        speak: how many ms a phrase lasts; None fails.
        partials: whether words are told before a segment ends, with their times.
    """

    words: Sequence[LegibleWord] = ()
    languages: tuple[str, ...] = ("en",)
    translate: Callable[[Request], Answer] = shouted
    delay_ms: Callable[[str], float] = field(default=lambda engine: 0.0 if engine == "vad" else 50.0)
    speak: Callable[[str], float | None] = field(default=lambda text: VOICED_WORD_MS * len(text.split()))
    partials: bool = True
    minutes: float = 60
    now_ms: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    voiced: list[effects.Voice] = field(default_factory=list)
    lags: list[effects.Lagged] = field(default_factory=list)
    seconds: int = 0
    held: bool = False
    closed: effects.Close | None = None
    timers: dict[str, effects.SetTimer] = field(default_factory=dict)
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)
    _epoch: int = 0
    _epoch_start: int = 0
    _heard: int = 0
    _framed: int = 0
    _open: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Open recognitions: where they begin in ticks since the session began, and how many words have been told."""
    _deaf: bool = False

    def __post_init__(self) -> None:
        self.core = TranslationCore(
            "sess_test",
            TranslationDefaults("gpt-realtime-translate", PAIRS),
            IdSource(1),
            languages=self.languages,
            max_minutes=self.minutes,
        )
        self._perform(self.core.start({"audio": {"output": {"language": "es"}}}))

    # --- the client's side ------------------------------------------------------------------------------------------------------

    def client(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        self.give(inputs.Received(parse(msgspec.json.encode({"type": kind, **fields}))))

    def update(self, **audio: Any) -> None:
        """Send `session.update`."""
        self.client("session.update", session={"audio": audio})

    def append(self, ms: int) -> None:
        """Append so much audio at once."""
        self.client("session.input_audio_buffer.append", audio=base64.b64encode(bytes(ms * 48)).decode())

    def stream(self, ms: int, step_ms: int = 200) -> None:
        """Append audio at the pace it is spoken: a piece is sent when it is over."""
        for at in range(0, ms, step_ms):
            piece = min(step_ms, ms - at)
            self.run(piece)
            self.append(piece)

    def close(self) -> None:
        """Send `session.close`, and wait for the end."""
        self.client("session.close")
        self.settle()

    # --- time -------------------------------------------------------------------------------------------------------------------

    def give(self, event: Input) -> None:
        """Give the core an input now."""
        self._perform(self.core.handle(event, self.now_ms))

    def later(self, engine: str, what: Callable[[], None], more_ms: float = 0.0) -> None:
        """Do something when an engine is ready."""
        heapq.heappush(self._queue, (self.now_ms + self.delay_ms(engine) + more_ms, next(self._order), what))

    def run(self, ms: float) -> None:
        """Let time pass."""
        until = self.now_ms + ms
        while self._queue and self._queue[0][0] <= until:
            at, _, what = heapq.heappop(self._queue)
            self.now_ms = max(self.now_ms, at)
            what()
        self.now_ms = until

    def settle(self) -> None:
        """Let time pass until no engine has anything to do."""
        while self._queue:
            self.run(self._queue[0][0] - self.now_ms)

    # --- looking ----------------------------------------------------------------------------------------------------------------

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a type, named without `session.`."""
        return [event for event in self.events if event["type"] in (kind, f"session.{kind}")]

    def text(self, which: str = "output") -> str:
        """Return the text of one transcript."""
        return "".join(event["delta"] for event in self.of(f"{which}_transcript.delta"))

    @property
    def audio(self) -> bytes:
        """Return everything that was said."""
        return b"".join(base64.b64decode(event["delta"]) for event in self.of("output_audio.delta"))

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Return the errors."""
        found: list[dict[str, Any]] = [event["error"] for event in self.of("error")]
        return found

    # --- performing -------------------------------------------------------------------------------------------------------------

    def _perform(self, wanted: list[Effect]) -> None:
        for effect in wanted:
            getattr(self, "_do_" + type(effect).__name__.lower(), lambda effect: None)(effect)

    def _do_send(self, effect: effects.Send) -> None:
        assert self.closed is None, "nothing is sent after the end"
        self.events.append(effect.event)

    def _do_close(self, effect: effects.Close) -> None:
        self.closed = effect

    def _do_settimer(self, effect: effects.SetTimer) -> None:
        self.timers[effect.name] = effect

    def _do_interpreted(self, effect: effects.Interpreted) -> None:
        self.seconds += effect.seconds

    def _do_lagged(self, effect: effects.Lagged) -> None:
        self.lags.append(effect)

    def _do_hold(self, effect: effects.Hold) -> None:
        assert effect.held != self.held
        self.held = effect.held

    def _do_startlistening(self, effect: effects.StartListening) -> None:
        self._heard = self.core._dictation._epoch_start  # what came while nobody listened was not given to anybody
        self._epoch, self._epoch_start, self._framed = effect.epoch, self._heard, 0
        self._deaf = False

    def _do_listen(self, effect: effects.Listen) -> None:
        assert len(effect.audio) <= 9_600
        self._heard += len(effect.audio) // 2
        while not self._deaf and self._epoch_start + (self._framed + 1) * FRAME_TICKS <= self._heard:
            self._framed += 1
            self.later("vad", partial(self._frame, self._epoch, self._epoch_start + self._framed * FRAME_TICKS))

    def deafen(self) -> None:
        """Let the detector die."""
        self._deaf = True
        self.give(inputs.ListeningFailed(self._epoch, "The detector died."))

    def _frame(self, epoch: int, end: int) -> None:
        middle_ms = (end - FRAME_TICKS / 2) / TICKS_PER_MS
        loud = any(word.start_ms <= middle_ms < word.end_ms for word in self.words)
        self.give(inputs.VadFrame(epoch, 0.9 if loud else 0.0))
        for job, (start, told) in list(self._open.items()):
            there = self._said(start, end - STABLE_MS * TICKS_PER_MS)  # which is more than half a word
            if self.partials and len(there) > told:
                self._open[job] = (start, len(there))
                self.later("recognizer", partial(self.give, inputs.Heard(job, *_hypothesis(there, start))))

    def _do_openrecognition(self, effect: effects.OpenRecognition) -> None:
        self._open[effect.job] = (self._epoch_start + effect.from_tick, 0)

    def _do_endrecognition(self, effect: effects.EndRecognition) -> None:
        start, _ = self._open.pop(effect.job)
        said = self._said(start, self._epoch_start + effect.to_tick)
        language = said[0].language if said and len(self.languages) != 1 else ""
        final = inputs.Recognized(effect.job, *_hypothesis(said, start), language)
        self.later("recognizer", partial(self.give, final), 1_000.0)

    def _do_abortrecognition(self, effect: effects.AbortRecognition) -> None:
        self._open.pop(effect.job, None)

    def _said(self, start: int, end: int) -> list[LegibleWord]:
        """Return the words whose middle lies between two ticks."""
        return [word for word in self.words if start <= (word.start_ms + word.end_ms) / 2 * TICKS_PER_MS < end]

    def _do_translate(self, effect: effects.Translate) -> None:
        request = effect.request
        self.requests.append(request)
        answer = self.translate(request)
        result: Input = (
            inputs.Translated(request.job, answer)
            if isinstance(answer, str)
            else inputs.TranslationFailed(request.job, "server_error", str(answer))
        )
        self.later("translator", partial(self.give, result))

    def _do_voice(self, effect: effects.Voice) -> None:
        self.voiced.append(effect)
        lasts_ms = self.speak(effect.text)
        if lasts_ms is None:
            self.later("voice", partial(self.give, inputs.VoiceFailed(effect.job, "server_error", "The voice broke.")))
            return
        lasts_ms /= effect.speed
        count = len(effect.text.split())
        words = tuple(
            inputs.Word(word, round(place * lasts_ms / count), round((place + 1) * lasts_ms / count))
            for place, word in enumerate(effect.text.split())
        )
        self.later("voice", partial(self._say, effect.job, b"\1\0" * round(lasts_ms * 24), words))

    def _say(self, job: int, audio: bytes, words: tuple[inputs.Word, ...]) -> None:
        self.give(inputs.Voiced(job, audio, words))
        self.give(inputs.VoiceFinished(job))


def _hypothesis(words: Sequence[LegibleWord], start: int) -> tuple[str, tuple[inputs.HeardWord, ...]]:
    at_ms = start // TICKS_PER_MS
    heard = tuple(inputs.HeardWord(word.text, word.start_ms - at_ms, word.end_ms - at_ms) for word in words)
    return " ".join(word.text for word in words), heard

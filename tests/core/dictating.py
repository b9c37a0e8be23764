"""A dictation in virtual time: speech by the millisecond in, what is told out, with a recognizer that answers when it is asked to."""

from __future__ import annotations

from dataclasses import dataclass, field

from vivavoce.core import effects, inputs
from vivavoce.core.dictation import Dictation, Missed, PassageOver, Said
from vivavoce.core.effects import Effect
from vivavoce.core.turns import FRAME_TICKS
from vivavoce.protocol.formats import PCM, TICKS_PER_MS
from vivavoce.protocol.listening import ListeningConfig

FRAME_MS = FRAME_TICKS / TICKS_PER_MS


@dataclass
class Desk:
    """One dictation, its effects performed: recognitions wait in `open` until `hear` or `finish` answers them."""

    whole: bool = False
    out: list[Effect] = field(default_factory=list)
    told: list[Said | Missed | PassageOver] = field(default_factory=list)
    open: dict[int, int] = field(default_factory=dict)
    """Where each recognition begins, in ticks of its epoch."""
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Where each recognition that has its end begins and ends, in ms since the session began."""
    aborted: set[int] = field(default_factory=set)
    epoch: int = 0
    epoch_start: int = 0
    owed: float = 0.0

    def __post_init__(self) -> None:
        self.dictation = Dictation(self.out, self.told.append, whole=self.whole)
        self.dictation.configure(ListeningConfig(input_format=PCM, transcription=None, turn_detection=None))
        self.perform()

    def perform(self) -> None:
        for effect in self.out:
            match effect:
                case effects.StartListening():
                    self.epoch, self.epoch_start, self.owed = effect.epoch, self.dictation.end, 0.0
                case effects.OpenRecognition():
                    self.open[effect.job] = effect.from_tick
                case effects.EndRecognition():
                    start = self.epoch_start + self.open[effect.job]
                    self.spans[effect.job] = (start // TICKS_PER_MS, (self.epoch_start + effect.to_tick) // TICKS_PER_MS)
                case effects.AbortRecognition():
                    self.aborted.add(effect.job)
        self.out.clear()

    def sound(self, ms: float, probability: float, judged: bool = True) -> None:
        """Let audio come whose frames the detector judges alike."""
        self.dictation.append(b"\0\0" * round(ms * TICKS_PER_MS))
        self.owed += ms
        if judged:
            self.judge(probability)

    def judge(self, probability: float) -> None:
        """Let the detector judge all whole frames it owes."""
        while self.owed >= FRAME_MS:
            self.owed -= FRAME_MS
            self.dictation.frame(self.epoch, probability)
            self.perform()

    def speech(self, ms: float) -> None:
        self.sound(ms, 1.0)

    def silence(self, ms: float) -> None:
        self.sound(ms, 0.0)

    def hear(self, job: int, text: str) -> None:
        self.dictation.heard(inputs.Heard(job, text))
        self.perform()

    def finish(self, job: int, text: str, *words: inputs.HeardWord, language: str = "") -> None:
        self.dictation.recognized(inputs.Recognized(job, text, words, language))
        self.perform()

    def fail(self, job: int) -> None:
        self.dictation.recognized(inputs.RecognitionFailed(job, "server_error", "The worker died."))
        self.perform()

    def mark(self) -> int:
        number = self.dictation.mark()
        self.perform()
        return number

    @property
    def text(self) -> str:
        return "".join(each.text for each in self.told if isinstance(each, Said))

"""Continuous listening: what is said as it is said, for hours, in constant memory.

Speech is cut into segments at pauses, each one recognition; what they yield is told in the order of the audio, append-only, with times
since the session began. Two segments may be under recognition at once, so that the end of one is not waited for while the next begins;
the later one's words are held until the earlier one's are out.

A *passage* is what lies between two marks: an item between two commits, or everything until the end. A mark takes effect when the
detector has judged the audio up to it, so that a client that sends ten seconds at once and commits is heard like one that speaks.

Segments are cut at a pause of `PAUSES`; one that lasts `LONG_MS` ends at the next short dip, and at `LONGEST_MS` wherever it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vivavoce.core import effects
from vivavoce.core.effects import Effect
from vivavoce.core.inputs import Heard, HeardWord, RecognitionFailed, Recognized
from vivavoce.core.numbers import Numbers
from vivavoce.core.transcripts import Job, joint
from vivavoce.core.turns import Action, State, TurnTaking
from vivavoce.protocol import errors
from vivavoce.protocol.formats import PCM, TICKS_PER_MS, AudioFormat
from vivavoce.protocol.listening import ListeningConfig, TurnDetection

PAUSES: Final = TurnDetection(
    threshold=0.5,
    prefix_padding_ms=300,
    silence_duration_ms=500,
    idle_timeout_ms=None,
    create_response=False,
    interrupt_response=False,
)
"""The pauses segments are cut at, unless something else is asked for."""

LONG_MS: Final = 20_000
"""A segment this long ends at the next dip of `DIP_MS`: recognizers of whole utterances get slow and forgetful beyond half a minute."""

LONGEST_MS: Final = 30_000
"""Where a segment ends in the middle of a word, if need be. Source: the window of Whisper models."""

DIP_MS: Final = 96
"""Three unvoiced frames: the closure of a stop consonant is shorter."""

WHOLE_MS: Final = 15_000
"""How much of a passage in which no speech was found is recognized all the same, when its maker says that there is some."""

BEHIND_S: Final = 600
"""The most audio that may wait for the detector: ten minutes, as in the input buffer."""

_UNJUDGED_MS: Final = 56
"""Audio at a mark that the detector may still owe: an incomplete frame, and what resampling (2 ms at most) and noise reduction (16 ms) hold
back."""

_SLACK_MS: Final = 1_000

RETRY_MS: Final = 5_000
"""Audio after which a detector that died is tried again; it is at the next mark, if that comes first."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One segment, whole. Times are ms since the session began, those of its words too; `language` is empty where nobody can tell."""

    start_ms: int
    end_ms: int
    text: str
    words: tuple[HeardWord, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Said:
    """More of a passage: its texts concatenate, white space included. The last piece of a segment brings the `utterance`."""

    passage: int
    text: str
    start_ms: int
    end_ms: int
    words: tuple[HeardWord, ...] = ()
    """The words of `text` with their times, where the engine has them."""
    utterance: Utterance | None = None
    language: str = ""
    """What it is in, empty where nobody can tell (yet)."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A segment of a passage could not be recognized."""

    passage: int
    code: str
    message: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class PassageOver:
    """Everything of a marked passage has been told."""

    passage: int


Told = Said | Missed | PassageOver


@dataclass(slots=True)
class _Segment:
    job: int
    passage: int
    start: int
    end: int | None = None
    shown: Job = field(default_factory=lambda: Job("", 0, 0.0))
    begun: bool = False
    """Whether anything of it has been told."""
    words: int = 0
    """Words told with times."""
    partial: Heard | None = None
    result: Recognized | RecognitionFailed | None = None


class Dictation:
    """What one session hears, continuously. Positions are ticks since the session began.

    Args:
        out: the list effects are put into, shared with the session.
        tell: takes what was heard.
        whole: whether a marked passage is recognized even where the detector found no speech in it.
        pauses: what counts as a pause.
        numbers: shared with whoever else in the session listens.
    """

    def __init__(
        self,
        out: list[Effect],
        tell: Callable[[Told], None],
        *,
        whole: bool = False,
        pauses: TurnDetection = PAUSES,
        numbers: Numbers | None = None,
    ) -> None:
        self._out = out
        self._tell = tell
        self._whole = whole
        self._pauses = pauses
        self._config: ListeningConfig | None = None
        self._format: AudioFormat = PCM
        self._taking: TurnTaking | None = None
        self._epoch = 0
        self._epoch_start = 0
        self._numbers = numbers or Numbers()
        self._open: _Segment | None = None
        self._segments: deque[_Segment] = deque()
        self._marks: deque[int] = deque()
        self._last_end = 0
        self._discarded: set[int] = set()
        """Passages of which nothing is to be told."""
        self._told: dict[int, str] = {}
        """The last character told of each passage at hand."""
        self.passage = 1
        """The number of the passage at hand."""
        self.passage_start = 0
        self._reached = 1
        """The passage that the detector is in: behind `passage` while marks wait for it."""
        self._reached_start = 0
        self._found = False
        """Whether the passage that the detector is in has a segment."""
        self._over = 1
        """The first passage of which not everything has been told."""
        self._deaf_from: int | None = None
        """Where the detector died."""
        self.end = 0
        """Where the input audio ends."""

    # --- configuration ----------------------------------------------------------------------------------------------------------

    def check(self, config: ListeningConfig) -> None:
        """Check that a configuration can take effect now.

        Raises:
            ClientFault: the input format would change while audio of the old one waits.
        """
        marked = any(passage not in self._discarded for passage in range(self._reached, self.passage))
        if config.input_format != self._format and (self._open is not None or marked or self._unjudged):
            raise errors.format_busy()

    def configure(self, config: ListeningConfig) -> None:
        """Let a checked configuration take effect; it counts for segments that begin later."""
        anew = self._taking is None or config.input_format != self._format
        self._config = config
        self._format = config.input_format
        if anew:
            self._listen_anew()
            self._reach_marks()

    def stop(self) -> None:
        """Stop listening: marked passages end where they are marked, what came after is given up. What is under recognition is told."""
        while self._marks:
            self._pass_mark()
        self._abandon([segment for segment in self._segments if segment.passage == self.passage])
        self._deafen()
        self._deaf_from = None
        self.passage_start = self._reached_start = self._last_end = self.end
        self._advance()

    # --- audio ------------------------------------------------------------------------------------------------------------------

    @property
    def found(self) -> bool:
        """Tell whether there may be speech in the passage at hand: some has been found, or not all of it has been looked at."""
        beginning = self._taking is not None and self._taking.state is State.ONSET
        return self._unjudged or (not self._marks and (self._found or beginning))

    @property
    def passage_ms(self) -> float:
        """Return how much audio the passage at hand has."""
        return (self.end - self.passage_start) / TICKS_PER_MS

    def append(self, audio: bytes) -> None:
        """Take audio.

        Raises:
            ClientFault: it is not whole samples, or the detector is too far behind.
        """
        if len(audio) % self._format.width:
            raise errors.odd_audio("audio", self._format.width)
        if self._too_far_behind(audio):
            raise errors.buffer_full(BEHIND_S)
        self._take(audio)

    def overhear(self, audio: bytes) -> None:
        """Take audio of a media track (whole samples), which flows on whatever happens: a detector too far behind counts as dead."""
        if self._too_far_behind(audio):
            self.failed(self._epoch, f"The detector is more than {BEHIND_S} seconds behind.")
        self._take(audio)

    def _too_far_behind(self, audio: bytes) -> bool:
        behind = self.end + self._format.ticks(len(audio)) - self._now()
        return self._taking is not None and behind > BEHIND_S * 1000 * TICKS_PER_MS

    def _take(self, audio: bytes) -> None:
        if self._deaf_from is not None and self.end - self._deaf_from >= RETRY_MS * TICKS_PER_MS:
            self._listen_anew()
        self.end += self._format.ticks(len(audio))
        if self._taking is None:
            self._epoch_start = self.end  # nobody listens, so nobody is behind
        elif audio:
            self._out.append(effects.Listen(audio))

    def frame(self, epoch: int, probability: float) -> None:
        """Take a detector frame."""
        if epoch != self._epoch or self._taking is None:
            return
        action = self._taking.frame(probability)
        if action is Action.START:
            self._begin(self._epoch_start + self._taking.onset - self._taking.settings.prefix_padding_ms * TICKS_PER_MS)
        elif self._open is not None and (action is Action.STOP or self._too_long(self._open)):
            self._finish(self._now())
        self._reach_marks()

    def mark(self) -> int:
        """End the passage at hand where the input audio ends, and return its number; `PassageOver` comes when all of it is told."""
        number = self.passage
        self._marks.append(self.end)
        self.passage += 1
        self.passage_start = self.end
        self._reach_marks()
        if self._deaf_from is not None:
            self._listen_anew()
        return number

    def clear(self) -> None:
        """Forget the passage at hand: nothing more of it is told, not even its end."""
        self._abandon([segment for segment in self._segments if segment.passage == self.passage])
        self._discarded.add(self.passage)
        self.mark()

    def failed(self, epoch: int, message: str) -> bool:
        """Take the detector's death; tell whether it concerns this epoch.

        Passages that wait for it end as they stand. What comes is heard again from the next mark on, or after `RETRY_MS`.
        """
        if epoch != self._epoch or self._taking is None:
            return False
        now = self._now() // TICKS_PER_MS
        self._abandon([] if self._open is None else [self._open])
        for passage in range(self._reached, self.passage + 1):
            if passage not in self._discarded:
                self._tell(Missed(passage, errors.SERVER_ERROR, message, now, self.end // TICKS_PER_MS))
        self._deafen()
        while self._marks:
            self._pass_mark()
        self._advance()
        return True

    # --- recognition ------------------------------------------------------------------------------------------------------------

    def heard(self, heard: Heard) -> None:
        """Take a partial hypothesis."""
        segment = self._segment(heard.job)
        if segment is not None and segment.result is None:
            segment.partial = heard
            self._advance()

    def recognized(self, result: Recognized | RecognitionFailed) -> None:
        """Take the end of a recognition."""
        segment = self._segment(result.job)
        if segment is not None and segment.result is None:
            segment.result = result
            if segment is self._open:  # the recognizer ended before the speech did: what follows is a segment of its own
                self._open = None
                segment.end = self._now()
                self._reset(segment.end)
            self._advance()

    # --- inside: cutting --------------------------------------------------------------------------------------------------------

    @property
    def _unjudged(self) -> bool:
        """Tell whether the detector owes more of the passage at hand than it always may."""
        return self.end - max(self._now(), self.passage_start) > _UNJUDGED_MS * TICKS_PER_MS

    def _now(self) -> int:
        return self._epoch_start + (self._taking.position if self._taking else 0)

    def _deafen(self) -> None:
        self._deaf_from = self.end
        if self._taking is not None:
            self._epoch_start = self.end
            self._taking = None
            self._out.append(effects.StopListening())

    def _listen_anew(self) -> None:
        if self._open is not None:
            self._finish(self._now())
        self._deaf_from = None
        self._epoch = self._numbers.epoch()
        self._epoch_start = self.end
        self._taking = TurnTaking(self._pauses)
        keep_ms = max(WHOLE_MS if self._whole else 0, _SLACK_MS + self._pauses.prefix_padding_ms)
        self._out.append(effects.StartListening(self._epoch, self._format, keep_ms))

    def _too_long(self, segment: _Segment) -> bool:
        if self._taking is None:
            return False
        lasted = (self._now() - segment.start) / TICKS_PER_MS
        return lasted >= LONGEST_MS or (lasted >= LONG_MS and self._taking.pause_ms >= DIP_MS)

    def _begin(self, start: int) -> None:
        if self._config is None:
            raise LookupError("configure() comes first")
        if self._reached in self._discarded:
            return
        start = max(start, self._last_end, self._epoch_start)
        self._open = _Segment(self._numbers.job(), self._reached, start)
        self._segments.append(self._open)
        self._found = True
        self._out.append(effects.OpenRecognition(self._open.job, start - self._epoch_start, self._config))

    def _finish(self, end: int) -> None:
        segment, self._open = self._open, None
        if segment is not None:
            segment.end = end
            self._out.append(effects.EndRecognition(segment.job, end - self._epoch_start))
            self._reset(end)

    def _reset(self, end: int) -> None:
        self._last_end = end
        if self._taking is not None:
            self._taking.reset()

    def _reach_marks(self) -> None:
        while self._marks and (self._taking is None or self._now() >= self._marks[0] - _UNJUDGED_MS * TICKS_PER_MS):
            self._pass_mark()
        self._advance()

    def _pass_mark(self) -> None:
        mark = self._marks.popleft()
        taking = self._taking
        if taking is not None and self._open is None and mark > self._last_end:
            if taking.state is State.ONSET:
                self._begin(self._epoch_start + taking.onset - taking.settings.prefix_padding_ms * TICKS_PER_MS)
            elif self._whole and not self._found:
                self._begin(max(self._reached_start, mark - WHOLE_MS * TICKS_PER_MS))
            elif self._now() < mark - _UNJUDGED_MS * TICKS_PER_MS:
                self._begin(max(self._reached_start, self._now()))  # nobody has looked at it, and nobody will
        self._finish(mark)
        self._reset(mark)
        self._reached += 1
        self._reached_start, self._found = mark, False

    def _abandon(self, segments: list[_Segment]) -> None:
        for segment in segments:
            self._segments.remove(segment)
            if segment.result is None:
                self._out.append(effects.AbortRecognition(segment.job))
            if segment is self._open:
                self._open = None
                self._reset(self._now())

    # --- inside: telling --------------------------------------------------------------------------------------------------------

    def _segment(self, job: int) -> _Segment | None:
        return next((segment for segment in self._segments if segment.job == job), None)

    def _advance(self) -> None:
        """Tell what can be told in order, and end the passages that are complete."""
        while self._segments:
            first = self._segments[0]
            self._end_passages(before=first.passage)
            if first.partial is not None and first.result is None:
                self._tell_partial(first, first.partial)
                first.partial = None
            if first.result is None or first.end is None:
                return
            self._segments.popleft()
            self._tell_result(first, first.result, first.end)
        self._end_passages(before=self._reached)

    def _tell_partial(self, segment: _Segment, heard: Heard) -> None:
        delta = segment.shown.extend(heard.text)
        if delta:
            words = self._words(segment, heard.words)
            start_ms, end_ms = self._times(segment, words[segment.words :])
            self._say(segment, delta, start_ms, end_ms, words[segment.words :], heard.language)
            segment.words = len(words)

    def _tell_result(self, segment: _Segment, result: Recognized | RecognitionFailed, end: int) -> None:
        start_ms, end_ms = segment.start // TICKS_PER_MS, end // TICKS_PER_MS
        if isinstance(result, RecognitionFailed):
            self._tell(Missed(segment.passage, result.code, result.message, start_ms, end_ms))
            return
        delta, text = segment.shown.complete(result.text)
        words = self._words(segment, result.words)
        if text:
            told = words[len(text.split()) - len(delta.split()) :]
            utterance = Utterance(start_ms, end_ms, text, words, result.language)
            self._say(segment, delta, *self._times(segment, told), told, result.language, utterance)

    def _say(
        self,
        segment: _Segment,
        delta: str,
        start_ms: int,
        end_ms: int,
        words: tuple[HeardWord, ...],
        language: str,
        utterance: Utterance | None = None,
    ) -> None:
        last = self._told.get(segment.passage, "")
        opening = "" if segment.begun else joint(last, delta)
        segment.begun = segment.begun or bool(delta)
        self._told[segment.passage] = delta[-1:] or last
        self._tell(Said(segment.passage, opening + delta, start_ms, end_ms, words, utterance, language))

    def _words(self, segment: _Segment, words: tuple[HeardWord, ...]) -> tuple[HeardWord, ...]:
        """Return words with times since the session began."""
        start_ms = segment.start // TICKS_PER_MS
        return tuple(
            HeardWord(word.text, start_ms + word.start_ms, start_ms + word.end_ms, word.confidence, word.speaker)
            for word in words
        )

    def _times(self, segment: _Segment, words: tuple[HeardWord, ...]) -> tuple[int, int]:
        if words:
            return words[0].start_ms, words[-1].end_ms
        return segment.start // TICKS_PER_MS, (self._now() if segment.end is None else segment.end) // TICKS_PER_MS

    def _end_passages(self, before: int) -> None:
        while self._over < min(before, self._reached):
            self._told.pop(self._over, None)
            if self._over in self._discarded:
                self._discarded.discard(self._over)
            else:
                self._tell(PassageOver(self._over))
            self._over += 1

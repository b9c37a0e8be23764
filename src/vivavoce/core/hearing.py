"""The listening half of a session: the input buffer, turn-taking over it, and the recognition of what is said.

It turns audio and detector frames into turns, each with the id of the user item it will become, and keeps the numbers of the
recognition jobs so that a late result finds its item or nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from vivavoce.core import effects
from vivavoce.core.effects import Effect
from vivavoce.core.input_buffer import LIMIT_S, InputBuffer
from vivavoce.core.numbers import Numbers
from vivavoce.core.turns import Action, TurnTaking
from vivavoce.protocol import errors
from vivavoce.protocol.formats import TICKS_PER_MS, AudioFormat
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.listening import ListeningConfig, TurnDetection

MIN_COMMIT_MS: Final = 100
MAX_TURN_MS: Final = 300_000
"""A turn that lasts this long is closed as it stands, so that memory stays bounded (I10)."""

_SLACK_MS: Final = 1_000
"""Audio kept beyond the prefix padding: what arrives while the detector works."""

_UNJUDGED_SILENCE_MS: Final = {2_000: 500, 4_000: 800, 8_000: 1_200}
"""semantic_vad without an endpointer: a plain silence by eagerness (its longest wait names it)."""


@dataclass(slots=True)
class Turn:
    """A turn of the user while it lasts. Positions are ticks since the session's start."""

    item_id: str
    job: int
    start: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished stretch of input audio: the item it becomes and its recognition job."""

    item_id: str
    job: int
    audio: bytes
    start: int
    end: int

    @property
    def ms(self) -> float:
        """Return how long it lasts."""
        return (self.end - self.start) / TICKS_PER_MS


class Hearing:
    """What a session hears.

    Args:
        ids: the session's id source.
        out: the list effects are put into, shared with the session.
        judged: whether an endpointer is there for semantic_vad.
        numbers: shared with whoever else in the session listens.
    """

    def __init__(self, ids: IdSource, out: list[Effect], *, judged: bool, numbers: Numbers | None = None) -> None:
        self.buffer = InputBuffer()
        self.turn: Turn | None = None
        self._ids = ids
        self._out = out
        self._judged = judged
        self._config: ListeningConfig | None = None
        self._taking: TurnTaking | None = None
        self._epoch = 0
        self._epoch_start = 0
        self._numbers = numbers or Numbers()

    # --- configuration ----------------------------------------------------------------------------------------------------------

    def check(self, config: ListeningConfig) -> None:
        """Check that a configuration can take effect now.

        Raises:
            ClientFault: the input format would change while audio of the old one waits.
        """
        waiting = self.turn is not None or (self._taking is None and self.buffer.ticks > 0)
        if config.input_format != self.buffer.format and waiting:
            raise errors.format_busy()

    def configure(self, config: ListeningConfig) -> None:
        """Let a checked configuration take effect."""
        before, self._config = self._config, config
        if config.noise != (before.noise if before else None):
            self._out.append(effects.ReduceNoise(config.noise))
        if config.input_format != self.buffer.format:
            self.buffer.clear()
            self.buffer.format = config.input_format
            before = None
        settings = self._settings(config.turn_detection)
        if settings is None:
            self._stop_listening()
        elif before is None or self._taking is None or self._keeps_less(settings):
            self._listen_anew()
        else:
            self._taking.settings = settings

    def new_job(self) -> int:
        """Return the number of a new recognition job."""
        return self._numbers.job()

    # --- audio ------------------------------------------------------------------------------------------------------------------

    def append(self, audio: bytes) -> None:
        """Take audio from the client.

        Raises:
            ClientFault: it is not whole samples, or the buffer is full.
        """
        if len(audio) % self.buffer.format.width:
            raise errors.odd_audio("audio", self.buffer.format.width)
        if not self.buffer.fits(audio):
            raise errors.buffer_full(LIMIT_S)
        self.buffer.append(audio)
        self._listen_to(audio)

    def overhear(self, audio: bytes) -> None:
        """Take audio of a media track (whole samples): it flows on whether or not there is room, so the oldest goes."""
        self.buffer.append_anyway(audio)
        self._listen_to(audio)

    def frame(self, epoch: int, probability: float) -> Action | None:
        """Take a detector frame; return what happened to the turn."""
        if epoch != self._epoch or self._taking is None:
            return None
        action = self._taking.frame(probability)
        if self.turn is None and self._now() <= self.buffer.start:
            self._taking.reset()  # the client took this audio before the detector had judged it
            return None
        if action is Action.START:
            self._start_turn()
        elif action is Action.JUDGE and self.turn is not None:
            self._out.append(effects.JudgeTurn(self.turn.job, self._taking.position))
        elif action is None and self.turn is not None and self._now() - self.turn.start >= MAX_TURN_MS * TICKS_PER_MS:
            return Action.STOP
        return action

    def judged(self, job: int, probability: float) -> Action | None:
        """Take the endpointer's verdict on the turn at hand; one on another turn changes nothing."""
        if self.turn is None or self.turn.job != job or self._taking is None:
            return None
        return self._taking.judged(probability)

    def failed(self, epoch: int) -> bool:
        """Take the detector's death; tell whether it concerns this epoch."""
        if epoch != self._epoch or self._taking is None:
            return False
        self._stop_listening()
        return True

    def finish_turn(self) -> Segment:
        """End the turn at hand where the detector stands, and return its audio."""
        return self._end_turn(self._now())

    def commit(self) -> Segment:
        """End the turn at hand, or take the whole buffer, because the client says so.

        Raises:
            ClientFault: there is less than 100 ms of audio.
        """
        if self.buffer.ticks < MIN_COMMIT_MS * TICKS_PER_MS:
            raise errors.commit_empty(self.buffer.ticks / TICKS_PER_MS)
        if self.turn is not None:
            return self._end_turn(self.buffer.end)
        segment = self.take(self._ids.item())
        self._out.append(effects.RecognizeAudio(segment.job, segment.audio, self.buffer.format, self._configured()))
        return segment

    def take(self, item_id: str) -> Segment:
        """Take the whole buffer as the audio of an item, without having it recognized."""
        start, end = self.buffer.start, self.buffer.end
        return Segment(item_id, self.new_job(), self.buffer.take(start, end), start, end)

    def clear(self) -> None:
        """Forget the buffer and the turn at hand."""
        self._abandon()
        self.buffer.clear()
        if self._taking is not None:
            self._listen_anew()

    # --- inside -----------------------------------------------------------------------------------------------------------------

    def _listen_to(self, audio: bytes) -> None:
        if self._taking is not None and audio:
            self._out.append(effects.Listen(audio))
            if self.turn is None:
                self.buffer.drop_before(self._epoch_start + self._taking.position - self._keep_ms() * TICKS_PER_MS)

    def _start_turn(self) -> None:
        taking, config = self._taking, self._configured()
        if taking is None:
            return
        padded = self._epoch_start + taking.onset - taking.settings.prefix_padding_ms * TICKS_PER_MS
        start = max(padded, self.buffer.start, self._epoch_start)
        self.turn = Turn(self._ids.item(), self.new_job(), start)
        self._out.append(effects.OpenRecognition(self.turn.job, start - self._epoch_start, config))

    def _end_turn(self, end: int) -> Segment:
        turn, taking = self.turn, self._taking
        if turn is None or taking is None:
            raise LookupError("no turn is open")
        taking.reset()
        self.turn = None
        self._out.append(effects.EndRecognition(turn.job, end - self._epoch_start))
        start = max(turn.start, self.buffer.start)
        return Segment(turn.item_id, turn.job, self.buffer.take(start, end), start, end)

    def _abandon(self) -> None:
        if self.turn is not None:
            self._out.append(effects.AbortRecognition(self.turn.job))
            self.turn = None

    def _listen_anew(self) -> None:
        settings = self._settings(self._configured().turn_detection)
        if settings is None:
            return
        self._abandon()
        self._epoch = self._numbers.epoch()
        self._epoch_start = self.buffer.end
        self._taking = TurnTaking(settings)
        self._out.append(effects.StartListening(self._epoch, self.buffer.format, self._keep_ms()))

    def _stop_listening(self) -> None:
        if self._taking is not None:
            self._abandon()
            self._taking = None
            self._out.append(effects.StopListening())

    def _settings(self, detection: TurnDetection | None) -> TurnDetection | None:
        if detection is None or detection.max_wait_ms is None or self._judged:
            return detection
        return replace(detection, max_wait_ms=None, silence_duration_ms=_UNJUDGED_SILENCE_MS[detection.max_wait_ms])

    def _keeps_less(self, settings: TurnDetection) -> bool:
        """Tell whether the epoch at hand keeps too little audio for a longer prefix padding."""
        return (
            self.turn is None
            and self._taking is not None
            and self._taking.settings.prefix_padding_ms < settings.prefix_padding_ms
        )

    def _keep_ms(self) -> int:
        return _SLACK_MS + (self._taking.settings.prefix_padding_ms if self._taking else 0)

    def _now(self) -> int:
        return self._epoch_start + (self._taking.position if self._taking else 0)

    def _configured(self) -> ListeningConfig:
        if self._config is None:
            raise LookupError("configure() comes first")
        return self._config

    @property
    def format(self) -> AudioFormat:
        """Return the input format in force."""
        return self.buffer.format

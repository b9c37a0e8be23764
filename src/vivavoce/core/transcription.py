"""The transcription session: a pure state machine from inputs to effects, like the agent's, with nobody who answers.

Under turn detection, turns become items as in an agent session (`Hearing`). Without it the session listens continuously
(`Dictation`), tells what streaming models hear as it is said, and makes an item of it when the client commits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from vivavoce.core import effects, inputs
from vivavoce.core.client_clock import ClientClock
from vivavoce.core.conversation import Item, Part
from vivavoce.core.dictation import Dictation, Missed, PassageOver, Said, Told
from vivavoce.core.effects import Effect
from vivavoce.core.front import Front
from vivavoce.core.hearing import MIN_COMMIT_MS, Hearing, Segment
from vivavoce.core.inputs import HeardWord, Input
from vivavoce.core.numbers import Numbers
from vivavoce.core.playout import Playout
from vivavoce.core.transcribing import Transcribing
from vivavoce.core.transcripts import Job
from vivavoce.core.turns import Action
from vivavoce.protocol import client_events as client
from vivavoce.protocol import errors
from vivavoce.protocol import server_events as events
from vivavoce.protocol import transcription_session as session
from vivavoce.protocol.formats import TICKS_PER_MS
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.transcription_session import TranscriptionDefaults


@dataclass(slots=True)
class _Passage:
    """An item on its way: what is dictated until the client commits it."""

    job: Job
    start_ms: int
    """Where it begins."""
    said: list[str] = field(default_factory=list)
    """What has been said and not told yet."""
    words: list[HeardWord] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    """Those heard in it, as far as anybody can tell, each once."""
    fault: Missed | None = None


class TranscriptionCore:
    """One transcription session.

    Args:
        session_id: the session's id.
        defaults: what sessions start with.
        ids: makes every other id.
        expires_at: unix seconds at which the session ends, shown to the client.
        max_minutes: the session's length.
        judged: whether an endpointer is there for semantic_vad.
        playout: who owns the playout clock: nothing is played here, but on a call audio comes over its media track.
    """

    def __init__(
        self,
        session_id: str,
        defaults: TranscriptionDefaults,
        ids: IdSource,
        *,
        expires_at: int = 0,
        max_minutes: float = 60,
        judged: bool = False,
        playout: Playout | None = None,
    ) -> None:
        self._out: list[Effect] = []
        self._ids = ids
        self._defaults = defaults
        self._front = Front(ids, self._out, max_minutes)
        self._send = self._front.send
        self._playout = playout or ClientClock()
        self._session = session.initial(defaults, session_id, expires_at)
        self._config = self._playout.listening(session.view(self._session))
        self._detection_chosen = False
        self._dictating = False
        """Whether the client says where items end."""
        numbers = Numbers()
        self._hearing = Hearing(ids, self._out, judged=judged, numbers=numbers)
        self._transcribing = Transcribing(self._hearing, ids, self._out, self._send)
        self._dictation = Dictation(self._out, self._on_told, whole=True, numbers=numbers)
        self._passages: dict[int, _Passage] = {}
        self._last_item: str | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            inputs.Received: self._front.received,
            inputs.TrackAudio: lambda track: self._hear(track.audio, self._dictation.overhear, self._hearing.overhear),
            inputs.VadFrame: self._on_vad_frame,
            inputs.ListeningFailed: self._on_listening_failed,
            inputs.TurnJudged: lambda verdict: self._on_turn(self._hearing.judged(verdict.job, verdict.probability)),
            inputs.Heard: self._on_heard,
            inputs.Recognized: self._on_result,
            inputs.RecognitionFailed: self._on_result,
            inputs.TimerFired: lambda timer: self._front.expire(),
        }
        self._front.handlers = {
            client.SessionUpdate: self._on_session_update,
            client.AudioAppend: self._on_append,
            client.AudioCommit: self._on_commit,
            client.AudioClear: self._on_clear,
        }

    # --- the way in -------------------------------------------------------------------------------------------------------------

    def start(self, update: dict[str, Any] | None = None) -> list[Effect]:
        """Open the session, with a configuration already agreed on if there is one (a client secret's).

        Raises:
            ClientFault: that configuration is wrong.
        """
        if update is not None:
            self._take_update(update)
        self._front.open(self._session)
        self._listen()
        self._out.append(effects.Prepare(self._config))
        return self._front.taken()

    def handle(self, event: Input, now_ms: float) -> list[Effect]:
        """Take one input; return what is to be done about it. The session's own clock says nothing here: audio is the time."""
        self._handlers[type(event)](event)
        return self._front.taken()

    def release(self) -> None:
        """Let go of the audio: the session is over."""
        self._hearing.buffer.clear()

    # --- client events ----------------------------------------------------------------------------------------------------------

    def _on_session_update(self, event: client.SessionUpdate) -> None:
        before = self._config
        self._take_update(event.session)
        self._send(events.session_updated(self._session))
        self._listen()
        if before.transcription != self._config.transcription:
            self._out.append(effects.Prepare(self._config))

    def _take_update(self, update: Any) -> None:
        updated = session.updated(self._session, update, self._defaults, chosen=self._detection_chosen)
        config = self._playout.listening(session.view(updated))
        if self._dictating:
            self._dictation.check(config)
        else:
            self._hearing.check(config)
        self._detection_chosen = self._detection_chosen or session.chooses_detection(update)
        self._session, self._config = updated, config

    def _on_append(self, event: client.AudioAppend) -> None:
        self._playout.check_append("input_audio_buffer.append")
        self._hear(event.audio, self._dictation.append, self._hearing.append)

    def _hear(self, audio: bytes, dictated: Callable[[bytes], None], in_turns: Callable[[bytes], None]) -> None:
        if self._dictating:
            dictated(audio)
            self._hearing.buffer.pass_over(self._hearing.format.ticks(len(audio)))
        else:
            in_turns(audio)

    def _on_commit(self, event: client.AudioCommit) -> None:
        if self._dictating:
            if self._dictation.passage_ms < MIN_COMMIT_MS:
                raise errors.commit_empty(self._dictation.passage_ms)
            self._end_passage()
            return
        turn = self._hearing.turn
        if turn is None:
            self._transcribing.check_room(1)
        segment = self._hearing.commit()
        if turn is not None:
            self._send(events.speech_stopped(segment.end // TICKS_PER_MS, segment.item_id))
        self._add_segment(segment)

    def _on_clear(self, event: client.AudioClear) -> None:
        if self._dictating:
            self._passages.pop(self._dictation.passage, None)
            self._dictation.clear()
        else:
            turn = self._hearing.turn
            self._hearing.clear()
            self._transcribing.abandoned(turn)
        self._send(events.buffer_cleared())

    # --- listening --------------------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Listen as the configuration says; audio that waits changes over with it."""
        by_client = self._config.turn_detection is None
        if self._dictating and not by_client:
            if self._dictation.found:
                self._end_passage()
            self._passages.pop(self._dictation.passage, None)
            self._dictation.stop()
        waiting = b""
        buffer = self._hearing.buffer
        if by_client and not self._dictating and buffer.format == self._config.input_format:
            waiting = buffer.take(buffer.start, buffer.end)
        turn = self._hearing.turn
        self._hearing.configure(self._config)
        self._transcribing.abandoned(turn)
        self._dictating = by_client
        if by_client:
            self._dictation.configure(self._config)
            self._dictation.append(waiting)

    def _on_vad_frame(self, frame: inputs.VadFrame) -> None:
        self._dictation.frame(frame.epoch, frame.probability)
        self._on_turn(self._hearing.frame(frame.epoch, frame.probability))

    def _on_turn(self, action: Action | None) -> None:
        if action is Action.START and self._hearing.turn is not None:
            turn = self._hearing.turn
            self._transcribing.begin(turn.job, Job(turn.item_id, 0, 0.0))
            self._send(events.speech_started(turn.start // TICKS_PER_MS, turn.item_id))
        elif action is Action.STOP:
            segment = self._hearing.finish_turn()
            self._send(events.speech_stopped(segment.end // TICKS_PER_MS, segment.item_id))
            self._add_segment(segment)

    def _on_listening_failed(self, failed: inputs.ListeningFailed) -> None:
        turn = self._hearing.turn
        if self._dictation.failed(failed.epoch, failed.message) or self._hearing.failed(failed.epoch):
            self._transcribing.abandoned(turn)
            self._front.fail(failed.message)

    def _add_segment(self, segment: Segment) -> None:
        self._transcribing.end(segment)
        self._add_item(segment.item_id)
        early = self._transcribing.take_early(segment.job)
        if early is not None:
            self._on_result(early)

    def _add_item(self, item_id: str) -> None:
        """Tell of a new item. The session keeps none: nobody reads them back."""
        item = Item(item_id, "message", role="user", parts=[Part("input_audio")]).wire()
        self._send(events.buffer_committed(self._last_item, item_id))
        self._send(events.item_added(self._last_item, item))
        self._send(events.item_done(self._last_item, item))
        self._last_item = item_id

    # --- recognition ------------------------------------------------------------------------------------------------------------

    def _on_heard(self, heard: inputs.Heard) -> None:
        self._dictation.heard(heard)
        self._transcribing.heard(heard, self._config)

    def _on_result(self, result: inputs.Recognized | inputs.RecognitionFailed) -> None:
        self._dictation.recognized(result)
        job = self._transcribing.take(result)
        if job is None:
            return
        if isinstance(result, inputs.Recognized):
            self._transcribing.completed(job, result, self._config)
        else:
            self._transcribing.failed(job, result, self._config)

    # --- passages ---------------------------------------------------------------------------------------------------------------

    def _passage(self, number: int) -> _Passage:
        if number not in self._passages:
            start_ms = self._dictation.passage_start // TICKS_PER_MS
            self._passages[number] = _Passage(Job(self._ids.item(), 0, 0.0), start_ms)
        return self._passages[number]

    def _end_passage(self) -> None:
        passage = self._passage(self._dictation.passage)
        passage.job.audio_ms = self._dictation.passage_ms
        self._add_item(passage.job.item_id)
        self._dictation.mark()

    def _on_told(self, told: Told) -> None:
        passage = self._passage(told.passage)
        match told:
            case Said():
                passage.said.append(told.text)
                if told.utterance is not None:
                    if told.language and told.language not in passage.languages:
                        passage.languages.append(told.language)
                    passage.words += self._of_item(told.utterance.words, passage.start_ms)
                if self._config.transcription is not None and self._config.transcription.streaming:
                    self._transcribing.told(passage.job, _drain(passage.said), self._config)
            case Missed():
                passage.fault = passage.fault or told
            case PassageOver():
                del self._passages[told.passage]
                self._complete(passage)

    def _complete(self, passage: _Passage) -> None:
        if passage.fault is not None:
            failure = inputs.RecognitionFailed(0, passage.fault.code, passage.fault.message)
            self._transcribing.failed(passage.job, failure, self._config)
            return
        text = passage.job.emitted + _drain(passage.said)
        whole = inputs.Recognized(0, text, tuple(passage.words))
        self._transcribing.completed(passage.job, whole, self._config, passage.languages)

    def _of_item(self, words: tuple[HeardWord, ...], start_ms: int) -> tuple[HeardWord, ...]:
        """Return the words that are to be told of one by one, if any are, with their times in an item that begins there."""
        wanted = self._config.transcription
        if not (self._config.logprobs or (wanted is not None and wanted.diarizing)):
            return ()
        return tuple(replace(word, start_ms=word.start_ms - start_ms, end_ms=word.end_ms - start_ms) for word in words)


def _drain(pieces: list[str]) -> str:
    text = "".join(pieces)
    pieces.clear()
    return text

"""The agent session: a pure state machine from inputs to effects.

`handle(input, now_ms)` is the only way in. It validates before it changes anything, so a client's mistake costs one `error` event and
nothing else (I7). Time is told by the caller: positions in the audio are sample counts, and `now_ms`, the session's own clock, is used
for the playback estimate alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from vivavoce.core import effects, inputs
from vivavoce.core.archive import DEFAULT_BUDGET_BYTES, AudioArchive
from vivavoce.core.client_clock import ClientClock
from vivavoce.core.conversation import Conversation, Item, Part
from vivavoce.core.effects import Effect
from vivavoce.core.front import EXPIRY, Front
from vivavoce.core.hearing import Hearing, Segment
from vivavoce.core.history import History
from vivavoce.core.inputs import Input
from vivavoce.core.ledger import PlaybackLedger
from vivavoce.core.playout import Playout, Rooms
from vivavoce.core.replies import Replies
from vivavoce.core.transcribing import Transcribing
from vivavoce.core.transcripts import Job
from vivavoce.core.turns import Action
from vivavoce.protocol import client_events as client
from vivavoce.protocol import errors, session
from vivavoce.protocol import server_events as events
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.formats import TICKS_PER_MS
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.session import SessionDefaults
from vivavoce.protocol.usage import Usage

_IDLE: Final = "idle"


class AgentCore:
    """One agent session.

    Args:
        session_id: the session's id.
        defaults: what the model's sessions start with.
        ids: makes every other id.
        expires_at: unix seconds at which the session ends, shown to the client.
        max_minutes: the session's length.
        judged: whether an endpointer is there for semantic_vad.
        archive_bytes: how much audio to keep for retrieve.
        playout: who owns the playout clock; the client, unless something else is said.
    """

    def __init__(
        self,
        session_id: str,
        defaults: SessionDefaults,
        ids: IdSource,
        *,
        expires_at: int = 0,
        max_minutes: float = 60,
        judged: bool = False,
        archive_bytes: int = DEFAULT_BUDGET_BYTES,
        playout: Playout | None = None,
    ) -> None:
        self._out: list[Effect] = []
        self._now_ms = 0.0
        self._ids = ids
        self._defaults = defaults
        self._front = Front(ids, self._out, max_minutes)
        self._send = self._front.send
        self._session = session.initial(defaults, session_id, expires_at)
        self._config = session.view(self._session)
        self._ledger = PlaybackLedger()
        self._archive = AudioArchive(archive_bytes)
        self._conversation = Conversation(ids.conversation())
        self._hearing = Hearing(ids, self._out, judged=judged)
        self._history = History(self._conversation, self._ledger, self._archive, images=defaults.images)
        self._playout = playout or ClientClock()
        self._playout.attach(Rooms(self._out, self._send, self._ledger, self._history.cut, self._fell_silent))
        self._transcribing = Transcribing(self._hearing, ids, self._out, self._send)
        self._idle_token = 0
        self._answered_at: int | None = None
        """Where the input audio stood when the last response ended or fell silent, in ticks; None before the first."""
        self._replies = Replies(
            self._conversation,
            self._ledger,
            self._archive,
            self._playout,
            ids,
            defaults,
            self._out,
            self._send,
            self._transcribing.pending,
            self._response_ended,
        )
        self._handlers: dict[type, Callable[[Any], None]] = {
            inputs.Received: self._front.received,
            inputs.TrackAudio: lambda track: self._hearing.overhear(track.audio),
            inputs.VadFrame: self._on_vad_frame,
            inputs.ListeningFailed: self._on_listening_failed,
            inputs.TurnJudged: self._on_turn_judged,
            inputs.Heard: lambda heard: self._transcribing.heard(heard, self._config),
            inputs.Recognized: self._on_recognized,
            inputs.RecognitionFailed: self._on_recognition_failed,
            inputs.PlaybackStarted: self._playout.handle,
            inputs.PlaybackStopped: self._playout.handle,
            inputs.PlaybackCut: self._playout.handle,
            inputs.RateLimits: self._on_rate_limits,
            inputs.TimerFired: self._on_timer,
        }
        self._front.handlers = {
            client.SessionUpdate: self._on_session_update,
            client.AudioAppend: self._on_append,
            client.AudioCommit: self._on_commit,
            client.AudioClear: self._on_clear,
            client.ItemCreate: self._on_item_create,
            client.ItemRetrieve: self._on_item_retrieve,
            client.ItemTruncate: self._on_item_truncate,
            client.ItemDelete: self._on_item_delete,
            client.ResponseCreate: self._on_response_create,
            client.ResponseCancel: self._on_response_cancel,
            client.OutputAudioClear: self._on_output_clear,
        }

    # --- the way in -------------------------------------------------------------------------------------------------------------

    def start(self, update: dict[str, Any] | None = None) -> list[Effect]:
        """Open the session, with a configuration already agreed on if there is one (a client secret's).

        Raises:
            ClientFault: that configuration is wrong.
        """
        if update is not None:
            self._session = session.updated(self._session, update, self._defaults, spoken=False)
            self._config = session.view(self._session)
        self._front.open(self._session)
        self._hearing.configure(self._playout.listening(self._config))
        self._out.append(effects.Prepare(self._config))
        return self._front.taken()

    def handle(self, event: Input, now_ms: float) -> list[Effect]:
        """Take one input at a session time in ms; return what is to be done about it."""
        self._now_ms = now_ms
        handler = self._handlers.get(type(event))
        if handler is None:
            self._replies.handle(event, now_ms)
        else:
            handler(event)
        for item_id in self._history.trim():
            self._gone(item_id)
        return self._front.taken()

    @property
    def usage(self) -> Usage:
        """Return what the session's responses have used so far (I9)."""
        return self._replies.total

    def release(self) -> None:
        """Let go of audio and items: the session is over, but its objects know each other and wait for the garbage collector."""
        self._hearing.buffer.clear()
        self._archive.clear()
        self._conversation.clear()

    # --- client events ----------------------------------------------------------------------------------------------------------

    def _on_session_update(self, event: client.SessionUpdate) -> None:
        updated = session.updated(self._session, event.session, self._defaults, spoken=self._ledger.spoken())
        config = session.view(updated)
        self._hearing.check(self._playout.listening(config))
        before, self._session, self._config = self._config, updated, config
        self._send(events.session_updated(self._session))
        turn = self._hearing.turn
        self._hearing.configure(self._playout.listening(config))
        self._transcribing.abandoned(turn)
        if _idle(before) != _idle(config) and turn is None:
            self._start_idle_clock()
        if (before.tools, before.instructions, before.transcription) != (config.tools, config.instructions, config.transcription):
            self._out.append(effects.Prepare(config))

    def _on_append(self, event: client.AudioAppend) -> None:
        self._playout.check_append("input_audio_buffer.append")
        self._hearing.append(event.audio)

    def _on_commit(self, event: client.AudioCommit) -> None:
        turn = self._hearing.turn
        if turn is None:
            self._transcribing.check_room(1)
        segment = self._hearing.commit()
        if turn is not None:
            self._send(events.speech_stopped(segment.end // TICKS_PER_MS, segment.item_id))
        self._add_segment(segment)
        self._take_early(segment.job)

    def _on_clear(self, event: client.AudioClear) -> None:
        turn = self._hearing.turn
        self._hearing.clear()
        self._transcribing.abandoned(turn)
        self._send(events.buffer_cleared())

    def _on_item_create(self, event: client.ItemCreate) -> None:
        self._history.check_create(event)
        turn = self._hearing.turn
        if turn is not None and event.item.get("id") == turn.item_id:
            raise errors.duplicate_item(turn.item_id)
        item, sounds = self._history.make(event.item, self._ids.item(), self._config.input_format)
        self._transcribing.check_room(len(sounds))
        previous = self._conversation.add(item, event.previous_item_id)
        self._recognize(item, sounds)
        self._send(events.item_added(previous, item.wire()))
        self._send(events.item_done(previous, item.wire()))

    def _on_item_retrieve(self, event: client.ItemRetrieve) -> None:
        self._send(events.item_retrieved(self._history.retrieve(event.item_id)))

    def _on_item_truncate(self, event: client.ItemTruncate) -> None:
        at_ms = self._history.truncate(event, self._replies.spoken_with(event.item_id))
        self._send(events.item_truncated(event.item_id, event.content_index, at_ms))

    def _on_item_delete(self, event: client.ItemDelete) -> None:
        self._history.delete(event.item_id)
        self._gone(event.item_id)
        self._send(events.item_deleted(event.item_id))
        self._replies.advance()

    def _on_response_create(self, event: client.ResponseCreate) -> None:
        config = session.view(session.with_overrides(self._session, event.response, self._defaults))
        self._replies.check_create(event.response, config)
        named, sounds = self._history.named_items(event.response.get("input"), self._ids.item, self._config.input_format)
        self._transcribing.check_room(sum(len(heard) for _, heard in sounds))
        for item, heard in sounds:
            self._recognize(item, heard, shown=False)
        self._answer(event.response, config, named)

    def _on_response_cancel(self, event: client.ResponseCancel) -> None:
        self._replies.cancel(event.response_id, "client_cancelled", self._now_ms)

    def _on_output_clear(self, event: client.OutputAudioClear) -> None:
        self._playout.clear(self._now_ms)

    # --- listening --------------------------------------------------------------------------------------------------------------

    def _on_vad_frame(self, frame: inputs.VadFrame) -> None:
        self._on_turn(self._hearing.frame(frame.epoch, frame.probability))

    def _on_turn_judged(self, verdict: inputs.TurnJudged) -> None:
        self._on_turn(self._hearing.judged(verdict.job, verdict.probability))

    def _on_turn(self, action: Action | None) -> None:
        detection = self._config.turn_detection
        if action is None or detection is None:
            return
        if action is Action.START and self._hearing.turn is not None:
            turn = self._hearing.turn
            self._idle_token += 1
            self._transcribing.begin(turn.job, Job(turn.item_id, 0, 0.0))
            self._send(events.speech_started(turn.start // TICKS_PER_MS, turn.item_id))
            if detection.interrupt_response:
                self._replies.interrupt(self._now_ms)
        elif action is Action.STOP:
            segment = self._hearing.finish_turn()
            self._send(events.speech_stopped(segment.end // TICKS_PER_MS, segment.item_id))
            self._add_segment(segment)
            if detection.create_response:
                self._answer_turn()
            self._take_early(segment.job)

    def _on_listening_failed(self, failed: inputs.ListeningFailed) -> None:
        turn = self._hearing.turn
        if self._hearing.failed(failed.epoch):
            self._transcribing.abandoned(turn)
            self._front.fail(failed.message)

    def _add_segment(self, segment: Segment) -> None:
        """Make a finished stretch of audio the next user item; its recognition is under way."""
        # Somebody spoke: an idle clock that ran meanwhile is void, and silence told of later begins after this.
        self._idle_token += 1
        if self._answered_at is not None:
            self._answered_at = max(self._answered_at, segment.end)
        item = Item(segment.item_id, "message", role="user", parts=[Part("input_audio", audio_ms=segment.ms)])
        self._transcribing.end(segment)
        self._archive.add(item.id, 0, segment.audio, self._hearing.format)
        self._send(events.buffer_committed(self._conversation.last(), item.id))
        previous = self._conversation.add(item)
        self._send(events.item_added(previous, item.wire()))
        self._send(events.item_done(previous, item.wire()))

    def _gone(self, item_id: str) -> None:
        """Let everything go that was kept for an item which is not in the conversation any more."""
        self._transcribing.gone(item_id)
        self._replies.forget(item_id)

    def _recognize(self, item: Item, sounds: dict[int, bytes], *, shown: bool = True) -> None:
        """Have the audio parts of an item the client made recognized."""
        for index, audio in sounds.items():
            number = self._hearing.new_job()
            self._transcribing.begin(number, Job(item.id, index, item.parts[index].audio_ms, shown=shown))
            self._archive.add(item.id, index, audio, self._config.input_format)
            # As it is: noise reduction is for what comes in through the input audio buffer.
            config = replace(self._config, noise=None)
            self._out.append(effects.RecognizeAudio(number, audio, self._config.input_format, config))

    # --- recognition ------------------------------------------------------------------------------------------------------------

    def _on_recognized(self, final: inputs.Recognized) -> None:
        job = self._transcribing.take(final)
        if job is None:
            return
        part = self._part(job)
        transcript = self._transcribing.completed(job, final, self._config)
        if part is not None:
            part.heard = final.text
            part.text = part.text if transcript is None else transcript
        self._replies.advance()

    def _on_recognition_failed(self, failed: inputs.RecognitionFailed) -> None:
        job = self._transcribing.take(failed)
        if job is None:
            return
        self._transcribing.failed(job, failed, self._config)
        self._replies.fail_waiting(job.item_id, failed.code, failed.message)
        self._replies.advance()

    def _take_early(self, job: int) -> None:
        """Take the result that was kept for this recognition, now that its turn is over."""
        early = self._transcribing.take_early(job)
        if early is not None:
            self._handlers[type(early)](early)

    def _part(self, job: Job) -> Part | None:
        item = self._conversation.get(job.item_id) or self._replies.named_item(job.item_id)
        return item.parts[job.content_index] if item else None

    # --- responses --------------------------------------------------------------------------------------------------------------

    def _answer_turn(self) -> None:
        try:
            self._replies.check_create({}, self._config)
        except ClientFault as fault:
            self._send(events.error(fault.wire(None)))
        else:
            self._answer({}, self._config, None)

    def _answer(self, wanted: dict[str, Any], config: session.AgentConfig, named: tuple[Item, ...] | None) -> None:
        if wanted.get("conversation") != "none":
            self._idle_token += 1
        self._replies.create(wanted, config, named, self._now_ms)

    def _response_ended(self) -> None:
        self._answered_at = self._hearing.buffer.end
        self._start_idle_clock()

    def _fell_silent(self) -> None:
        if self._answered_at is not None:
            self._answered_at = self._hearing.buffer.end
        if self._hearing.turn is None:
            self._start_idle_clock()

    def _start_idle_clock(self) -> None:
        """Start the idle clock, if a response has ended: it counts from the end of playback, and any speech or response starts it anew.

        Where the end of playback is yet to be told, the clock starts then.
        """
        left_ms, idle_ms = self._playout.left_ms(self._now_ms), _idle(self._config)
        if self._answered_at is None or self._replies.active is not None or left_ms is None or idle_ms is None:
            return
        self._idle_token += 1
        self._out.append(effects.SetTimer(_IDLE, self._idle_token, round(left_ms) + idle_ms))

    def _on_rate_limits(self, told: inputs.RateLimits) -> None:
        self._send(events.rate_limits_updated([limit.wire() for limit in told.limits]))

    # --- timers -----------------------------------------------------------------------------------------------------------------

    def _on_timer(self, timer: inputs.TimerFired) -> None:
        if timer.name == EXPIRY:
            self._front.expire()
        elif timer.name == _IDLE and timer.token == self._idle_token and self._hearing.turn is None:
            self._on_idle()

    def _on_idle(self) -> None:
        detection = self._config.turn_detection
        if detection is None or detection.idle_timeout_ms is None:
            return
        segment = self._hearing.take(self._ids.item())
        # The event tells of the whole silence since playback; the item holds as much of it as was kept.
        quiet = segment.end - detection.idle_timeout_ms * TICKS_PER_MS
        start = min(segment.start, max(quiet, self._answered_at or 0))
        self._send(events.timeout_triggered(start // TICKS_PER_MS, segment.end // TICKS_PER_MS, segment.item_id))
        self._add_segment(segment)
        # Nobody spoke: what there is to recognize is known without a recognizer.
        self._on_recognized(inputs.Recognized(segment.job, ""))
        self._answer_turn()


def _idle(config: session.AgentConfig) -> int | None:
    return None if config.turn_detection is None else config.turn_detection.idle_timeout_ms

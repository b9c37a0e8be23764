"""The translation session: a pure state machine from inputs to effects.

Audio comes in at the client's pace and goes to the engines in frames of 200 ms, as many as they can bear: a client that sends an hour at
once is read no further until what it sent has been heard (I10). `core/dictation.py` hears what is said, `interpreting/interpreter.py`
decides what to translate and when to say it, `interpreting/speaking.py` says it. Faults of engines cost the clause they concern, which the
client is told; the session goes on (I11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from vivavoce.core import effects, inputs
from vivavoce.core.client_clock import ClientClock
from vivavoce.core.dictation import Dictation, Missed, Said, Told
from vivavoce.core.effects import Effect
from vivavoce.core.front import EXPIRY, Front
from vivavoce.core.inputs import Input
from vivavoce.core.interpreting.clauses import placed
from vivavoce.core.interpreting.frames import BYTES_PER_MS, Intake, grid
from vivavoce.core.interpreting.interpreter import Interpreter, Request
from vivavoce.core.interpreting.lag import Arrivals
from vivavoce.core.interpreting.speaking import Speaking
from vivavoce.core.playout import Playout, Rooms
from vivavoce.core.turns import FRAME_TICKS
from vivavoce.protocol import client_events as client
from vivavoce.protocol import errors, translation_session
from vivavoce.protocol import server_events as events
from vivavoce.protocol import translation_events as told
from vivavoce.protocol.errors import Fatal
from vivavoce.protocol.formats import PCM
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.listening import ListeningConfig, Transcription, TurnDetection
from vivavoce.protocol.translation_session import TranslationDefaults

PAUSES: Final = TurnDetection(
    threshold=0.5,
    prefix_padding_ms=300,
    silence_duration_ms=400,
    idle_timeout_ms=None,
    create_response=False,
    interrupt_response=False,
)
"""The pauses a recognition ends at: shorter than in dictation, for a recognizer that tells nothing before the end keeps the voice waiting."""

LISTENING: Final = ListeningConfig(
    input_format=PCM,
    transcription=Transcription("gpt-realtime-whisper", "", (), "", "low"),
    turn_detection=None,
)
"""Words are wanted as soon as they are stable."""

UNJUDGED_MS: Final = 1_000
"""Audio the detector may owe before it gets more."""

RECOGNITIONS: Final = 2
CLAUSES: Final = 4
PHRASES: Final = 8
"""Recognitions under way, ended clauses not translated, and phrases not said, beyond which no more audio is heard."""

WAITING_MS: Final = 60_000
"""Audio waiting to be heard beyond which no more is read: more than any network's hiccup, and three megabytes."""

FULL_MS: Final = 600_000
"""Audio waiting to be heard beyond which more is refused; nobody gets there who waits to be read."""

_NORMAL_CLOSURE: Final = 1000


class TranslationCore:
    """One translation session.

    Args:
        session_id: the session's id.
        defaults: what the model's sessions start with.
        ids: makes every other id.
        languages: those the recognizer knows, ISO-639-1; with one, everything heard is in it; with more, or none named, it has to tell.
        expires_at: unix seconds at which the session ends, shown to the client.
        max_minutes: the session's length.
        playout: who owns the playout clock; the client, unless something else is said.
    """

    def __init__(
        self,
        session_id: str,
        defaults: TranslationDefaults,
        ids: IdSource,
        *,
        languages: tuple[str, ...] = (),
        expires_at: int = 0,
        max_minutes: float = 60,
        playout: Playout | None = None,
    ) -> None:
        self._out: list[Effect] = []
        self._noted = 0
        """How many of those have been looked at."""
        self._now_ms = 0.0
        self._ids = ids
        self._defaults = defaults
        self._languages = languages
        self._front = Front(ids, self._out, max_minutes)
        self._send = self._front.send
        self._session = translation_session.initial(defaults, session_id, expires_at)
        self._config = translation_session.view(self._session)
        self._interpreter = self._new_interpreter()
        self._arrivals = Arrivals()
        self._playout = playout or ClientClock()
        self._playout.attach(Rooms(self._out, self._send))
        self._speaking = Speaking(self._out, self._send, self._arrivals, self._playout)
        self._dictation = Dictation(self._out, self._on_told, pauses=PAUSES)
        self._intake = Intake()
        self._fed = 0
        """Bytes the engines have got."""
        self._judged = 0
        """Bytes the detector has judged."""
        self._epoch = 0
        self._recognizing: set[int] = set()
        self._deaf = False
        """Whether the detector has died; the dictation tries it again."""
        self._asked_ms = 0.0
        self._left_out: tuple[str, str] | None = None
        """The pair of languages that the client was last told nobody translates."""
        self._charged = 0
        self._elapsed_ms = 0
        self._held = False
        self._losing = False
        """Whether the client was told that some of a track's audio is lost."""
        self._closing = False
        self._passage: int | None = None
        self._heard_all = False
        self._over = False
        self._handlers: dict[type, Callable[[Any], None]] = {
            inputs.Received: self._front.received,
            inputs.TrackAudio: self._on_track_audio,
            inputs.VadFrame: self._on_vad_frame,
            inputs.ListeningFailed: self._on_listening_failed,
            inputs.Heard: lambda heard: self._dictation.heard(heard),
            inputs.Recognized: self._on_recognized,
            inputs.RecognitionFailed: self._on_recognized,
            inputs.Translated: self._on_translated,
            inputs.TranslationFailed: self._on_translation_failed,
            inputs.Voiced: lambda voiced: self._speaking.voiced(voiced, self._input_ms, self._now_ms),
            inputs.VoiceFinished: self._on_voice_finished,
            inputs.VoiceFailed: self._on_voice_failed,
            inputs.PlaybackStopped: self._playout.handle,
            inputs.TimerFired: self._on_timer,
        }
        self._front.handlers = {
            client.SessionUpdate: self._on_session_update,
            client.TranslationAppend: self._on_append,
            client.SessionClose: self._on_close,
        }

    # --- the way in -------------------------------------------------------------------------------------------------------------

    def start(self, update: dict[str, Any] | None = None) -> list[Effect]:
        """Open the session, with a configuration already agreed on if there is one (a client secret's).

        Raises:
            ClientFault: that configuration is wrong.
        """
        if update is not None:
            self._session = translation_session.updated(self._session, translation_session.without_kind(update), self._defaults)
            self._config = translation_session.view(self._session)
            self._interpreter = self._new_interpreter()
        self._front.open(self._session)
        if self._config.noise is not None:
            self._out.append(effects.ReduceNoise(self._config.noise))
        self._dictation.configure(LISTENING)
        self._out.append(effects.Prepare(LISTENING))
        return self._flush()

    def handle(self, event: Input, now_ms: float) -> list[Effect]:
        """Take one input at a session time in ms; return what is to be done about it."""
        self._now_ms = now_ms
        handler = self._handlers.get(type(event))
        if handler is not None and not self._over:
            handler(event)
            self._advance()
        return self._flush()

    def release(self) -> None:
        """Let go of audio: the session is over."""
        self._intake.clear()

    # --- client events ----------------------------------------------------------------------------------------------------------

    def _on_session_update(self, event: client.SessionUpdate) -> None:
        self._session = translation_session.updated(self._session, event.session, self._defaults)
        before, self._config = self._config, translation_session.view(self._session)
        if before.noise != self._config.noise:
            self._out.append(effects.ReduceNoise(self._config.noise))
        if before.language != self._config.language:
            self._interpreter.aim(self._config.language, self._intake.appended / BYTES_PER_MS)
        self._send(events.session_updated(self._session))

    def _on_append(self, event: client.TranslationAppend) -> None:
        self._playout.check_append("session.input_audio_buffer.append")
        if self._closing:
            raise errors.session_closing()
        if len(event.audio) % PCM.width:
            raise errors.odd_audio("audio", PCM.width)
        if self._full(event.audio):
            raise errors.buffer_full(FULL_MS // 1000)
        self._take_in(event.audio)

    def _on_track_audio(self, track: inputs.TrackAudio) -> None:
        if self._intake.waiting <= WAITING_MS * BYTES_PER_MS:
            self._losing = False
        if not self._full(track.audio):
            if not self._closing:
                self._take_in(track.audio)
        elif not self._losing:
            self._losing = True
            self._fail(f"What is said is lost: {FULL_MS // 1000} seconds of audio wait to be heard.", "server_is_overloaded")

    def _full(self, audio: bytes) -> bool:
        return self._intake.waiting + len(audio) > FULL_MS * BYTES_PER_MS

    def _take_in(self, audio: bytes) -> None:
        self._intake.append(audio)
        self._arrivals.note(self._intake.appended / BYTES_PER_MS, self._now_ms)
        self._charge(self._intake.appended // (1000 * BYTES_PER_MS))

    def _on_close(self, event: client.SessionClose) -> None:
        if self._closing:
            raise errors.session_closing()
        self._closing = True
        self._charge(-(-self._intake.appended // (1000 * BYTES_PER_MS)))

    def _charge(self, seconds: int) -> None:
        if seconds > self._charged:
            self._out.append(effects.Interpreted(seconds - self._charged))
            self._charged = seconds

    # --- listening --------------------------------------------------------------------------------------------------------------

    @property
    def _input_ms(self) -> float:
        """Return how much audio the engines have got: the session's model time."""
        return self._fed / BYTES_PER_MS

    def _on_vad_frame(self, frame: inputs.VadFrame) -> None:
        if frame.epoch == self._epoch:
            self._judged += FRAME_TICKS * PCM.width
        self._dictation.frame(frame.epoch, frame.probability)

    def _on_listening_failed(self, failed: inputs.ListeningFailed) -> None:
        if self._dictation.failed(failed.epoch, failed.message):
            self._deaf = True

    def _on_recognized(self, result: inputs.Recognized | inputs.RecognitionFailed) -> None:
        self._recognizing.discard(result.job)
        self._dictation.recognized(result)

    def _on_told(self, what: Told) -> None:
        if isinstance(what, Said):
            self._on_said(what)
        elif isinstance(what, Missed):
            self._interpreter.pause()
            self._fail(what.message, what.code)
        else:
            self._interpreter.pause()
            self._heard_all = True

    def _on_said(self, said: Said) -> None:
        if self._config.transcription is not None and said.text:
            self._elapsed_ms = max(self._elapsed_ms, grid(said.end_ms))
            self._send(told.input_transcript_delta(said.text, self._elapsed_ms))
        times = [(word.start_ms, word.end_ms) for word in said.words]
        self._interpreter.hear(placed(said.text, times, said.start_ms, said.end_ms), said.language)
        if said.utterance is not None:
            self._interpreter.pause(said.language)

    # --- translating and speaking -----------------------------------------------------------------------------------------------

    def _on_translated(self, translated: inputs.Translated) -> None:
        if self._interpreter.translated(translated.job, translated.text, self._now_ms - self._asked_ms):
            self._left_out = None

    def _on_translation_failed(self, failed: inputs.TranslationFailed) -> None:
        if self._interpreter.failed(failed.job) is not None:
            self._fail(f"A clause could not be translated and was left out: {failed.message}", failed.code)

    def _on_voice_finished(self, finished: inputs.VoiceFinished) -> None:
        self._speaking.finished(finished.job, self._input_ms)

    def _on_voice_failed(self, failed: inputs.VoiceFailed) -> None:
        if self._speaking.finished(failed.job, self._input_ms, broken=True):
            self._fail(f"A clause was translated and could not be spoken: {failed.message}", failed.code)

    def _ask(self, request: Request) -> None:
        if self._defaults.translates(request.source, request.target):
            self._asked_ms = self._now_ms
            self._out.append(effects.Translate(request))
            return
        pair = (request.source, request.target)
        if self._interpreter.failed(request.job) is not None and self._left_out != pair:
            self._left_out = pair
            self._send(events.error(errors.pair_not_translated(*pair).wire(None)))

    # --- going on ---------------------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Do everything that has become possible."""
        if self._over:
            return
        self._feed()
        while requests := self._interpreter.requests():
            for request in requests:
                self._ask(request)
        self._speaking.add(self._interpreter.phrases())
        self._speaking.advance(self._input_ms)
        self._hold(self._intake.waiting > WAITING_MS * BYTES_PER_MS)
        if self._heard_all and self._interpreter.idle and self._speaking.idle and self._playout.interpreted():
            self._over = True
            self._send(told.session_closed())
            self._out.append(effects.Close(Fatal(_NORMAL_CLOSURE, "")))

    def _feed(self) -> None:
        """Give the engines as much of the audio that waits as they can bear, and the end of it when the client has closed."""
        while self._flows():
            frame = self._intake.take() or (self._intake.rest() if self._closing else b"")
            if not frame:
                break
            self._fed += len(frame)
            self._dictation.append(frame)
            self._note_effects()
        if self._closing and not self._intake.waiting and self._passage is None:
            self._passage = self._dictation.mark()
            self._note_effects()

    def _flows(self) -> bool:
        return self._deaf or (
            self._fed - self._judged < UNJUDGED_MS * BYTES_PER_MS
            and len(self._recognizing) <= RECOGNITIONS
            and self._interpreter.backlog <= CLAUSES
            and self._speaking.backlog <= PHRASES
        )

    def _note_effects(self) -> None:
        """Take note of what the dictation wants done that is told nowhere else: new epochs, and recognitions."""
        for effect in self._out[self._noted :]:
            if isinstance(effect, effects.StartListening):
                self._epoch, self._judged, self._deaf = effect.epoch, self._fed, False
            elif isinstance(effect, effects.OpenRecognition):
                self._recognizing.add(effect.job)
            elif isinstance(effect, effects.AbortRecognition):
                self._recognizing.discard(effect.job)
        self._noted = len(self._out)

    def _hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self._out.append(effects.Hold(held))

    def _on_timer(self, timer: inputs.TimerFired) -> None:
        if timer.name == EXPIRY:
            self._over = True
            self._front.expire()

    # --- the way out ------------------------------------------------------------------------------------------------------------

    def _new_interpreter(self) -> Interpreter:
        sole = self._languages[0] if len(self._languages) == 1 else ""
        return Interpreter(self._config.language, told=not sole, language=sole)

    def _fail(self, message: str, code: str | None = None) -> None:
        self._front.fail(message, None if code == errors.SERVER_ERROR else code)

    def _flush(self) -> list[Effect]:
        self._note_effects()
        self._noted = 0
        return self._front.taken()

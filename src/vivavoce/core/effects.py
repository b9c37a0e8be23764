"""What a session wants done. The core returns these; the session's runner performs them, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vivavoce.core.context import Context
from vivavoce.core.interpreting.interpreter import Request
from vivavoce.core.interpreting.lag import Lag
from vivavoce.protocol.errors import Fatal
from vivavoce.protocol.formats import AudioFormat
from vivavoce.protocol.listening import ListeningConfig
from vivavoce.protocol.noise import NoiseReduction
from vivavoce.protocol.session import AgentConfig
from vivavoce.protocol.usage import Usage


@dataclass(frozen=True, slots=True)
class Send:
    """Send this server event to one client of the session, by its number, or to every one."""

    event: dict[str, Any]
    to: int | None = None


@dataclass(frozen=True, slots=True)
class StartListening:
    """Forget what was listened to and start a new epoch of voice activity detection, in this format."""

    epoch: int
    format: AudioFormat
    keep_ms: int
    """How much audio before now recognition may still ask for."""


@dataclass(frozen=True, slots=True)
class ReduceNoise:
    """From here on, take noise out of what is listened to, in this epoch and those after it; None: no more."""

    noise: NoiseReduction | None


@dataclass(frozen=True, slots=True)
class StopListening:
    """Stop voice activity detection."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Feed this audio, in the epoch's format, to the detector and the open recognition."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class OpenRecognition:
    """Start recognizing the epoch's audio from this tick (counted from the epoch's start), live."""

    job: int
    from_tick: int
    config: ListeningConfig


@dataclass(frozen=True, slots=True)
class EndRecognition:
    """The segment of `job` ends at this tick of the epoch; the final hypothesis is wanted."""

    job: int
    to_tick: int


@dataclass(frozen=True, slots=True)
class RecognizeAudio:
    """Recognize a whole stretch of audio that the client committed or placed itself."""

    job: int
    audio: bytes
    format: AudioFormat
    config: ListeningConfig


@dataclass(frozen=True, slots=True)
class AbortRecognition:
    """Nobody wants the result of `job` any more."""

    job: int


@dataclass(frozen=True, slots=True)
class JudgeTurn:
    """Ask the endpointer whether the turn is complete; its audio ends at this tick of the epoch."""

    job: int
    to_tick: int


@dataclass(frozen=True, slots=True)
class Prepare:
    """The configuration changed: engines may get ready for it."""

    config: ListeningConfig


@dataclass(frozen=True, slots=True)
class Generate:
    """Have the brain answer this context, as this response's configuration says."""

    generation: int
    context: Context
    config: AgentConfig


@dataclass(frozen=True, slots=True)
class Speak:
    """More text for the voice of this output item."""

    generation: int
    output_index: int
    text: str


@dataclass(frozen=True, slots=True)
class EndSpeech:
    """No more text comes for this output item."""

    generation: int
    output_index: int


@dataclass(frozen=True, slots=True)
class StopGeneration:
    """Nothing more is wanted of this generation: cancel its brain and its voice, whatever they are doing."""

    generation: int


@dataclass(frozen=True, slots=True)
class Play:
    """Queue this audio at the playout: PCM16 mono at 24 kHz. What an interpreter says has neither response nor item: both are empty."""

    response_id: str
    item_id: str
    audio: bytes


@dataclass(frozen=True, slots=True)
class EndPlay:
    """No more audio comes for this response; `PlaybackStopped` is wanted when all of it has been played."""

    response_id: str


@dataclass(frozen=True, slots=True)
class FlushPlayback:
    """Throw away what is queued at the playout, and say what that was in a `PlaybackCut` with this token."""

    token: int


@dataclass(frozen=True, slots=True)
class Used:
    """A response is over and has used this much: charge it to whoever pays, and say what that leaves (`inputs.RateLimits`)."""

    response_id: str
    status: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Transcribed:
    """The client was given a transcript of this many seconds, by the model it named: charge it."""

    model: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Translate:
    """Have the translator translate a clause."""

    request: Request


@dataclass(frozen=True, slots=True)
class Voice:
    """Have the voice say a phrase in a language, at a speed (1.0 is its own)."""

    job: int
    text: str
    language: str
    speed: float


@dataclass(frozen=True, slots=True)
class Interpreted:
    """So many seconds of audio have gone into a translation: charge them."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Lagged:
    """A clause has been said; where the translation stands now, and this clause's average and clause lag, in ms."""

    lag: Lag
    average_ms: float
    clause_ms: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Read no more from the client until `held` is false again: what it has sent waits to be heard."""

    held: bool


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire `TimerFired(name, token)` after this many ms; replaces a running timer of the name."""

    name: str
    token: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Close:
    """End the session."""

    fatal: Fatal


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line in the log and a count in the metrics."""

    what: str
    fields: dict[str, Any]


Effect = (
    Send
    | StartListening
    | ReduceNoise
    | StopListening
    | Listen
    | OpenRecognition
    | EndRecognition
    | RecognizeAudio
    | AbortRecognition
    | JudgeTurn
    | Prepare
    | Generate
    | Speak
    | EndSpeech
    | StopGeneration
    | Play
    | EndPlay
    | FlushPlayback
    | Used
    | Transcribed
    | Translate
    | Voice
    | Interpreted
    | Lagged
    | Hold
    | SetTimer
    | Close
    | Note
)

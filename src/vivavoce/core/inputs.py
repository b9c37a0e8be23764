"""What can happen to a session. Everything that changes a session comes in as one of these, through its one inbox.

Inputs from engines carry the number of the job they belong to (a recognition job, a generation, a listening epoch, a timer token);
one that belongs to a superseded job changes nothing (invariant I6).
"""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.usage import RateLimit


@dataclass(frozen=True, slots=True)
class Received:
    """A client event arrived; `sender` is the number of the client that sent it, 0 for the one whose session it is."""

    event: ClientEvent
    sender: int = 0


@dataclass(frozen=True, slots=True)
class TrackAudio:
    """Audio of a call's media track: PCM16 mono at 24 kHz, any whole number of samples. It flows whether or not it is wanted, and nobody
    can be told that there is no room for it."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class VadFrame:
    """The detector judged the next frame of a listening epoch: frames come in order, 768 ticks (32 ms) each."""

    epoch: int
    probability: float


@dataclass(frozen=True, slots=True)
class ListeningFailed:
    """The detector died in this epoch."""

    epoch: int
    message: str


@dataclass(frozen=True, slots=True)
class TurnJudged:
    """The endpointer judged the turn whose recognition is `job`: the probability that it is complete."""

    job: int
    probability: float


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One recognized word; times in ms from the start of its segment, confidence in [0, 1], `speaker` empty where nobody can tell."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """A recognizer's partial hypothesis; each extends the one before. It has words where the engine knows their times, and a language where
    it has detected one already."""

    job: int
    text: str
    words: tuple[HeardWord, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Recognized:
    """A recognizer's final hypothesis; `language` is what it detected, empty where it does not tell."""

    job: int
    text: str
    words: tuple[HeardWord, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class RecognitionFailed:
    """A recognition broke."""

    job: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BrainText:
    """More text of the answer; `phase` where the brain knows it."""

    generation: int
    text: str
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class BrainCall:
    """More of the answer's function call number `index`."""

    generation: int
    index: int
    name: str
    call_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class BrainUsage:
    """What the backend counted; 0 where it did not."""

    generation: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int


@dataclass(frozen=True, slots=True)
class BrainFinished:
    """The answer is complete: `stop`, `tool_calls`, `length` or `content_filter`."""

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class GenerationFailed:
    """The brain or the voice broke, or was never asked: the caller's limits did not allow it."""

    generation: int
    code: str
    message: str
    type: str = "server_error"
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word as written; times in ms from the start of its span."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """A stretch of an output item's speech, in the response's output format."""

    generation: int
    output_index: int
    audio: bytes
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class SpeechFinished:
    """All the text given for this output item has been spoken."""

    generation: int
    output_index: int


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """The playout has begun to play this response."""

    response_id: str


@dataclass(frozen=True, slots=True)
class PlaybackStopped:
    """The playout has played all of this response."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Cut:
    """An item that still had audio to play: how many ms of it were heard, exact to 20 ms."""

    response_id: str
    item_id: str
    heard_ms: float


@dataclass(frozen=True, slots=True)
class PlaybackCut:
    """The playout has thrown away what was queued, as `FlushPlayback(token)` asked: what that was."""

    token: int
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class Translated:
    """The whole translation of the clause that was asked for under this number."""

    job: int
    text: str


@dataclass(frozen=True, slots=True)
class TranslationFailed:
    """The translator broke on it."""

    job: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Voiced:
    """A stretch of a phrase's speech: PCM16 mono at 24 kHz."""

    job: int
    audio: bytes
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class VoiceFinished:
    """All of a phrase has been said."""

    job: int


@dataclass(frozen=True, slots=True)
class VoiceFailed:
    """The voice broke on a phrase."""

    job: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the caller's limits leave after a response was charged to them."""

    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer set by `SetTimer` fired."""

    name: str
    token: int


Input = (
    Received
    | TrackAudio
    | VadFrame
    | ListeningFailed
    | TurnJudged
    | Heard
    | Recognized
    | RecognitionFailed
    | BrainText
    | BrainCall
    | BrainUsage
    | BrainFinished
    | GenerationFailed
    | Spoken
    | SpeechFinished
    | PlaybackStarted
    | PlaybackStopped
    | PlaybackCut
    | Translated
    | TranslationFailed
    | Voiced
    | VoiceFinished
    | VoiceFailed
    | RateLimits
    | TimerFired
)

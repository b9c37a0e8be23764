"""The ports: what a session needs of an engine, and nothing more.

Every adapter in this package satisfies one of these protocols. They are asynchronous; a stream is cancelled by closing its async
iterator (`aclose()`), which must release whatever the adapter holds (a worker, a socket) before it returns. What an adapter can do
is data (`Capabilities`), never found out by `isinstance`. An adapter reports its own failures as `EngineFault`.

Audio is mono throughout. PCM into recognizers is 16 kHz signed 16-bit little-endian bytes; audio out of synthesizers is an int16
array with its own rate. Times are milliseconds unless a name says samples.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

SPEECH_RATE_HZ = 16_000
"""The rate every listening engine works at."""

VAD_FRAME_SAMPLES = 512
"""Samples in one detector frame: 32 ms at 16 kHz (the window Silero v6 was trained on)."""


UNCLEAR_AUDIO = "[unclear audio]"
"""The text of a user message in whose audio nothing was understood: a brain asks to repeat, and guesses nothing (UA-01, UA-04)."""


class EngineFault(Exception):
    """An engine or its backend failed; the session says so and lives on.

    Args:
        message: what failed, fit to be shown to the client (no secrets, no stack).
        code: an official error code such as `server_error` or `rate_limit_exceeded`.
        temporary: whether the same call may succeed if repeated.
    """

    def __init__(self, message: str, *, code: str = "server_error", temporary: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can do, as data shown by `doctor` and used for planning."""

    name: str
    licence: str
    languages: tuple[str, ...] = ()
    """ISO-639-1 codes; empty means the engine has no notion of language."""
    streaming: bool = False
    """Recognizer: partials while audio arrives. Synthesizer: audio before the clause is complete."""
    word_times: bool = False
    """Whether word times come from the engine rather than from proportion."""
    speakers: bool = False
    """Recognizer: whether it tells who says each word (diarization)."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Translator: (source, target) languages as ISO-639-1; a source of `*` stands for every language."""
    images: bool = False
    """LanguageModel: whether it can be shown images."""
    quality: Literal["null", "demo", "good", "best"] = "demo"
    max_batch: int = 1
    notes: str = ""


class Engine(Protocol):
    """What every adapter has besides its own verb."""

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        ...

    async def warm(self) -> None:
        """Load whatever the first call would otherwise wait for.

        Raises:
            EngineFault: the engine cannot run here.
        """
        ...

    async def close(self) -> None:
        """Release processes, threads and files. Idempotent."""
        ...


# --- voice activity -------------------------------------------------------------------------------------------------------------


class VadStream(Protocol):
    """One session's ear: frames in, probabilities out through the callback given to `open`."""

    def push(self, frame: NDArray[np.float32]) -> None:
        """Queue one frame of `VAD_FRAME_SAMPLES` float32 samples in [-1, 1]; never blocks."""
        ...

    def close(self) -> None:
        """Forget the stream; no callback comes afterwards. Idempotent."""
        ...


class VoiceActivityDetector(Engine, Protocol):
    """Many streams at once, batched in one loop for the whole process."""

    def open(self, on_probability: Callable[[float], None], on_fault: Callable[[EngineFault], None] | None = None) -> VadStream:
        """Open a stream.

        `on_probability` is called once per pushed frame, in order, on the event loop's thread, with the probability in [0, 1]
        that the frame holds speech. `on_fault` is called at most once if the detector dies; nothing comes after it.
        """
        ...


# --- noise reduction ------------------------------------------------------------------------------------------------------------

NoiseField = Literal["near_field", "far_field"]
"""Where the microphone is: at the mouth, or in the room."""


class NoiseFilter(Protocol):
    """One stream of speech without its noise. Nothing is shifted: sample n that comes out is sample n that went in."""

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take more samples at 16 kHz in [-1, 1], return those that are ready; at most 16 ms are held back."""
        ...

    def finish(self) -> NDArray[np.float32]:
        """Return what is held back: the stream ends here. Then as many samples have come out as went in."""
        ...


class NoiseReducer(Engine, Protocol):
    """Takes noise out of speech, as near to the microphone as the server gets."""

    def open(self, field: NoiseField, strength: float) -> NoiseFilter:
        """Open a stream; no two share anything.

        Args:
            field: where the microphone is.
            strength: how much to take out, 0 (nothing) to 2; 1 is what suits most.

        Raises:
            EngineFault: the engine cannot run here, which `warm` says as well.
        """
        ...


# --- end of turn ----------------------------------------------------------------------------------------------------------------


class Endpointer(Engine, Protocol):
    """Judges whether the speaker has finished the turn."""

    async def complete_probability(self, pcm: NDArray[np.float32], partial_text: str = "") -> float:
        """Return the probability in [0, 1] that the turn is complete.

        Args:
            pcm: the turn's last ≤ 8 s, float32 at 16 kHz, ending about 200 ms after the last speech.
            partial_text: what has been recognized so far, if anything.

        Raises:
            EngineFault: the model failed.
        """
        ...


# --- recognition ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the session is about: everything that may shape recognition, as the developer wrote it."""

    instructions: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Function tools in wire form: `{"type": "function", "name", "description", "parameters"}`."""
    keywords: tuple[str, ...] = ()
    prompt: str = ""


Delay = Literal["minimal", "low", "medium", "high", "xhigh"]
"""How long a recognizer may wait before it shows a word: the later, the surer. Source: wire reference C.6."""


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """How one segment is to be recognized."""

    language: str = ""
    """ISO-639-1 hint, empty for the engine's default."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    partials: bool = False
    """Whether partial hypotheses are wanted; off saves the work."""
    delay: Delay = "medium"
    """How stable partials have to be; without partials it means nothing."""
    narrow_band: bool = False
    """The audio was 8 kHz before it was resampled to 16 kHz."""
    speaker: str = ""
    """Opaque key of the session: an adapter may carry adaptation (a cepstral mean) from segment to segment under it."""


@dataclass(frozen=True, slots=True)
class RecognizedWord:
    """One word of a hypothesis, times in ms from the start of the segment. `speaker` is a label, empty where nobody can tell."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What has been said so far.

    A partial's `text` is only the stable prefix: each partial starts with the one before. The final need not. `words` are those of
    `text`, in a partial only where the engine has word times. `language` is what the engine detected (ISO-639-1), empty where it
    does not tell.
    """

    text: str
    final: bool = False
    words: tuple[RecognizedWord, ...] = ()
    confidence: float = 1.0
    language: str = ""


class Recognizer(Engine, Protocol):
    """Turns one segment of speech into text."""

    def recognize(self, audio: AsyncIterator[bytes], options: RecognitionOptions) -> AsyncIterator[Hypothesis]:
        """Recognize one segment.

        Args:
            audio: 16 kHz s16le chunks of any length; its end is the end of the segment.
            options: see `RecognitionOptions`.

        Yields:
            Partials if asked for, then exactly one hypothesis with `final=True` (its text empty when nothing was understood).

        Raises:
            EngineFault: the decoder died or none was free in time.
        """
        ...

    async def prepare(self, vocabulary: Vocabulary) -> None:
        """Build in advance what this vocabulary needs (a language model), so that the first turn does not wait for it."""
        ...


# --- language model -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the assistant made earlier, or is making."""

    call_id: str
    name: str
    arguments: str
    """A JSON text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the context. `images` are data URIs (user only); `tool_calls` assistant only; `call_id` tool only."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    images: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """Everything a brain gets to see for one response."""

    messages: tuple[Message, ...]
    """The first is the system message with the instructions, if there are any."""
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: int | None = None
    effort: str | None = None
    spoken: bool = True
    """Whether the answer will be read aloud."""
    session: str = ""
    """Opaque key of the session, for prefix caches."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the current message. `phase` is `commentary` or `final_answer` where the brain knows it."""

    text: str
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Hidden reasoning: counted, never sent."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of the call number `index`; `name` comes once, with the first delta; `call_id` may be empty (the session makes one)."""

    index: int
    name: str = ""
    call_id: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class LlmUsage:
    """Tokens as the backend counts them; comes at most once, before `LlmFinish`."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class LlmFinish:
    """The last delta of a stream."""

    reason: Literal["stop", "length", "content_filter", "tool_calls"] = "stop"


LlmDelta = TextDelta | ReasoningDelta | ToolCallDelta | LlmUsage | LlmFinish


class LanguageModel(Engine, Protocol):
    """The brain: messages and tools in, a stream of text and calls out. Knows nothing of audio."""

    async def prepare(self, instructions: str, tools: tuple[Mapping[str, Any], ...]) -> None:
        """Get ready for a session's instructions and tools, so that the first turn does not wait. May do nothing.

        Raises:
            EngineFault: that did not work; answers may still.
        """
        ...

    def generate(self, request: LlmRequest) -> AsyncIterator[LlmDelta]:
        """Answer once.

        Yields:
            Deltas, the last an `LlmFinish`.

        Raises:
            EngineFault: the backend refused, broke off, sent garbage or hung.
        """
        ...


# --- speech synthesis -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VoiceStyle:
    """How to say it. `voice` is a public voice name; an engine maps it to one of its own and never refuses a known name."""

    voice: str = "alloy"
    speed: float = 1.0
    """0.25 to 4.0; 1.0 is the voice's own pace. Engines hold it to what they can do."""
    language: str = "en"
    tone: str = ""


@dataclass(frozen=True, slots=True)
class WordTime:
    """One word of a span; times in ms from the start of the span; `text` as written, punctuation included."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class SpeechSpan:
    """A stretch of speech: int16 samples at `rate_hz`, the text they say, and when each word is said.

    The texts of a stream's spans, concatenated, equal the text given (white space included); so do the texts of `words` joined by
    the white space between them.
    """

    pcm: NDArray[np.int16]
    rate_hz: int
    text: str
    words: tuple[WordTime, ...]


class Synthesizer(Engine, Protocol):
    """Says text aloud, clause by clause."""

    def synthesize(self, clauses: AsyncIterator[str], style: VoiceStyle) -> AsyncIterator[SpeechSpan]:
        """Say each clause as it comes.

        Yields:
            At least one span per clause, in order.

        Raises:
            EngineFault: the voice failed.
        """
        ...


# --- translation ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TranslationRequest:
    """One clause to be translated, and what helps to translate it well. Languages are ISO-639-1 codes."""

    text: str
    source: str
    """Empty where the source language is not known."""
    target: str
    context: tuple[tuple[str, str], ...] = ()
    """Earlier clauses of the session and their translations, oldest first."""
    open: bool = False
    """The clause goes on: what is said of it now may change once its end is known."""
    session: str = ""
    """Opaque key of the session, for prefix caches."""


class Translator(Engine, Protocol):
    """Says in another language what a clause says. Its pairs of languages are in `capabilities.pairs`."""

    def translate(self, request: TranslationRequest) -> AsyncIterator[str]:
        """Translate one clause.

        Yields:
            Pieces of the translation, which concatenate to it; nothing for a clause that says nothing. Never the source text, a
            remark or a refusal in place of a translation.

        Raises:
            EngineFault: the pair is not one of `capabilities.pairs`, or the backend refused, broke off, sent garbage or hung.
        """
        ...


def translates(pairs: tuple[tuple[str, str], ...], source: str, target: str) -> bool:
    """Tell whether a pair of languages is among a translator's; an unknown (empty) source is taken to be a possible one."""
    return any(to == target and (not source or of in ("*", source)) for of, to in pairs)

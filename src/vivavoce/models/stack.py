"""A stack: the engines behind one public model name."""

from __future__ import annotations

from dataclasses import dataclass

from vivavoce.engines.ports import (
    Endpointer,
    Engine,
    LanguageModel,
    NoiseReducer,
    Recognizer,
    Synthesizer,
    Translator,
    VoiceActivityDetector,
)


@dataclass(frozen=True, slots=True)
class Stack:
    """The engines of a session. They are shared by all sessions of the model, and some by all models."""

    vad: VoiceActivityDetector
    recognizer: Recognizer
    llm: LanguageModel
    synthesizer: Synthesizer
    endpointer: Endpointer | None = None
    translator: Translator | None = None
    noise: NoiseReducer | None = None

    def engines(self) -> tuple[Engine, ...]:
        """Return the engines there are."""
        there: tuple[Engine | None, ...] = (
            self.vad,
            self.recognizer,
            self.llm,
            self.synthesizer,
            self.endpointer,
            self.translator,
            self.noise,
        )
        return tuple(engine for engine in there if engine is not None)

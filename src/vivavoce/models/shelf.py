"""The shelf of engines: built once by name, shared by every stack that names them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from vivavoce.config import ConfigError, Settings, nearest
from vivavoce.engines.asr.agreement.recognizer import LocalAgreement
from vivavoce.engines.asr.instant import InstantRecognizer
from vivavoce.engines.asr.pocketsphinx.recognizer import PocketsphinxRecognizer
from vivavoce.engines.endpointing.smart_turn import SmartTurnEndpointer
from vivavoce.engines.llm.echo import EchoBrain
from vivavoce.engines.llm.frames.brain import FramesBrain
from vivavoce.engines.llm.minilm import SentenceEncoder
from vivavoce.engines.noise import webrtc
from vivavoce.engines.noise.webrtc import WebRtcNoiseReducer
from vivavoce.engines.ports import LanguageModel, Recognizer
from vivavoce.engines.tts.available import default_synthesizer
from vivavoce.engines.tts.espeak import EspeakSynthesizer
from vivavoce.engines.tts.flite import FliteSynthesizer
from vivavoce.engines.tts.tone import ToneSynthesizer
from vivavoce.engines.vad.batched import BatchedVad
from vivavoce.models.roles import NONE, engine_names
from vivavoce.models.stack import Stack
from vivavoce.models.store import ModelStore
from vivavoce.models.translators import translator_makers, translator_name

_WORKERS_PER_CORE: Final = 4
"""People who may speak at once, per core: with a session's own vocabulary a decoder takes a tenth of a core, and 24 MB once it
is used. Source: `python -m bench.asr_orders`; embedded engines, section 8, for dictation."""


class EngineShelf:
    """Builds engines by role and name, each once.

    Args:
        settings: profile, language models, per-model choices.
        store: where pulled models lie; the settings' home by default.
    """

    def __init__(self, settings: Settings, store: ModelStore | None = None) -> None:
        self._settings = settings
        self._store = store or ModelStore(settings.home)
        self._built: dict[tuple[str, str], Any] = {}
        self._makers: dict[str, Mapping[str, Callable[[], Any]]] = {
            "vad": {"silero": BatchedVad},
            "endpointer": {"smart-turn": self._smart_turn, NONE: lambda: None},
            "recognizer": {"pocketsphinx": self._pocketsphinx, "instant": InstantRecognizer},
            "llm": {"frames": self._frames, "echo": EchoBrain, **{name: self._chat(name) for name in settings.llms}},
            "synthesizer": {
                "auto": default_synthesizer,
                "flite": FliteSynthesizer,
                "espeak": EspeakSynthesizer,
                "tone": ToneSynthesizer,
            },
            "noise": {
                "auto": lambda: WebRtcNoiseReducer() if webrtc.installed() else None,
                "webrtc": WebRtcNoiseReducer,
                NONE: lambda: None,
            },
            "translator": translator_makers(settings, lambda name: cast(LanguageModel, self._engine("llm", name, ""))),
        }

    def stack(self, model: str) -> Stack:
        """Return the stack of a public model name.

        Raises:
            ConfigError: it names an engine that does not exist.
            EngineFault: an engine cannot be built here.
        """
        names = engine_names(self._settings, model)
        names["translator"] = translator_name(self._settings, names)
        return Stack(**{role: self._engine(role, names[role], model) for role in self._makers})

    def _engine(self, role: str, name: str, model: str) -> Any:
        known = self._makers[role]
        if name not in known:
            raise ConfigError(
                f'models."{model}".{role} = {name!r}: no such engine{nearest(name, known)}; known are {", ".join(known)}'
            )
        if (role, name) not in self._built:
            engine = known[name]()
            self._built[role, name] = _streaming(engine) if role == "recognizer" else engine
        return self._built[role, name]

    # --- makers -----------------------------------------------------------------------------------------------------------------

    def _smart_turn(self) -> SmartTurnEndpointer | None:
        model = self._store.path("smart-turn")
        return None if model is None else SmartTurnEndpointer(model)

    def _frames(self) -> FramesBrain:
        folder = self._store.path("minilm")
        return FramesBrain(None if folder is None else SentenceEncoder(folder))

    def _chat(self, name: str) -> Callable[[], LanguageModel]:
        def make() -> LanguageModel:
            # The client takes a third of a second to import: only who has a language model waits for it.
            from vivavoce.engines.llm.openai_compatible import OpenAICompatibleLlm

            llm = self._settings.llms[name]
            return OpenAICompatibleLlm(
                llm.base_url,
                llm.model,
                llm.api_key.reveal() if llm.api_key else None,
                timeout_s=llm.timeout_s,
                first_token_timeout_s=llm.first_token_timeout_s,
                stall_timeout_s=llm.stall_timeout_s,
                images=llm.images,
                extra_body=llm.extra_body,
            )

        return make

    def _pocketsphinx(self) -> PocketsphinxRecognizer:
        return PocketsphinxRecognizer(workers=_WORKERS_PER_CORE * (os.cpu_count() or 1))


def _streaming(recognizer: Recognizer) -> Recognizer:
    """Return the recognizer, made to stream if it does not by itself."""
    return recognizer if recognizer.capabilities.streaming else LocalAgreement(recognizer)

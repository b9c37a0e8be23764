"""The service: models, their stacks of engines, and the sessions opened on them. One per process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from vivavoce.config import Settings
from vivavoce.core.agent import AgentCore
from vivavoce.core.playout import Playout
from vivavoce.core.transcription import TranscriptionCore
from vivavoce.core.translation import TranslationCore
from vivavoce.engines.ports import Engine, EngineFault
from vivavoce.models.catalogue import DEFAULT_TRANSCRIBER, SERVED_KINDS, ModelInfo, catalogue
from vivavoce.models.languages import way_out, working_pairs
from vivavoce.models.prices import PriceTable
from vivavoce.models.prompts import PromptFolder
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors, session, transcription_session, translation_session
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.prompts import Prompts
from vivavoce.protocol.schema import Choice, Record, Text
from vivavoce.protocol.session import SessionDefaults
from vivavoce.protocol.transcription_session import TranscriptionDefaults
from vivavoce.protocol.translation_session import TranslationDefaults
from vivavoce.sessions.answering import Answering
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.hub import SessionHub
from vivavoce.sessions.listening import Listener
from vivavoce.sessions.meter import Metrics, SessionMeter
from vivavoce.sessions.outlet import Outlet
from vivavoce.sessions.records import SessionRecord, SessionRecords
from vivavoce.sessions.runner import Core, SessionRunner
from vivavoce.sessions.translation import AT_ONCE, Translating

_log = structlog.get_logger("vivavoce.service")

TRANSCRIPTIONS_AT_ONCE: Final = 1
"""Recognitions of one transcription session that run at once. Recognizers adapt to a speaker from segment to segment: with two, what is
heard would depend on which ends first."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What every session begins with, whatever its kind."""

    id: str
    ids: IdSource
    max_minutes: float
    caller: Caller
    record: SessionRecord
    meter: SessionMeter

    def runner(self, core: Core, listener: Listener, outlet: Outlet) -> SessionRunner:
        """Return the session's runner."""
        return SessionRunner(self.id, core, listener, outlet, self.meter, self.caller, self.record)


class VoiceService:
    """Opens sessions.

    Args:
        settings: what the operator decided.
        shelf: where engines come from; built from the settings by default.

    Raises:
        ConfigError: a model or a prompt of the settings cannot be used.
    """

    def __init__(self, settings: Settings, shelf: EngineShelf | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.hub = SessionHub(settings.server.max_sessions)
        self.records = SessionRecords()
        self.models = catalogue(settings.models)
        self.ready = False
        self.failure: str | None = None
        self.prices = PriceTable(settings.prices)
        self._prompts = PromptFolder(settings.server.prompts) if settings.server.prompts else None
        self._shelf = shelf or EngineShelf(settings)
        self._stacks: dict[str, Stack] = {}

    def served(self) -> list[ModelInfo]:
        """Return the models sessions can be opened on."""
        return [model for model in self.models.values() if model.kind in SERVED_KINDS]

    def model(self, name: str, kind: str = "agent", param: str = "model") -> ModelInfo:
        """Return a model of a kind by its public name; `param` is where the client named it.

        Raises:
            ClientFault: nobody serves it, or not for this.
        """
        info = self.models.get(name)
        if info is None:
            raise errors.model_not_found(name, param)
        if info.kind != kind:
            raise errors.wrong_model(name, kind, param)
        return info

    def stack(self, info: ModelInfo) -> Stack:
        """Return the engines behind a model.

        Raises:
            ClientFault: they are not ready.
        """
        if not self.ready:
            raise errors.overloaded("its engines are not ready yet")
        return self._stacks[info.name]

    async def start(self) -> None:
        """Build the stacks of all served models and warm every engine.

        Raises:
            EngineFault: an engine cannot run here.
        """
        for info in self.served():
            self._stacks[info.name] = self._shelf.stack(info.name)
        began = time.monotonic()
        try:
            await asyncio.gather(*(engine.warm() for engine in self._engines()))
        except EngineFault as fault:
            self.failure = fault.message
            raise
        self.ready = True
        _log.info("ready", seconds=round(time.monotonic() - began, 2), engines=[e.capabilities.name for e in self._engines()])

    async def stop(self) -> None:
        """Close every engine."""
        self.ready = False
        await asyncio.gather(*(engine.close() for engine in self._engines()), return_exceptions=True)

    def session_defaults(self, info: ModelInfo) -> SessionDefaults:
        """Return what a session of this model starts with now, and what its engines can do."""
        stack = self._stacks[info.name]
        return replace(
            info.defaults,
            languages=stack.recognizer.capabilities.languages,
            images=stack.llm.capabilities.images,
            denoises=stack.noise is not None,
            prompts=self._prompts.prompts() if self._prompts else Prompts(),
        )

    def preview(self, update: dict[str, Any]) -> dict[str, Any]:
        """Return the session object of a session that would open with this configuration now, with everything it left out.

        Args:
            update: a session object as a client secret brings it along, with its `model`; unchecked.

        Raises:
            ClientFault: no session would open with it; `param` is below `session`.
        """
        name = Choice(tuple(_KINDS)).check(Record({}, ("type",), extra="keep").check(update, "session")["type"], "session.type")
        if not self.ready:
            raise errors.overloaded("its engines are not ready yet")
        if name not in _PREVIEWS or _KINDS[name] not in SERVED_KINDS:
            raise errors.kind_not_served("session.type", name)
        return _PREVIEWS[name](self, update)

    def transcription_defaults(self, info: ModelInfo | None) -> TranscriptionDefaults:
        """Return what a transcription session on this model starts with now; None: the client has named none yet."""
        models = {
            model.name: self._stacks[model.name].recognizer.capabilities.languages
            for model in self.models.values()
            if model.kind == "transcription"
        }
        name = DEFAULT_TRANSCRIBER if info is None else info.name
        return TranscriptionDefaults(name, models, denoises=self._stacks[name].noise is not None)

    def _preview_transcription(self, update: dict[str, Any]) -> dict[str, Any]:
        defaults = self.transcription_defaults(None)
        opened = transcription_session.initial(defaults, IdSource().session(), 0)
        return transcription_session.updated(opened, update, defaults, chosen=False)

    def _preview_agent(self, update: dict[str, Any]) -> dict[str, Any]:
        info = self.model(Text(256, 1).check(update.get("model"), "session.model"), param="session.model")
        defaults = self.session_defaults(info)
        return session.updated(session.initial(defaults, IdSource().session(), 0), update, defaults, spoken=False)

    def open_agent(self, info: ModelInfo, outlet: Outlet, caller: Caller, playout: Playout | None = None) -> SessionRunner:
        """Return the runner of a new agent session; `playout` owns its playout clock, by default the client's."""
        stack = self._stacks[info.name]
        began = self._begin("agent", info.name, caller)
        core = AgentCore(
            began.id,
            self.session_defaults(info),
            began.ids,
            expires_at=began.record.expires_at,
            max_minutes=began.max_minutes,
            judged=stack.endpointer is not None,
            playout=playout,
        )
        runner = began.runner(core, Listener(began.id, stack, prepares=True), outlet)
        runner.add(Answering(began.id, stack, runner).performers)
        return runner

    def open_transcription(
        self, info: ModelInfo | None, outlet: Outlet, caller: Caller, playout: Playout | None = None
    ) -> SessionRunner:
        """Return the runner of a new transcription session; `info` is the transcription model, None where the client has named none yet."""
        defaults = self.transcription_defaults(info)
        stack = self._stacks[defaults.model]
        began = self._begin("transcription", defaults.model, caller)
        core = TranscriptionCore(
            began.id,
            defaults,
            began.ids,
            expires_at=began.record.expires_at,
            max_minutes=began.max_minutes,
            judged=stack.endpointer is not None,
            playout=playout,
        )
        recognizers = {name: self._stacks[name].recognizer for name in defaults.models}
        listener = Listener(began.id, stack, at_once=TRANSCRIPTIONS_AT_ONCE, recognizers=recognizers.__getitem__)
        return began.runner(core, listener, outlet)

    def translation_defaults(self, info: ModelInfo) -> TranslationDefaults:
        """Return what a session of this translation model starts with now, and what its engines can do.

        Raises:
            ClientFault: they cannot translate anything.
        """
        stack = self._stacks[info.name]
        pairs = working_pairs(stack)
        if not pairs:
            raise errors.no_interpreter(info.name, way_out(stack))
        return TranslationDefaults(info.name, pairs, denoises=stack.noise is not None)

    def _preview_translation(self, update: dict[str, Any]) -> dict[str, Any]:
        named = Text(256, 1).check(update.get("model"), "session.model")
        defaults = self.translation_defaults(self.model(named, "translation", "session.model"))
        opened = translation_session.initial(defaults, IdSource().session(), 0)
        return translation_session.updated(opened, translation_session.without_kind(update), defaults)

    def open_translation(self, info: ModelInfo, outlet: Outlet, caller: Caller, playout: Playout | None = None) -> SessionRunner:
        """Return the runner of a new translation session.

        Raises:
            ClientFault: the model's engines cannot translate anything.
        """
        defaults = self.translation_defaults(info)
        stack = self._stacks[info.name]
        if stack.translator is None:
            raise errors.no_interpreter(info.name, way_out(stack))
        began = self._begin("translation", info.name, caller)
        core = TranslationCore(
            began.id,
            defaults,
            began.ids,
            languages=stack.recognizer.capabilities.languages,
            expires_at=began.record.expires_at,
            max_minutes=began.max_minutes,
            playout=playout,
        )
        runner = began.runner(core, Listener(began.id, stack, at_once=AT_ONCE), outlet)
        translating = Translating(began.id, stack, stack.translator, runner)
        runner.add(translating.performers, translating.room)
        return runner

    def _begin(self, kind: str, model: str, caller: Caller) -> Beginning:
        ids = IdSource()
        session_id, minutes = ids.session(), self.settings.server.max_session_minutes
        if caller.max_minutes is not None:
            minutes = min(minutes, caller.max_minutes)
        expires_at = int(time.time() + minutes * 60)
        record = SessionRecord(session_id, kind, model, caller.key, caller.safety_identifier, expires_at, self.prices)
        self.records.add(record)
        return Beginning(session_id, ids, minutes, caller, record, self.metrics.session(kind, model))

    def _engines(self) -> list[Engine]:
        engines = {id(engine): engine for stack in self._stacks.values() for engine in stack.engines()}
        return list(engines.values())


_KINDS: Final = {"realtime": "agent", "transcription": "transcription", "translation": "translation"}
"""Kinds of session by the `type` of their configurations."""

_PREVIEWS: Final[dict[str, Callable[[VoiceService, dict[str, Any]], dict[str, Any]]]] = {
    "realtime": VoiceService._preview_agent,
    "transcription": VoiceService._preview_transcription,
    "translation": VoiceService._preview_translation,
}
"""What a session would look like, by the `type` of its configuration."""

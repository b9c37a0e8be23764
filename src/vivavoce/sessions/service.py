"""The service: models, their stacks of engines, and the sessions opened on them. One per process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import structlog

from vivavoce.config import Settings
from vivavoce.core.agent import AgentCore
from vivavoce.engines.ports import Engine, EngineFault
from vivavoce.models.catalogue import SERVED_KINDS, ModelInfo, catalogue
from vivavoce.models.prices import PriceTable
from vivavoce.models.prompts import PromptFolder
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors, session
from vivavoce.protocol.ids import IdSource
from vivavoce.protocol.prompts import Prompts
from vivavoce.protocol.schema import Choice, Record, Text
from vivavoce.protocol.session import SessionDefaults
from vivavoce.sessions.agent import AgentRunner
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.hub import SessionHub
from vivavoce.sessions.meter import Metrics
from vivavoce.sessions.outlet import Outlet
from vivavoce.sessions.records import SessionRecord, SessionRecords

_log = structlog.get_logger("vivavoce.service")


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
        self._prices = PriceTable(settings.prices)
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

    def _preview_agent(self, update: dict[str, Any]) -> dict[str, Any]:
        info = self.model(Text(256, 1).check(update.get("model"), "session.model"), param="session.model")
        defaults = self.session_defaults(info)
        return session.updated(session.initial(defaults, IdSource().session(), 0), update, defaults, spoken=False)

    def open_agent(self, info: ModelInfo, outlet: Outlet, caller: Caller) -> AgentRunner:
        """Return the runner of a new agent session."""
        stack = self._stacks[info.name]
        ids = IdSource()
        session_id = ids.session()
        minutes = self.settings.server.max_session_minutes
        expires_at = int(time.time() + minutes * 60)
        core = AgentCore(
            session_id,
            self.session_defaults(info),
            ids,
            expires_at=expires_at,
            max_minutes=minutes,
            judged=stack.endpointer is not None,
        )
        record = SessionRecord(session_id, info.kind, info.name, caller.key, caller.safety_identifier, expires_at, self._prices)
        self.records.add(record)
        return AgentRunner(session_id, core, stack, outlet, self.metrics.session("agent", info.name), caller, record)

    def _engines(self) -> list[Engine]:
        engines = {id(engine): engine for stack in self._stacks.values() for engine in stack.engines()}
        return list(engines.values())


_KINDS: Final = {"realtime": "agent", "transcription": "transcription", "translation": "translation"}
"""Kinds of session by the `type` of their configurations."""

_PREVIEWS: Final[dict[str, Callable[[VoiceService, dict[str, Any]], dict[str, Any]]]] = {
    "realtime": VoiceService._preview_agent,
}
"""What a session would look like, by the `type` of its configuration."""

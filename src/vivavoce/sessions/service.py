"""The service: models, their stacks of engines, and the sessions opened on them. One per process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import structlog

from vivavoce.config import Settings
from vivavoce.core.agent import AgentCore
from vivavoce.engines.ports import Engine, EngineFault
from vivavoce.models.catalogue import SERVED_KINDS, ModelInfo, catalogue
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.protocol import errors
from vivavoce.protocol.ids import IdSource
from vivavoce.sessions.agent import AgentRunner
from vivavoce.sessions.caller import Caller
from vivavoce.sessions.hub import SessionHub
from vivavoce.sessions.meter import Metrics
from vivavoce.sessions.outlet import Outlet

_log = structlog.get_logger("vivavoce.service")


class VoiceService:
    """Opens sessions.

    Args:
        settings: what the operator decided.
        shelf: where engines come from; built from the settings by default.
    """

    def __init__(self, settings: Settings, shelf: EngineShelf | None = None) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.hub = SessionHub(settings.server.max_sessions)
        self.models = catalogue(settings.models)
        self.ready = False
        self.failure: str | None = None
        self._shelf = shelf or EngineShelf(settings)
        self._stacks: dict[str, Stack] = {}

    def served(self) -> list[ModelInfo]:
        """Return the models sessions can be opened on."""
        return [model for model in self.models.values() if model.kind in SERVED_KINDS]

    def model(self, name: str) -> ModelInfo:
        """Return an agent model by its public name.

        Raises:
            ClientFault: nobody serves it, or not in a conversation.
        """
        info = self.models.get(name)
        if info is None:
            raise errors.model_not_found(name)
        if info.kind != "agent":
            raise errors.wrong_model(name, "realtime")
        return info

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

    def open_agent(self, info: ModelInfo, outlet: Outlet, caller: Caller) -> AgentRunner:
        """Return the runner of a new agent session."""
        stack = self._stacks[info.name]
        ids = IdSource()
        session_id = ids.session()
        minutes = self.settings.server.max_session_minutes
        core = AgentCore(
            session_id,
            replace(info.defaults, languages=stack.recognizer.capabilities.languages),
            ids,
            expires_at=int(time.time() + minutes * 60),
            max_minutes=minutes,
            judged=stack.endpointer is not None,
        )
        return AgentRunner(session_id, core, stack, outlet, self.metrics.session("agent", info.name), caller)

    def _engines(self) -> list[Engine]:
        engines = {id(engine): engine for stack in self._stacks.values() for engine in stack.engines()}
        return list(engines.values())

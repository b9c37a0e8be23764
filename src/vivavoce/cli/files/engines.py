"""Engines for one command: those it needs, started quietly, and closed again whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from vivavoce.cli.errors import FAILED, MISUSED, Trouble
from vivavoce.config import EngineNames, ModelSettings, Settings, nearest
from vivavoce.engines.ports import EngineFault
from vivavoce.models.catalogue import catalogue
from vivavoce.models.roles import NONE, ROLES, engine_names
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.models.translators import translator_name

_STAND_INS: Final = {
    "vad": "silero",
    "endpointer": NONE,
    "recognizer": "instant",
    "llm": "echo",
    "synthesizer": "tone",
    "translator": NONE,
    "noise": NONE,
}
"""For roles a command has no use for: they need nothing installed and are never started."""


def model_of_kind(settings: Settings, name: str, kind: str) -> str:
    """Return a model's name, having made sure that it is one for this.

    Raises:
        Trouble: it is not, or there is none of that name.
    """
    models = catalogue(settings.models)
    fit = [model.name for model in models.values() if model.kind == kind]
    if name not in models:
        raise Trouble(f"--model {name!r}: no such model{nearest(name, fit)}; there are {', '.join(fit)}", MISUSED)
    if name not in fit:
        raise Trouble(f"--model {name!r} is no {kind} model; there are {', '.join(fit)}", MISUSED)
    return name


def furnished(settings: Settings, model: str, roles: Collection[str]) -> Stack:
    """Return a model's engines as a server would use them, in these roles; in the others are stand-ins.

    Raises:
        ConfigError: the settings name an engine that does not exist.
        Trouble: an engine cannot be built here.
    """
    names = engine_names(settings, model)
    if "translator" in roles:  # which may depend on the brain, whose stand-in is none
        names["translator"] = translator_name(settings, names)
    chosen = EngineNames(**{role: names[role] if role in roles else _STAND_INS[role] for role in ROLES})
    own = replace(settings.models.get(model, ModelSettings()), engines=chosen)
    try:
        return EngineShelf(replace(settings, models={**settings.models, model: own})).stack(model)
    except EngineFault as fault:
        raise Trouble(fault.message, FAILED) from fault


@asynccontextmanager
async def started(stack: Stack, roles: Collection[str]) -> AsyncIterator[Stack]:
    """Hold a stack whose engines in these roles are warm.

    Raises:
        Trouble: one cannot run here, or failed at its work.
    """
    engines = [engine for role in roles if (engine := getattr(stack, role)) is not None]
    try:
        await asyncio.gather(*(engine.warm() for engine in engines))
        yield stack
    except EngineFault as fault:
        raise Trouble(fault.message, FAILED) from fault
    finally:
        await asyncio.gather(*(engine.close() for engine in engines), return_exceptions=True)

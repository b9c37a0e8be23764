"""The examinations of `doctor`: each finds out one thing and says it in one line."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import httpx

from vivavoce.api.tls import expiry, tls_files
from vivavoce.cli.addresses import listen
from vivavoce.cli.coffee_bar import MODEL
from vivavoce.cli.errors import Trouble
from vivavoce.config import ConfigError, LlmSettings, ServerSettings, Settings, load_settings
from vivavoce.engines.ports import Capabilities, EngineFault
from vivavoce.engines.tts.available import Candidate, describe
from vivavoce.models.languages import ANY, way_out, working_pairs
from vivavoce.models.roles import engine_names
from vivavoce.models.shelf import EngineShelf
from vivavoce.models.stack import Stack
from vivavoce.models.store import ModelStore
from vivavoce.version import product_version

Status = Literal["ok", "warn", "fail"]

_REPLY_S: Final = 3.0
_START_S: Final = 60.0
_LOW_SPACE_BYTES: Final = 500 << 20
_SHORT_LIFE: Final = timedelta(days=7)

_ROLES: Final = {
    "vad": "voice activity",
    "endpointer": "end of turn",
    "recognizer": "recognizer",
    "llm": "brain",
    "synthesizer": "synthesizer",
    "translator": "translator",
    "noise": "noise reduction",
}

_ASSETS: Final = {
    "minilm": ("router weights", "frames", "without them the built-in brain finds tools by shared words only"),
    "smart-turn": ("end-of-turn model", "smart-turn", "without it semantic_vad has only silence to go by"),
}
"""Asset → the check's name, the engine that uses it, and what is lost without it."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found out. `fail` means that no session can be held; `way_out` says what to do, empty where nothing is to be done."""

    name: str
    status: Status
    detail: str
    way_out: str = ""


def examine(environ: Mapping[str, str], config: Path | None, profile: str | None) -> list[Check]:
    """Run every check, in the order in which they should be read."""
    checks = [_python()]
    try:
        settings = load_settings(environ, config_file=config, overrides={"profile": profile})
        names = engine_names(settings, MODEL)
        checks += [_exposure(settings), _tls(settings), _profile(settings)]
        checks += _engines(settings, names)
        checks += _assets(ModelStore(settings.home), names)
        checks += [_endpoint(name, llm, used=name == names["llm"]) for name, llm in settings.llms.items()]
        checks += _voices(names["synthesizer"])
        checks += [_microphone(), _home(settings.home), _port(settings.server)]
    except ConfigError as error:
        checks.append(Check("settings", "fail", str(error), "correct this setting"))
    return checks


def _python() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.machine()}"
    return Check("python", "ok", f"{platform.python_version()} on {system}, {cores} CPUs; vivavoce {product_version()}")


def _exposure(settings: Settings) -> Check:
    server = settings.server
    try:
        settings.check()
    except ConfigError as error:
        return Check("access", "fail", str(error), "mend the setting it names")
    count = len(server.api_keys) + len(settings.keys)
    keys = f"{count} API keys" if count else "no API keys: this machine only"
    return Check("access", "ok", f"host {server.host}, {keys}")


def _tls(settings: Settings) -> Check:
    server = settings.server
    try:
        files = tls_files(settings)
        left = expiry(files[0]) - datetime.now(UTC) if files else None
    except ConfigError as error:
        return Check("tls", "fail", str(error), "mend the file or the setting it names")
    if files is None or left is None:
        if settings.keyed and not server.on_loopback:
            way_out = "set server.tls_cert and server.tls_key, or let a proxy in front of the server speak TLS"
            return Check("tls", "warn", "off: API keys come in clear over the network", way_out)
        return Check("tls", "ok", "off; clients that insist on wss, the Node ones among them, need --tls-self-signed")
    detail = f"certificate {files[0]}{' (made here)' if server.tls_self_signed else ''}, {_days(left)}"
    if left < _SHORT_LIFE:
        return Check("tls", "warn", detail, "renew the certificate and restart the server")
    return Check("tls", "ok", detail)


def _days(left: timedelta) -> str:
    return f"valid for {left.days} more days" if left > timedelta() else "expired"


def _profile(settings: Settings) -> Check:
    source = f" (from {settings.profile_file})" if settings.profile_file else ""
    if settings.profile == "null":
        return Check("profile", "warn", f"null{source}: measures the platform, neither listens nor thinks", "leave --profile out")
    return Check("profile", "ok", f"{settings.profile}{source}")


def _engines(settings: Settings, names: Mapping[str, str]) -> list[Check]:
    """Start the engines as a server would, and stop them again: the only proof that a session can be held."""
    began = time.monotonic()
    try:
        stack = EngineShelf(settings).stack(MODEL)
        asyncio.run(_start(stack))
    except EngineFault as fault:
        return [Check("engines", "fail", f"they do not start: {fault.message}", "see what is missing below")]
    except TimeoutError:
        return [
            Check(
                "engines", "fail", f"they did not start within {_START_S:.0f} s", "look for a busy machine or a hanging endpoint"
            )
        ]
    seconds = time.monotonic() - began
    roles = {role: getattr(stack, role) for role in names}
    checks = [Check(_ROLES[role], "ok", _described(engine.capabilities)) for role, engine in roles.items() if engine is not None]
    return [*checks, Check("engines", "ok", f"all of them start in {seconds:.1f} s"), _translation(stack)]


def _translation(stack: Stack) -> Check:
    """Say between which languages translation sessions work: the translator's pairs that can be heard and spoken here."""
    pairs = working_pairs(stack)
    if not pairs:
        return Check("translation", "warn", "no translation sessions: something is missing", way_out(stack))
    sources: dict[str, list[str]] = {}
    for source, target in pairs:
        sources.setdefault("any language" if source == ANY else source, []).append(target)
    listed = "; ".join(f"{source} to {', '.join(targets)}" for source, targets in sources.items())
    if stack.translator is not None and stack.translator.capabilities.quality == "null":
        return Check("translation", "warn", f"{listed}: repeats what is said, translates nothing", "leave --profile out")
    return Check("translation", "ok", listed)


async def _start(stack: Stack) -> None:
    try:
        async with asyncio.timeout(_START_S):
            await asyncio.gather(*(engine.warm() for engine in stack.engines()))
    finally:
        await asyncio.gather(*(engine.close() for engine in stack.engines()), return_exceptions=True)


def _described(engine: Capabilities) -> str:
    return "; ".join(
        part for part in (f"{engine.name}, licence {engine.licence}, quality {engine.quality}", engine.notes) if part
    )


def _assets(store: ModelStore, names: Mapping[str, str]) -> list[Check]:
    checks = []
    for asset, (what, engine, lost) in _ASSETS.items():
        if engine not in names.values():
            continue
        path = store.path(asset)
        if path is None:
            checks.append(Check(what, "warn", f"{asset} is not installed: {lost}", f"vivavoce models pull {asset}"))
        else:
            checks.append(Check(what, "ok", f"{asset}, licence {store.asset(asset).licence}"))
    return checks


def _endpoint(name: str, llm: LlmSettings, *, used: bool) -> Check:
    what = f"llm {name}"
    silent: Status = "fail" if used else "warn"
    headers = {"Authorization": f"Bearer {llm.api_key.reveal()}"} if llm.api_key else {}
    way_out = "start the endpoint, or correct VIVAVOCE_LLM_BASE_URL and VIVAVOCE_LLM_API_KEY"
    try:
        reply = httpx.get(f"{llm.base_url}/models", headers=headers, timeout=_REPLY_S)
    except httpx.HTTPError as error:
        return Check(what, silent, f"{llm.base_url} does not answer: {str(error) or type(error).__name__}", way_out)
    if reply.is_success or (llm.model and reply.status_code not in (401, 403)):
        return Check(what, "ok", f"{llm.base_url} answers; model {llm.model or 'the first it lists'}")
    return Check(what, silent, f"{llm.base_url} answers with HTTP {reply.status_code}", way_out)


def _voices(chosen: str) -> list[Check]:
    candidates = describe()
    usable = [candidate.name for candidate in candidates if candidate.usable]
    picked = {"auto": [name for name in usable if name != "tone"], "espeak": ["espeak-ng"]}.get(chosen, [chosen])
    return [_voice(candidate, chosen=candidate.name in picked) for candidate in candidates]


def _voice(candidate: Candidate, *, chosen: bool) -> Check:
    if candidate.usable:
        use = "in use" if chosen else "not in use"
        return Check(f"voice {candidate.name}", "ok", f"{use}, licence {candidate.licence}; {candidate.detail}")
    status: Status = "fail" if chosen else "warn"
    return Check(f"voice {candidate.name}", status, f"{candidate.detail}; licence {candidate.licence}", candidate.how_to_get)


def _microphone() -> Check:
    if importlib.util.find_spec("sounddevice") is not None:
        return Check("microphone", "ok", "the extra `mic` is installed: `vivavoce talk` can use the sound card")
    return Check("microphone", "warn", "`vivavoce talk` cannot use the sound card", "pip install 'vivavoce[mic]'")


def _home(home: Path) -> Check:
    there = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    if not os.access(there, os.W_OK):
        return Check(
            "home", "warn", f"{home} cannot be written: no models can be pulled", "set VIVAVOCE_HOME to a folder that can"
        )
    free = shutil.disk_usage(there).free
    if free < _LOW_SPACE_BYTES:
        return Check("home", "warn", f"{home}, only {free >> 20} MiB free", "free some space, or move VIVAVOCE_HOME")
    return Check("home", "ok", f"{home}, {free >> 30} GiB free")


def _port(server: ServerSettings) -> Check:
    try:
        listen(server.host, server.port).close()
    except Trouble as trouble:
        return Check("port", "warn", trouble.message.partition(":")[0], "stop what listens there, or choose another with --port")
    return Check("port", "ok", f"{server.port} on {server.host} is free")

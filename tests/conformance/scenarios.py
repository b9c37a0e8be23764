"""Run a client's scenarios and write down how each went: what every Python client of the conformance suite shares.

A client's `run.py` puts this folder on `sys.path`, writes one coroutine function per scenario and calls `run`:

    async def a_text_turn() -> None:
        ...

    run("openai-python", version("openai"), [a_text_turn])

A scenario that returns is green (a text it returns is kept as detail), one that raises or takes longer than `LIMIT_S` is red. The standard
library alone is used here: every client has an environment of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
import urllib.request
import wave
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

LIMIT_S = 20.0
"""How long one scenario may take, in seconds."""

URL = os.environ.get("CONFORMANCE_URL", "http://127.0.0.1:8000/v1")
"""The base address of the server, up to `/v1`."""

API_KEY = os.environ.get("CONFORMANCE_API_KEY", "unused")
"""The API key the server wants."""

MODEL = os.environ.get("CONFORMANCE_MODEL", "gpt-realtime-2.1")
"""The model to ask for."""

Found = TypeVar("Found")

Scenario = Callable[[], Awaitable[str | None]]
"""One scenario; its name, with spaces for underscores, is the name in the report."""


def websocket_url(path: str = "/realtime") -> str:
    """Return the address of a WebSocket route of the server, with the model in the query."""
    return URL.replace("http", "ws", 1) + path + "?model=" + MODEL


def speech(name: str) -> bytes:
    """Return a recording of the suite (`hello`, `weather`, `stop`; with `_8k` at 8 kHz) as 16-bit little-endian mono PCM."""
    with wave.open(str(Path(os.environ["CONFORMANCE_SPEECH"]) / f"{name}.wav"), "rb") as recording:
        return recording.readframes(recording.getnframes())


def silence(duration_ms: int, rate_hz: int = 24_000) -> bytes:
    """Return that much silence as 16-bit PCM."""
    return bytes(2 * rate_hz * duration_ms // 1000)


def expect(holds: object, what: str) -> None:
    """Fail the scenario unless `holds`.

    Raises:
        AssertionError: it does not; the message is `what`.
    """
    if not holds:
        raise AssertionError(what)


async def until(find: Callable[[], Found | None], news: asyncio.Event, vain: Callable[[], str], patience_s: float) -> Found:
    """Wait until `find` finds something, looking again whenever there is `news`.

    Raises:
        AssertionError: nothing was found in so many seconds; `vain` says what was waited for.
    """
    try:
        async with asyncio.timeout(patience_s):
            while (found := find()) is None:
                news.clear()
                await news.wait()
            return found
    except TimeoutError:
        raise AssertionError(f"waited in vain for {vain()}") from None


def contexts(words: str) -> list[str]:
    """Return the contexts the scripted brain was given in which these words occur, as JSON, oldest first."""
    with urllib.request.urlopen(f"{os.environ['CONFORMANCE_BRAIN']}/requests", timeout=5) as answer:
        requests = json.load(answer)["data"]
    whole = [json.dumps(request["messages"], ensure_ascii=False) for request in requests]
    return [context for context in whole if words in context]


def run(client: str, version: str, scenarios: Sequence[Scenario], *, limit_s: float = LIMIT_S) -> None:
    """Run the scenarios one after the other, write `CONFORMANCE_OUT`, and leave the process: 0 if all are green, else 1.

    Arguments on the command line choose scenarios by a part of their name.
    """
    chosen = [s for s in scenarios if not sys.argv[1:] or any(part in _name(s) for part in sys.argv[1:])]
    results = asyncio.run(_run_all(chosen, limit_s))
    report = {"client": client, "version": version, "scenarios": results}
    out = os.environ.get("CONFORMANCE_OUT")
    if out:
        Path(out).write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
    sys.exit(0 if all(result["ok"] for result in results) else 1)


async def _run_all(scenarios: Sequence[Scenario], limit_s: float) -> list[dict[str, Any]]:
    return [await _run_one(scenario, limit_s) for scenario in scenarios]


async def _run_one(scenario: Scenario, limit_s: float) -> dict[str, Any]:
    began = time.time()
    ok, detail = False, ""
    try:
        async with asyncio.timeout(limit_s):
            detail = await scenario() or ""
        ok = True
    except TimeoutError:
        traceback.print_exc()
        detail = f"took longer than {limit_s:g} s"
    except Exception as error:  # noqa: BLE001 - a client may fail in any way; that is what the report is for
        traceback.print_exc()
        detail = f"{type(error).__name__}: {error}"
    print(f"{'ok ' if ok else 'RED'} {time.time() - began:5.1f} s  {_name(scenario)}  {detail}", file=sys.stderr, flush=True)
    return {"name": _name(scenario), "ok": ok, "detail": detail, "began": began, "ended": time.time()}


def _name(scenario: Scenario) -> str:
    return getattr(scenario, "__name__", repr(scenario)).replace("_", " ")

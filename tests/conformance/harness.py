"""Run unmodified clients against real servers, and write down what was seen.

    python tests/conformance/harness.py                    all clients; writes docs/conformance.md
    python tests/conformance/harness.py openai_python      one of them; -k TEXT for some of its scenarios

Each client runs in an environment of its own, against a server of its own, as a process that knows nothing but its environment variables:

    CONFORMANCE_URL       http(s)://127.0.0.1:PORT/v1        CONFORMANCE_SPEECH   a folder of recordings (`recordings.py`)
    CONFORMANCE_API_KEY   a key the server takes             CONFORMANCE_OUT      the JSON file to write
    CONFORMANCE_MODEL     the model to ask for               CONFORMANCE_BRAIN    the scripted brain's address: /requests there
    NODE_EXTRA_CA_CERTS   the server's certificate (Node)                         lists the contexts it was given

    {"client": "…", "version": "…", "scenarios": [{"name": "…", "ok": true, "detail": "…", "began": 1.0, "ended": 2.0}]}

`began` and `ended` (seconds since 1970) are optional; with them an event counts as seen for the scenario it was seen in.

Ends with 0 if everything is green, 1 if anything failed, or an event was never seen, or a client could not be run. `--allow-missing` forgives
a client whose language is not installed at all.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import page
import processes
import recordings
from installing import ENVIRONMENTS, HERE, ROOT, Client, NotInstalled, all_clients, install
from wire_log import Window, seen

from vivavoce.cli.errors import Trouble
from vivavoce.config import load_settings

MODEL: Final = "gpt-realtime-2.1"
LIMIT_S: Final = 600.0
"""How long all scenarios of a client may take together, in seconds."""

PAGE: Final = ROOT / "docs" / "conformance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    known = all_clients()
    parser = argparse.ArgumentParser(prog="harness.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", nargs="*", help=f"some of {', '.join(c.folder for c in known)}; all if none is named")
    parser.add_argument(
        "-k", dest="only", action="append", default=[], metavar="TEXT", help="only scenarios with TEXT in their name"
    )
    parser.add_argument("--allow-missing", action="store_true", help="a client whose language is not installed is no failure")
    options = parser.parse_args(arguments)
    unknown = set(options.client) - {client.folder for client in known}
    if unknown:
        parser.error(f"there is no client {', '.join(sorted(unknown))}")
    whole = not options.client and not options.only
    chosen = [client for client in known if not options.client or client.folder in options.client]

    # A harness that is told to stop ends what it started first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    speech = ENVIRONMENTS / "speech"
    recordings.record(speech)
    with processes.brain(HERE / "brain.toml") as brain_url:
        outcomes = [_run(client, brain_url, speech, options.only, options.allow_missing) for client in chosen]

    results = [result for result, _ in outcomes]
    failed = any(failure for _, failure in outcomes)
    for result in results:
        _print(result)
    if whole:
        PAGE.write_text(page.page(results), encoding="utf-8")
        print(f"\nwritten: {PAGE.relative_to(ROOT)}")
        complete = not any(result.not_run for result in results)
        for kind in page.missing(results) if complete else ():
            failed = True
            print(f"RED   never seen in a green scenario: {kind}")
    return 1 if failed else 0


def _run(client: Client, brain_url: str, speech: Path, only: list[str], allow_missing: bool) -> tuple[page.Result, bool]:
    """Run one client; return what it showed, and whether that is a failure."""
    name, version = client.pinned()
    print(f"── {client.folder}", flush=True)
    try:
        command = install(client)
    except NotInstalled as reason:
        result = page.Result(name, version, not_run=str(reason))
        return result, not (allow_missing and reason.tool_missing)
    folder = ENVIRONMENTS / "runs" / client.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with processes.server(folder, brain_url, tls=client.node) as url:
            environment = {
                "CONFORMANCE_URL": url,
                "CONFORMANCE_API_KEY": processes.API_KEY,
                "CONFORMANCE_MODEL": MODEL,
                "CONFORMANCE_SPEECH": str(speech),
                "CONFORMANCE_OUT": str(folder / "out.json"),
                "CONFORMANCE_BRAIN": brain_url,
                # Clients are told where to go; what the user's own clients use must not lead them elsewhere.
                "OPENAI_API_KEY": processes.API_KEY,
                "OPENAI_BASE_URL": url,
                "NO_PROXY": "127.0.0.1,localhost",
            }
            if client.node:
                home = load_settings(os.environ).home
                environment["NODE_EXTRA_CA_CERTS"] = str(home / "tls" / "localhost.pem")
            trouble = processes.run_client([*command, *only], environment, folder, LIMIT_S)
    except Trouble as reason:
        result = page.Result(name, version, trouble=f"the server did not start: {reason}")
        return result, True
    result = _read(folder, name, version, trouble)
    return result, result.red


def _read(folder: Path, name: str, version: str, trouble: str) -> page.Result:
    """Return what a client wrote down, with what its server logged."""
    written: dict[str, Any] = {}
    try:
        written = json.loads((folder / "out.json").read_text("utf-8"))
    except (OSError, ValueError):
        trouble = trouble or "wrote no report"
    listed = written.get("scenarios", [])
    scenarios = tuple(page.Scenario(s["name"], s["ok"], s.get("detail", "")) for s in listed)
    windows = [Window(s["began"], s["ended"], s["ok"]) for s in listed if "began" in s and "ended" in s]
    result = page.Result(written.get("client", name), written.get("version", version), scenarios, trouble=trouble)
    events = seen(folder / "server.log", windows, otherwise=not result.red)
    return page.Result(result.client, result.version, scenarios, events, trouble=trouble)


def _print(result: page.Result) -> None:
    print(f"\n{result.client} {result.version}")
    if result.not_run:
        print(f"  NOT RUN: {result.not_run}")
    if result.trouble:
        print(f"  RED   {result.trouble}")
    for scenario in result.scenarios:
        print(f"  {'green' if scenario.ok else 'RED  '} {scenario.name}{f': {scenario.detail}' if scenario.detail else ''}")


if __name__ == "__main__":
    sys.exit(main())

"""The conformance suite's own parts: what it counts, how it counts it, and what it writes down."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import page
import pytest
from installing import HERE, ROOT, all_clients
from page import Result, Scenario
from wire_log import CLIENT_EVENTS, SERVER_EVENTS, UNPROVOKED, Seen, Window, seen

from vivavoce.protocol import server_events, translation_events
from vivavoce.protocol.client_events import SUPPORTED, AudioCommit, Refused, parse, type_of
from vivavoce.testing.script import CallTool, Fail, Say, Step, Together
from vivavoce.testing.script_file import load_script

PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?==[0-9][A-Za-z0-9.]*( *#.*)?")

GREEN = Result("one", "1.0", (Scenario("talks", True),), Seen(frozenset(CLIENT_EVENTS + SERVER_EVENTS) - set(UNPROVOKED)))


# --- what is counted ------------------------------------------------------------------------------------------------------------


def test_every_client_event_of_the_server_has_a_row() -> None:
    assert set(CLIENT_EVENTS) == {*SUPPORTED, *translation_events.SUPPORTED}


def test_every_server_event_of_the_server_has_a_row() -> None:
    sources = inspect.getsource(server_events) + inspect.getsource(translation_events)
    source = sources.replace("{_TRANSCRIPTION}", "conversation.item.input_audio_transcription")
    found = set(re.findall(r'"type": f?"([a-z_.]+)"', source)) - {"transcription_error"}  # the type of an error, not of an event
    # Events of calls: every client here has a WebSocket.
    on_calls = {event for event in found if event.startswith("output_audio_buffer.")}
    assert set(SERVER_EVENTS) == found - on_calls
    assert len(on_calls) == 3


def test_what_cannot_be_provoked_is_an_event_with_a_reason() -> None:
    assert set(UNPROVOKED) <= {*CLIENT_EVENTS, *SERVER_EVENTS}
    assert all(UNPROVOKED.values())


# --- how it is counted ----------------------------------------------------------------------------------------------------------


def _log(folder: Path, *lines: tuple[float, str, str]) -> Path:
    path = folder / "server.log"
    texts = ["a library's warning", '["not", "an object"]']
    for at, event, kind in lines:
        stamp = f"2020-01-01T00:00:{at:09.6f}Z"
        texts.append(json.dumps({"event": event, "type": kind, "timestamp": stamp}))
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def test_an_event_counts_for_the_scenario_it_was_seen_in(tmp_path: Path) -> None:
    start = 1577836800.0  # 2020-01-01 in UTC
    log = _log(
        tmp_path,
        (1, "received", "session.update"),
        (2, "sent", "session.updated"),
        (12, "sent", "session.updated"),
        (13, "sent", "error"),
        (14, "response", "something else that has a type"),
    )
    windows = [Window(start, start + 9, True), Window(start + 10, start + 20, False)]
    found = seen(log, windows, otherwise=True)
    assert found == Seen(frozenset({"session.update", "session.updated"}), frozenset({"error"}))


@pytest.mark.parametrize("kind", SUPPORTED)
def test_the_log_calls_an_event_what_the_wire_calls_it(kind: str) -> None:
    event = parse(json.dumps({"type": kind, "no_such_field": 1}))
    assert isinstance(event, Refused) and type_of(event) == kind
    assert type_of(AudioCommit(None)) == "input_audio_buffer.commit"


@pytest.mark.parametrize("kind", translation_events.SUPPORTED)
def test_the_log_calls_an_event_of_translators_what_the_wire_calls_it(kind: str) -> None:
    event = translation_events.parse(json.dumps({"type": kind, "no_such_field": 1}))
    assert isinstance(event, Refused) and type_of(event) == kind


@pytest.mark.parametrize("frame", ["no JSON", "[]", "{}", '{"type": 5}', '{"type": "made.up"}', '{"type": ["session.update"]}'])
def test_the_log_names_no_event_that_is_none(frame: str) -> None:
    assert type_of(parse(frame)) is None


def test_without_times_the_run_as_a_whole_decides(tmp_path: Path) -> None:
    log = _log(tmp_path, (1, "sent", "error"))
    assert seen(log, [], otherwise=True).green == {"error"}
    assert seen(log, [], otherwise=False).red == {"error"}


def test_an_event_that_nobody_saw_in_a_green_scenario_is_missing() -> None:
    assert page.missing([GREEN]) == []
    fewer = replace(GREEN, seen=Seen(GREEN.seen.green - {"error"}, frozenset({"error"})))
    assert page.missing([fewer]) == ["error"]
    assert page.missing([fewer, GREEN]) == []


@pytest.mark.parametrize(
    ("result", "red"),
    [
        (GREEN, False),
        (replace(GREEN, scenarios=(Scenario("talks", False, "it is dumb"),)), True),
        (replace(GREEN, scenarios=()), True),
        (replace(GREEN, trouble="it crashed"), True),
        (Result("one", "1.0", not_run="there is no node"), False),
    ],
)
def test_a_client_is_green_only_if_all_its_scenarios_were_run_and_are(result: Result, red: bool) -> None:
    assert result.red is red


# --- what is written down -------------------------------------------------------------------------------------------------------


def test_the_page_shows_clients_events_and_what_failed() -> None:
    red = Result("two", "2.0", (Scenario("talks", False, "a | b\nc"),), Seen(red=frozenset({"error"})))
    text = page.page([GREEN, red, Result("three", "3.0", not_run="there is no node")])
    assert text == page.page([GREEN, red, Result("three", "3.0", not_run="there is no node")])
    assert "| one | 1.0 | 1 of 1 |" in text
    assert "| two | 2.0 | **0 of 1** |" in text
    assert "| three | 3.0 | not run: there is no node |" in text
    assert "✗ **talks** (a \\| b c)" in text
    assert "| `error` | ✓ | ✗ | — |" in text
    assert all(f"| `{kind}` |" in text for kind in CLIENT_EVENTS + SERVER_EVENTS)


def test_the_page_in_the_repository_is_of_the_pinned_clients() -> None:
    text = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    for client in all_clients():
        _, version = client.pinned()
        assert f" | {version} | " in text, f"{client.folder} {version}: make conformance"


# --- what is run ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", all_clients(), ids=lambda client: client.folder)
def test_clients_are_pinned_by_plain_names(client: object) -> None:
    folder = HERE / client.folder  # type: ignore[attr-defined]
    if (folder / "package.json").exists():
        wanted = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
        assert all(re.fullmatch(r"[0-9][0-9A-Za-z.-]*", version) for version in wanted.values())
    else:
        lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
        packages = [line for line in lines if line.strip() and not line.startswith("#")]
        assert packages and all(PINNED.fullmatch(line.strip()) for line in packages)


@pytest.mark.parametrize(
    ("heard", "steps"),
    [
        ("Hello there.", (Say("Hello! How can I help you?"),)),
        ("what is the weather in oslo", (Say("One moment.", "commentary"), CallTool("get_weather", {"city": "Oslo"}, pieces=3))),
        ("I want a refund.", (CallTool("refund", {"amount": 10}),)),
        ("billing, please", (CallTool("transfer_to_billing", "{}"),)),
        ("fail", (Fail("the scripted backend has failed", 503),)),
        ("Something else.", (Say("I see."),)),
        ("", (Say("I see."),)),
        # Outputs of tools, and what clients write by themselves, may quote what the user asked for.
        ("The weather in Oslo is sunny.", (Say("It is sunny in Oslo."),)),
        ('{"assistant": "billing"}', (Say("This is billing. What can I do for you?"),)),
        ("10 paid back as a refund", (Say("Your money is on its way."),)),
        ("The refund was not approved.", (Say("Then I will not do it."),)),
        ("Translate from English into Spanish, unfinished:\n<speech>hello there</speech>", (Say("Hola."),)),
        ("Translate from English into French:\n<speech>what is the weather</speech>", (Say("Bonjour."),)),
        ("guardrail triggered: forbidden words", (Say("Let us talk about something else."),)),
    ],
)
def test_the_brain_answers_what_scenarios_rely_on(heard: str, steps: tuple[Step, ...]) -> None:
    assert load_script(HERE / "brain.toml").pick(heard) == steps


def test_the_brain_calls_two_tools_at_once() -> None:
    [step] = load_script(HERE / "brain.toml").pick("Compare the weather in two cities.")
    assert isinstance(step, Together)
    assert [call.arguments for call in step.calls] == [{"city": "Oslo"}, {"city": "Paris"}]


CLIENT = """
import asyncio, sys
sys.path.append(sys.argv.pop(1))
from scenarios import expect, run

async def it_works() -> str:
    return "well"

async def it_fails() -> None:
    expect(False, "a reason")

async def it_hangs() -> None:
    await asyncio.Event().wait()

run("client", "1.0", [it_works, it_fails, it_hangs], limit_s=0.05)
"""


@pytest.mark.parametrize(("only", "code"), [([], 1), (["works"], 0)])
def test_scenarios_are_run_and_reported(tmp_path: Path, only: list[str], code: int) -> None:
    script, out = tmp_path / "run.py", tmp_path / "out.json"
    script.write_text(CLIENT, encoding="utf-8")
    command = [sys.executable, str(script), str(HERE), *only]
    ended = subprocess.run(command, env={**os.environ, "CONFORMANCE_OUT": str(out)}, capture_output=True, timeout=30)
    written = json.loads(out.read_text("utf-8"))
    wanted = [
        ("it works", True, "well"),
        ("it fails", False, "AssertionError: a reason"),
        ("it hangs", False, "took longer than 0.05 s"),
    ]
    assert ended.returncode == code
    assert [(s["name"], s["ok"], s["detail"]) for s in written["scenarios"]] == (wanted[:1] if only else wanted)
    assert all(s["began"] <= s["ended"] for s in written["scenarios"])

"""Prompt templates: files that stand for session fields."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import structlog

from vivavoce.config import ConfigError
from vivavoce.models.prompts import PromptFolder
from vivavoce.protocol.errors import ClientFault
from vivavoce.protocol.session import SessionDefaults, initial, updated, with_overrides


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "concierge").mkdir()
    (tmp_path / "receptionist.md").write_text("You answer the telephone of {{ hotel }}.\n")
    (tmp_path / "concierge" / "2.md").write_text("Be brief.")
    (tmp_path / "concierge" / "9.toml").write_text(
        'instructions = "Be {{mood}}."\n[audio.output]\nvoice = "cedar"\nspeed = 1.2\n'
    )
    (tmp_path / "concierge" / "10.toml").write_text('instructions = "Be newest."\nmax_output_tokens = 50\n')
    return tmp_path


def update(folder: Path, prompt: Any, **fields: Any) -> dict[str, Any]:
    defaults = SessionDefaults("gpt-realtime", prompts=PromptFolder(folder).prompts())
    wanted = {"type": "realtime", "prompt": prompt, **fields}
    return updated(initial(defaults, "sess_x", 0), wanted, defaults, spoken=False)


def refused(folder: Path, prompt: Any) -> tuple[str | None, str | None]:
    with pytest.raises(ClientFault) as caught:
        update(folder, prompt)
    return caught.value.code, caught.value.param


def test_a_prompt_stands_for_the_fields_it_holds(folder: Path) -> None:
    session = update(folder, {"id": "receptionist", "variables": {"hotel": "the Ritz"}})
    assert session["instructions"] == "You answer the telephone of the Ritz."
    assert session["prompt"] == {"id": "receptionist", "version": None, "variables": {"hotel": "the Ritz"}}


def test_the_newest_version_is_taken_unless_one_is_named(folder: Path) -> None:
    assert update(folder, {"id": "concierge"})["instructions"] == "Be newest."
    named = update(folder, {"id": "concierge", "version": "9", "variables": {"mood": "kind"}})
    assert (named["instructions"], named["audio"]["output"]["voice"]) == ("Be kind.", "cedar")


def test_fields_given_beside_the_prompt_win(folder: Path) -> None:
    """C.1: direct fields win over the stored prompt, object by object."""
    named = {"id": "concierge", "version": "9", "variables": {"mood": "kind"}}
    session = update(folder, named, instructions="Mine.", audio={"output": {"voice": "ash"}})
    assert session["instructions"] == "Mine."
    assert (session["audio"]["output"]["voice"], session["audio"]["output"]["speed"]) == ("ash", 1.2)


def test_a_response_takes_what_a_response_may_have(folder: Path) -> None:
    defaults = SessionDefaults("gpt-realtime", prompts=PromptFolder(folder).prompts())
    session = initial(defaults, "sess_x", 0)
    merged = with_overrides(session, {"prompt": {"id": "concierge"}}, defaults)
    assert (merged["instructions"], merged["max_output_tokens"]) == ("Be newest.", 50)
    assert session["max_output_tokens"] == "inf"


def test_a_variable_may_be_a_text_part(folder: Path) -> None:
    variables = {"hotel": {"type": "input_text", "text": "the Savoy"}}
    assert "Savoy" in update(folder, {"id": "receptionist", "variables": variables})["instructions"]


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ({"id": "nobody"}, ("invalid_value", "session.prompt.id")),
        ({"id": "concierge", "version": "3"}, ("invalid_value", "session.prompt.id")),
        ({"id": "../receptionist"}, ("invalid_value", "session.prompt.id")),
        ({"id": "receptionist"}, ("missing_required_parameter", "session.prompt.variables.hotel")),
        (
            {"id": "receptionist", "variables": {"hotel": "x", "room": "7"}},
            ("unknown_parameter", "session.prompt.variables.room"),
        ),
        ({"id": "receptionist", "variables": {"hotel": 7}}, ("invalid_type", "session.prompt.variables.hotel")),
        (
            {"id": "receptionist", "variables": {"hotel": {"type": "input_image", "text": "x"}}},
            ("invalid_value", "session.prompt.variables.hotel"),
        ),
        ({}, ("missing_required_parameter", "session.prompt.id")),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused(folder: Path, prompt: Any, fault: tuple[str, str]) -> None:
    assert refused(folder, prompt) == fault


def test_what_a_variable_holds_is_not_filled_in_again(folder: Path) -> None:
    session = update(folder, {"id": "receptionist", "variables": {"hotel": "{{hotel}}"}})
    assert session["instructions"] == "You answer the telephone of {{hotel}}."


def test_an_edit_counts_from_the_next_session_on(folder: Path) -> None:
    prompts = PromptFolder(folder)
    path = folder / "concierge" / "2.md"
    path.write_text("Be very brief.")
    os.utime(path, ns=(1, 1))
    found = prompts.prompts().find("concierge", "2")
    assert found is not None and found.fields["instructions"] == "Be very brief."


def test_a_file_that_becomes_useless_leaves_the_others_alone(folder: Path) -> None:
    prompts = PromptFolder(folder)
    (folder / "concierge" / "10.toml").write_text("instructions = [")
    with structlog.testing.capture_logs() as log:
        newest = prompts.prompts().find("concierge", None)
    assert newest is not None and newest.version == "9"
    assert [line["log_level"] for line in log] == ["error"] and "10.toml: is not TOML" in log[0]["cause"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("voice = 3", "Unknown parameter: 'session.voice'"),
        ("x = [", "is not TOML"),
        ('prompt = {id = "a"}', "may not name another"),
    ],
)
def test_a_useless_file_is_told_at_the_start(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigError, match=why):
        PromptFolder(tmp_path)


def test_a_folder_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        PromptFolder(tmp_path / "none")

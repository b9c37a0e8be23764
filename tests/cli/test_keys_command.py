"""`vivavoce keys`, and what the demo does where keys are configured: what is shown works, and is shown where it should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from typer.testing import CliRunner, Result

from vivavoce.api.access import Gate
from vivavoce.api.signing import Signer
from vivavoce.cli.demo.command import _key
from vivavoce.cli.errors import MISUSED
from vivavoce.cli.keys import new_key
from vivavoce.cli.main import app
from vivavoce.config import Settings, load_settings
from vivavoce.config_values import hashed


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["keys", *arguments], input=typed)


def caller(settings: Settings, key: str) -> str:
    """The name a server with these settings knows a key by."""
    headers = [(b"authorization", f"Bearer {key}".encode())]
    connection = HTTPConnection({"type": "http", "method": "POST", "headers": headers, "query_string": b""})
    return Gate(settings, Signer(lambda: b"k" * 32)).check(connection).key


def configured(folder: Path, lines: str) -> Settings:
    file = folder / "vivavoce.toml"
    file.write_text(lines, encoding="utf-8")
    return load_settings({"HOME": str(folder)}, config_file=file)


@pytest.mark.parametrize(
    ("name", "known"), [(None, "key-1"), ("kiosk", "kiosk"), ('the "big" one in Łódź', 'the "big" one in Łódź')]
)
def test_the_lines_that_are_shown_let_the_key_in_that_is_shown(name: str | None, known: str, tmp_path: Path) -> None:
    result = run("new", *(() if name is None else ("--name", name)))
    key = result.stdout.splitlines()[0]
    assert key.startswith("sk-vv-")
    assert result.stdout.count(key) == 1, "the configuration gets the hash, not the key"
    lines = [line[4:] for line in result.stdout.splitlines() if line.startswith("    ")]
    assert caller(configured(tmp_path, "\n".join(lines)), key) == known


def test_no_two_keys_are_alike() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) >= len("sk-vv-") + 43, "256 bits in base64"


def test_a_key_from_standard_input_is_hashed_and_not_shown(tmp_path: Path) -> None:
    result = run("hash", typed="  sk-my-own-key \n")
    assert "sk-my-own-key" not in result.output
    assert caller(configured(tmp_path, f'[server]\napi_keys = ["{result.stdout.strip()}"]'), "sk-my-own-key") == "key-1"


@pytest.mark.parametrize(
    ("arguments", "typed"), [(("hash",), ""), (("hash",), " \n"), (("new", "--name", " "), ""), (("new", "--name", "a\nb"), "")]
)
def test_nothing_is_no_key_and_no_name(arguments: tuple[str, ...], typed: str) -> None:
    result = run(*arguments, typed=typed)
    assert result.exit_code == MISUSED
    assert result.stderr.startswith("error: ")


def test_the_demos_caller_gets_in_where_only_hashes_are_configured_and_so_do_the_others(tmp_path: Path) -> None:
    keys = f'[server]\napi_keys = ["{hashed("sk-one")}", "sk-two, with a comma"]\n[keys.kiosk]\nkey = "{hashed("sk-three")}"'
    settings = configured(tmp_path, keys)
    key, environment = _key(settings)
    served = load_settings({**environment, "HOME": str(tmp_path)}, config_file=tmp_path / "vivavoce.toml")
    assert caller(served, key) == "key-3"
    assert [caller(served, other) for other in ("sk-one", "sk-two, with a comma", "sk-three")] == ["key-1", "key-2", "kiosk"]
    assert "sk-two" not in environment["VIVAVOCE_API_KEYS"]


def test_the_demo_needs_no_key_where_none_is_configured(tmp_path: Path) -> None:
    key, environment = _key(load_settings({"HOME": str(tmp_path)}))
    assert caller(load_settings({"HOME": str(tmp_path)}), key) == "open"
    assert environment.get("VIVAVOCE_API_KEYS") is None

"""`vivavoce keys`: make API keys, and the hashes of them that a configuration may hold instead."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Annotated, Final

import typer

from vivavoce.cli.errors import MISUSED, Trouble
from vivavoce.config_values import hashed

app = typer.Typer(name="keys", help="Make API keys and hash them.", no_args_is_help=True)

_PREFIX: Final = "sk-vv-"
_KEY_BYTES: Final = 32
"""256 bits: nobody guesses such a key, so that its plain SHA-256 may lie in a configuration without being a risk."""

_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def new_key() -> str:
    """Return a new API key."""
    return _PREFIX + secrets.token_urlsafe(_KEY_BYTES)


@app.command("new")
def new(
    name: Annotated[str | None, typer.Option(help="A name for logs, metrics and limits of its own.", metavar="NAME")] = None,
) -> None:
    """Make an API key. It is shown once: the configuration gets its hash."""
    if name is not None and not (name.strip() and name.isprintable()):
        raise Trouble(f"--name {name!r} is no name: use letters, digits and dashes, such as kiosk", MISUSED)
    key = new_key()
    typer.echo(f"{key}\n")
    typer.echo("Give this key to the client; it cannot be shown again. The configuration file gets:\n")
    for line in _lines(hashed(key), None if name is None else name.strip()):
        typer.echo(f"    {line}")


@app.command("hash")
def hash_key() -> None:
    """Read a key from standard input and show its hash for the configuration."""
    if sys.stdin.isatty():
        typer.echo("Key: ", nl=False, err=True)
    key = sys.stdin.readline().strip()
    if not key:
        raise Trouble("there is no key on standard input", MISUSED)
    typer.echo(hashed(key))


def _lines(value: str, name: str | None) -> list[str]:
    if name is None:
        return ["[server]", f'api_keys = ["{value}"]          # beside those that are there']
    # JSON writes quoted names as TOML does.
    return [f"[keys.{name if set(name) <= _BARE else json.dumps(name, ensure_ascii=False)}]", f'key = "{value}"']

"""The command line. What a command needs is imported when it runs, so that help and version come at once."""

from __future__ import annotations

from typing import Annotated

import typer

from vivavoce.cli import keys, models
from vivavoce.cli.demo.command import demo
from vivavoce.cli.doctor import doctor
from vivavoce.cli.errors import PlainErrors
from vivavoce.cli.say import say
from vivavoce.cli.serve import serve
from vivavoce.cli.talk import talk
from vivavoce.cli.transcribe import transcribe
from vivavoce.cli.translate import translate
from vivavoce.version import product_version

app = typer.Typer(
    name="vivavoce",
    help="The Realtime voice API you can host yourself.",
    cls=PlainErrors,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serve)
app.command()(demo)
app.command()(talk)
app.command()(transcribe)
app.command()(translate)
app.command()(say)
app.command()(doctor)
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")


@app.command()
def version() -> None:
    """Show which version this is."""
    typer.echo(f"vivavoce {product_version()}")


@app.callback()
def options(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Show which version this is.", is_eager=True, callback=lambda wanted: _version(wanted)),
    ] = False,
) -> None:
    """The Realtime voice API you can host yourself."""


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


def main() -> None:
    """Run the command line: the entry point `vivavoce`."""
    app()

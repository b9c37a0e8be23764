"""How commands fail: one line on standard error that says what is wrong and what to do, and an exit code scripts can rely on."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup

from vivavoce.config import ConfigError

FAILED: Final = 1
"""Exit code when something could not be done."""

MISUSED: Final = 2
"""Exit code when something was asked for that makes no sense."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""


class Trouble(Exception):
    """An expected failure.

    Args:
        message: one line: what is wrong, and a way out.
        code: the exit code, `FAILED` or `MISUSED`.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class PlainErrors(TyperGroup):
    """A group of commands whose expected failures end in one line; everything else is a bug and may show its traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            _say(trouble.message)
            raise typer.Exit(trouble.code) from trouble
        except ConfigError as error:
            _say(str(error))
            raise typer.Exit(MISUSED) from error


def _say(message: str) -> None:
    typer.echo("error: " + " ".join(message.split()), err=True)
